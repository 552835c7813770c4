// Package localgit is the provider "git": repositories that are reached by address
// alone, in a folder of this machine or by URL. It knows the git program and no
// forge, no HTTP and no store.
package localgit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// Options are what the room stands on.
type Options struct {
	Log *slog.Logger // required

	// Relay gives the URL of an HTTP proxy that looks at where git goes on its way to an
	// http or https address, redirects included, until done is called; empty: git finds its
	// way by itself. Nil: there is none, and git goes anywhere.
	Relay func(address string) (proxy string, done func(), err error)
}

// Forge answers by running git. It implements core.Forge.
type Forge struct {
	Options
	most int64 // of a pack that is fetched for a look, in bytes
}

// New returns the forge of repositories that have none.
func New(o Options) *Forge { return &Forge{Options: o, most: mostFetched} }

// FindRepository looks at the address. Nothing there, or nothing that git knows:
// KindInvalid, code repository_not_found; a host that does not answer:
// KindUnavailable.
func (f *Forge) FindRepository(ctx context.Context, name string) (core.Repository, error) {
	a, err := parseAddress(strings.TrimSpace(name))
	if err != nil {
		return core.Repository{}, err
	}
	branch, err := f.defaultBranch(ctx, a)
	if err != nil {
		return core.Repository{}, f.explain(a, err)
	}
	return core.Repository{
		Provider: core.ProviderGit, ExternalID: a.text, FullName: a.name(), CloneURL: a.text, DefaultBranch: branch,
	}, nil
}

// defaultBranch is the branch that HEAD names; empty if it names none (a detached
// HEAD, or a remote repository without commits).
func (f *Forge) defaultBranch(ctx context.Context, a address) (string, error) {
	if a.local {
		if _, err := git(ctx, gitCall{dir: a.gitDir(), args: []string{"rev-parse", "--git-dir"}}); err != nil {
			return "", err
		}
		out, err := git(ctx, gitCall{dir: a.gitDir(), args: []string{"symbolic-ref", "HEAD"}})
		if says(err, "not a symbolic ref") {
			return "", nil
		}
		return strings.TrimPrefix(strings.TrimSpace(out), "refs/heads/"), err
	}
	out, err := f.ask(ctx, a, gitCall{args: []string{"ls-remote", "--symref", "--end-of-options", a.text, "HEAD"}})
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(out) {
		if target, ok := strings.CutPrefix(line, "ref: refs/heads/"); ok {
			branch, _, _ := strings.Cut(target, "\t")
			return branch, nil
		}
	}
	return "", nil
}

// ResolveRef finds the commit of a branch, else of a tag, else a full SHA. A remote
// repository tells no message and author with a branch or tag. Unknown: KindNotFound,
// code invalid_ref.
func (f *Forge) ResolveRef(ctx context.Context, repo core.Repository, ref string) (core.Commit, error) {
	unknown := core.Codef(core.KindNotFound, core.CodeInvalidRef, "%s has no branch, tag or commit %s", repo.FullName, ref)
	if err := core.ValidRef(ref); err != nil {
		return core.Commit{}, unknown.Because(err)
	}
	a, err := parseAddress(repo.CloneURL)
	if err != nil {
		return core.Commit{}, err
	}
	var c core.Commit
	switch {
	case a.local && strings.HasPrefix(ref, "refs/heads/"):
		c, err = findCommit(ctx, a.gitDir(), []string{ref})
	case a.local:
		revisions := []string{"refs/heads/" + ref, "refs/tags/" + ref}
		if core.ValidSHA(ref) {
			revisions = append(revisions, ref)
		}
		c, err = findCommit(ctx, a.gitDir(), revisions)
	case core.ValidSHA(ref):
		c, err = f.fetchCommit(ctx, a, ref)
	default:
		c, err = f.listCommit(ctx, a, ref)
	}
	if errors.Is(err, errNoCommit) {
		return core.Commit{}, unknown
	}
	if err != nil {
		return core.Commit{}, f.explain(a, err)
	}
	return c, nil
}

