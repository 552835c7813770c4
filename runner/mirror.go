package runner

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// mirror is a bare repository with the branches and tags of one remote repository,
// shared by all builds of it on this machine. Builds read its objects without a
// lock, so nothing is pruned from it while one has borrowed it (shelf); whoever writes
// holds the lock.
type mirror struct{ dir string }

// mirrorKey names the mirror of a repository.
func mirrorKey(r core.Repository) string { return string(r.Provider) + "\x00" + r.ExternalID }

// mirrorIn is where the mirror of a key lies.
func mirrorIn(dir, key string) *mirror {
	sum := sha256.Sum256([]byte(key))
	return &mirror{dir: filepath.Join(dir, hex.EncodeToString(sum[:16])+".git")}
}

// borrowMirror opens a mirror for the length of the build.
func (b *build) borrowMirror(ctx context.Context, key, sha string) (*mirror, error) {
	if dir := mirrorIn(b.pool.mirrors(), key).dir; !slices.Contains(b.borrowed, dir) {
		if err := b.pool.shelf.borrow(ctx, dir); err != nil {
			return nil, err
		}
		b.borrowed = append(b.borrowed, dir)
	}
	m, err := openMirror(b.pool.mirrors(), key, sha)
	if err == nil {
		m.touch()
	}
	return m, err
}

// giveBackMirrors is for when no process of the build is left.
func (b *build) giveBackMirrors() {
	for _, dir := range b.borrowed {
		b.pool.shelf.giveBack(dir)
	}
}

// openMirror makes a mirror if it is not there. sha tells the object format; empty:
// SHA-1.
func openMirror(dir, key, sha string) (*mirror, error) {
	m := mirrorIn(dir, key)
	if _, err := os.Stat(filepath.Join(m.dir, "HEAD")); err == nil {
		return m, nil
	}
	for _, sub := range []string{"objects/pack", "refs/heads", "refs/tags"} {
		if err := os.MkdirAll(filepath.Join(m.dir, sub), 0o700); err != nil {
			return nil, fmt.Errorf("make a mirror: %w", err)
		}
	}
	if err := writeFileAtomically(filepath.Join(m.dir, "config"), gitConfig(sha, true, "")); err != nil {
		return nil, err
	}
	// HEAD comes last: git takes the folder for a repository from here on.
	return m, writeFileAtomically(filepath.Join(m.dir, "HEAD"), "ref: refs/heads/main\n")
}

// writeFileAtomically lets two processes make the same mirror at once. It returns when the
// disk has the file: one that a loss of power left empty would fail every later build.
func writeFileAtomically(path, content string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return errors.Join(err, syncNames(filepath.Dir(path)))
}

// gitConfig is the whole configuration of a repository of ours.
func gitConfig(sha string, bare bool, remote string) string {
	var b strings.Builder
	version := 0
	if len(sha) == 64 {
		version = 1
	}
	fmt.Fprintf(&b, "[core]\n\trepositoryformatversion = %d\n\tfilemode = true\n\tbare = %t\n", version, bare)
	if version == 1 {
		b.WriteString("[extensions]\n\tobjectformat = sha256\n")
	}
	if remote != "" {
		fmt.Fprintf(&b, "[remote \"origin\"]\n\turl = %s\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n", quoteConfig(remote))
	}
	return b.String()
}

// quoteConfig writes a value, or the name of a section, which may hold no line feed.
func quoteConfig(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

// lock waits for the right to write, against other slots and other processes.
func (m *mirror) lock(ctx context.Context) (unlock func(), err error) {
	f, err := os.OpenFile(m.dir+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the mirror: %w", err)
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			_ = f.Close()
			return nil, fmt.Errorf("lock the mirror: %w", err)
		}
		if !pause(ctx, 20*time.Millisecond) {
			_ = f.Close()
			return nil, context.Cause(ctx)
		}
	}
}

// refs reads branches and tags (full name → object), without a process.
func (m *mirror) refs() (map[string]string, error) {
	refs := map[string]string{}
	if err := m.packedRefs(refs); err != nil {
		return nil, fmt.Errorf("read the mirror's refs: %w", err)
	}
	for _, kind := range []string{"refs/heads", "refs/tags"} {
		err := filepath.WalkDir(filepath.Join(m.dir, kind), func(path string, e fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist): // pruned meanwhile
				return nil
			case err != nil || !e.Type().IsRegular() || strings.HasSuffix(path, ".lock"):
				return err
			}
			data, err := os.ReadFile(path)
			if object := strings.TrimSpace(string(data)); shaPattern.MatchString(object) {
				refs[path[len(m.dir)+1:]] = object
			} else if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("read the mirror's refs: %w", err)
		}
	}
	return refs, nil
}

func (m *mirror) packedRefs(refs map[string]string) error {
	f, err := os.Open(filepath.Join(m.dir, "packed-refs"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		object, name, ok := strings.Cut(lines.Text(), " ")
		if ok && shaPattern.MatchString(object) && (strings.HasPrefix(name, "refs/heads/") || strings.HasPrefix(name, "refs/tags/")) {
			refs[name] = object
		}
	}
	return lines.Err()
}

// clearWreckage removes what a killed git left: lock files, which would refuse
// every later fetch, half packs, and marks that would keep whole packs from ever being
// joined. The caller holds the lock, so nobody uses them.
func (m *mirror) clearWreckage() {
	var wrecks []string
	for _, pattern := range []string{"*.lock", "objects/pack/tmp_*", "objects/pack/.tmp-*", "objects/pack/*.keep", "objects/info/*.lock"} {
		found, _ := filepath.Glob(filepath.Join(m.dir, pattern))
		wrecks = append(wrecks, found...)
	}
	_ = filepath.WalkDir(filepath.Join(m.dir, "refs"), func(path string, _ fs.DirEntry, _ error) error {
		if strings.HasSuffix(path, ".lock") {
			wrecks = append(wrecks, path)
		}
		return nil
	})
	for _, path := range wrecks {
		_ = os.Remove(path)
	}
}

// packs counts the packs; every fetch adds one.
func (m *mirror) packs() int {
	found, _ := filepath.Glob(filepath.Join(m.dir, "objects/pack/pack-*.pack"))
	return len(found)
}
