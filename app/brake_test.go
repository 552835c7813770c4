package app_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// atWork are five builds that a runner holds.
func atWork(t *testing.T) (*house, []core.Lease) {
	t.Helper()
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	var leases []core.Lease
	for n := range 5 {
		h.deliver(t, push(fmt.Sprintf("work-%d", n), fmt.Sprintf("%040x", n+1)))
		leases = append(leases, h.running(t).Lease)
	}
	return h, leases
}

func (h *house) count(t *testing.T, status core.BuildStatus) (n int) {
	t.Helper()
	for _, b := range h.builds(t) {
		if b.Status == status {
			n++
		}
	}
	return n
}

// reaped lets workers look until no lease has ended any more.
func (h *house) reaped(t *testing.T) {
	t.Helper()
	h.work(t, func() bool {
		ended, err := h.store.ListLeased(t.Context(), h.clock.now(), "")
		if err != nil {
			t.Fatal(err)
		}
		return len(ended) == 0
	})
}

// A clock that jumps ends every lease at once, and no runner has gone.
func TestAClockThatJumpsLosesNoBuild(t *testing.T) {
	h, leases := atWork(t)
	h.clock.forward(time.Hour)
	h.reaped(t)
	if n := h.count(t, core.BuildRunning); n != len(leases) {
		t.Fatalf("%d of %d builds run on after the clock has jumped", n, len(leases))
	}
	h.clock.forward(core.LeaseTTL / 2)
	for _, l := range leases[1:] {
		if _, err := h.Renew(t.Context(), l, 0); err != nil {
			t.Errorf("a runner that lives: %v", err)
		}
	}
	h.clock.forward(core.LeaseTTL/2 + time.Second)
	h.reaped(t)
	if b := h.find(t, leases[0].BuildID); b.StatusReason != core.ReasonRunnerLost {
		t.Errorf("a runner that has gone: its build is %s %s", b.Status, b.StatusReason)
	}
	if n := h.count(t, core.BuildRunning); n != len(leases)-1 {
		t.Errorf("%d builds run on, want %d", n, len(leases)-1)
	}
	h.clock.forward(-2 * time.Hour)
	h.reaped(t)
	if n := h.count(t, core.BuildRunning); n != len(leases)-1 {
		t.Errorf("%d builds run on after the clock was set back, want %d", n, len(leases)-1)
	}
}

// Where many runners have gone indeed, their builds wait for one more term and no longer.
func TestManyRunnersThatHaveGoneLoseTheirBuilds(t *testing.T) {
	h, leases := atWork(t)
	h.clock.forward(core.LeaseTTL + time.Minute)
	h.reaped(t)
	h.clock.forward(core.LeaseTTL + time.Second)
	h.reaped(t)
	for _, l := range leases {
		if b := h.find(t, l.BuildID); b.StatusReason != core.ReasonRunnerLost {
			t.Errorf("build %s is %s %s", b.ID, b.Status, b.StatusReason)
		}
	}
}
