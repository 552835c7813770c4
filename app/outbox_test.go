package app_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
)

func (h *house) statusEffect(t *testing.T, b core.Build) core.Effect {
	t.Helper()
	e, err := h.store.FindEffect(t.Context(), core.StatusKey(b.PipelineID, b.SHA))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func (h *house) settled(t *testing.T, b core.Build) func() bool {
	return func() bool {
		e := h.statusEffect(t, b)
		return e.Done == e.Wanted
	}
}

func TestTheForgeIsToldOfEveryStateAndTheLastIsTheBuilds(t *testing.T) {
	h := newHouse(t)
	b := h.queued(t)
	h.work(t, h.settled(t, b))
	job := h.running(t)
	h.work(t, h.settled(t, b))
	exit := 1
	if err := h.Finish(t.Context(), job.Lease, core.Result{Status: core.BuildFailed, Reason: core.ReasonCommandFailed, Message: "build-2 failed: exit 1", ExitCode: &exit}); err != nil {
		t.Fatal(err)
	}
	h.work(t, h.settled(t, b))
	if got, want := h.forge.states(), []core.ReportState{core.ReportPending, core.ReportRunning, core.ReportFailure}; !slices.Equal(got, want) {
		t.Errorf("states %v, want %v", got, want)
	}
	if told := h.statusEffect(t, b).Told; told != b.ID+":failed" || len(h.breaches(t, "I5")) != 0 {
		t.Errorf("it remembers having told %q: %v", told, h.breaches(t, "I5"))
	}
	last := h.forge.statuses[len(h.forge.statuses)-1]
	if last.Context != "oore/android" || last.Build.SHA != shaA || last.TargetURL != "https://ci.example.com/builds/"+b.ID ||
		len(last.Description) < len("build-2 failed: exit 1") || last.Description[:22] != "build-2 failed: exit 1" {
		t.Errorf("last report %+v", last)
	}
}

func TestFiveQuickChangesCostOneCall(t *testing.T) {
	h := newHouse(t)
	b := h.queued(t)
	job := h.running(t)
	if err := h.Finish(t.Context(), job.Lease, core.Result{Status: core.BuildSucceeded}); err != nil {
		t.Fatal(err)
	}
	h.work(t, h.settled(t, b))
	if got := h.forge.states(); !slices.Equal(got, []core.ReportState{core.ReportSuccess}) {
		t.Errorf("states %v, want success alone", got)
	}
}

func TestARerunTakesTheStatusOverAndTheOldBuildNeverTakesItBack(t *testing.T) {
	h := newHouse(t)
	old := h.queued(t)
	if _, err := h.CancelBuild(t.Context(), h.owner, old.ID); err != nil {
		t.Fatal(err)
	}
	again, err := h.RerunBuild(t.Context(), h.owner, old.ID)
	if err != nil {
		t.Fatal(err)
	}
	h.work(t, h.settled(t, old))
	if got := h.forge.statuses; len(got) != 1 || got[0].Build.ID != again.ID {
		t.Errorf("reports %+v, want the newer build's alone", got)
	}
}

func TestAnOutageIsTriedAgainAndAHopelessCaseParked(t *testing.T) {
	h := newHouse(t)
	h.forge.setFail(errors.New("connection refused"))
	b := h.queued(t)
	h.work(t, func() bool { return h.statusEffect(t, b).Attempts > 0 })
	if e := h.statusEffect(t, b); e.Parked || e.LastError == "" || !e.NotBefore.After(e.UpdatedAt) {
		t.Errorf("after an outage %+v", e)
	}
	h.forge.setFail(nil)
	h.work(t, func() bool {
		if h.statusEffect(t, b).NotBefore.After(h.clock.now()) { // a minute each time made a day of it on a busy machine, and the build expired
			h.clock.forward(time.Minute)
		}
		return h.settled(t, b)()
	})
	h.forge.setFail(core.Errorf(core.KindInvalid, "No commit found for SHA"))
	if _, err := h.CancelBuild(t.Context(), h.owner, b.ID); err != nil {
		t.Fatal(err)
	}
	h.work(t, func() bool { return h.statusEffect(t, b).Parked })
	h.forge.setFail(nil)
	if _, err := h.RerunBuild(t.Context(), h.owner, b.ID); err != nil { // wanted anew: unparked
		t.Fatal(err)
	}
	h.work(t, h.settled(t, b))
}

// TestTheAgeOfWhatIsNotToldShowsWhileTheForgeIsAway: the lag is noted of what was told alone,
// and an effect's own time is that of its last try.
func TestTheAgeOfWhatIsNotToldShowsWhileTheForgeIsAway(t *testing.T) {
	h := newHouse(t)
	age := func() float64 {
		t.Helper()
		all, err := h.Readings(t.Context())
		at := slices.IndexFunc(all, func(r core.Reading) bool { return r.Metric == core.MetricStatusOldest })
		if err != nil || at < 0 {
			t.Fatalf("it is not shown: %v", err)
		}
		return all[at].Value
	}
	if got := age(); got != 0 {
		t.Errorf("of nothing it is %v", got)
	}
	h.forge.setFail(core.Errorf(core.KindUnavailable, "connection refused"))
	b := h.queued(t)
	h.clock.forward(10 * time.Minute)
	h.work(t, func() bool { return h.statusEffect(t, b).Attempts > 0 })
	if got := age(); got < 600 || got > 1200 {
		t.Errorf("after ten minutes it is %v", got)
	}
	h.forge.setFail(nil)
	h.work(t, func() bool {
		if h.statusEffect(t, b).NotBefore.After(h.clock.now()) {
			h.clock.forward(time.Minute)
		}
		return h.settled(t, b)()
	})
	if got := age(); got != 0 {
		t.Errorf("when all is told it is %v", got)
	}
}

func TestALimitIsWaitedForAndNeverParksAReport(t *testing.T) {
	h := newHouse(t)
	limited := core.Errorf(core.KindLimited, "Slow down")
	limited.RetryAfter = time.Hour
	h.forge.setFail(limited)
	b := h.queued(t)
	h.work(t, func() bool { return h.statusEffect(t, b).LastError != "" })
	e := h.statusEffect(t, b)
	if pause := e.NotBefore.Sub(e.UpdatedAt); e.Parked || e.Attempts != 0 || pause < 59*time.Second || pause > 61*time.Second {
		t.Errorf("after a limit %+v", e)
	}
	h.forge.setFail(nil)
	h.clock.forward(time.Minute)
	h.work(t, h.settled(t, b))
}

func TestOneCommentIsEditedForTheNextPushOfAPullRequest(t *testing.T) {
	h := newHouse(t)
	p := h.project(t)
	h.pipeline(t, p.ID, "Android")
	h.pipeline(t, p.ID, "Checks")
	settled := func() bool {
		e, err := h.store.FindEffect(t.Context(), core.CommentKey(h.repositoryID(t), 5))
		return err == nil && e.Done == e.Wanted
	}
	h.deliver(t, pullRequest(5, "feature", shaA))
	h.clock.forward(time.Minute) // past what a stopped worker has taken
	h.work(t, settled)
	again := pullRequest(5, "feature", shaB)
	again.Action = "synchronize"
	h.deliver(t, again)
	h.clock.forward(time.Minute)
	h.work(t, settled)
	e, err := h.store.FindEffect(t.Context(), core.CommentKey(h.repositoryID(t), 5))
	if err != nil || e.RemoteID != "c1" {
		t.Fatalf("effect %+v, %v", e, err)
	}
	last := h.forge.comments[len(h.forge.comments)-1]
	if last.SHA != shaB || len(last.Reports) != 2 || last.Number != 5 {
		t.Errorf("last comment %+v", last)
	}
}

func TestAPullRequestOpenedAfterARerunIsToldOfTheRerun(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	h.deliver(t, push("feature", shaA))
	job := h.running(t)
	if err := h.Finish(t.Context(), job.Lease, core.Result{Status: core.BuildFailed, Reason: core.ReasonRunnerLost}); err != nil {
		t.Fatal(err)
	}
	again := h.running(t)
	h.deliver(t, pullRequest(12, "feature", shaA))
	if err := h.Finish(t.Context(), again.Lease, core.Result{Status: core.BuildSucceeded}); err != nil {
		t.Fatal(err)
	}
	h.clock.forward(time.Minute) // past what a stopped worker has taken
	key := core.CommentKey(h.repositoryID(t), 12)
	h.work(t, func() bool {
		e, err := h.store.FindEffect(t.Context(), key)
		return err == nil && e.Done == e.Wanted
	})
	comment := h.forge.comments[len(h.forge.comments)-1]
	if len(comment.Reports) != 1 || comment.Reports[0].Build.ID != again.Build.ID || comment.Reports[0].State != core.ReportSuccess {
		t.Errorf("the comment speaks of %+v, want the rerun %s", comment.Reports, again.Build.ID)
	}
}

// A forge that is away for a day hears the last status all the same.
func TestAnOutageOfADayParksNoStatus(t *testing.T) {
	h := newHouse(t)
	h.forge.setFail(core.Errorf(core.KindUnavailable, "GitHub does not answer"))
	b := h.queued(t)
	if _, err := h.CancelBuild(t.Context(), h.owner, b.ID); err != nil {
		t.Fatal(err)
	}
	h.work(t, func() bool { return h.statusEffect(t, b).Attempts > 0 })
	e := h.statusEffect(t, b)
	e.Attempts = 100
	if err := h.store.SaveEffect(t.Context(), e, e.NotBefore); err != nil {
		t.Fatal(err)
	}
	h.clock.forward(time.Hour)
	h.work(t, func() bool { return h.statusEffect(t, b).Attempts > 100 })
	if e = h.statusEffect(t, b); e.Parked {
		t.Errorf("given up: %+v", e)
	}
	h.forge.setFail(nil)
	h.clock.forward(time.Hour)
	h.work(t, h.settled(t, b))
}
