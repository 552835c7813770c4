package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// checkout puts the build's commit into the workspace. An error is a *failure, the
// cause for which ctx ended, or a defect of ours.
func (b *build) checkout(ctx context.Context) error {
	if b.sha != "" && !shaPattern.MatchString(b.sha) {
		return failf(core.ReasonCommitUnknown, "%q is not a full commit id", b.sha)
	}
	m, err := b.borrowMirror(ctx, mirrorKey(b.job.Repository), b.sha)
	if err != nil {
		return err
	}
	refs, err := b.reach(ctx, m)
	if err != nil {
		return err
	}
	return b.place(ctx, tree{dir: b.dir, address: b.job.Repository.CloneURL, sha: b.sha}, m, refs)
}

// reach makes sure that a branch or tag of the repository (or the head of the
// build's own pull request) leads to the commit, and fetches only if it must. It
// returns the branches and tags.
func (b *build) reach(ctx context.Context, m *mirror) (map[string]string, error) {
	refs, err := m.refs()
	if err != nil {
		return nil, err
	}
	if ok, err := b.reached(ctx, m, refs); ok || err != nil {
		return refs, err
	}
	unlock, err := m.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if refs, err = m.refs(); err != nil {
		return nil, err
	}
	if b.isTip(refs) { // somebody else has fetched it while we waited
		return refs, nil
	}
	b.log.system(checkoutStep, "Fetching %s", b.job.Repository.FullName)
	m.clearWreckage()
	return b.fetchUntilReached(ctx, m)
}

// isTip tells whether the commit is the head of a branch: the common case, seen
// without a process.
func (b *build) isTip(refs map[string]string) bool {
	for name, object := range refs {
		if object == b.sha && strings.HasPrefix(name, "refs/heads/") {
			return true
		}
	}
	return false
}

func (b *build) reached(ctx context.Context, m *mirror, refs map[string]string) (bool, error) {
	switch {
	case b.sha == "":
		return false, nil
	case b.isTip(refs):
		return true, nil
	}
	args := []string{"for-each-ref", "--count=1", "--format=%(refname)", "--contains=" + b.sha, "refs/heads", "refs/tags"}
	if _, private := b.pullRefs(); private != "" {
		args = append(args, private)
	}
	out, err := b.git(ctx, gitCall{dir: m.dir, args: args})
	if e := (*gitError)(nil); errors.As(err, &e) {
		return false, nil // the object is not there
	}
	return out != "", err
}

// fetchUntilReached holds the mirror's lock.
func (b *build) fetchUntilReached(ctx context.Context, m *mirror) (map[string]string, error) {
	for try := 1; ; try++ {
		fetchErr := b.fetchAll(ctx, m)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		refs, err := m.refs()
		if err != nil {
			return nil, err
		}
		// A fetch that failed for one ref may have brought ours.
		if ok, err := b.reached(ctx, m, refs); ok || err != nil {
			return refs, err
		}
		if f := (*failure)(nil); errors.As(fetchErr, &f) || errors.Is(fetchErr, errShimLost) {
			return nil, fetchErr
		}
		// A forge may announce a push before all of its servers know it.
		announced := b.job.Build.TriggerType == core.TriggerWebhook && try < 2
		if lastTry(try, fetchErr) || (fetchErr == nil && !announced) {
			return nil, b.unreached(fetchErr)
		}
		if fetchErr != nil {
			b.log.system(checkoutStep, "%s; trying again", gist(fetchErr))
		}
		if !pause(ctx, fetchPause) {
			return nil, context.Cause(ctx)
		}
	}
}

func (b *build) unreached(fetchErr error) error {
	name := b.job.Repository.FullName
	switch e := (*gitError)(nil); {
	case errors.As(fetchErr, &e):
		b.log.system(checkoutStep, "%s", e.output)
		return failf(core.ReasonCheckoutFailed, "Checkout failed: %s", gist(fetchErr))
	case fetchErr != nil:
		return failf(core.ReasonCheckoutFailed, "Checkout failed: %s", gist(fetchErr))
	case b.sha == "":
		return failf(core.ReasonCommitUnknown, "%s has no branch %s", name, b.branch())
	}
	return failf(core.ReasonCommitUnknown, "No branch or tag of %s leads to commit %s: push it first", name, short(b.sha))
}

// fetchAll brings the branches and tags, then, if they do not lead to the commit,
// the head of the build's pull request.
func (b *build) fetchAll(ctx context.Context, m *mirror) error {
	if err := b.fetchPublic(ctx, m, ""); err != nil {
		return err
	}
	if b.sha == "" {
		return b.resolve(ctx, m)
	}
	public, private := b.pullRefs()
	if public == "" {
		return nil
	}
	refs, err := m.refs()
	if err != nil {
		return err
	}
	if ok, err := b.reached(ctx, m, refs); ok || err != nil {
		return err
	}
	return b.fetch(ctx, m, "", "+"+public+":"+private)
}

// resolve finds the commit of a build that names none: the head of its branch.
func (b *build) resolve(ctx context.Context, m *mirror) error {
	ref := "refs/heads/" + b.branch()
	if b.job.Build.Tag != "" {
		ref = "refs/tags/" + b.job.Build.Tag
	}
	out, err := b.git(ctx, gitCall{dir: m.dir, args: []string{
		"rev-parse", "--verify", "--quiet", "--end-of-options", ref + "^{commit}",
	}})
	if e := (*gitError)(nil); errors.As(err, &e) {
		return nil // no such branch
	}
	b.sha = out
	return err
}

func (b *build) branch() string {
	if b.job.Build.Branch != "" {
		return b.job.Build.Branch
	}
	return b.job.Repository.DefaultBranch
}

// pullRefs names the head of the build's pull request at its forge, and where we
// keep it: outside of branches and tags, so that it vouches for this build alone.
func (b *build) pullRefs() (public, private string) {
	pr := b.job.Build.PullRequest
	if pr == nil || pr.Number <= 0 {
		return "", ""
	}
	switch b.job.Repository.Provider {
	case core.ProviderGitHub:
		return fmt.Sprintf("refs/pull/%d/head", pr.Number), fmt.Sprintf("refs/oore/pull/%d", pr.Number)
	case core.ProviderGitLab:
		return fmt.Sprintf("refs/merge-requests/%d/head", pr.Number), fmt.Sprintf("refs/oore/pull/%d", pr.Number)
	case core.ProviderGit, core.ProviderSlack:
	}
	return "", ""
}

func short(sha string) string { return sha[:min(len(sha), 12)] }
