package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// maxAttributes is the largest .gitattributes or .lfsconfig that we look into, in bytes.
const maxAttributes = 1 << 20

// lfsFilter lets commands of the build use git in the folder as Git LFS means it.
const lfsFilter = `[filter "lfs"]
	clean = git-lfs clean -- %f
	smudge = git-lfs smudge -- %f
	process = git-lfs filter-process
	required = true
`

// lfs puts the files in place of which Git LFS keeps pointers in the commit. They are
// kept beside the mirror's objects, for later builds.
func (b *build) lfs(ctx context.Context, t tree, m *mirror) error {
	if !usesLFS(t) {
		return nil
	}
	if _, err := exec.LookPath("git-lfs"); err != nil {
		b.log.system(checkoutStep, "%s uses Git LFS, but git-lfs is not installed on the runner %s: its large files are left as pointers. "+
			"Install git-lfs there.", t.name(), b.pool.runner.Name)
		return nil
	}
	if err := b.checkLFSConfig(ctx, t); err != nil {
		return err
	}
	files, err := b.lfsFiles(ctx, t)
	if err != nil || len(files) == 0 {
		return err
	}
	if err := t.appendConfig(lfsFilter); err != nil {
		return err
	}
	if err := b.fetchLFS(ctx, t, m, files); err != nil {
		return err
	}
	_, err = b.git(ctx, lfsCall(t, m, "checkout"))
	return b.brokenCheckout("The files of Git LFS cannot be checked out", err)
}

// lfsStorage is where the tree's objects of Git LFS are kept: with the mirror, except
// those of a folder of this machine, which cost little to copy (and git-lfs would look
// for the folder's own in the mirror). git-lfs looks there too on behalf of
// repositories that borrow the mirror's objects.
func lfsStorage(t tree, m *mirror) string {
	if _, local := localFolder(t.address); local {
		return filepath.Join(t.git(), "lfs")
	}
	return filepath.Join(m.dir, "lfs")
}

func lfsCall(t tree, m *mirror, args ...string) gitCall {
	call := gitCall{dir: t.git(), workTree: t.dir, args: append([]string{"lfs"}, args...)}
	if _, local := localFolder(t.address); !local {
		call.config = []string{"lfs.storage=" + lfsStorage(t, m)}
	}
	return call
}

// usesLFS looks for the attribute, without a process, and without a look at the files
// of a commit that has but one .gitattributes.
func usesLFS(t tree) bool {
	root, err := os.OpenRoot(t.dir)
	if err != nil {
		return false
	}
	defer func() { _ = root.Close() }()
	if marksLFS(root, ".gitattributes") {
		return true
	}
	index, err := os.ReadFile(filepath.Join(t.git(), "index"))
	if err != nil || !bytes.Contains(index, []byte("/.gitattributes\x00")) {
		return false
	}
	found := false
	_ = fs.WalkDir(root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && e.Name() == ".gitattributes" && marksLFS(root, name) {
			found = true
			return fs.SkipAll
		}
		return nil
	})
	return found
}

func marksLFS(root *os.Root, name string) bool {
	info, err := root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxAttributes {
		return false
	}
	data, err := root.ReadFile(name)
	return err == nil && bytes.Contains(data, []byte("filter=lfs"))
}

// checkLFSConfig refuses a server of the commit's choice that is no server: git-lfs
// would read folders of this machine. Another host is right, but it gets no credential.
func (b *build) checkLFSConfig(ctx context.Context, t tree) error {
	file := filepath.Join(t.dir, ".lfsconfig")
	info, err := os.Lstat(file)
	if err != nil {
		return nil
	}
	if !info.Mode().IsRegular() || info.Size() > maxAttributes {
		return failf(core.ReasonCheckoutFailed, "%s has a .lfsconfig that is no plain file of at most %d bytes", t.name(), maxAttributes)
	}
	answer := &tailBuffer{limit: 2 * maxAttributes}
	// The very file that git-lfs reads, which need not have the bytes of the commit's.
	_, err = b.git(ctx, gitCall{dir: t.git(), answer: answer, args: []string{"config", "--file=" + file, "-z", "--get-regexp", `url$`}})
	if e := (*gitError)(nil); errors.As(err, &e) && e.output == "" {
		return nil // no address in it
	}
	if err != nil {
		return b.brokenCheckout(t.name()+" has a .lfsconfig that git cannot read", err)
	}
	for item := range strings.SplitSeq(strings.TrimSuffix(answer.String(), "\x00"), "\x00") {
		_, address, _ := strings.Cut(item, "\n")
		if u, err := url.Parse(address); err != nil || (u.Scheme != "https" && u.Scheme != "http") || !plainHost.MatchString(u.Host) {
			return failf(core.ReasonCheckoutFailed, "The address %q in .lfsconfig is refused: it must be https or http", address)
		}
	}
	return nil
}

// lfsFile is a line of `git lfs ls-files --long`: the object, and the file that it is.
var lfsFile = regexp.MustCompile(`^([0-9a-f]{64}) [*-] (.+)$`)

// lfsFiles lists the objects that the commit needs. git-lfs writes to where it finds
// the files, so each must be one.
func (b *build) lfsFiles(ctx context.Context, t tree) (objects []string, err error) {
	answer := &tailBuffer{limit: 16 << 20}
	_, err = b.git(ctx, gitCall{dir: t.git(), workTree: t.dir, answer: answer, args: []string{"lfs", "ls-files", "--long"}})
	if err != nil {
		return nil, b.brokenCheckout("The files of Git LFS cannot be listed", err)
	}
	if answer.lost {
		return nil, failf(core.ReasonCheckoutFailed, "%s has too many files of Git LFS", t.name())
	}
	for line := range strings.Lines(answer.String()) {
		match := lfsFile.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if match == nil {
			return nil, failf(core.ReasonCheckoutFailed, "%s has a file of Git LFS with a name that is refused: %q", t.name(), line)
		}
		if info, err := plain(t.dir, match[2]); err != nil || !info.Mode().IsRegular() {
			return nil, failf(core.ReasonCheckoutFailed, "The file %s of Git LFS is refused: it is no plain file", path.Join(t.path, match[2]))
		}
		objects = append(objects, match[1])
	}
	return objects, nil
}

// lacking counts the objects that the storage does not have. It notes that the others
// are used.
func lacking(storage string, objects []string) (n int) {
	now := time.Now()
	for _, o := range objects {
		path := filepath.Join(storage, "objects", o[:2], o[2:4], o)
		if err := os.Chtimes(path, now, now); err != nil {
			n++
		}
	}
	return n
}

// fetchLFS brings the objects that are lacking.
func (b *build) fetchLFS(ctx context.Context, t tree, m *mirror, objects []string) error {
	storage := lfsStorage(t, m)
	if lacking(storage, objects) == 0 {
		return nil
	}
	unlock, err := m.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	n := lacking(storage, objects)
	if n == 0 { // somebody else has fetched them while we waited
		return nil
	}
	b.log.system(checkoutStep, "Fetching %d files of Git LFS", n)
	err = b.repeat(ctx, func() error {
		from, err := b.remote(ctx, t.address)
		if err != nil {
			return err
		}
		call := lfsCall(t, m, "fetch", "origin", t.sha)
		call.from = &from
		_, err = b.git(ctx, call)
		return err
	})
	return b.brokenCheckout(fmt.Sprintf("The files of Git LFS cannot be fetched for %s", t.address), err)
}
