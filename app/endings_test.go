package app_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func ignored(e core.Event, code string) core.Event {
	e.Kind, e.SHA, e.Ignored = core.EventNone, "", &core.Reason{Code: code, Text: "Nothing to build."}
	return e
}

func TestADeletedBranchEndsWhatWaitsAndNotWhatRuns(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	h.deliver(t, push("feature", shaA))
	running := h.running(t)
	h.deliver(t, push("feature", shaB))
	h.deliver(t, push("other", shaA[:39]+"c"))
	d := h.deliver(t, ignored(push("feature", ""), core.WhyBranchDeleted))
	if d.Status != core.DeliveryProcessed || d.Reason.Code != core.WhyCanceled {
		t.Errorf("delivery %s %+v", d.Status, d.Reason)
	}
	builds := h.builds(t)
	if got := builds[0].Status; got != core.BuildRunning || builds[0].ID != running.Build.ID {
		t.Errorf("what ran is %s", got)
	}
	if b := builds[1]; b.Status != core.BuildCanceled || !strings.Contains(b.StatusMessage, "feature was deleted") {
		t.Errorf("what waited is %s: %s", b.Status, b.StatusMessage)
	}
	if builds[2].Status != core.BuildQueued {
		t.Errorf("another branch's build is %s", builds[2].Status)
	}
	if d := h.deliver(t, ignored(push("gone", ""), core.WhyBranchDeleted)); d.Status != core.DeliveryIgnored || d.Reason.Code != core.WhyBranchDeleted {
		t.Errorf("nothing waited: %s %+v", d.Status, d.Reason)
	}
}

func TestAClosedPullRequestEndsWhatWaitsForItAlone(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	h.deliver(t, push("shared", shaB)) // the push made this build; the pull request joins it
	h.deliver(t, pullRequest(5, "shared", shaB))
	h.deliver(t, pullRequest(5, "feature", shaA))
	h.deliver(t, pullRequest(6, "feature", shaA[:39]+"c"))
	closed := ignored(pullRequest(5, "feature", shaA), core.WhyAction)
	closed.Closed = true
	h.deliver(t, closed)
	want := []core.BuildStatus{core.BuildQueued, core.BuildCanceled, core.BuildQueued}
	for i, b := range h.builds(t) {
		if b.Status != want[i] {
			t.Errorf("build %d is %s, want %s", i+1, b.Status, want[i])
		}
	}
}

func TestTheCancelButtonOfACheckEndsItsBuild(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	h.deliver(t, push("main", shaA))
	job := h.running(t)
	button := push("main", shaA)
	button.Kind, button.Cancel = core.EventNone, &core.Cancel{BuildID: job.Build.ID}
	d := h.deliver(t, button)
	if b := h.find(t, job.Build.ID); b.Status != core.BuildCanceled || b.StatusMessage != "Canceled by sam" {
		t.Errorf("build is %s: %s (%+v)", b.Status, b.StatusMessage, d.Reason)
	}
	if d := h.deliver(t, button); d.Status != core.DeliveryIgnored || d.Reason.Code != core.WhyNothingToCancel {
		t.Errorf("pressed again: %s %+v", d.Status, d.Reason)
	}
}

func TestAFilteredPipelineReportsThatItWasSkippedWhereTheProjectWantsThat(t *testing.T) {
	h := newHouse(t)
	p := h.project(t)
	h.pipeline(t, p.ID, "Android", triggers(core.Trigger{Branches: []string{"main"}}))
	h.deliver(t, push("feature", shaA))
	yes := true
	if _, err := h.UpdateProject(t.Context(), h.owner, p.ID, app.UpdateProject{ReportSkipped: &yes}); err != nil {
		t.Fatal(err)
	}
	h.deliver(t, push("feature", shaB))
	h.work(t, func() bool { return len(h.forge.states()) > 0 })
	h.forge.mu.Lock()
	r := h.forge.statuses[0]
	h.forge.mu.Unlock()
	if r.State != core.ReportSkipped || r.Build.SHA != shaB || r.Context != "oore/android" || !strings.HasPrefix(r.Description, "Skipped: ") {
		t.Errorf("report %+v", r)
	}
}

func TestThePullRequestsHeadMaySayThatItIsToBeSkipped(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	e := pullRequest(1, "dev", shaB)
	e.Message = ""
	h.deliver(t, e)
	if b := h.builds(t)[0]; b.CommitMessage != "Second" || b.CommitAuthor != "ben" {
		t.Errorf("the head's message was not asked for: %q by %q", b.CommitMessage, b.CommitAuthor)
	}
	h.forge.setMessage("Typo [skip ci]")
	e = pullRequest(2, "main", shaA)
	e.Message = ""
	if d := h.deliver(t, e); d.Reason.Code != core.WhySkipMark {
		t.Errorf("a head that says [skip ci]: %+v", d.Reason)
	}
}

// What waited beyond the first 200 was run for a repository out of reach, or a branch that is
// gone.
func TestAllThatWaitsEndsHoweverMany(t *testing.T) {
	for name, e := range map[string]core.Event{
		"suspended": change(core.ChangeSuspended), "branch deleted": ignored(push("feature", ""), core.WhyBranchDeleted),
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.pipeline(t, h.project(t).ID, "Android")
			h.deliver(t, push("feature", shaA))
			b := h.builds(t)[0]
			err := h.store.InTx(t.Context(), func(tx core.Store) error {
				for range 200 {
					b.ID, b.DedupeKey = uuid.NewString(), ""
					if _, _, err := tx.CreateBuild(t.Context(), b, core.BuildEvent{BuildID: b.ID, To: core.BuildQueued, At: b.QueuedAt}); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			h.deliver(t, e)
			if n, err := h.store.CountBuilds(t.Context(), core.BuildQueued); err != nil || n != 0 {
				t.Errorf("%d still wait, %v", n, err)
			}
		})
	}
}
