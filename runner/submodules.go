package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/oore-ci/oore/app/core"
)

const (
	maxSubmodules     = 500 // of one build
	maxSubmoduleDepth = 10
	maxGitmodules     = 1 << 20 // bytes
	maxSubmodulePath  = 4 << 10 // bytes
)

// submodule is an entry of a commit's .gitmodules. All but sha is whatever the
// commit's author wrote there.
type submodule struct {
	name, path, url, update string
	sha                     string // as the commit records it
}

// placeSubmodules fetches and checks out what the tree records, with a repository of
// our own making in each: git's own `submodule` commands are left out, since most
// holes that submodules ever opened were in them.
func (b *build) placeSubmodules(ctx context.Context, t tree) error {
	info, err := os.Lstat(filepath.Join(t.dir, ".gitmodules"))
	if err != nil {
		return nil
	}
	if !info.Mode().IsRegular() || info.Size() > maxGitmodules {
		return failf(core.ReasonCheckoutFailed, "%s has a .gitmodules that is no plain file of at most %d bytes", t.name(), maxGitmodules)
	}
	modules, err := b.readSubmodules(ctx, t)
	if err != nil {
		return err
	}
	for _, s := range modules {
		if err := b.placeSubmodule(ctx, t, s); err != nil {
			return err
		}
	}
	return nil
}

// readSubmodules finds the entries for which the commit records a submodule, by path.
func (b *build) readSubmodules(ctx context.Context, t tree) ([]submodule, error) {
	answer := &tailBuffer{limit: 2 * maxGitmodules}
	_, err := b.git(ctx, gitCall{dir: t.git(), answer: answer, args: []string{
		"config", "--blob=HEAD:.gitmodules", "-z", "--get-regexp", `^submodule\..*\.(path|url|update)$`,
	}})
	if e := (*gitError)(nil); errors.As(err, &e) && e.output == "" {
		return nil, nil // no entry
	}
	if err != nil {
		return nil, b.brokenCheckout(t.name()+" has a .gitmodules that git cannot read", err)
	}
	named := parseSubmodules(answer.String())
	if answer.lost || len(named) > maxSubmodules {
		return nil, failf(core.ReasonCheckoutFailed, "%s has more than %d submodules", t.name(), maxSubmodules)
	}
	args := []string{"ls-tree", "-z", "HEAD", "--"}
	for _, s := range named {
		if err := s.check(); err != nil {
			return nil, refuseSubmodule(t, *s, err)
		}
		args = append(args, s.path)
	}
	answer = &tailBuffer{limit: 2 * maxGitmodules}
	if _, err := b.git(ctx, gitCall{dir: t.git(), answer: answer, args: args}); err != nil {
		return nil, b.brokenCheckout("The submodules cannot be listed", err)
	}
	recorded := recordedCommits(answer.String())
	var found []submodule
	for _, s := range named {
		if s.sha = recorded[s.path]; s.sha != "" { // git too ignores the others
			found = append(found, *s)
		}
	}
	slices.SortFunc(found, func(a, b submodule) int { return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.name, b.name)) })
	return found, nil
}

// parseSubmodules reads what `git config -z` lists, by name.
func parseSubmodules(listed string) map[string]*submodule {
	named := map[string]*submodule{}
	for item := range strings.SplitSeq(listed, "\x00") {
		key, value, _ := strings.Cut(item, "\n")
		key = strings.TrimPrefix(key, "submodule.")
		dot := strings.LastIndexByte(key, '.')
		if dot < 0 {
			continue
		}
		s := named[key[:dot]]
		if s == nil {
			s = &submodule{name: key[:dot]}
			named[s.name] = s
		}
		switch key[dot+1:] {
		case "path":
			s.path = value
		case "url":
			s.url = value
		case "update":
			s.update = value
		}
	}
	maps.DeleteFunc(named, func(_ string, s *submodule) bool { return s.path == "" }) // as git does
	return named
}

// recordedCommits reads what `git ls-tree -z` lists: submodules by path.
func recordedCommits(listed string) map[string]string {
	commits := map[string]string{}
	for item := range strings.SplitSeq(listed, "\x00") {
		entry, name, _ := strings.Cut(item, "\t")
		if sha, ok := strings.CutPrefix(entry, "160000 commit "); ok && shaPattern.MatchString(sha) {
			commits[name] = sha
		}
	}
	return commits
}

// check refuses names and paths that no honest repository has.
func (s *submodule) check() error {
	for _, it := range []struct{ what, value string }{{"name", s.name}, {"path", s.path}} {
		parts := strings.FieldsFunc(it.value, func(r rune) bool { return r == '/' || r == '\\' })
		switch {
		case it.value == "":
			return fmt.Errorf("it has no %s", it.what)
		case strings.IndexAny(it.value, "-:") == 0:
			return fmt.Errorf("its %s starts with a dash or a colon", it.what)
		case len(it.value) > maxSubmodulePath:
			return fmt.Errorf("its %s is too long", it.what)
		case unprintable(it.value):
			return fmt.Errorf("its %s has characters that cannot be printed", it.what)
		case slices.ContainsFunc(parts, func(part string) bool { return part == ".." || strings.EqualFold(part, ".git") }):
			return fmt.Errorf("its %s has .. or .git in it", it.what)
		}
	}
	if path.IsAbs(s.path) || path.Clean(s.path) != s.path {
		return errors.New("its path is not a plain one within the repository")
	}
	if strings.HasPrefix(s.update, "!") {
		return errors.New("its update is a command")
	}
	return nil
}

