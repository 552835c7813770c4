package app_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// beat makes a runner online, with so many slots.
func (h *house) beat(t *testing.T, id string, slots int) {
	t.Helper()
	err := h.Heartbeat(t.Context(), core.RunnerBeat{RunnerID: id, Session: "s", First: true, Platform: "linux/x64", Version: "1", Slots: slots})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAQueuedBuildSaysWhereItStandsAndWhyItWaits(t *testing.T) {
	h := newHouse(t)
	first := h.queued(t)
	second := h.queued(t)
	want := func(b core.Build, position int, code, text string) core.QueuePlace {
		t.Helper()
		places, err := h.QueuePlaces(t.Context(), h.owner, b)
		if err != nil {
			t.Fatal(err)
		}
		p := places[b.ID]
		if p.Position != position || p.Reason.Code != code || p.Reason.Text != text {
			t.Errorf("#%d stands at %d: %+v", b.Number, p.Position, p.Reason)
		}
		return p
	}
	want(first, 1, core.WaitNoRunner, "Waits for a runner (none is connected).")
	h.beat(t, "r1", 1)
	want(first, 1, core.WaitStarting, "A runner takes it in a moment.")
	want(second, 2, core.WaitOlderFirst, "Older builds go first.")
	job := h.running(t)
	if p := want(second, 1, core.WaitSlotsBusy, "The only slot is busy."); p.EstimatedStart != nil {
		t.Errorf("nothing ever ended, and it starts at %v", p.EstimatedStart)
	}
	h.clock.forward(4 * time.Minute)
	if err := h.Finish(t.Context(), job.Lease, core.Result{Status: core.BuildSucceeded}); err != nil {
		t.Fatal(err)
	}
	third := h.queued(t)
	h.beat(t, "r1", 1)
	h.running(t)
	if p := want(third, 1, core.WaitSlotsBusy, "The only slot is busy."); p.EstimatedStart == nil || p.EstimatedStart.Sub(h.clock.now()).Round(time.Minute) != 4*time.Minute {
		t.Errorf("the build before it takes four minutes, and it starts at %v", p.EstimatedStart)
	}
	h.beat(t, "r1", 0)
	want(third, 1, core.WaitDiskFull, "Runner mini has almost no disk space left.")
	off := false
	if _, err := h.UpdateRunner(t.Context(), h.owner, "r1", app.UpdateRunner{Enabled: &off}); err != nil {
		t.Fatal(err)
	}
	want(third, 1, core.WaitPaused, "Runner mini is paused.")
	if places, err := h.QueuePlaces(t.Context(), h.owner, h.find(t, first.ID)); err != nil || len(places) != 0 {
		t.Errorf("an ended build has places %v, %v", places, err)
	}
}

func TestAStrangersPlaceInTheQueueCountsWhatHeMayNotSee(t *testing.T) {
	h := newHouse(t)
	h.beat(t, "r1", 1)
	secret := h.project(t, func(in *app.CreateProject) { in.Name, in.Visibility = "Secret", core.VisibleMembers })
	open := h.project(t, func(in *app.CreateProject) { in.Name = "Open" })
	trigger := func(projectID string) core.Build {
		b, err := h.TriggerBuild(t.Context(), h.owner, app.TriggerBuild{ProjectID: projectID, PipelineID: h.pipeline(t, projectID, "P"+time.Now().String()).ID})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	running, hidden, seen, last := trigger(secret.ID), trigger(secret.ID), trigger(open.ID), trigger(open.ID)
	if h.running(t).Build.ID != running.ID {
		t.Fatal("another build was claimed")
	}
	viewer := core.Actor{Kind: core.ActorUser, Role: core.RoleViewer}
	q, err := h.ReadQueue(t.Context(), viewer, core.Page{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	if len(q.Waiting) != 1 || q.Waiting[0].ID != seen.ID || q.Waiting[0].Place.Position != 2 || q.WaitingTotal != 3 || q.WaitingSeen != 2 || len(q.Active) != 0 || q.ActiveTotal != 1 {
		t.Errorf("a stranger sees %+v", q)
	}
	if q, err = h.ReadQueue(t.Context(), viewer, core.Page{Limit: 1, Offset: 1}); err != nil || len(q.Waiting) != 1 || q.Waiting[0].ID != last.ID || q.Waiting[0].Place.Position != 3 {
		t.Errorf("the next window is %+v, %v", q.Waiting, err)
	}
	if q, err = h.ReadQueue(t.Context(), h.owner, core.Page{Limit: 10}); err != nil || len(q.Waiting) != 3 || q.Waiting[0].ID != hidden.ID || len(q.Active) != 1 || q.Active[0].ID != running.ID {
		t.Errorf("the owner sees %+v, %v", q, err)
	}
	scoped := core.Actor{Kind: core.ActorToken, Role: core.RoleViewer, Scope: seen.ID}
	_, err = h.ReadQueue(t.Context(), scoped, core.Page{Limit: 10})
	wantCode(t, err, core.KindNotFound, core.CodeNotFound)
	_, err = h.QueuePlaces(t.Context(), scoped, seen)
	wantCode(t, err, core.KindNotFound, core.CodeNotFound)
}

func TestOnlyAdminsChangeTheQueueAndEveryChangeIsAudited(t *testing.T) {
	h := newHouse(t)
	h.beat(t, "r1", 1)
	p := h.project(t)
	pipeline := h.pipeline(t, p.ID, "Android")
	start := func() core.Build {
		b, err := h.TriggerBuild(t.Context(), h.owner, app.TriggerBuild{ProjectID: p.ID, PipelineID: pipeline.ID})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	older, younger := start(), start()
	developer := core.Actor{Kind: core.ActorUser, Name: "dora", Role: core.RoleDeveloper, Projects: map[string]core.Role{p.ID: core.RoleMaintainer}}
	admin := core.Actor{Kind: core.ActorUser, Name: "ada", Role: core.RoleAdmin}
	_, err := h.PutBuildFirst(t.Context(), developer, younger.ID)
	wantCode(t, err, core.KindForbidden, core.CodePermissionDenied)
	wantCode(t, h.PauseQueue(t.Context(), developer), core.KindForbidden, core.CodePermissionDenied)
	wantCode(t, h.ResumeQueue(t.Context(), developer), core.KindForbidden, core.CodePermissionDenied)
	for range 2 {
		if err := h.PauseQueue(t.Context(), admin); err != nil {
			t.Fatal(err)
		}
	}
	if job := h.claim(t); job != nil {
		t.Fatalf("a paused queue gave build %d away", job.Build.Number)
	}
	places, err := h.QueuePlaces(t.Context(), developer, older)
	if err != nil || places[older.ID].Reason.Code != core.WaitQueuePaused {
		t.Errorf("%+v, %v", places, err)
	}
	if o, err := h.Overview(t.Context(), developer, false); err != nil || !slices.ContainsFunc(o.Notices, func(n app.Notice) bool { return n.Code == app.NoticePaused && strings.Contains(n.Text, "ada") }) {
		t.Errorf("the dashboard does not tell of the pause: %+v, %v", o.Notices, err)
	}
	if _, err := h.PutBuildFirst(t.Context(), admin, younger.ID); err != nil {
		t.Fatal(err)
	}
	if err := h.ResumeQueue(t.Context(), admin); err != nil {
		t.Fatal(err)
	}
	if job := h.claim(t); job == nil || job.Build.ID != younger.ID {
		t.Errorf("claimed %+v, want the one that was put first", job)
	}
	_, err = h.PutBuildFirst(t.Context(), admin, younger.ID)
	wantCode(t, err, core.KindConflict, core.CodeInvalidTransition)
	var got []string
	for _, e := range h.audit(t, core.AuditFilter{}) {
		if e.Actor == "ada" {
			got = append(got, string(e.Action))
		}
	}
	if want := []string{"queue.resume", "build.first", "queue.pause"}; !slices.Equal(got, want) {
		t.Errorf("audited %v, want %v", got, want)
	}
}
