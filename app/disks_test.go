package app_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// left makes so much of the disk free, and has the server look at it.
func (h *house) left(t *testing.T, free int64) {
	t.Helper()
	h.free.Store(free)
	if err := h.LookAtDisks(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestAFullDiskTakesNothingNewAndLetsBuildsEnd has less free than the reserve: what is new
// is refused with what is free and what is needed, a build that runs goes on to its end, and
// nothing but room is needed for all to go on.
func TestAFullDiskTakesNothingNewAndLetsBuildsEnd(t *testing.T) {
	h := newHouse(t)
	h.beat(t, "r1", 2)
	first, second := h.queued(t), h.queued(t)
	job := h.running(t)
	refused := func(what string, err error) {
		t.Helper()
		wantCode(t, err, core.KindUnavailable, core.CodeUnavailable)
		for _, words := range []string{"The disk that holds ", "100.0 MB free", "268.4 MB", "by itself"} {
			if !strings.Contains(core.MessageOf(err), words) {
				t.Errorf("%s: %q does not say %q", what, core.MessageOf(err), words)
			}
		}
	}
	deliver := func() error {
		_, _, err := h.ReceiveDelivery(t.Context(), app.ReceiveDelivery{Provider: core.ProviderGitHub, DeliveryID: "d1", Event: "push", Payload: []byte("{}")})
		return err
	}
	trigger := func() error {
		_, err := h.TriggerBuild(t.Context(), h.owner, app.TriggerBuild{ProjectID: second.ProjectID, PipelineID: second.PipelineID})
		return err
	}
	put := func() error { return h.PutArtifact(t.Context(), job.Lease, apk("a.apk"), strings.NewReader("x")) }
	part := func() error {
		_, err := h.PutArtifactPart(t.Context(), job.Lease, strings.NewReader("x"))
		return err
	}
	h.left(t, 100e6)
	for what, try := range map[string]func() error{"webhook": deliver, "build": trigger, "artifact": put, "part": part} {
		refused(what, try())
	}
	refused("readiness", h.Ready(t.Context()))
	if _, total, err := h.store.ListDeliveries(t.Context(), core.DeliveryFilter{}, core.Page{}); err != nil || total != 0 || len(h.builds(t)) != 2 {
		t.Errorf("%d deliveries and %d builds are stored, %v", total, len(h.builds(t)), err)
	}
	if other, err := h.Claim(t.Context(), core.Runner{ID: "r1"}, 0); err != nil || other != nil {
		t.Errorf("claimed %+v, %v", other, err)
	}
	places, err := h.QueuePlaces(t.Context(), h.owner, second)
	if err != nil || places[second.ID].Reason.Code != core.WaitServerFull || !strings.Contains(places[second.ID].Reason.Text, "100.0 MB free") {
		t.Errorf("it waits for %+v, %v", places[second.ID], err)
	}
	if notices := fmt.Sprint(h.overview(t, h.owner, false).Notices); !strings.Contains(notices, app.NoticeServerFull) {
		t.Errorf("the dashboard says %s", notices)
	}

	if err := h.AppendLog(t.Context(), job.Lease, []core.LogChunk{core.EncodeLog(first.ID, []core.LogRecord{line(0, "it goes on")})}); err != nil {
		t.Errorf("its log: %v", err)
	}
	if err := h.Finish(t.Context(), job.Lease, core.Result{Status: core.BuildSucceeded}); err != nil {
		t.Errorf("its end: %v", err)
	}
	if b := h.find(t, first.ID); b.Status != core.BuildSucceeded {
		t.Errorf("it ended as %+v", b)
	}

	h.left(t, core.DiskReserve)
	if job = h.running(t); job.Build.ID != second.ID {
		t.Errorf("claimed %+v", job.Build)
	}
	for what, try := range map[string]func() error{"webhook": deliver, "build": trigger, "artifact": put, "part": part} {
		if err := try(); err != nil {
			t.Errorf("with room the %s is refused: %v", what, err)
		}
	}
}

// TestWhatAFullDiskRefusedIsAskedForOnceThereIsRoom does not wait for the next survey, and
// spends none of a delivery's tries while it could not be stored.
func TestWhatAFullDiskRefusedIsAskedForOnceThereIsRoom(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	h.forge.missed = []core.MissedDelivery{{ID: "1", DeliveryID: "refused"}}
	h.left(t, 0)
	for range 5 {
		if _, err := h.Survey(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(h.forge.asked) != 0 {
		t.Fatalf("asked for %v, which cannot be stored", h.forge.asked)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.RunWorkers(ctx) }()
	time.Sleep(100 * time.Millisecond) // the first survey of its start; if it comes later, all the better
	h.free.Store(1 << 40)
	waitFor(t, func() bool {
		h.forge.mu.Lock()
		defer h.forge.mu.Unlock()
		return len(h.forge.asked) > 0
	})
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestAScheduleWaitsForRoom makes up for the moment that came while the disk was full.
func TestAScheduleWaitsForRoom(t *testing.T) {
	h := newHouse(t)
	s := h.schedule(t, h.pipeline(t, h.project(t).ID, "Android"), "*/10 * * * *")
	h.left(t, 0)
	h.clock.forward(10 * time.Minute)
	h.turn(t)
	if got := h.findSchedule(t, s.ID); !strings.Contains(got.LastError, "The disk that holds the database") || len(h.builds(t)) != 0 {
		t.Errorf("%d builds, %+v", len(h.builds(t)), got)
	}
	h.left(t, 1<<40)
	h.clock.forward(time.Minute)
	h.turn(t)
	if got := h.findSchedule(t, s.ID); got.LastError != "" || len(h.builds(t)) != 1 {
		t.Errorf("%d builds, %+v", len(h.builds(t)), got)
	}
}

// TestRoomWithinTheDatabaseCountsAsFree: SQLite's file never shrinks, so on a disk that holds
// nothing else deleting made no room ever. Its log needs some outside all the same.
func TestRoomWithinTheDatabaseCountsAsFree(t *testing.T) {
	h := newHouse(t)
	h.total.Store(16 << 20) // of which 4 MiB are kept, and 1 MiB for the log
	old := h.clock.now().AddDate(0, 0, -60)
	for n := range 16 {
		d := core.Delivery{
			ID: fmt.Sprint(n), Provider: core.ProviderGitHub, DeliveryID: fmt.Sprint(n), Event: "push", Status: core.DeliveryIgnored,
			Payload: []byte(strings.Repeat("x", 256<<10)), ReceivedAt: old,
		}
		if _, _, err := h.store.ReceiveDelivery(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	receive := func() error {
		_, _, err := h.ReceiveDelivery(t.Context(), app.ReceiveDelivery{Provider: core.ProviderGitHub, DeliveryID: "d1", Event: "push", Payload: []byte("{}")})
		return err
	}
	h.left(t, 3<<20)
	wantCode(t, receive(), core.KindUnavailable, core.CodeUnavailable)

	for more := true; more; {
		var err error
		if _, more, err = h.store.ApplyRetention(t.Context(), core.Retention{DeliveriesDays: 30}, h.clock.now(), 100); err != nil {
			t.Fatal(err)
		}
	}
	h.left(t, 1<<20-1)
	wantCode(t, receive(), core.KindUnavailable, core.CodeUnavailable)
	h.left(t, 3<<20)
	if err := receive(); err != nil {
		t.Errorf("with room within it is refused: %v", err)
	}
}

// TestASmallDiskKeepsAQuarterFree: one that holds less than the reserve took nothing ever.
func TestASmallDiskKeepsAQuarterFree(t *testing.T) {
	h := newHouse(t)
	h.total.Store(200e6)
	h.left(t, 50e6)
	isReady(t, h)
	h.left(t, 49e6)
	_, _, err := h.ReceiveDelivery(t.Context(), app.ReceiveDelivery{Provider: core.ProviderGitHub, DeliveryID: "d1", Event: "push", Payload: []byte("{}")})
	wantCode(t, err, core.KindUnavailable, core.CodeUnavailable)
	if !strings.Contains(core.MessageOf(err), "49.0 MB free, and nothing new is taken in before 50.0 MB are") {
		t.Errorf("it says %q", core.MessageOf(err))
	}
}
