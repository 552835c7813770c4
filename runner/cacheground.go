package runner

import (
	"cmp"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// ground is a folder in which paths of a cache lie: the repository's, or one of those
// of a home that may be cached.
type ground struct {
	name string // in archives
	dir  string
	home bool
	tops []string // paths relative to the folder, "." for itself; in the repository patterns too
}

const repositoryGround = "repo"

// grounds sorts the paths of a cache by where they lie.
func grounds(paths []string, workspace, home string) []*ground {
	var all []*ground
	add := func(g ground, top string) {
		i := slices.IndexFunc(all, func(other *ground) bool { return other.name == g.name })
		if i < 0 {
			i, all = len(all), append(all, &g)
		}
		all[i].tops = append(all[i].tops, top)
	}
	for _, p := range paths {
		name, atHome := strings.CutPrefix(p, "~/")
		if !atHome {
			add(ground{name: repositoryGround, dir: workspace}, p)
			continue
		}
		if folder, ok := core.CacheHome(name); ok {
			g := ground{name: "home/" + folder, dir: filepath.Join(home, filepath.FromSlash(folder)), home: true}
			add(g, cmp.Or(strings.TrimPrefix(strings.TrimPrefix(name, folder), "/"), "."))
		}
	}
	return all
}

// says is how the configuration names a path of the ground.
func (g *ground) says(top string) string {
	if !g.home {
		return top
	}
	return path.Join("~", strings.TrimPrefix(g.name, "home/"), top)
}

// top finds the outermost path of the cache that name is or lies in.
func (g *ground) top(name string) (top string, ok bool) {
	if slices.Contains(g.tops, ".") {
		return ".", true
	}
	if !g.home && ofGit(name) {
		return "", false
	}
	for end := 0; end < len(name); end++ {
		next := strings.IndexByte(name[end:], '/')
		if next < 0 {
			next = len(name) - end
		}
		end += next
		if slices.ContainsFunc(g.tops, func(top string) bool { return core.MatchCachePath(top, name[:end]) }) {
			return name[:end], true
		}
	}
	return "", false
}

// ofGit tells the git directory of the workspace, which no pattern means.
func ofGit(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return strings.EqualFold(first, ".git")
}

// staysIn tells whether a link leads to somewhere in top, as long as all other links
// there do: it goes up first, no further than top, and then only down.
func staysIn(top, link, target string) bool {
	if link == top || target == "" || path.IsAbs(target) {
		return false
	}
	if top != "." {
		link = strings.TrimPrefix(link, top+"/")
	}
	parts := strings.Split(target, "/")
	up := 0
	for up < len(parts) && parts[up] == ".." {
		up++
	}
	return up <= strings.Count(link, "/") && !slices.Contains(parts[up:], "..")
}

// stagePrefix begins the name of a folder in a ground in which an archive is unpacked.
const stagePrefix = ".oore-cache-"

// listNames lists a folder in the order of the names.
func listNames(dir *os.Root) ([]string, error) {
	f, err := dir.Open(".")
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	list, err := f.Readdirnames(-1)
	slices.Sort(list)
	return list, err
}
