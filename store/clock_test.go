package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

func TestWhatAClockThatWasAheadPutOffIsPulledBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		h.queue(t, h.newBuild())
		b := h.claim(t, "lease")
		_, err := h.RenewLease(ctx, core.Lease{BuildID: b.ID, RunnerID: b.RunnerID, Token: b.LeaseToken}, at(100))
		ok(t, err)
		ok(t, h.WantEffect(ctx, core.Effect{Key: "status:p:s", Kind: core.EffectStatus, NotBefore: at(100), UpdatedAt: at(1)}))
		d := core.Delivery{ID: "d1", Provider: core.ProviderGitHub, DeliveryID: "d1", Event: "push", Status: core.DeliveryReceived, ReceivedAt: at(90), NotBefore: at(100)}
		_, _, err = h.ReceiveDelivery(ctx, d)
		ok(t, err)
		last, err := h.LastSigns(ctx)
		ok(t, err)
		equal(t, last, core.LastSigns{Newest: at(90), Served: at(90)})
		ok(t, h.PullBack(ctx, at(5), at(7)))
		if lost, err := h.ListLeased(ctx, at(8), ""); err != nil || len(lost) != 1 {
			t.Errorf("%d leases have ended, %v", len(lost), err)
		}
		if due, err := h.TakeEffects(ctx, at(5), at(6), 10); err != nil || len(due) != 1 {
			t.Errorf("%d effects are due, %v", len(due), err)
		}
		if due, err := h.DueDeliveries(ctx, at(5), 10, nil, nil); err != nil || len(due) != 1 {
			t.Errorf("%d deliveries are due, %v", len(due), err)
		}
	})
}

// TestAClockThatWasAheadBreaksNoPromise: for as long as it had been ahead every running
// build, and all that was due, was said to be late.
func TestAClockThatWasAheadBreaksNoPromise(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ended := lived(t, url)
		ctx, now := t.Context(), time.Now()
		tomorrow := now.AddDate(0, 0, 1)
		h.queue(t, h.newBuild())
		b := h.claim(t, "live")
		_, err := h.RenewLease(ctx, core.Lease{BuildID: b.ID, RunnerID: b.RunnerID, Token: b.LeaseToken}, tomorrow)
		ok(t, err)
		ok(t, h.WantEffect(ctx, core.Effect{Key: core.StatusKey(h.pipeline.ID, b.SHA), Kind: core.EffectStatus, RepositoryID: h.project.RepositoryID, PipelineID: h.pipeline.ID, SHA: b.SHA, NotBefore: tomorrow, UpdatedAt: now}))
		_, _, err = h.ReceiveDelivery(ctx, core.Delivery{ID: "d1", Provider: core.ProviderGitHub, DeliveryID: "d1", Event: "push", Status: core.DeliveryReceived, ReceivedAt: now, NotBefore: tomorrow})
		ok(t, err)
		execute(t, url, fmt.Sprintf("UPDATE builds SET updated_at = %d WHERE id = '%s'", tomorrow.UnixMicro(), ended.ID))
		ok(t, h.PullBack(ctx, now.Add(time.Hour), now.Add(time.Hour))) // so that a slow machine is not late
		clean(t, h.Store)
	})
}

// What was queued by a clock that was ahead stood behind everything new, and did not expire.
func TestWhatWasQueuedByAClockThatWasAheadWaitsNoLonger(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		ahead, now := h.newBuild(), h.newBuild()
		ahead.QueuedAt, now.QueuedAt = at(90), at(4)
		ahead, now = h.queue(t, ahead), h.queue(t, now)
		ok(t, h.PullBack(ctx, at(5), at(7)))
		next := h.newBuild()
		next.QueuedAt = at(6)
		next = h.queue(t, next)
		for _, want := range []core.Build{now, ahead, next} {
			if b := h.claim(t, "lease-"+want.ID); b.ID != want.ID {
				t.Errorf("claimed is %s, queued at %s; want %s", b.ID, b.QueuedAt, want.ID)
			}
		}
	})
}

// A build is held for no longer than it waits, however often the same time is told.
func TestTimeWithoutAServerCountsForNothingThatWaits(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		b := h.newBuild()
		b.QueuedAt = at(10)
		b = h.queue(t, b)
		waits := func(before time.Time) bool {
			t.Helper()
			stale, err := h.ListQueuedBefore(ctx, before)
			ok(t, err)
			return len(stale) == 0
		}
		equal(t, waits(at(11)), false)
		ok(t, h.Unserved(ctx, at(20), at(50)))
		started, err := h.LastSigns(ctx)
		ok(t, err)
		if !started.Newest.Equal(at(50)) || !started.Served.Before(at(50)) {
			t.Errorf("a start in doubt, without any sign before, left %+v", started)
		}
		equal(t, waits(at(40)), true) // it has waited from 10 to 20
		equal(t, waits(at(41)), false)
		ok(t, h.Unserved(ctx, at(20), at(50))) // by the next that starts
		ok(t, h.Unserved(ctx, at(0), at(50)))
		equal(t, waits(at(41)), false)
		ok(t, h.NoteSign(ctx, at(60)))
		ok(t, h.Unserved(ctx, at(55), at(70))) // by one that does not know of the sign
		ok(t, h.Unserved(ctx, at(60), at(70)))
		equal(t, waits(at(50)), true)
		equal(t, waits(at(51)), false)
		last, err := h.LastSigns(ctx)
		ok(t, err)
		equal(t, last, core.LastSigns{Newest: at(70), Served: at(60)}) // what is told of no server is no sign of one

		ok(t, h.PullBack(ctx, at(30), at(30))) // the clock was ahead: nothing is held to beyond now
		equal(t, waits(at(30)), true)
		equal(t, waits(at(31)), false)
	})
}
