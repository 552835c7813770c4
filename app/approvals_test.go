package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func forkPull(sha string) core.Event {
	e := pullRequest(3, "patch", sha)
	e.PullRequest.Fork, e.Actor, e.Opener = true, "mallory", "mallory"
	return e
}

func TestAForksCommitWaitsUntilExactlyItIsApproved(t *testing.T) {
	h := newHouse(t)
	pl := h.pipeline(t, h.project(t).ID, "Android")
	d := h.deliver(t, forkPull(shaA))
	if d.Reason.Code != core.WhyFork || len(h.builds(t)) != 0 {
		t.Fatalf("before: %+v, %d builds", d.Reason, len(h.builds(t)))
	}
	blocked := core.Build{PipelineID: pl.ID, SHA: shaA}
	h.work(t, h.settled(t, blocked))
	said := h.forge.statuses[0]
	if said.State != core.ReportPending || said.Build.SHA != shaA || said.Context != "oore/android" || !strings.Contains(said.Description, shaA) ||
		said.TargetURL != "https://ci.example.com/deliveries/"+d.ID {
		t.Errorf("the waiting status is %+v", said)
	}

	h.forge.setHead(shaA)
	developer := core.Actor{Kind: core.ActorUser, Name: "ana", Role: core.RoleDeveloper}
	approve := func(actor core.Actor, sha string) error {
		_, err := h.ApproveDelivery(t.Context(), actor, d.ID, sha)
		return err
	}
	wantCode(t, approve(core.Actor{Kind: core.ActorUser, Name: "vic", Role: core.RoleViewer}, shaA), core.KindForbidden, core.CodePermissionDenied)
	wantCode(t, approve(developer, ""), core.KindInvalid, core.CodeSHARequired)
	wantCode(t, approve(developer, shaA[:12]), core.KindInvalid, core.CodeSHARequired)
	wantCode(t, approve(developer, shaB), core.KindConflict, core.CodeSHAStale)
	wantCode(t, approve(core.Actor{Kind: core.ActorUser, Name: "Mallory", Role: core.RoleOwner}, shaA), core.KindForbidden, core.CodeSelfApprove)
	h.forge.setHead(shaB) // pushed between the look and the click
	wantCode(t, approve(developer, shaA), core.KindConflict, core.CodeSHAStale)
	h.forge.setHead(shaA)
	if err := approve(developer, shaA); err != nil {
		t.Fatal(err)
	}
	if d = h.decided(t, d.ID); d.Status != core.DeliveryProcessed || !strings.Contains(d.Verdicts[0].Reason, "ana") {
		t.Errorf("after: %+v", d)
	}
	if builds := h.builds(t); len(builds) != 1 || builds[0].SHA != shaA {
		t.Fatalf("builds %+v", builds)
	}
	if again := h.deliver(t, forkPull(shaB)); again.Reason.Code != core.WhyFork {
		t.Errorf("the next push is %+v: it needs an approval of its own", again.Reason)
	}
	if n := len(h.builds(t)); n != 1 {
		t.Errorf("%d builds", n)
	}
}

// GitLab's payloads name who opened a merge request by number alone.
func TestWhoOpenedItIsAskedForWhereThePayloadDoesNotSay(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	told := forkPull(shaA)
	told.Opener = ""
	d := h.deliver(t, told)
	h.forge.setHead(shaA)
	h.forge.talk.pull = forkPull(shaA)
	_, err := h.ApproveDelivery(t.Context(), core.Actor{Kind: core.ActorUser, Name: "mallory", Role: core.RoleOwner}, d.ID, shaA)
	wantCode(t, err, core.KindForbidden, core.CodeSelfApprove)
	if _, err := h.ApproveDelivery(t.Context(), h.owner, d.ID, shaA); err != nil {
		t.Errorf("somebody else: %v", err)
	}
}

func TestThereIsNothingToApproveButForks(t *testing.T) {
	h := newHouse(t)
	p := h.project(t)
	h.pipeline(t, p.ID, "Android")
	h.forge.setHead(shaA)
	own := h.deliver(t, pullRequest(4, "feature", shaA))
	_, err := h.ApproveDelivery(t.Context(), h.owner, own.ID, shaA)
	wantCode(t, err, core.KindConflict, core.CodeNothingToApprove)
	ignore := core.ForksIgnore
	if _, err := h.UpdateProject(t.Context(), h.owner, p.ID, app.UpdateProject{Forks: &ignore}); err != nil {
		t.Fatal(err)
	}
	fork := h.deliver(t, forkPull(shaB))
	h.forge.setHead(shaB)
	_, err = h.ApproveDelivery(t.Context(), h.owner, fork.ID, shaB)
	wantCode(t, err, core.KindConflict, core.CodeNothingToApprove)
}

func TestEvaluateSaysWhatTodaysSettingsWouldAndStartsNothing(t *testing.T) {
	h := newHouse(t)
	pl := h.pipeline(t, h.project(t).ID, "Android", triggers(core.Trigger{Branches: []string{"release/*"}}))
	d := h.deliver(t, push("main", shaA))
	if d.Status != core.DeliveryIgnored {
		t.Fatal(d.Status)
	}
	if _, err := h.UpdatePipeline(t.Context(), h.owner, pl.ID, app.PipelineInput{Trigger: &core.Trigger{}}); err != nil {
		t.Fatal(err)
	}
	viewer := core.Actor{Kind: core.ActorUser, Role: core.RoleViewer}
	got, err := h.EvaluateDelivery(t.Context(), viewer, d.ID)
	if err != nil || got.Status != core.DeliveryProcessed || len(got.Verdicts) != 1 || !got.Verdicts[0].Matched || got.Payload != nil {
		t.Errorf("evaluated %+v, %v", got, err)
	}
	stored, err := h.store.FindDelivery(t.Context(), d.ID)
	if err != nil || stored.Status != core.DeliveryIgnored || len(h.builds(t)) != 0 {
		t.Errorf("stored %s, %d builds, %v", stored.Status, len(h.builds(t)), err)
	}
}

// Gitea's CVE-2026-58439: an approval for one target let the commit be built for another.
func TestAnApprovalEndsWhenThePullRequestGetsAnotherTarget(t *testing.T) {
	h := newHouse(t)
	p := h.project(t)
	h.pipeline(t, p.ID, "Android")
	d := h.deliver(t, forkPull(shaA))
	h.forge.setHead(shaA)
	developer := core.Actor{Kind: core.ActorUser, Name: "ana", Role: core.RoleDeveloper}
	if _, err := h.ApproveDelivery(t.Context(), developer, d.ID, shaA); err != nil {
		t.Fatal(err)
	}
	h.decided(t, d.ID)
	h.pipeline(t, p.ID, "Release") // which the approval would let build it too
	h.clock.forward(time.Minute)
	moved := forkPull(shaA)
	moved.Retargeted, moved.TargetBranch = true, "release"
	again := h.deliver(t, moved)
	for _, v := range again.Verdicts {
		if v.Pipeline == "Release" && (v.Matched || v.Code != core.WhyFork) {
			t.Errorf("for the new target: %+v", v)
		}
	}
	if _, err := h.ApproveDelivery(t.Context(), developer, again.ID, shaA); err != nil {
		t.Fatal(err)
	}
	if again = h.decided(t, again.ID); again.Status != core.DeliveryProcessed {
		t.Errorf("approved for it: %+v", again)
	}
}
