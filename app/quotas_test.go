package app_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

// bounded is a house with one project that has a quota.
func bounded(t *testing.T, q core.Quota) (*house, core.Project, core.Pipeline) {
	t.Helper()
	h := newHouse(t)
	p := h.project(t, func(in *app.CreateProject) { in.Quota = q })
	return h, p, h.pipeline(t, p.ID, "Android")
}

func sha(n int) string { return fmt.Sprintf("%040x", n) }

// reported are the states that the forge was told of a commit.
func (h *house) reported(commit string) (states []core.ReportState, last core.Report) {
	h.forge.mu.Lock()
	defer h.forge.mu.Unlock()
	for _, r := range h.forge.statuses {
		if r.Build.SHA == commit {
			states, last = append(states, r.State), r
		}
	}
	return states, last
}

func TestAPushBeyondTheQueuesBoundIsRefusedAndTheForgeIsTold(t *testing.T) {
	h, p, _ := bounded(t, core.Quota{MaxQueued: 2})
	h.deliver(t, push("one", sha(1)))
	h.deliver(t, push("two", sha(2)))
	const says = "The project has 2 builds waiting, and may have 2: wait until some have started, or cancel some."
	d := h.deliver(t, push("three", sha(3)))
	if d.Status != core.DeliveryIgnored || d.Reason.Code != core.WhyConcurrency || d.Reason.Text != says || len(h.builds(t)) != 2 {
		t.Fatalf("delivery %s %+v, %d builds", d.Status, d.Reason, len(h.builds(t)))
	}
	h.work(t, func() bool { states, _ := h.reported(sha(3)); return len(states) > 0 })
	if states, r := h.reported(sha(3)); !slices.Equal(states, []core.ReportState{core.ReportError}) || r.Description != "Not built: "+says || !strings.HasSuffix(r.TargetURL, "/deliveries/"+d.ID) {
		t.Errorf("the forge was told %v, %+v", states, r)
	}
	if again, err := h.EvaluateDelivery(t.Context(), h.owner, d.ID); err != nil || again.Reason != d.Reason {
		t.Errorf("by today's settings %+v, %v", again.Reason, err)
	}

	// What shares a build is no build more.
	shared := h.deliver(t, pullRequest(1, "one", sha(1)))
	if shared.Status != core.DeliveryProcessed || shared.Verdicts[0].Code != core.WhySharedBuild {
		t.Errorf("a pull request of a commit that waits: %s %+v", shared.Status, shared.Verdicts)
	}

	// Once one has started there is room, and the commit's build takes the refusal's place.
	h.running(t)
	if _, err := h.RedeliverDelivery(t.Context(), h.owner, d.ID); err != nil {
		t.Fatal(err)
	}
	h.work(t, func() bool { _, r := h.reported(sha(3)); return r.State == core.ReportPending })
	if b := h.builds(t); len(b) != 3 || b[2].SHA != sha(3) || b[2].ProjectID != p.ID {
		t.Errorf("builds %+v", b)
	}
}

func TestEveryWayToABuildKeepsTheQueuesBound(t *testing.T) {
	h, p, pipeline := bounded(t, core.Quota{MaxQueued: 1})
	h.deliver(t, push("main", sha(1)))
	job := h.running(t)
	if err := h.Finish(t.Context(), job.Lease, core.Result{Status: core.BuildFailed}); err != nil {
		t.Fatal(err)
	}
	ended := job.Build.ID
	nightly := h.schedule(t, pipeline, "0 3 * * *")
	in := app.TriggerBuild{ProjectID: p.ID, PipelineID: pipeline.ID, Key: "form"}
	first, err := h.TriggerBuild(t.Context(), h.owner, in)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := h.TriggerBuild(t.Context(), h.owner, in); err != nil || again.ID != first.ID {
		t.Errorf("the same form again: %s, %v", again.ID, err)
	}
	in.Key = ""
	_, err = h.TriggerBuild(t.Context(), h.owner, in)
	wantCode(t, err, core.KindConflict, core.CodeConcurrency)
	_, err = h.RerunBuild(t.Context(), h.owner, ended)
	wantCode(t, err, core.KindConflict, core.CodeConcurrency)
	rerun := push("main", sha(1))
	rerun.Kind, rerun.Rerun = core.EventNone, &core.Rerun{SHA: sha(1), BuildID: ended}
	if d := h.deliver(t, rerun); d.Status != core.DeliveryIgnored || d.Reason.Code != core.WhyConcurrency {
		t.Errorf("a rerun that the forge asks for: %s %+v", d.Status, d.Reason)
	}
	h.clock.set(nightly.DueAt.Add(time.Minute))
	h.turn(t)
	if s := h.findSchedule(t, nightly.ID); !strings.HasPrefix(s.LastError, "The project has 1 builds waiting") || !s.DueAt.After(nightly.DueAt) {
		t.Errorf("the schedule says %q and is due at %v", s.LastError, s.DueAt)
	}
	if n := len(h.builds(t)); n != 2 {
		t.Errorf("%d builds, want two", n)
	}
}

