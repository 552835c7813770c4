package localgit

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// ReadFile implements core.FileReader for folders of this machine. Nobody announces a
// push to another address, and ReadFiles reads all at once there.
func (f *Forge) ReadFile(ctx context.Context, repo core.Repository, sha, path string) ([]byte, error) {
	a, err := parseAddress(repo.CloneURL)
	if err != nil {
		return nil, err
	}
	if !a.local || !core.ValidSHA(sha) || strings.ContainsAny(path, "\n\x00") {
		return nil, core.Errorf(core.KindInvalid, "%s of %s cannot be read without a checkout", path, a.text)
	}
	return f.readFile(ctx, a, a.gitDir(), sha, path)
}

func (f *Forge) readFile(ctx context.Context, a address, gitDir, sha, path string) ([]byte, error) {
	mode, object, size, err := findFile(ctx, gitDir, sha, path)
	switch {
	case err != nil:
		return nil, f.explain(a, err)
	case object == "":
		return nil, core.Errorf(core.KindNotFound, "%s has no %s at %s", a.name(), path, sha)
	case !strings.HasPrefix(mode, "100"):
		return nil, core.Errorf(core.KindInvalid, "%s is no plain file", path)
	case size > core.MaxWorkflowBytes:
		return nil, core.Errorf(core.KindTooLarge, "%s has %d bytes; at most %d are read", path, size, core.MaxWorkflowBytes)
	}
	out, err := git(ctx, gitCall{dir: gitDir, args: []string{"cat-file", "blob", object}})
	if err != nil {
		return nil, f.explain(a, err)
	}
	return []byte(out), nil
}

// findFile looks a path up in a commit; an empty object: it is not there.
func findFile(ctx context.Context, gitDir, sha, path string) (mode, object string, size int, err error) {
	out, err := git(ctx, gitCall{dir: gitDir, args: []string{"--literal-pathspecs", "ls-tree", "-z", "--long", "--full-tree", sha, "--", path}})
	if err != nil || out == "" {
		return "", "", 0, err
	}
	entry, _, _ := strings.Cut(out, "\t")
	words := strings.Fields(entry) // mode, type, object, size ("-": it has none)
	if len(words) != 4 {
		return "", "", 0, fmt.Errorf("unexpected line %q of git ls-tree", out)
	}
	size, _ = strconv.Atoi(words[3])
	return words[0], words[2], size, nil
}
