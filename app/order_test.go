package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

// after is an event of what came directly after a commit.
func after(before string, e core.Event) core.Event {
	e.Before = before
	return e
}

func cancelPrevious() func(*app.PipelineInput) {
	return concurrency(core.Concurrency{CancelPrevious: true})
}

// The server was down for push A, saw push B, and is brought A by the forge afterwards.
func TestAnOlderPushCancelsNothingNewerAndIsReplacedItself(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		h := newHouseOn(t, database)
		h.pipeline(t, h.project(t).ID, "Android", cancelPrevious())
		a, b := after(shaC, push("main", shaA)), after(shaA, push("main", shaB))
		h.forge.happen(a)
		h.deliver(t, b)
		job := h.running(t)
		d := h.deliverLate(t, a)
		wantStates(t, h, "canceled superseded", "running") // it stands before what is newer
		if got := h.find(t, d.Verdicts[0].BuildID); got.SHA != shaA || got.StatusMessage != "Replaced by #1: main stands at bbbbbbb" {
			t.Errorf("the late build of %s: %s", got.SHA, got.StatusMessage)
		}
		if v := d.Verdicts[0]; !v.Matched || !strings.HasPrefix(v.Reason, "It came late. Replaced by #1") {
			t.Errorf("verdict %+v", v)
		}
		if err := h.Finish(t.Context(), job.Lease, core.Result{Status: core.BuildSucceeded}); err != nil {
			t.Error(err)
		}
		h.deliver(t, after(shaB, push("main", shaC)))
		wantStates(t, h, "canceled superseded", "succeeded", "queued")
	})
}

// Where all is built, badge and comment go by what the pull request stands at.
func TestBadgeAndCommentShowTheHeadWhateverCameLast(t *testing.T) {
	h := newHouse(t)
	p := h.project(t)
	pipeline := h.pipeline(t, p.ID, "Android")
	h.forge.happen(push("main", shaA))
	h.deliver(t, after(shaA, push("main", shaB)))
	job := h.running(t)
	if err := h.Finish(t.Context(), job.Lease, core.Result{Status: core.BuildSucceeded}); err != nil {
		t.Fatal(err)
	}
	h.deliverLate(t, after(shaC, push("main", shaA)))
	job = h.running(t)
	if err := h.Finish(t.Context(), job.Lease, core.Result{Status: core.BuildFailed}); err != nil {
		t.Fatal(err)
	}
	badge, err := h.FindBadge(t.Context(), h.owner, p.ID, pipeline.ID, "")
	if err != nil || badge.Status != core.BuildSucceeded {
		t.Errorf("the badge says %s of main, which stands at what succeeded (%v)", badge.Status, err)
	}

	h.forge.happen(pullRequest(1, "work", shaA[:39]+"1"))
	h.deliver(t, pullRequest(1, "work", shaA[:39]+"2"))
	h.deliverLate(t, pullRequest(1, "work", shaA[:39]+"1"))
	h.work(t, func() bool {
		h.forge.mu.Lock()
		defer h.forge.mu.Unlock()
		h.clock.forward(time.Minute)
		return len(h.forge.comments) > 0 && len(h.forge.statuses) >= 4
	})
	h.forge.mu.Lock()
	defer h.forge.mu.Unlock()
	if last := h.forge.comments[len(h.forge.comments)-1]; last.SHA != shaA[:39]+"2" {
		t.Errorf("the comment is about %s, and the pull request stands at another", last.SHA)
	}
}

func TestWhereNobodyKnowsWhichIsNewerAllAreBuilt(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android", cancelPrevious())
	h.forge.hush("", true)
	h.deliver(t, push("main", shaA))
	h.deliver(t, push("main", shaB))
	wantStates(t, h, "queued", "queued")
	h.forge.hush("", false)
	h.deliver(t, push("main", shaC))
	wantStates(t, h, "canceled superseded", "canceled superseded", "queued")
}

