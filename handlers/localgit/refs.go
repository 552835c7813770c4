package localgit

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// ref is a branch or tag and its commit (or the inner one of two nested tags).
type ref struct{ name, sha string }

// readRefs lists the branches and tags that lead to a commit, ordered by name.
func readRefs(ctx context.Context, gitDir string) ([]ref, error) {
	out, err := git(ctx, gitCall{dir: gitDir, args: []string{
		"for-each-ref", "--format=%(objecttype) %(objectname) %(*objecttype) %(*objectname) %(refname)", "refs/heads", "refs/tags",
	}})
	if err != nil {
		return nil, err
	}
	var refs []ref
	for line := range strings.Lines(out) {
		// An annotated tag has a second pair, of what it points at; elsewhere that is empty.
		words := strings.Split(strings.TrimSuffix(line, "\n"), " ")
		if len(words) != 5 {
			return nil, fmt.Errorf("read refs: unexpected line %q", line)
		}
		kind, sha := words[0], words[1]
		if kind == "tag" {
			kind, sha = words[2], words[3]
		}
		if (kind == "commit" || kind == "tag") && core.ValidSHA(sha) {
			refs = append(refs, ref{name: words[4], sha: sha})
		}
	}
	return refs, nil
}

// commonDir is where the refs are: of a linked worktree, in the main repository.
func commonDir(ctx context.Context, gitDir string) (string, error) {
	out, err := git(ctx, gitCall{dir: gitDir, args: []string{"rev-parse", "--path-format=absolute", "--git-common-dir"}})
	return strings.TrimSuffix(out, "\n"), err
}

// clockGrain is the coarsest step in which file systems keep times.
const clockGrain = 2 * time.Second

// storageMark sums up the state of what refs are stored in, without a process: git
// writes a ref, like packed-refs, by renaming a new file into place, which shows in
// the folder's time. Empty: something is so young that a further change might not
// show.
func storageMark(gitDir string, now time.Time) string {
	var mark strings.Builder
	young := false
	note := func(path string, info fs.FileInfo) {
		young = young || now.Sub(info.ModTime()) < clockGrain
		fmt.Fprintf(&mark, "%s %d %d\n", path, info.ModTime().UnixNano(), info.Size())
	}
	for _, name := range []string{"packed-refs", "reftable"} {
		if info, err := os.Stat(filepath.Join(gitDir, name)); err == nil {
			note(name, info)
		}
	}
	for _, name := range []string{"refs/heads", "refs/tags"} {
		_ = filepath.WalkDir(filepath.Join(gitDir, name), func(path string, e fs.DirEntry, err error) error {
			if err != nil || !e.IsDir() {
				return nil // gone meanwhile, which the folder above shows
			}
			if info, err := e.Info(); err == nil {
				note(path, info)
			}
			return nil
		})
	}
	if young {
		return ""
	}
	return mark.String()
}
