package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// writeRepository makes a repository in the workspace, by hand, which costs no
// process: HEAD detached at the commit, the mirror's objects borrowed, its branches
// as those of origin. Filling the workspace is left to one `git read-tree`.
func writeRepository(workspace string, m *mirror, refs map[string]string, sha, remote string) error {
	git := filepath.Join(workspace, ".git")
	for _, dir := range []string{"objects/info", "objects/pack", "refs"} {
		if err := os.MkdirAll(filepath.Join(git, dir), 0o755); err != nil {
			return fmt.Errorf("make the workspace: %w", err)
		}
	}
	for name, content := range map[string]string{
		"HEAD":                    sha + "\n",
		"config":                  gitConfig(sha, false, remote),
		"objects/info/alternates": filepath.Join(m.dir, "objects") + "\n",
		"packed-refs":             packRefs(refs),
	} {
		if err := os.WriteFile(filepath.Join(git, name), []byte(content), 0o644); err != nil {
			return fmt.Errorf("make the workspace: %w", err)
		}
	}
	return nil
}

func packRefs(refs map[string]string) string {
	var lines []string
	for name, object := range refs {
		if branch, ok := strings.CutPrefix(name, "refs/heads/"); ok {
			name = "refs/remotes/origin/" + branch
		}
		lines = append(lines, name+" "+object)
	}
	slices.Sort(lines)
	var b strings.Builder
	for _, line := range lines {
		name, object, _ := strings.Cut(line, " ")
		b.WriteString(object + " " + name + "\n")
	}
	return b.String()
}

// setAside is where a folder went that could not be removed, and why it could not.
type setAside struct {
	path  string // empty: nothing was set aside
	cause error
}

// renewDir makes dir an empty folder of our own. What remove cannot delete is moved
// out of the way, to a name of its own beside dir.
func renewDir(dir string, remove func(string) error) (aside setAside, err error) {
	if cause := remove(dir); cause != nil {
		parent, name := filepath.Split(dir)
		aside = setAside{path: fmt.Sprintf("%s.trash-%s-%d", parent, name, time.Now().UnixNano()), cause: cause}
		if err := os.Rename(dir, aside.path); err != nil {
			return setAside{}, errors.Join(cause, err)
		}
	}
	return aside, os.MkdirAll(dir, 0o700)
}

// removeAll is os.RemoveAll that gets through folders which a build made read-only
// (Go's module cache does).
func removeAll(dir string) error {
	err := os.RemoveAll(dir)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, _ error) error {
		if e != nil && e.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	return os.RemoveAll(dir)
}
