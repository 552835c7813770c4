package app_test

import (
	"context"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

func (h *house) queued(t *testing.T) core.Build {
	t.Helper()
	p, _, err := h.ListProjects(t.Context(), h.owner, core.Page{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	if len(p) == 0 {
		h.pipeline(t, h.project(t).ID, "Android")
		return h.queued(t)
	}
	pls, err := h.ListPipelines(t.Context(), h.owner, p[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	b, err := h.TriggerBuild(t.Context(), h.owner, app.TriggerBuild{ProjectID: p[0].ID, PipelineID: pls[0].ID})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func line(seq int64, text string) core.LogRecord {
	return core.LogRecord{Sequence: seq, Content: []byte(text), Stream: core.StreamStdout, Step: "build-1", Time: time.Unix(1, 0)}
}

func TestABuildGoesFromQueuedToSucceeded(t *testing.T) {
	h := newHouse(t)
	b := h.queued(t)
	job := h.running(t)
	if job.Build.ID != b.ID || job.Lease.Token == "" || job.Repository.FullName != "acme/shop" || job.LogLimit != 1<<20 ||
		job.BuildURL != "https://ci.example.com/builds/"+b.ID {
		t.Errorf("job %+v", job)
	}
	if co, err := h.Checkout(t.Context(), job.Lease); err != nil || co.Password != "secret" {
		t.Errorf("checkout %+v, %v", co, err)
	}
	changed := h.BuildChanged(b.ID)
	if err := h.AppendLog(t.Context(), job.Lease, []core.LogChunk{core.EncodeLog(b.ID, []core.LogRecord{line(0, "one"), line(1, "two")})}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-changed:
	default:
		t.Error("readers were not woken")
	}
	page, err := h.ReadLog(t.Context(), h.owner, b.ID, -1, 0)
	if err != nil || len(page.Records) != 2 || string(page.Records[1].Content) != "two" || page.Next != 2 || page.Complete {
		t.Errorf("page %+v, %v", page, err)
	}
	if err := h.ReportStep(t.Context(), job.Lease, core.Step{BuildID: b.ID, Name: "build-1", Status: core.StepSucceeded, StartedAt: time.Unix(1, 0)}); err != nil {
		t.Fatal(err)
	}
	if err := h.Finish(t.Context(), job.Lease, core.Result{Status: core.BuildSucceeded}); err != nil {
		t.Fatal(err)
	}
	if page, err = h.ReadLog(t.Context(), h.owner, b.ID, 0, 0); err != nil || len(page.Records) != 1 || !page.Complete || page.Build.Status != core.BuildSucceeded {
		t.Errorf("page after the end %+v, %v", page, err)
	}
	err = h.AppendLog(t.Context(), job.Lease, []core.LogChunk{core.EncodeLog(b.ID, []core.LogRecord{line(2, "late")})})
	wantCode(t, err, core.KindConflict, core.CodeLeaseLost)
	wantCode(t, h.Finish(t.Context(), job.Lease, core.Result{Status: core.BuildFailed}), core.KindConflict, core.CodeLeaseLost)
	if got := h.claim(t); got != nil {
		t.Errorf("claimed again: %+v", got)
	}
}

// A renewal that was stored and one that was not ended alike when the server stopped.
func TestARenewalFailsOnlyWhereTheLeaseIsNotStored(t *testing.T) {
	h := newHouse(t)
	b := h.queued(t)
	job := h.running(t)
	before := h.find(t, b.ID).LeaseExpiresAt
	h.clock.forward(time.Second)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := h.Renew(ctx, job.Lease, patience)
		ended <- err
	}()
	waitFor(t, func() bool { return h.find(t, b.ID).LeaseExpiresAt.After(before) })
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("stored, and then %v", err)
		}
	case <-time.After(patience):
		t.Fatal("it waits for nobody")
	}
	after := h.find(t, b.ID).LeaseExpiresAt
	h.clock.forward(time.Second)
	if _, err := h.Renew(ctx, job.Lease, patience); err == nil || !h.find(t, b.ID).LeaseExpiresAt.Equal(after) {
		t.Errorf("asked after the end: %v", err)
	}
}

func TestACanceledBuildKeepsItsLogOpenUntilItsRunnerLetsGo(t *testing.T) {
	h := newHouse(t)
	b := h.queued(t)
	job := h.running(t)
	answer := make(chan core.Renewal, 1)
	go func() {
		r, err := h.Renew(context.Background(), job.Lease, patience)
		if err != nil {
			t.Error(err)
		}
		answer <- r
	}()
	if _, err := h.CancelBuild(t.Context(), h.owner, b.ID); err != nil {
		t.Fatal(err)
	}
	select {
	case r := <-answer:
		if !r.Canceled {
			t.Error("the runner was told to go on")
		}
	case <-time.After(patience):
		t.Fatal("the runner was not told")
	}
	if err := h.AppendLog(t.Context(), job.Lease, []core.LogChunk{core.EncodeLog(b.ID, []core.LogRecord{line(0, "last words")})}); err != nil {
		t.Fatal(err)
	}
	page, err := h.ReadLog(t.Context(), h.owner, b.ID, -1, 0)
	if err != nil || page.Complete {
		t.Errorf("complete %v before the runner let go, %v", page.Complete, err)
	}
	if err := h.Finish(t.Context(), job.Lease, core.Result{Status: core.BuildCanceled}); err != nil {
		t.Fatal(err)
	}
	page, err = h.ReadLog(t.Context(), h.owner, b.ID, -1, 0)
	if err != nil || !page.Complete || len(page.Records) != 1 || page.Build.Status != core.BuildCanceled || page.Build.StatusMessage != "Canceled by olga" {
		t.Errorf("after: %+v, %v", page, err)
	}
}

func TestAnAssignedBuildOfALostRunnerIsQueuedAgain(t *testing.T) {
	h := newHouse(t)
	b := h.queued(t)
	job := h.claim(t)
	if err := h.RecoverRunner(t.Context(), "r1"); err != nil {
		t.Fatal(err)
	}
	if got := h.find(t, b.ID); got.Status != core.BuildQueued || got.LeaseToken != "" {
		t.Errorf("build %+v", got)
	}
	wantCode(t, h.Start(t.Context(), job.Lease, ""), core.KindConflict, core.CodeLeaseLost)
	if again := h.claim(t); again == nil || again.Lease.Token == job.Lease.Token {
		t.Errorf("second claim %+v", again)
	}
}

func TestARunningBuildOfALostRunnerFailsAndIsRunAgainAtMostTwice(t *testing.T) {
	h := newHouse(t)
	h.queued(t)
	for range 3 {
		h.running(t)
		h.lapse(t, 2*core.LeaseTTL)
	}
	builds := h.builds(t)
	if len(builds) != 3 {
		t.Fatalf("%d builds, want the first and two more runs", len(builds))
	}
	for i, b := range builds {
		if b.Status != core.BuildFailed || b.StatusReason != core.ReasonRunnerLost || !b.LogComplete() {
			t.Errorf("build %d: %s, %s", b.Number, b.Status, b.StatusReason)
		}
		if i > 0 && (b.SourceBuildID != builds[i-1].ID || b.TriggerType != core.TriggerRerun) {
			t.Errorf("build %d is no rerun of the one before", b.Number)
		}
	}
}

func TestAStoppingRunnerGivesItsBuildsBack(t *testing.T) {
	h := newHouse(t)
	b := h.queued(t)
	job := h.claim(t)
	back := core.Result{Status: core.BuildFailed, Reason: core.ReasonRunnerShutdown, Message: "The runner was stopped"}
	if err := h.Finish(t.Context(), job.Lease, back); err != nil {
		t.Fatal(err)
	}
	if got := h.find(t, b.ID); got.Status != core.BuildQueued {
		t.Errorf("an assigned build is %s", got.Status)
	}
	job = h.running(t)
	if err := h.Finish(t.Context(), job.Lease, back); err != nil {
		t.Fatal(err)
	}
	builds := h.builds(t)
	if len(builds) != 2 || builds[0].Status != core.BuildFailed || builds[1].Status != core.BuildQueued || builds[1].LostRuns != 0 {
		t.Errorf("builds %+v", builds)
	}
}

func TestABuildThatNobodyClaimsExpires(t *testing.T) {
	h := newHouse(t)
	b := h.queued(t)
	h.clock.forward(25 * time.Hour)
	h.work(t, func() bool { return h.find(t, b.ID).Status == core.BuildExpired })
}

func TestABuildDoesNotExpireForTimeInAPausedQueue(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		h := newHouseOn(t, database)
		b := h.queued(t)
		stands := func() core.BuildStatus {
			h.lapse(t, 0)
			return h.find(t, b.ID).Status
		}
		live := func(hours int) { // without a sleep
			for range 2 * hours {
				h.clock.forward(30 * time.Minute)
				h.round(t)
			}
		}
		live(10)
		if err := h.PauseQueue(t.Context(), h.owner); err != nil {
			t.Fatal(err)
		}
		live(100)
		if got := stands(); got != core.BuildQueued {
			t.Fatalf("in a paused queue it is %s", got)
		}
		if err := h.ResumeQueue(t.Context(), h.owner); err != nil {
			t.Fatal(err)
		}
		live(13)
		if got := stands(); got != core.BuildQueued {
			t.Fatalf("after 23 hours of waiting and a pause it is %s", got)
		}
		live(2)
		if got := stands(); got != core.BuildExpired {
			t.Errorf("after 25 hours of waiting it is %s", got)
		}
	})
}

func TestStepsLeftRunningAreClosedWhenTheirBuildEnds(t *testing.T) {
	h := newHouse(t)
	b := h.queued(t)
	job := h.running(t)
	if err := h.ReportStep(t.Context(), job.Lease, core.Step{BuildID: b.ID, Name: "build-1", Status: core.StepRunning, StartedAt: time.Unix(1, 0)}); err != nil {
		t.Fatal(err)
	}
	if err := h.RecoverRunner(t.Context(), "r1"); err != nil {
		t.Fatal(err)
	}
	d, err := h.FindBuildDetail(t.Context(), h.owner, b.ID)
	if err != nil || d.Steps[0].Status != core.StepCanceled || d.Steps[0].FinishedAt == nil {
		t.Errorf("steps %+v, %v", d.Steps, err)
	}
}

func TestARingWakesAWaitingRunner(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	got := make(chan *core.Job, 1)
	go func() {
		job, err := h.Claim(context.Background(), core.Runner{ID: "r1", Name: "mini"}, patience)
		if err != nil {
			t.Error(err)
		}
		got <- job
	}()
	b := h.queued(t)
	select {
	case job := <-got:
		if job == nil || job.Build.ID != b.ID {
			t.Errorf("job %+v", job)
		}
	case <-time.After(patience):
		t.Fatal("nobody woke the runner")
	}
}

// A forge that lies about its clone address could have had a runner read any folder.
func TestAForgeNamesNoFolderOfARunner(t *testing.T) {
	h := newHouse(t)
	p := h.pipeline(t, h.project(t).ID, "Android")
	if _, err := h.TriggerBuild(t.Context(), h.owner, app.TriggerBuild{ProjectID: p.ProjectID, PipelineID: p.ID}); err != nil {
		t.Fatal(err)
	}
	job := h.claim(t)
	for _, address := range []string{"/etc", "file:///srv/other.git", "ssh://git@example.com/x.git", "ext::sh -c true", " https://example.com/x.git"} {
		h.forge.clone = address
		if got, err := h.Checkout(t.Context(), job.Lease); core.KindOf(err) != core.KindInvalid || got != (core.Checkout{}) {
			t.Errorf("%s: %+v, %v", address, got, err)
		}
	}
}
