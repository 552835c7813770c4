package app_test

import (
	"testing"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func TestABadgeTellsOfTheBranchToWhomItMay(t *testing.T) {
	h := newHouse(t)
	shop := h.project(t, func(in *app.CreateProject) { in.Visibility = core.VisibleMembers })
	pipeline := h.pipeline(t, shop.ID, "Android")
	nobody := core.Actor{}
	ask := func(actor core.Actor, pipelineID, branch string) (app.Badge, error) {
		return h.FindBadge(t.Context(), actor, shop.ID, pipelineID, branch)
	}
	if _, err := ask(nobody, pipeline.ID, ""); err == nil || core.KindOf(err) != core.KindNotFound {
		t.Errorf("a private project answers everybody: %v", err)
	}
	if badge, err := ask(h.owner, pipeline.ID, ""); err != nil || badge.Status != "" || badge.Pipeline != "Android" || badge.Public {
		t.Errorf("the owner is told %+v %v", badge, err)
	}
	public := core.VisiblePublic
	if _, err := h.UpdateProject(t.Context(), h.owner, shop.ID, app.UpdateProject{Visibility: &public}); err != nil {
		t.Fatal(err)
	}
	end := func(status core.BuildStatus) {
		t.Helper()
		job := h.running(t)
		if err := h.Finish(t.Context(), job.Lease, core.Result{Status: status}); err != nil {
			t.Fatal(err)
		}
	}
	h.beat(t, "r1", 1)
	h.deliver(t, push("main", shaA))
	end(core.BuildFailed)
	pr := pullRequest(7, "main", shaB) // a branch of the same name, at somebody else's
	h.deliver(t, pr)
	for _, c := range []struct {
		pipeline, branch string
		want             core.BuildStatus
	}{{pipeline.ID, "", core.BuildFailed}, {pipeline.ID, "main", core.BuildFailed}, {pipeline.ID, "other", ""}, {"none", "", ""}} {
		if badge, err := ask(nobody, c.pipeline, c.branch); err != nil || badge.Status != c.want || !badge.Public {
			t.Errorf("%s of %s: %+v %v", c.branch, c.pipeline, badge, err)
		}
	}
	if _, err := h.FindBadge(t.Context(), nobody, "none", pipeline.ID, ""); err == nil || core.KindOf(err) != core.KindNotFound {
		t.Errorf("a project that is not there: %v", err)
	}
}
