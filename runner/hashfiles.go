package runner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/oore-ci/oore/app/core"
)

// commitFiles are the plain files of a checkout, for digests of some of them.
type commitFiles struct {
	root  *os.Root
	names []string
}

// openCommitFiles lists the files, without git's own.
func openCommitFiles(ctx context.Context, workspace string) (*commitFiles, error) {
	root, err := openWorkspace(workspace)
	if err != nil {
		return nil, err
	}
	c := &commitFiles{root: root}
	err = fs.WalkDir(root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case name == "." && err != nil:
			return err
		case err != nil:
			return nil // a name that nobody can read
		case e.IsDir() && ofGit(name):
			return fs.SkipDir
		case e.Type().IsRegular():
			c.names = append(c.names, name)
		}
		return nil
	})
	if err != nil {
		_ = root.Close()
		return nil, err
	}
	return c, nil
}

// digest is of the names and contents of all files that match one of the patterns, and
// of nothing where none does. idle are the patterns that match nothing.
func (c *commitFiles) digest(ctx context.Context, patterns []string) (sum string, idle []string, err error) {
	used := make([]bool, len(patterns))
	all := sha256.New()
	for _, name := range c.names {
		if !matchesAny(patterns, name, used) {
			continue
		}
		one, err := c.digestOne(ctx, name)
		if err != nil {
			return "", nil, err
		}
		fmt.Fprintf(all, "%s\x00%x\n", name, one)
	}
	for i, pattern := range patterns {
		if !used[i] {
			idle = append(idle, pattern)
		}
	}
	return hex.EncodeToString(all.Sum(nil)), idle, nil
}

func (c *commitFiles) digestOne(ctx context.Context, name string) ([]byte, error) {
	info, err := c.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	f, err := openRegular(c.root, name, info)
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	_, err = io.Copy(sum, reader{ctx, f})
	return sum.Sum(nil), errors.Join(err, f.Close())
}

func (c *commitFiles) close() {
	if c != nil {
		_ = c.root.Close()
	}
}

// keyValues fills the templates of the build's cache. The checkout is looked at when
// that is needed, and what matches nothing is said in the log, once.
func (b *build) keyValues(ctx context.Context) (v core.KeyValues, done func()) {
	var files *commitFiles
	said := map[string]bool{}
	v = core.KeyValues{Platform: hostPlatform(), HashFiles: func(patterns []string) (sum string, err error) {
		if files == nil {
			if files, err = openCommitFiles(ctx, b.dir); err != nil {
				return "", err
			}
		}
		sum, idle, err := files.digest(ctx, patterns)
		for _, pattern := range idle {
			if !said[pattern] {
				said[pattern] = true
				b.log.system(restoreStep, "hashFiles: no file of this commit matches %s", pattern)
			}
		}
		return sum, err
	}}
	return v, func() { files.close() }
}