// A forge may announce a push before its API shows it.
func TestAForgeThatIsBehindItsOwnWordIsAskedAgain(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android", cancelPrevious())
	h.deliver(t, push("main", shaA))
	id := h.keep(t, marshaled(t, after(shaA, push("main", shaB))))
	h.work(t, func() bool {
		d, err := h.store.FindDelivery(t.Context(), id)
		return err == nil && d.NotBefore.After(h.clock.now())
	})
	wantStates(t, h, "queued")
	h.forge.happen(push("main", shaB))
	h.decided(t, id)
	wantStates(t, h, "canceled superseded", "queued")
	// What it says too late is mended by the next look at all heads.
	h.deliverLate(t, push("main", shaC))
	wantStates(t, h, "canceled superseded", "canceled superseded", "queued")
	h.forge.setHeads(push("main", shaB))
	h.surveyed(t, "refs/heads/main", shaB)
	h.forge.happen(push("main", shaC))
	h.forge.setHeads(push("main", shaC))
	h.surveyed(t, "refs/heads/main", shaC)
	h.work(t, func() bool { return len(h.builds(t)) == 4 })
	if b := h.builds(t)[3]; b.SHA != shaC || b.Status != core.BuildQueued {
		t.Errorf("the last build is %s, of %s", b.Status, b.SHA)
	}
}

func TestAnEndThatIsToldLateOrEarlyEndsNothingNewer(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	opened := pullRequest(5, "work", shaA)
	closed := ignored(opened, core.WhyAction)
	closed.Closed = true
	closed.SHA = shaA
	h.deliver(t, closed)
	if d := h.deliverLate(t, opened); d.Status != core.DeliveryIgnored || d.Reason.Code != core.WhyAction || len(h.builds(t)) != 0 {
		t.Errorf("opened after it was closed: %+v, %d builds", d.Reason, len(h.builds(t)))
	}
	h.deliver(t, opened) // reopened
	if d := h.deliverLate(t, closed); d.Status != core.DeliveryIgnored {
		t.Errorf("late news that it was closed: %+v", d.Reason)
	}
	wantStates(t, h, "queued")
	h.deliver(t, closed)
	wantStates(t, h, "canceled not_needed")

	h.deliver(t, push("line", shaB))
	h.deliverLate(t, ignored(push("line", ""), core.WhyBranchDeleted)) // and made again since
	wantStates(t, h, "canceled not_needed", "queued")
	h.deliver(t, ignored(push("line", ""), core.WhyBranchDeleted))
	wantStates(t, h, "canceled not_needed", "canceled not_needed")
}

func TestTheForgeIsAskedOnlyWhereItMatters(t *testing.T) {
	h := newHouse(t)
	p := h.project(t, func(in *app.CreateProject) { in.Forks = core.ForksBuild })
	all := h.pipeline(t, p.ID, "Android")
	asked := func(want int, e core.Event) {
		t.Helper()
		before := h.forge.looked
		if h.deliver(t, e); h.forge.looked-before != want {
			t.Errorf("%s of %s: asked %d times, want %d", e.Kind, e.SHA, h.forge.looked-before, want)
		}
	}
	asked(0, push("main", shaA))                                // the first of its branch
	asked(0, after(shaA, push("main", shaB)))                   // the next
	asked(0, pullRequest(1, "main", shaB))                      // which is built already
	asked(1, push("main", shaC))                                // it does not say what it follows
	asked(0, ignored(push("other", ""), core.WhyBranchDeleted)) // nothing waits
	yes := true
	if _, err := h.UpdatePipeline(t.Context(), h.owner, all.ID, app.PipelineInput{Concurrency: &core.Concurrency{CancelPrevious: yes}}); err != nil {
		t.Fatal(err)
	}
	asked(1, after(shaC, push("main", shaA[:39]+"d"))) // it would cancel
	asked(0, push("new", shaA[:39]+"e"))
	queue := push("main", shaA[:39]+"f")
	queue.Kind, queue.TargetBranch = core.EventMergeGroup, "main"
	asked(0, queue)
}
