package localgit

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

const (
	// mostFetched bounds what a look at a repository of another machine brings here: the
	// folders of one commit, and then a few files.
	mostFetched = 64 << 20
	// streamed is the size from which git does not take a file into memory.
	streamed = "core.bigFileThreshold=1m"
)

// ReadFiles implements core.BatchReader: of another machine's repository it fetches the
// folders of the commit, without their files, and then those that are asked for.
func (f *Forge) ReadFiles(ctx context.Context, repo core.Repository, sha string, paths ...string) (map[string][]byte, error) {
	a, err := parseAddress(repo.CloneURL)
	if err != nil {
		return nil, err
	}
	if !core.ValidSHA(sha) || slices.ContainsFunc(paths, func(p string) bool { return strings.ContainsAny(p, "\n\x00") }) {
		return nil, core.Errorf(core.KindInvalid, "These are no files of a commit of %s", a.text)
	}
	dir := a.gitDir()
	if !a.local {
		if dir, err = emptyRepository(ctx, sha); err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		if err := f.fetchFiles(ctx, a, dir, sha, paths); err != nil {
			return nil, f.explain(a, err)
		}
	}
	files := map[string][]byte{}
	for _, path := range paths {
		data, err := f.readFile(ctx, a, dir, sha, path)
		if core.KindOf(err) == core.KindNotFound && err != nil {
			continue
		}
		if err != nil {
			return nil, err
		}
		files[path] = data
	}
	return files, nil
}

// fetchFiles has gitTimeout in all.
func (f *Forge) fetchFiles(ctx context.Context, a address, dir, sha string, paths []string) error {
	ctx, cancel := context.WithTimeout(ctx, gitTimeout)
	defer cancel()
	if err := f.fetchObjects(ctx, a, dir, "--depth=1", sha); err != nil {
		return err
	}
	args := append([]string{"--literal-pathspecs", "ls-tree", "-z", "--full-tree", sha, "--"}, paths...)
	out, err := git(ctx, gitCall{dir: dir, args: args})
	if err != nil {
		return err
	}
	var objects []string
	for entry := range strings.SplitSeq(out, "\x00") {
		words := strings.Fields(entry) // mode, type, object, path
		if len(words) > 3 && words[1] == "blob" && !slices.Contains(objects, words[2]) {
			objects = append(objects, words[2])
		}
	}
	if len(objects) == 0 {
		return nil
	}
	return f.fetchObjects(ctx, a, dir, "--no-write-fetch-head", objects...)
}

func (f *Forge) fetchObjects(ctx context.Context, a address, dir, how string, objects ...string) error {
	args := []string{
		"-c", "fetch.unpackLimit=1", "-c", streamed, // one pack, whose size the system bounds
		"fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--filter=blob:none", how, "--end-of-options", a.text,
	}
	_, err := f.ask(ctx, a, gitCall{dir: dir, most: f.most, args: append(args, objects...)})
	switch {
	case says(err, "invalid index-pack output", "died of signal") && !says(err, "early eof", "disconnect"):
		return core.Errorf(core.KindTooLarge, "%s is larger than what is fetched for a look", a.text).Because(err)
	case says(err, "unadvertised object", "not our ref"):
		return core.Errorf(core.KindInvalid, "%s hands out no single files", a.text).Because(err)
	}
	return err
}

// emptyRepository makes one in a temporary folder, which the caller removes, for objects
// that are named as this one is.
func emptyRepository(ctx context.Context, sha string) (string, error) {
	dir, err := os.MkdirTemp("", "oore-commit-")
	if err != nil {
		return "", err
	}
	format := "--object-format=sha1"
	if len(sha) == 64 {
		format = "--object-format=sha256"
	}
	if _, err := git(ctx, gitCall{args: []string{"init", "--quiet", "--bare", format, dir}}); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	return dir, nil
}
