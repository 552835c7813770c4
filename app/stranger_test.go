package app_test

import (
	"strings"
	"testing"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// What a stranger found who tried to break the house; each is named after what went wrong.

func TestABuildThatAnotherBranchOrPullRequestNeedsIsNotEnded(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	h.deliver(t, push("feature", shaA))
	h.deliver(t, push("main", shaA)) // merged fast-forward: it shares the build
	h.deliver(t, ignored(push("feature", ""), core.WhyBranchDeleted))
	if b := h.builds(t)[0]; b.Status != core.BuildQueued {
		t.Errorf("main's build was ended with feature: %s, %s", b.Status, b.StatusMessage)
	}
	first, second := pullRequest(21, "work", shaB), pullRequest(22, "work", shaB)
	first.Ref, second.Ref = "refs/pull/21/head", "refs/pull/22/head"
	h.deliver(t, first)
	h.deliver(t, second)
	closed := ignored(first, core.WhyAction)
	closed.Closed = true
	h.deliver(t, closed)
	if b := h.builds(t)[1]; b.Status != core.BuildQueued {
		t.Errorf("pull request 22's build was ended with 21: %s, %s", b.Status, b.StatusMessage)
	}
}

func TestACommitThatIsAskedForAgainAfterItsBuildWasEndedIsBuilt(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android", func(in *app.PipelineInput) { in.Concurrency = &core.Concurrency{CancelPrevious: true} })
	opened := pullRequest(5, "work", shaA)
	h.deliver(t, opened)
	closed := ignored(opened, core.WhyAction)
	closed.Closed = true
	h.deliver(t, closed)
	h.deliver(t, opened) // reopened
	h.deliver(t, opened) // and told of once more
	if builds := h.builds(t); len(builds) != 2 || builds[1].Status != core.BuildQueued || builds[1].SHA != shaA {
		t.Fatalf("reopened: %d builds", len(builds))
	}
	h.deliver(t, push("line", shaB[:39]+"1"))
	h.deliver(t, push("line", shaB[:39]+"2"))
	late := pullRequest(6, "line", shaB[:39]+"1") // late news of what was replaced
	h.deliverLate(t, late)
	builds := h.builds(t)
	if len(builds) != 4 || builds[2].Status != core.BuildCanceled || builds[3].Status != core.BuildQueued {
		t.Fatalf("late news of a replaced commit: %d builds, the newer is %s", len(builds), builds[3].Status)
	}
	back := push("line", shaB[:39]+"1")
	back.Before, back.Forced = shaB[:39]+"2", true
	h.deliver(t, back)
	builds = h.builds(t)
	if len(builds) != 5 || builds[4].SHA != back.SHA || builds[4].Status != core.BuildQueued || builds[3].Status != core.BuildCanceled {
		t.Errorf("set back: %d builds, the last of %s is %s", len(builds), builds[len(builds)-1].SHA, builds[len(builds)-1].Status)
	}
}

func TestARevokedCommitIsNotRunAgainByAnyDoor(t *testing.T) {
	h := chatHouse(t, true)
	h.say(t, "wes", "/oore approve "+shaB)
	b := h.builds(t)[0]
	h.say(t, "wes", "/oore revoke")
	_, err := h.RerunBuild(t.Context(), h.owner, b.ID)
	wantCode(t, err, core.KindForbidden, "needs_approval")
	again := push("dev", shaB)
	again.Kind, again.Rerun = core.EventNone, &core.Rerun{SHA: shaB, BuildID: b.ID}
	if d := h.deliver(t, again); d.Status != core.DeliveryIgnored || len(h.builds(t)) != 1 {
		t.Errorf("by the forge's button: %+v, %d builds", d.Reason, len(h.builds(t)))
	}
}

func TestADisabledPipelineIsNotRunAgainByTheForge(t *testing.T) {
	h := newHouse(t)
	p := h.pipeline(t, h.project(t).ID, "Android")
	h.deliver(t, push("main", shaA))
	job := h.running(t)
	if err := h.Finish(t.Context(), job.Lease, core.Result{Status: core.BuildFailed, Reason: core.ReasonCommandFailed}); err != nil {
		t.Fatal(err)
	}
	no := false
	if _, err := h.UpdatePipeline(t.Context(), h.owner, p.ID, app.PipelineInput{Enabled: &no}); err != nil {
		t.Fatal(err)
	}
	again := push("main", shaA)
	again.Kind, again.Rerun = core.EventNone, &core.Rerun{SHA: shaA}
	if d := h.deliver(t, again); d.Reason.Code != core.CodePipelineDisabled || len(h.builds(t)) != 1 {
		t.Errorf("%+v, %d builds", d.Reason, len(h.builds(t)))
	}
}

func TestARepositoryThatTwoAppsSeeStaysWithTheFirst(t *testing.T) {
	first, second := environment("github.com"), environment("github.com")
	second.ID, second.ExternalID = "22222222-2222-2222-2222-222222222222", "2"
	h, room := newRoomHouse(t, first, second)
	ctx := t.Context()
	sync := func(c core.Connection, installation int64) {
		t.Helper()
		r := shop()
		r.InstallationID = installation
		room.mu.Lock()
		room.inventory = []core.Inventory{{Installation: core.Installation{ExternalID: installation, Account: "acme"}, Repositories: []core.Repository{r}}}
		room.mu.Unlock()
		if _, err := h.SyncIntegration(ctx, h.owner, c.ID); err != nil {
			t.Fatal(err)
		}
	}
	sync(first, 3)
	sync(second, 4)
	r, err := h.store.FindRepositoryByExternalID(ctx, core.ProviderGitHub, "github.com", "7")
	if err != nil || r.IntegrationID != first.ID || r.InstallationID != 3 || r.Unavailable != "" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestALateRemovalDoesNotUndoATransfer(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	moved := change(core.ChangeRepository, core.Repository{ExternalID: "7", FullName: "newco/shop"})
	moved.Change.InstallationID = 2222
	h.deliver(t, moved)
	h.deliver(t, change(core.ChangeRemoved, core.Repository{ExternalID: "7", FullName: "acme/shop"}))
	if r := h.repository(t); r.FullName != "newco/shop" || r.InstallationID != 2222 || r.Unavailable != "" {
		t.Errorf("%+v", r)
	}
}

func TestDeliveriesOfAHiddenProjectSayNothing(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t, func(in *app.CreateProject) { in.Visibility = core.VisibleMembers }).ID, "Android")
	d := h.deliver(t, ignored(push("secret-branch", ""), core.WhyBranchDeleted))
	viewer := core.Actor{Kind: core.ActorUser, Role: core.RoleDeveloper}
	seen, err := h.FindDelivery(t.Context(), viewer, d.ID)
	if err != nil || seen.Repository != "" || seen.Ref != "" || seen.Actor != "" || seen.Payload != nil || seen.Reason.Text != "" {
		t.Errorf("%+v, %v", seen, err)
	}
	_, err = h.RedeliverDelivery(t.Context(), viewer, d.ID)
	wantCode(t, err, core.KindForbidden, core.CodePermissionDenied)
}

