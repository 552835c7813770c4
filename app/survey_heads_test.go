package app_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// head is a pull request as a survey finds it.
func head(number int, branch, sha string) core.Event {
	e := pullRequest(number, branch, sha)
	e.Ref = fmt.Sprintf("refs/pull/%d/head", number)
	return e
}

// wantBuilt waits until exactly these builds are there, each named by pipeline's trigger,
// branch and the commit's first letter.
func (h *house) wantBuilt(t *testing.T, want ...string) {
	t.Helper()
	h.work(t, func() bool { return len(h.builds(t)) >= len(want) })
	var got []string
	for _, b := range h.builds(t) {
		got = append(got, b.TriggerEvent+" "+b.Branch+" "+b.SHA[:1])
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("built %q, want %q", got, want)
	}
}

// `git push origin main:release/1.2`, of which the hook was lost: that main told of the
// commit tells nothing of the other branch.
func TestABranchThatWasMovedToAKnownCommitIsFound(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Release", triggers(core.Trigger{Branches: []string{"release/*"}}))
	h.forge.setHeads(push("main", shaA))
	h.surveyed(t, "refs/heads/main", shaA)
	h.deliver(t, push("main", shaB))
	h.forge.setHeads(push("main", shaB), push("release/1.2", shaB))
	h.surveyed(t, "refs/heads/release/1.2", shaB)
	h.wantBuilt(t, "push release/1.2 b")
}

// After days without a server the sweep tells of the branch and then of its pull request.
func TestAPullRequestIsFoundBesideItsBranch(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Checks", triggers(core.Trigger{Events: []core.EventKind{core.EventPullRequest}}))
	h.forge.setHeads(push("work", shaA), head(1, "work", shaA))
	h.surveyed(t, "refs/pull/1/head", shaA)
	h.deliver(t, push("work", shaB)) // however the branch was told of, and decided
	h.forge.setHeads(push("work", shaB), head(1, "work", shaB))
	h.surveyed(t, "refs/pull/1/head", shaB)
	h.wantBuilt(t, "pull_request work b")
}

// GitLab sends no hook for a push of more than three refs. Each of them is found, and
// what one build answers for is built once.
func TestManyRefsOnOneCommitAreFoundAndShareABuild(t *testing.T) {
	h := newHouse(t)
	p := h.project(t)
	h.pipeline(t, p.ID, "Android")
	h.pipeline(t, p.ID, "Release", triggers(core.Trigger{Branches: []string{"release/*"}, Events: []core.EventKind{core.EventPush, core.EventTag}}))
	h.forge.setHeads(push("main", shaA))
	h.surveyed(t, "refs/heads/main", shaA)
	refs := []core.Event{push("main", shaB), push("dev", shaB), push("release/2", shaB), tag("v2", shaB), head(1, "dev", shaB)}
	h.forge.setHeads(refs...)
	h.surveyed(t, "refs/tags/v2", shaB)
	h.wantBuilt(t, "push main b", "push release/2 b", "tag  b")
	h.work(t, func() bool { // until all are decided about, and so told of
		_, total, err := h.store.ListDeliveries(t.Context(), core.DeliveryFilter{SHA: shaB}, core.Page{Limit: 20})
		return err == nil && total == len(refs)
	})
	// The hooks come after all, and make nothing twice.
	for _, e := range refs {
		h.deliver(t, e)
	}
	if n := len(h.builds(t)); n != 3 {
		t.Errorf("%d builds after the late hooks, want 3", n)
	}
}

// Months of branches and tags were built when a repository got a project again.
func TestWhatMovedWhileARepositoryHadNoProjectIsNotBuilt(t *testing.T) {
	h := newHouse(t)
	all := triggers(core.Trigger{Events: []core.EventKind{core.EventPush, core.EventTag}})
	p := h.project(t)
	h.pipeline(t, p.ID, "Release", all)
	h.forge.setHeads(push("main", shaA))
	h.surveyed(t, "refs/heads/main", shaA)
	if err := h.DeleteProject(t.Context(), h.owner, p.ID); err != nil {
		t.Fatal(err)
	}
	h.forge.setHeads(push("main", shaB), tag("v1", shaB))
	h.pipeline(t, h.project(t).ID, "Release", all)
	h.surveyed(t, "refs/tags/v1", shaB)
	if list, total, err := h.store.ListDeliveries(t.Context(), core.DeliveryFilter{}, core.Page{Limit: 10}); err != nil || total != 0 {
		t.Errorf("taken for new: %+v, %v", list, err)
	}
	// A second project changes nothing: what moves from now on is built for both.
	h.pipeline(t, h.project(t, func(in *app.CreateProject) { in.Name = "Second" }).ID, "Second")
	h.forge.setHeads(push("main", shaA), tag("v1", shaB))
	h.surveyed(t, "refs/heads/main", shaA)
	h.wantBuilt(t, "push main a", "push main a")
}
