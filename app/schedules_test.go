package app_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

func (h *house) schedule(t *testing.T, pipeline core.Pipeline, cron string) core.Schedule {
	t.Helper()
	name := "Nightly"
	s, err := h.CreateSchedule(t.Context(), h.owner, pipeline.ProjectID, app.ScheduleInput{Name: &name, PipelineID: &pipeline.ID, Cron: &cron})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (h *house) turn(t *testing.T) {
	t.Helper()
	if _, err := h.RunSchedules(t.Context()); err != nil {
		t.Error(err)
	}
}

func (h *house) findSchedule(t *testing.T, id string) core.Schedule {
	t.Helper()
	s, err := h.store.FindSchedule(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestManyServersStartOneBuildForEachMoment has four servers on one database, with
// several workers each, look at the same moments again and again.
func TestManyServersStartOneBuildForEachMoment(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		h := newHouseOn(t, database)
		pipeline := h.pipeline(t, h.project(t).ID, "Android")
		s := h.schedule(t, pipeline, "*/10 * * * *")
		houses := []*house{h}
		for range 3 {
			other := newHouseOn(t, database)
			other.clock = h.clock
			houses = append(houses, other)
		}
		const moments = 5
		for range moments {
			h.clock.forward(10 * time.Minute)
			now := h.clock.now()
			var group sync.WaitGroup
			for _, one := range houses {
				one.clock.set(now)
				group.Go(func() { one.turn(t); one.turn(t) })
			}
			group.Wait()
		}
		builds := h.builds(t)
		if len(builds) != moments {
			t.Errorf("%d builds of %d moments", len(builds), moments)
		}
		for _, b := range builds {
			if b.TriggerType != core.TriggerSchedule || b.Branch != "main" || b.SHA == "" || b.TriggerRef != "Nightly" || b.Status != core.BuildQueued {
				t.Errorf("%+v", b)
			}
		}
		last := builds[len(builds)-1]
		if s = h.findSchedule(t, s.ID); s.LastBuildID != last.ID || !s.DueAt.After(h.clock.now()) || s.LastError != "" {
			t.Errorf("%+v", s)
		}
	})
}

func TestOfMissedMomentsTheLastIsMadeUpForIfItIsYoung(t *testing.T) {
	h := newHouse(t) // noon
	pipeline := h.pipeline(t, h.project(t).ID, "Android")
	hourly, nightly := h.schedule(t, pipeline, "0 * * * *"), h.schedule(t, pipeline, "0 2 * * *")
	h.clock.forward(20*time.Hour + 30*time.Minute) // half past eight in the morning
	h.turn(t)
	h.turn(t)
	builds := h.builds(t)
	if len(builds) != 1 {
		t.Fatalf("%d builds", len(builds))
	}
	hourly, nightly = h.findSchedule(t, hourly.ID), h.findSchedule(t, nightly.ID)
	if hourly.LastBuildID != builds[0].ID || hourly.LastAt.Hour() != 8 || hourly.DueAt.Hour() != 9 {
		t.Errorf("every hour: %+v", hourly)
	}
	if nightly.LastBuildID != "" || !strings.Contains(nightly.LastError, "2026-11-25 02:00 UTC") || nightly.DueAt.Day() != 26 {
		t.Errorf("every night: %+v", nightly)
	}
}

func TestAScheduleWaitsForAForgeThatIsDownAndSaysWhatIsWrong(t *testing.T) {
	h := newHouse(t)
	pipeline := h.pipeline(t, h.project(t).ID, "Android")
	s := h.schedule(t, pipeline, "0 13 * * *")
	h.forge.down = 2
	h.clock.forward(time.Hour)
	for range 3 {
		h.turn(t)
		h.clock.forward(5 * time.Minute)
	}
	if builds := h.builds(t); len(builds) != 1 || builds[0].QueuedAt.Before(s.DueAt) {
		t.Fatalf("%d builds", len(builds))
	}
	no := false
	if _, err := h.UpdatePipeline(t.Context(), h.owner, pipeline.ID, app.PipelineInput{Enabled: &no}); err != nil {
		t.Fatal(err)
	}
	h.clock.forward(24 * time.Hour)
	h.turn(t)
	if s = h.findSchedule(t, s.ID); len(h.builds(t)) != 1 || !strings.Contains(s.LastError, "disabled") || !s.Enabled {
		t.Errorf("%+v", s)
	}
}

// The forge answers none of three until it was asked for all.
func TestAForgeThatHangsHoldsUpNoOtherSchedule(t *testing.T) {
	h := newHouse(t)
	pipeline := h.pipeline(t, h.project(t).ID, "Android")
	var asked sync.WaitGroup
	for range 3 {
		asked.Add(1)
		h.schedule(t, pipeline, "0 13 * * *")
	}
	all := make(chan struct{})
	go func() { asked.Wait(); close(all) }()
	h.forge.meet = func() {
		asked.Done()
		select {
		case <-all:
		case <-time.After(20 * time.Second):
			t.Error("the others wait for this one")
		}
	}
	h.clock.forward(time.Hour)
	h.turn(t)
	if builds := h.builds(t); len(builds) != 3 {
		t.Errorf("%d builds", len(builds))
	}
}

// TestAMomentIsOneBuildAlthoughTheServerForgotThatItHadStartedIt: the moment is there
// again, as after a restore of the schedules alone.
func TestAMomentIsOneBuildAlthoughTheServerForgotThatItHadStartedIt(t *testing.T) {
	h := newHouse(t)
	s := h.schedule(t, h.pipeline(t, h.project(t).ID, "Android"), "0 * * * *")
	h.clock.forward(time.Hour)
	h.turn(t)
	moved := h.findSchedule(t, s.ID)
	if err := h.store.UpdateSchedule(t.Context(), s, moved); err != nil {
		t.Fatal(err)
	}
	h.turn(t)
	if n := len(h.builds(t)); n != 1 {
		t.Errorf("%d builds", n)
	}
	if again := h.findSchedule(t, s.ID); again.LastBuildID != moved.LastBuildID || !again.DueAt.Equal(moved.DueAt) {
		t.Errorf("%+v, was %+v", again, moved)
	}
}

func TestSchedulesAreForThoseWhoMayStartWhatTheyStart(t *testing.T) {
	h := newHouse(t)
	maintainers := core.RoleMaintainer
	p := h.project(t, func(in *app.CreateProject) { in.TriggerRole = maintainers })
	pipeline := h.pipeline(t, p.ID, "Android")
	s := h.schedule(t, pipeline, "@daily")
	other := h.project(t, func(in *app.CreateProject) { in.Name = "Other" })
	for _, role := range []core.Role{core.RoleViewer, core.RoleDeveloper} {
		actor := core.Actor{Kind: core.ActorUser, Name: "dev", UserID: "u", Role: role}
		name, cron := "Mine", "* * * * *"
		if _, err := h.CreateSchedule(t.Context(), actor, p.ID, app.ScheduleInput{Name: &name, PipelineID: &pipeline.ID, Cron: &cron}); core.KindOf(err) != core.KindForbidden {
			t.Errorf("a %s makes one: %v", role, err)
		}
		if err := h.DeleteSchedule(t.Context(), actor, p.ID, s.ID); core.KindOf(err) != core.KindForbidden {
			t.Errorf("a %s deletes one: %v", role, err)
		}
		if all, err := h.ListSchedules(t.Context(), actor, p.ID); err != nil || len(all) != 1 {
			t.Errorf("a %s sees %d, %v", role, len(all), err)
		}
	}
	if err := h.DeleteSchedule(t.Context(), h.owner, other.ID, s.ID); core.KindOf(err) != core.KindNotFound {
		t.Errorf("through another project: %v", err)
	}
	name, cron := "Elsewhere", "@daily"
	if _, err := h.CreateSchedule(t.Context(), h.owner, other.ID, app.ScheduleInput{Name: &name, PipelineID: &pipeline.ID, Cron: &cron}); core.KindOf(err) != core.KindInvalid {
		t.Errorf("of another project's pipeline: %v", err)
	}
}

// Of two changes at once the later is told so: it would undo the other, which it never saw.
func TestAChangeOfAScheduleUndoesNoOther(t *testing.T) {
	h := newHouse(t)
	was := h.schedule(t, h.pipeline(t, h.project(t).ID, "Android"), "@daily")
	off, renamed := was, was
	off.Enabled, off.UpdatedAt = false, was.UpdatedAt.Add(time.Second)
	renamed.Name = "Night"
	if err := h.store.UpdateSchedule(t.Context(), off, was); err != nil {
		t.Fatal(err)
	}
	if err := h.store.UpdateSchedule(t.Context(), renamed, was); core.KindOf(err) != core.KindConflict {
		t.Errorf("the second: %v", err)
	}
	if s := h.findSchedule(t, was.ID); s.Enabled || s.Name != was.Name {
		t.Errorf("%+v", s)
	}
}

// A forge that was away for too long is what is told, and not that nobody was there.
func TestAMomentThatWasTriedUntilItWasTooLateSaysWhy(t *testing.T) {
	h := newHouse(t)
	s := h.schedule(t, h.pipeline(t, h.project(t).ID, "Android"), "@daily")
	h.clock.forward(s.DueAt.Sub(h.clock.now()))
	h.forge.down = 100
	for range 10 {
		h.turn(t)
		h.clock.forward(10 * time.Minute)
	}
	if s = h.findSchedule(t, s.ID); s.LastError != "It was tried until it was too late: 502" || len(h.builds(t)) != 0 {
		t.Errorf("%+v", s)
	}
}