func unprintable(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError })
}

func refuseSubmodule(t tree, s submodule, cause error) *failure {
	return failf(core.ReasonCheckoutFailed, "Submodule %q of %s is refused: %s", cmp.Or(s.path, s.name), cmp.Or(t.path, "this commit"), cause)
}

// placeSubmodule fetches one submodule and checks it out, with those in it.
func (b *build) placeSubmodule(ctx context.Context, parent tree, s submodule) error {
	t := tree{dir: filepath.Join(parent.dir, s.path), path: path.Join(parent.path, s.path), sha: s.sha, depth: parent.depth + 1}
	if s.update == "none" {
		b.log.system(checkoutStep, "Submodule %s is left out: .gitmodules says `update = none`", t.path)
		return nil
	}
	b.submodules++
	if b.submodules > maxSubmodules || t.depth > maxSubmoduleDepth {
		return failf(core.ReasonCheckoutFailed, "There are more than %d submodules, or more than %d within each other", maxSubmodules, maxSubmoduleDepth)
	}
	if err := vacant(parent.dir, s.path); err != nil {
		return refuseSubmodule(parent, s, err)
	}
	var err error
	if t.address, err = submoduleAddress(parent.address, s.url, b.job.Repository.CloneURL); err != nil {
		return refuseSubmodule(parent, s, err)
	}
	m, err := b.borrowMirror(ctx, mirrorKey(b.job.Repository)+"\x00"+t.address, t.sha)
	if err != nil {
		return err
	}
	refs, err := b.reachSubmodule(ctx, m, t)
	if err != nil {
		return err
	}
	if err := b.place(ctx, t, m, refs); err != nil {
		return err
	}
	return parent.appendConfig(fmt.Sprintf("[submodule %s]\n\tactive = true\n\turl = %s\n", quoteConfig(s.name), quoteConfig(t.address)))
}

// vacant: git has made an empty folder where a submodule goes. Anything else there is
// another file of the commit, on a file system that does not tell the two names apart.
func vacant(dir, path string) error {
	info, err := plain(dir, path)
	if err != nil {
		return err
	}
	if entries, err := os.ReadDir(filepath.Join(dir, path)); !info.IsDir() || err != nil || len(entries) > 0 {
		return fmt.Errorf("%s is no empty folder", path)
	}
	return nil
}

// reachSubmodule makes sure that the mirror has the submodule's commit, and returns
// the branches and tags. A mirror is one project's: what another's credential could
// read must not come out of it.
func (b *build) reachSubmodule(ctx context.Context, m *mirror, t tree) (map[string]string, error) {
	if ok, err := b.has(ctx, m, t.sha); err != nil {
		return nil, err
	} else if ok {
		return m.refs()
	}
	unlock, err := m.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if ok, err := b.has(ctx, m, t.sha); err != nil {
		return nil, err
	} else if ok { // somebody else has fetched it while we waited
		return m.refs()
	}
	b.log.system(checkoutStep, "Fetching submodule %s from %s", t.path, t.address)
	m.clearWreckage()
	if err := b.repeat(ctx, func() error { return b.fetchSubmodule(ctx, m, t) }); err != nil {
		return nil, b.unreachedSubmodule(t, err)
	}
	return m.refs()
}

func (b *build) fetchSubmodule(ctx context.Context, m *mirror, t tree) error {
	if err := b.fetchPublic(ctx, m, t.address); err != nil {
		return err
	}
	if ok, err := b.has(ctx, m, t.sha); ok || err != nil {
		return err
	}
	// Not on a branch or tag any more, perhaps; many hosts give a commit by its name.
	err := b.fetch(ctx, m, t.address, "+"+t.sha+":refs/oore/commits/"+t.sha)
	if e := (*gitError)(nil); errors.As(err, &e) && !denied(err) {
		b.log.system(checkoutStep, "%s", e.output)
		return failf(core.ReasonCheckoutFailed, "Submodule %s: %s does not have commit %s: push it there first", t.path, t.address, short(t.sha))
	}
	return err
}

func (b *build) has(ctx context.Context, m *mirror, sha string) (bool, error) {
	_, err := b.git(ctx, gitCall{dir: m.dir, args: []string{"cat-file", "-e", sha + "^{commit}"}})
	if e := (*gitError)(nil); errors.As(err, &e) {
		return false, nil
	}
	return err == nil, err
}

// unreachedSubmodule says what to do about the commonest cause: another private
// repository of the same host.
func (b *build) unreachedSubmodule(t tree, err error) error {
	out := b.brokenCheckout(fmt.Sprintf("Submodule %s cannot be fetched from %s", t.path, t.address), err)
	var f *failure
	if !errors.As(out, &f) || !denied(err) || !b.sameHost(t.address) {
		return out
	}
	if b.job.Repository.Provider != core.ProviderGit {
		f.details = append(f.details, fmt.Sprintf("The App's token for this build reads %s and no other private repository.", b.job.Repository.FullName))
	}
	f.details = append(f.details,
		"If the submodule is private: give it an ssh address in .gitmodules and put a deploy key for it into the ~/.ssh of the runner's user;",
		"or set `update = none` for it in .gitmodules and fetch it in a command, with a credential that you give to the build.")
	return f
}