// A build that its runner lost is none that anybody asks for.
func TestALostBuildIsRunAgainWhateverTheQuota(t *testing.T) {
	h, _, _ := bounded(t, core.Quota{MaxQueued: 1, MinutesPerDay: 1})
	h.deliver(t, push("main", sha(1)))
	h.running(t)
	h.deliver(t, push("dev", sha(2)))
	h.lapse(t, core.LeaseTTL)
	builds := h.builds(t)
	if last := builds[len(builds)-1]; len(builds) != 3 || last.TriggerType != core.TriggerRerun {
		t.Errorf("builds %+v", builds)
	}
}

func TestMinutesThatAreUsedRefuseWhatComesForADay(t *testing.T) {
	h, p, pipeline := bounded(t, core.Quota{MinutesPerDay: 30})
	h.deliver(t, push("main", sha(1)))
	job := h.running(t)
	h.deliver(t, push("main", sha(2)))
	h.clock.forward(31 * time.Minute)
	if err := h.Finish(t.Context(), job.Lease, core.Result{Status: core.BuildSucceeded}); err != nil {
		t.Fatal(err)
	}
	d := h.deliver(t, push("main", sha(3)))
	if d.Reason.Code != core.WhyRateLimited || !strings.HasPrefix(d.Reason.Text, "The project's builds of the last 24 hours have run 31 minutes, and may run 30") {
		t.Errorf("delivery %s %+v", d.Status, d.Reason)
	}
	_, err := h.TriggerBuild(t.Context(), h.owner, app.TriggerBuild{ProjectID: p.ID, PipelineID: pipeline.ID})
	wantCode(t, err, core.KindConflict, core.CodeMinutesUsed)
	h.clock.forward(24 * time.Hour)
	if d := h.deliver(t, push("main", sha(4))); d.Status != core.DeliveryProcessed {
		t.Errorf("a day later: %s %+v", d.Status, d.Reason)
	}
}

func TestAQuotaIsForAdministrators(t *testing.T) {
	h, p, _ := bounded(t, core.Quota{MaxQueued: 5})
	maintainer := core.Actor{Kind: core.ActorUser, Name: "mia", Role: core.RoleMaintainer}
	more, name := core.Quota{MaxQueued: 50, MaxConcurrent: 2}, "Store"
	_, err := h.UpdateProject(t.Context(), maintainer, p.ID, app.UpdateProject{Quota: &more})
	wantCode(t, err, core.KindForbidden, core.CodePermissionDenied)
	same := p.Quota
	if _, err := h.UpdateProject(t.Context(), maintainer, p.ID, app.UpdateProject{Name: &name, Quota: &same}); err != nil {
		t.Errorf("a maintainer sends back what there is: %v", err)
	}
	if _, err := h.UpdateProject(t.Context(), h.owner, p.ID, app.UpdateProject{Quota: &more}); err != nil {
		t.Fatal(err)
	}
	found, err := h.FindProject(t.Context(), h.owner, p.ID)
	if err != nil || found.Quota != more {
		t.Errorf("%+v, %v", found.Quota, err)
	}
	changes := h.audit(t, core.AuditFilter{Action: core.AuditProjectUpdate})[0].Changes
	if len(changes) != 1 || changes[0].Field != "quota" || !strings.Contains(changes[0].To, `"max_queued":50`) {
		t.Errorf("audit %+v", changes)
	}
	wrong := core.Quota{MaxConcurrent: -1}
	if _, err := h.UpdateProject(t.Context(), h.owner, p.ID, app.UpdateProject{Quota: &wrong}); core.KindOf(err) != core.KindInvalid || !strings.HasPrefix(core.MessageOf(err), "quota.max_concurrent must be") {
		t.Errorf("a wrong one: %v", err)
	}
}

// Many triggers at once keep the bound exactly.
func TestTheQueuesBoundHoldsForManyAtOnce(t *testing.T) {
	h, p, pipeline := bounded(t, core.Quota{MaxQueued: 3})
	errs := make(chan error)
	for range 20 {
		go func() {
			_, err := h.TriggerBuild(t.Context(), h.owner, app.TriggerBuild{ProjectID: p.ID, PipelineID: pipeline.ID})
			errs <- err
		}()
	}
	var other []error
	for range 20 {
		if err := <-errs; err != nil && core.CodeOf(err) != core.CodeConcurrency {
			other = append(other, err)
		}
	}
	if n := len(h.builds(t)); n != 3 || len(other) > 0 {
		t.Errorf("%d builds, want three; %v", n, errors.Join(other...))
	}
}

