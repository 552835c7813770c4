package runner

import (
	"context"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// find lists what is there of the paths, and nothing that lies in another of them.
func (p *packer) find(root *os.Root, tops []string) ([]string, error) {
	if slices.Contains(tops, ".") {
		return []string{"."}, nil
	}
	var found, patterns []string
	for _, top := range tops {
		there := isPlain(root, top)
		if there {
			found = append(found, top)
		}
		if strings.ContainsAny(top, `*?[{`) {
			patterns = append(patterns, top)
		} else if !there {
			p.miss(top)
		}
	}
	if len(patterns) > 0 {
		used := make([]bool, len(patterns))
		matched, err := p.search(root, "", patterns, used)
		if err != nil {
			return nil, err
		}
		found = append(found, matched...)
		for i, pattern := range patterns {
			if !used[i] && !slices.Contains(found, pattern) {
				p.miss(pattern)
			}
		}
	}
	slices.SortFunc(found, func(a, b string) int { return strings.Compare(a+"/", b+"/") })
	var outer []string
	for _, name := range found {
		if n := len(outer); n == 0 || !within(outer[n-1], name) {
			outer = append(outer, name)
		}
	}
	return outer, nil
}

// isPlain tells whether name is there and no folder on the way to it is a link.
func isPlain(root *os.Root, name string) bool {
	for end := 0; end < len(name); end++ {
		next := strings.IndexByte(name[end:], '/')
		if next < 0 {
			break
		}
		end += next
		if info, err := root.Lstat(name[:end]); err != nil || !info.IsDir() {
			return false
		}
	}
	_, err := root.Lstat(name)
	return err == nil
}

// search lists what matches the patterns in a folder of the repository, and looks into
// nothing that does.
func (p *packer) search(dir *os.Root, at string, patterns []string, used []bool) (found []string, err error) {
	list, err := listNames(dir)
	if err != nil {
		return nil, err
	}
	for _, base := range list {
		name := path.Join(at, base)
		info, err := dir.Lstat(base)
		switch {
		case p.ctx.Err() != nil:
			return nil, context.Cause(p.ctx)
		case err != nil || ofGit(name):
			continue
		}
		matches := false
		for i, pattern := range patterns {
			if core.MatchCachePath(pattern, name) {
				matches, used[i] = true, true
			}
		}
		if matches {
			found = append(found, name)
			continue
		}
		if !info.IsDir() {
			continue
		}
		sub, err := dir.OpenRoot(base)
		if err != nil {
			continue // a folder that may not be read, or is gone
		}
		below, err := p.search(sub, name, patterns, used)
		_ = sub.Close()
		if err != nil {
			return nil, err
		}
		found = append(found, below...)
	}
	return found, nil
}
