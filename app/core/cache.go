package core

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// CacheRule names folders and files that are worth keeping for builds to come.
type CacheRule struct {
	Key         CacheKey
	RestoreKeys []CacheKey // what a key may begin with that will do where Key itself is not there
	Paths       []string   // in the repository, patterns too; or ~/… in one of CacheHomes
}

// CacheHomes are the folders of a home, relative to it, in which paths of a cache may
// lie: what tools download or make, and nothing in which they keep credentials.
func CacheHomes() []string {
	return []string{
		".bundle/cache", ".cache", ".cocoapods", ".fvm", ".gradle/caches", ".gradle/wrapper", ".konan", ".kotlin", ".local/share/pnpm",
		".m2/repository", ".npm", ".pub-cache", ".swiftpm", "Library/Caches", "Library/Developer/Xcode/DerivedData", "Library/pnpm", "fvm", "go/pkg",
	}
}

// CacheHome finds the one of CacheHomes that a path relative to a home is or lies in.
func CacheHome(name string) (home string, ok bool) {
	for _, home := range CacheHomes() {
		if name == home || strings.HasPrefix(name, home+"/") {
			return home, true
		}
	}
	return "", false
}

// checkCachePath is for a path of a cache. Unlike a pattern of artifacts, one without
// a slash lies in the repository's root.
func checkCachePath(p string) string {
	if wrong := checkLine(p, maxPatternLength); wrong != "" {
		return wrong
	}
	if strings.Contains(p, "$") {
		return "must not contain $: variables are not replaced here; a home is ~/"
	}
	if name, ok := strings.CutPrefix(p, "~"); ok {
		return checkHomePath(name)
	}
	if path.IsAbs(p) {
		return "must be relative to the repository, or begin with ~/"
	}
	if wrong := checkPathPattern(p); wrong != "" {
		return wrong
	}
	if first, _, _ := strings.Cut(p, "/"); strings.EqualFold(first, ".git") {
		return "must not be the .git of the repository"
	}
	return ""
}

func checkHomePath(name string) string {
	name, ok := strings.CutPrefix(name, "/")
	if !ok {
		return "must begin with ~/ if it lies in a home"
	}
	if wrong := checkRelative(name); wrong != "" {
		return wrong
	}
	if _, ok := CacheHome(name); !ok {
		return "lies in none of the folders of a home that may be cached: ~/" + strings.Join(CacheHomes(), ", ~/")
	}
	if strings.ContainsAny(name, `*?[{`) {
		return "must be no pattern: those are for paths in the repository"
	}
	return ""
}

// CacheScope says which entries of its project's caches a build finds, and as whose it
// keeps new ones. Pull requests and branches must not leave anything for the default
// branch, or for each other.
type CacheScope struct {
	Read  []string // the build's own first, the default branch's last
	Write string   // empty: it keeps nothing
	Why   string   // it keeps nothing; half a sentence
	// Ref must lead to the build's commit: whoever starts a build by hand may name any
	// commit beside a branch. If it does not, Unproven is the build's scope.
	Ref string

	common []string // the default branch's
}

// CacheScopeOf decides by what started the build. defaultBranch is its project's.
func CacheScopeOf(b Build, defaultBranch string) CacheScope {
	s := CacheScope{common: branchScope(defaultBranch)}
	switch pull, head := b.PullRequest, orElse(b.Branch, defaultBranch); {
	case pull != nil && pull.Fork:
		s.Why = fmt.Sprintf("pull request #%d comes from a fork", pull.Number)
	case pull != nil:
		s.Write, s.Read = fmt.Sprintf("pull:%d", pull.Number), branchScope(b.Branch)
	case b.Tag != "":
		s.Write, s.Ref = "tag:"+b.Tag, "refs/tags/"+b.Tag
	case head != "":
		s.Write, s.Ref = branchScope(head)[0], "refs/heads/"+head
	}
	if s.Write != "" {
		s.Read = append([]string{s.Write}, s.Read...)
	}
	for _, common := range s.common {
		if !slices.Contains(s.Read, common) {
			s.Read = append(s.Read, common)
		}
	}
	return s
}

// Unproven is the scope of a build of which nothing shows that its commit belongs to
// its branch or tag.
func (s CacheScope) Unproven() CacheScope {
	name := strings.TrimPrefix(strings.TrimPrefix(s.Ref, "refs/heads/"), "refs/tags/")
	return CacheScope{Read: s.common, Why: "the commit is no part of " + name, common: s.common}
}

func branchScope(branch string) []string {
	if branch == "" {
		return nil
	}
	return []string{"branch:" + branch}
}

// MatchCachePath tells whether a path of a cache, in the repository, is or matches
// name. A pattern without a slash matches in the repository's root alone.
func MatchCachePath(pattern, name string) bool {
	ok, err := doublestar.Match(pattern, name)
	return pattern == name || err == nil && ok
}

func (r *workflowReader) cache(n *node) []CacheRule {
	return readList(r, n, "cache", maxListItems, func(n *node, name string) CacheRule {
		var c CacheRule
		before := len(r.problems)
		r.mapping(n, name, []field{
			{"key", func(n *node) { c.Key = r.cacheKey(n, name+".key") }},
			{"restore_keys", func(n *node) { c.RestoreKeys = readList(r, n, name+".restore_keys", maxListItems, r.cacheKey) }},
			{"paths", func(n *node) { c.Paths = r.texts(n, name+".paths", checkCachePath) }},
		})
		if len(r.problems) == before && (c.Key.text == "" || len(c.Paths) == 0) {
			r.problem(n, "%s needs a key and at least one path", name)
		}
		return c
	})
}

func (r *workflowReader) cacheKey(n *node, name string) (k CacheKey) {
	r.text(n, name, func(s string) (wrong string) {
		k, wrong = parseCacheKey(s)
		return wrong
	})
	return k
}