// Who approved a fork's commit that the quota kept from being built was answered with a
// rocket.
func TestWhoApprovesBeyondTheQuotaIsTold(t *testing.T) {
	h := chatHouse(t, true)
	projects, _, err := h.ListProjects(t.Context(), h.owner, core.Page{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.UpdateProject(t.Context(), h.owner, projects[0].ID, app.UpdateProject{Quota: &core.Quota{MaxQueued: 1}}); err != nil {
		t.Fatal(err)
	}
	pipelines, err := h.ListPipelines(t.Context(), h.owner, projects[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.TriggerBuild(t.Context(), h.owner, app.TriggerBuild{ProjectID: projects[0].ID, PipelineID: pipelines[0].ID}); err != nil {
		t.Fatal(err)
	}
	d := h.say(t, "wes", "/oore approve "+shaB)
	if n := len(h.builds(t)); n != 1 || !strings.Contains(d.Reply, "is approved") || !strings.Contains(d.Reply, "The project has 1 builds waiting, and may have 1") {
		t.Errorf("%s %+v, %d builds, reply %q", d.Status, d.Reason, n, d.Reply)
	}
}

// A schedule looked at the limits before its commit was looked up, and what came meanwhile
// was beyond them.
func TestAScheduleCountsWhatComesBeforeItsBuildIsStored(t *testing.T) {
	h, p, pipeline := bounded(t, core.Quota{MaxQueued: 1})
	nightly := h.schedule(t, pipeline, "0 3 * * *")
	h.clock.set(nightly.DueAt.Add(time.Minute))
	h.forge.meet = func() {
		h.forge.meet = nil
		if _, err := h.TriggerBuild(t.Context(), h.owner, app.TriggerBuild{ProjectID: p.ID, PipelineID: pipeline.ID}); err != nil {
			t.Error(err)
		}
	}
	h.turn(t)
	if s := h.findSchedule(t, nightly.ID); !strings.HasPrefix(s.LastError, "The project has 1 builds waiting") || !s.DueAt.After(nightly.DueAt) || len(h.builds(t)) != 1 {
		t.Errorf("%d builds; the schedule says %q and is due at %v", len(h.builds(t)), s.LastError, s.DueAt)
	}
}

func TestSchedulesOfManyServersKeepTheQueuesBound(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		h := newHouseOn(t, database)
		p := h.project(t, func(in *app.CreateProject) { in.Quota = core.Quota{MaxQueued: 2} })
		pipeline := h.pipeline(t, p.ID, "Android")
		for range 6 {
			h.schedule(t, pipeline, "*/10 * * * *")
		}
		h.clock.forward(10 * time.Minute)
		var group sync.WaitGroup
		for range 3 {
			other := newHouseOn(t, database)
			other.clock.set(h.clock.now())
			group.Go(func() { other.turn(t); other.turn(t) })
		}
		group.Wait()
		if n := len(h.builds(t)); n != 2 {
			t.Errorf("%d builds, want two", n)
		}
	})
}

// The build of the newest commit was refused because the one waited that it replaces.
func TestABuildThatIsReplacedDoesNotCountAsWaiting(t *testing.T) {
	h := newHouse(t)
	p := h.project(t, func(in *app.CreateProject) { in.Quota = core.Quota{MaxQueued: 1} })
	pipeline := h.pipeline(t, p.ID, "Android", concurrency(core.Concurrency{CancelPrevious: true}))
	first, second := h.deliver(t, push("main", sha(1))), h.deliver(t, push("main", sha(2)))
	if _, err := h.TriggerBuild(t.Context(), h.owner, app.TriggerBuild{ProjectID: p.ID, PipelineID: pipeline.ID}); err != nil {
		t.Errorf("by hand: %v", err)
	}
	other := h.deliver(t, push("other", sha(3)))
	if first.Reason.Code != core.WhyBuilds || second.Reason.Code != core.WhyBuilds || other.Reason.Code != core.WhyConcurrency {
		t.Errorf("%+v, then %+v, on another branch %+v", first.Reason, second.Reason, other.Reason)
	}
	var states []core.BuildStatus
	for _, b := range h.builds(t) {
		states = append(states, b.Status)
	}
	if want := []core.BuildStatus{core.BuildCanceled, core.BuildCanceled, core.BuildQueued}; !slices.Equal(states, want) {
		t.Errorf("builds are %v, want %v", states, want)
	}
	if again, err := h.EvaluateDelivery(t.Context(), h.owner, second.ID); err != nil || again.Reason.Code != core.WhyBuilds {
		t.Errorf("evaluated again: %+v, %v", again.Reason, err)
	}
}
