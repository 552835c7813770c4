package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// tree is a commit and the folder that it is checked out to: the build's own, or a
// submodule's.
type tree struct {
	dir     string
	path    string // of the submodule, seen from the workspace; empty: the build's own
	address string // where the commit comes from
	sha     string
	depth   int // of submodules within submodules
}

// name is what a person calls the tree in a sentence.
func (t tree) name() string {
	if t.path == "" {
		return "This commit"
	}
	return "Submodule " + t.path
}

// git is the tree's git directory.
func (t tree) git() string { return filepath.Join(t.dir, ".git") }

// place fills the tree's folder: the files of the commit, what Git LFS keeps for it,
// and its submodules. The mirror has the commit.
func (b *build) place(ctx context.Context, t tree, m *mirror, refs map[string]string) error {
	if err := writeRepository(t.dir, m, refs, t.sha, t.address); err != nil {
		return err
	}
	b.mirrors = append(b.mirrors, m.dir)
	_, err := b.git(ctx, gitCall{dir: t.git(), workTree: t.dir, args: []string{"read-tree", "--reset", "-u", "HEAD"}})
	if err != nil {
		return b.brokenCheckout("Checkout failed", err)
	}
	if t.path == "" {
		b.log.system(checkoutStep, "Checked out %s%s", short(t.sha), b.origin())
	} else {
		b.log.system(checkoutStep, "Checked out submodule %s at %s", t.path, short(t.sha))
	}
	if err := b.lfs(ctx, t, m); err != nil {
		return err
	}
	return b.placeSubmodules(ctx, t)
}

// brokenCheckout makes git's error a failure of the build, with all of git's words in
// the log; other errors stay what they are.
func (b *build) brokenCheckout(what string, err error) error {
	var e *gitError
	if !errors.As(err, &e) {
		return err
	}
	b.log.system(checkoutStep, "%s", e.output)
	return failf(core.ReasonCheckoutFailed, "%s: %s", what, gist(err))
}

// plain looks at a path below dir. What leads through a symbolic link is refused: a
// commit could make us write anywhere by one.
func plain(dir, path string) (os.FileInfo, error) {
	info, err := os.Lstat(dir)
	for part := range strings.SplitSeq(path, "/") {
		if err == nil && !info.IsDir() {
			return nil, fmt.Errorf("%s leads through something that is no folder", path)
		}
		if err != nil {
			return nil, fmt.Errorf("%s is not there", path)
		}
		dir = filepath.Join(dir, part)
		info, err = os.Lstat(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("%s is not there", path)
	}
	return info, nil
}

// appendConfig adds a section to the configuration of the tree's repository.
func (t tree) appendConfig(section string) error {
	f, err := os.OpenFile(filepath.Join(t.git(), "config"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return fmt.Errorf("configure %s: %w", t.name(), err)
	}
	_, err = f.WriteString(section)
	return errors.Join(err, f.Close())
}