func TestABranchNameActsInNoReply(t *testing.T) {
	h := chatHouse(t, true)
	h.forge.talk.pull.Branch = "@acme/admins`|<b>&!x"
	list, _, err := h.ListProjects(t.Context(), h.owner, core.Page{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	h.pipeline(t, list[0].ID, "Web", triggers(core.Trigger{Branches: []string{"web/*"}}))
	d := h.say(t, "rita", "/oore list")
	if strings.Contains(d.Reply, "@acme") || strings.Contains(d.Reply, "<b>") || strings.Contains(d.Reply, "admins`") {
		t.Errorf("reply %q", d.Reply)
	}
}

func TestACommentThatStartedSomethingIsNotIgnored(t *testing.T) {
	h := chatHouse(t, false)
	d := h.say(t, "wes", "/oore build android\n/oore nope")
	if d.Status != core.DeliveryProcessed || !strings.Contains(d.Reply, "Build #1 of Android is queued") || !strings.Contains(d.Reply, "Unknown command") {
		t.Errorf("%s %+v, reply %q", d.Status, d.Reason, d.Reply)
	}
}

func TestAClosedPullRequestIsNotApproved(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	fork := pullRequest(9, "patch", shaB)
	fork.PullRequest.Fork, fork.Opener = true, "ana"
	d := h.deliver(t, fork)
	h.forge.setHead(shaB)
	h.forge.talk.pull.Closed = true
	_, err := h.ApproveDelivery(t.Context(), h.owner, d.ID, shaB)
	wantCode(t, err, core.KindConflict, "pr_closed")
}
