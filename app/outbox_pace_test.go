package app_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// Ten pushes to a pull request, each of which is built to its end, within five seconds: what
// the comment says first and that it has ended is written at once, all else waits its turn,
// and what stands there in the end is the last.
func TestACommentIsEditedSeldomHoweverMuchHappens(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	key := core.CommentKey(h.repositoryID(t), 5)
	effect := func() core.Effect {
		e, err := h.store.FindEffect(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	told := func() bool { e := effect(); return e.Done == e.Wanted }
	const pushes = 10
	for i := range pushes {
		event := pullRequest(5, "feature", fmt.Sprintf("%040x", i+1))
		if i > 0 {
			event.Action = "synchronize"
		}
		h.deliver(t, event)
		h.work(t, func() bool { return told() || effect().LastError != "" })
		job := h.running(t)
		result := core.Result{Status: core.BuildSucceeded}
		if i == pushes-1 {
			result = core.Result{Status: core.BuildFailed, Reason: core.ReasonCommandFailed, Message: "build-1 failed: exit 1"}
		}
		h.clock.forward(250 * time.Millisecond)
		if err := h.Finish(t.Context(), job.Lease, result); err != nil {
			t.Fatal(err)
		}
		h.work(t, func() bool { return told() || effect().LastError != "" })
		h.clock.forward(250 * time.Millisecond)
	}
	if n := len(h.forge.comments); n != 2 {
		t.Errorf("%d edits in five seconds", n)
	}
	h.clock.forward(time.Minute)
	h.work(t, told)
	last := h.forge.comments[len(h.forge.comments)-1]
	if len(h.forge.comments) != 3 || last.SHA != fmt.Sprintf("%040x", pushes) || last.State() != core.ReportFailure {
		t.Errorf("after %d edits the comment speaks of %s: %s", len(h.forge.comments), last.SHA, last.State())
	}
}