// FindCommit implements core.CommitFinder for folders of this machine; a remote
// repository cannot be asked for part of a SHA.
func (f *Forge) FindCommit(ctx context.Context, repo core.Repository, short string) (core.Commit, error) {
	none := core.Codef(core.KindNotFound, core.CodeInvalidRef, "%s has not one commit that begins with %s", repo.FullName, short)
	a, err := parseAddress(repo.CloneURL)
	if err != nil {
		return core.Commit{}, err
	}
	if !a.local {
		return core.Commit{}, none
	}
	c, err := findCommit(ctx, a.gitDir(), []string{short})
	switch {
	case errors.Is(err, errNoCommit) || err == nil && !strings.HasPrefix(c.SHA, short): // a branch may be named so
		return core.Commit{}, none
	case err != nil:
		return core.Commit{}, f.explain(a, err)
	}
	return c, nil
}

// listCommit asks a remote repository for a branch or tag.
func (f *Forge) listCommit(ctx context.Context, a address, ref string) (core.Commit, error) {
	branch, _ := strings.CutPrefix(ref, "refs/heads/")
	names := []string{"refs/heads/" + branch, "refs/tags/" + ref + "^{}", "refs/tags/" + ref}
	out, err := f.ask(ctx, a, gitCall{args: append([]string{"ls-remote", "--end-of-options", a.text}, names...)})
	if err != nil {
		return core.Commit{}, err
	}
	found := map[string]string{}
	for line := range strings.Lines(out) {
		sha, name, _ := strings.Cut(strings.TrimSpace(line), "\t")
		found[name] = sha
	}
	for _, name := range names { // the commit of an annotated tag comes before the tag object
		if sha := found[name]; core.ValidSHA(sha) {
			return core.Commit{SHA: sha}, nil
		}
	}
	return core.Commit{}, errNoCommit
}

// fetchCommit asks a remote repository for one commit, without its files, since only
// names can be listed. A server that hands out nothing but its heads is believed:
// the checkout will tell.
func (f *Forge) fetchCommit(ctx context.Context, a address, sha string) (core.Commit, error) {
	dir, err := emptyRepository(ctx, sha)
	if err != nil {
		return core.Commit{}, err
	}
	defer os.RemoveAll(dir)
	_, err = f.ask(ctx, a, gitCall{dir: dir, args: []string{
		"fetch", "--quiet", "--no-tags", "--depth=1", "--filter=tree:0", "--end-of-options", a.text, sha,
	}})
	switch {
	case says(err, "unadvertised object"):
		return core.Commit{SHA: sha}, nil
	case says(err, "not our ref", "remote ref", "mismatched algorithms"):
		return core.Commit{}, errNoCommit
	case err != nil:
		return core.Commit{}, err
	}
	return findCommit(ctx, dir, []string{sha})
}

// Checkout gives the address; git brings its own credentials (an SSH agent) or none.
func (f *Forge) Checkout(_ context.Context, repo core.Repository) (core.Checkout, error) {
	return core.Checkout{URL: repo.CloneURL}, nil
}

// explain turns git's complaint into what the person can do about it.
func (f *Forge) explain(a address, err error) error {
	var known *core.Error
	if errors.As(err, &known) {
		return err
	}
	f.Log.Warn("git refused", "address", a.text, "error", err)
	missing := []string{
		"not found", "does not exist", "not appear to be a git repository", "could not read username", "permission denied", "access rights",
	}
	switch {
	case a.local && says(err, "not a git repository"):
		return refuse("%s is not a git repository that the server can read", a.text)
	case a.local:
		return fmt.Errorf("read the repository %s: %w", a.text, err)
	case says(err, "response 470", "code 470", "returned error: 470"): // the relay's word
		return core.Errorf(core.KindInvalid, "%s leads to an address that this server does not ask. If it is meant to, the operator can allow its network in OORE_CONNECT_NETWORKS", a.text)
	case says(err, missing...):
		return refuse("%s has no repository that the server may read", a.text)
	}
	return core.Errorf(core.KindUnavailable, "git cannot reach %s at the moment", a.text).Because(err)
}

// PullRequestHead implements core.Forge: a plain repository has no pull requests.
func (f *Forge) PullRequestHead(_ context.Context, repo core.Repository, number int) (string, error) {
	return "", core.Errorf(core.KindNotFound, "%s is a plain git repository and has no pull request #%d", repo.FullName, number)
}
