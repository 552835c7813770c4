package app_test

import (
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

const shaD = "dddddddddddddddddddddddddddddddddddddddd"

// waits tells how many builds of a commit wait.
func (h *house) waits(t *testing.T, sha string) (n int) {
	t.Helper()
	for _, b := range h.builds(t) {
		if b.SHA == sha && b.Status == core.BuildQueued {
			n++
		}
	}
	return n
}

// A survey mends a superseded head though the forge is silent when it is decided, and again
// though its answer was of the past and the head is known by then.
func TestTheMendOfASupersededHeadIsNotUsedUpByOneAnswer(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		h := newHouseOn(t, database)
		h.pipeline(t, h.project(t).ID, "Android", cancelPrevious())
		h.deliver(t, push("main", shaA))
		h.forge.setHeads(push("main", shaA))
		h.surveyed(t, "refs/heads/main", shaA)

		h.deliverLate(t, push("main", shaB)) // the forge is behind for long
		wantStates(t, h, "canceled superseded", "queued")
		h.forge.happen(push("main", shaB))
		h.forge.setHeads(push("main", shaB))
		h.forge.hush("", true)
		h.surveyed(t, "refs/heads/main", shaB)
		h.allDecided(t)
		if h.forge.hush("", false); h.waits(t, shaB) != 1 || h.waits(t, shaA) != 0 {
			t.Fatalf("the head was not mended while the forge was silent: %q", h.states(t))
		}

		h.deliverLate(t, push("main", shaD))
		h.forge.setHeads(push("main", shaD))
		h.surveyed(t, "refs/heads/main", shaD)
		h.allDecided(t)
		if h.waits(t, shaD) != 0 {
			t.Fatalf("the forge still shows another head: %q", h.states(t))
		}
		h.forge.happen(push("main", shaD))
		h.clock.forward(time.Hour)
		h.work(t, func() bool { return h.waits(t, shaD) == 1 && h.waits(t, shaB) == 0 })
	})
}

func TestASurveyLeavesABuildAloneThatAPersonStarted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		h := newHouseOn(t, database)
		p := h.project(t)
		pipeline := h.pipeline(t, p.ID, "Android", cancelPrevious())
		h.forge.setHeads(push("main", shaC))
		h.surveyed(t, "refs/heads/main", shaC)
		h.deliver(t, after(shaA, push("main", shaB)))
		if _, err := h.TriggerBuild(t.Context(), h.owner, app.TriggerBuild{ProjectID: p.ID, PipelineID: pipeline.ID, Branch: "main", SHA: shaA, Type: core.TriggerManual}); err != nil {
			t.Fatal(err)
		}
		wantStates(t, h, "canceled superseded", "queued")
		h.forge.setHeads(push("main", shaB))
		h.surveyed(t, "refs/heads/main", shaB)
		h.allDecided(t)
		wantStates(t, h, "canceled superseded", "queued")
	})
}

func TestAReopenedPullRequestIsBuiltThoughTheForgeStillShowsItClosed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		h := newHouseOn(t, database)
		h.pipeline(t, h.project(t).ID, "Android")
		opened := pullRequest(5, "work", shaA)
		closed := ignored(opened, core.WhyAction)
		closed.Closed, closed.SHA = true, shaA
		h.deliver(t, opened)
		h.deliver(t, closed)
		wantStates(t, h, "canceled not_needed")
		id := h.keep(t, marshaled(t, opened))
		h.work(t, func() bool {
			d, err := h.store.FindDelivery(t.Context(), id)
			return err == nil && (d.Status != core.DeliveryReceived || d.NotBefore.After(h.clock.now()))
		})
		h.forge.happen(opened)
		h.decided(t, id)
		wantStates(t, h, "canceled not_needed", "queued")
	})
}

func TestTheNewestCommitIsNotRefusedWhereTheForgeCannotSay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		h := newHouseOn(t, database)
		p := h.project(t, func(in *app.CreateProject) { in.Quota = core.Quota{MaxQueued: 1} })
		h.pipeline(t, p.ID, "Android", cancelPrevious())
		h.deliver(t, push("main", shaA))
		h.forge.hush("", true)
		h.deliver(t, after(shaA, push("main", shaB)))
		wantStates(t, h, "queued", "queued")
		h.deliver(t, push("other", shaC)) // which would replace nothing
		wantStates(t, h, "queued", "queued")
		h.forge.hush("", false)
		h.deliver(t, after(shaB, push("main", shaD)))
		wantStates(t, h, "canceled superseded", "canceled superseded", "queued")
	})
}

// The forge shows for long what was so before the event: its build is the newest all the same.
func TestAForgeThatStaysBehindReplacesNoCommitByTheOneBefore(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		h := newHouseOn(t, database)
		h.pipeline(t, h.project(t).ID, "Android", cancelPrevious())
		h.deliver(t, push("main", shaA))
		h.deliverLate(t, after(shaA, push("main", shaB)))
		wantStates(t, h, "queued", "queued")
		if b := h.builds(t)[1]; b.SHA != shaB {
			t.Errorf("the newest is of %s", b.SHA)
		}
	})
}

// main is set back to what was built days ago, and what stood there between is told of late.
func TestALateBuildIsNotPlacedDaysBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		h := newHouseOn(t, database)
		p := h.project(t)
		pipeline := h.pipeline(t, p.ID, "Android")
		h.deliver(t, push("main", shaA))
		if err := h.Finish(t.Context(), h.running(t).Lease, core.Result{Status: core.BuildSucceeded}); err != nil {
			t.Fatal(err)
		}
		h.clock.forward(5 * 24 * time.Hour)
		today := h.clock.now()
		h.deliverLate(t, after(shaC, push("main", shaB)))
		if _, err := h.TriggerBuild(t.Context(), h.owner, app.TriggerBuild{ProjectID: p.ID, PipelineID: pipeline.ID, Branch: "main", SHA: shaA}); err != nil {
			t.Fatal(err)
		}
		h.deliverLate(t, after(shaC, push("main", shaD)))
		var order string
		for _, b := range h.builds(t) {
			order += b.SHA[39:]
			if b.Number > 1 && b.CreatedAt.Before(today) {
				t.Errorf("#%d has its place at %v", b.Number, b.CreatedAt)
			}
		}
		if order != "abda" {
			t.Errorf("the builds are of %s", order)
		}
	})
}

func TestAForgeThatGivesNoAnswerIsNotAskedForEachPush(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android", cancelPrevious())
	h.deliver(t, push("main", shaA))
	h.forge.hush("", true)
	h.forge.asking = func() { h.clock.forward(10 * time.Second) }
	for i, want := range []int{1, 1, 2} {
		if i == 2 {
			h.clock.forward(time.Minute)
		}
		if h.deliver(t, push("main", sha(i))); h.forge.looked != want {
			t.Errorf("push %d: asked %d times, want %d", i+1, h.forge.looked, want)
		}
	}
	wantStates(t, h, "queued", "queued", "queued", "queued")
}
