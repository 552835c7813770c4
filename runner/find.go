package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/oore-ci/oore/app/core"
)

// match is a file, or a bundle (a folder named ….app), that a pattern matches.
type match struct {
	path string // in the workspace
	info fs.FileInfo
	dir  bool
}

func (m match) name() string { return path.Base(m.path) }

// haul is the matches in the order of their paths, and the patterns that match
// nothing.
type haul struct {
	matches []match
	idle    []string
}

// findArtifacts walks the workspace. It follows no link, and passes over hidden
// folders and those that it may not read.
func findArtifacts(ctx context.Context, root *os.Root, patterns []string) (haul, error) {
	var found haul
	used := make([]bool, len(patterns))
	err := fs.WalkDir(root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && name != "." && errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case name == ".":
			return nil
		case e.IsDir() && strings.HasPrefix(e.Name(), "."):
			return fs.SkipDir
		}
		bundle := e.IsDir() && core.ArtifactKindOf(name) == core.ArtifactApp
		if !bundle && !e.Type().IsRegular() || !matchesAny(patterns, name, used) {
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return nil // it was deleted just now
		}
		if len(found.matches) == core.MaxArtifacts {
			return failf(core.ReasonArtifactRefused, "%s failed: more than %d files match; write narrower patterns", artifactsStep, core.MaxArtifacts)
		}
		found.matches = append(found.matches, match{path: name, info: info, dir: bundle})
		if bundle {
			return fs.SkipDir
		}
		return nil
	})
	for i, pattern := range patterns {
		if !used[i] {
			found.idle = append(found.idle, pattern)
		}
	}
	return found, err
}

// matchesAny marks all patterns that match.
func matchesAny(patterns []string, name string, used []bool) (matches bool) {
	for i, pattern := range patterns {
		if core.MatchPath(pattern, name) {
			used[i], matches = true, true
		}
	}
	return matches
}

// openRegular opens the plain file that was seen. Something else that was put in its
// place since is refused; a pipe that was is not waited for.
func openRegular(root *os.Root, name string, seen fs.FileInfo) (*os.File, error) {
	file, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && (!info.Mode().IsRegular() || !os.SameFile(info, seen)) {
		err = fmt.Errorf("%s was replaced while it was collected", name)
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}
