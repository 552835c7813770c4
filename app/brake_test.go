package app_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
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
	h.lapse(t, core.LeaseTTL/2)
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
	h.lapse(t, core.LeaseTTL)
	h.lapse(t, core.LeaseTTL)
	for _, l := range leases {
		if b := h.find(t, l.BuildID); b.StatusReason != core.ReasonRunnerLost {
			t.Errorf("build %s is %s %s", b.ID, b.Status, b.StatusReason)
		}
	}
}

// The reaper stopped at the first build that it could not take back, and every other one
// of a lost runner stayed as it was for as long as that one did.
func TestOneBuildThatCannotBeTakenBackKeepsNoOtherWaiting(t *testing.T) {
	database := storetest.SQLite(t)
	h := newHouseOn(t, database)
	h.pipeline(t, h.project(t).ID, "Android")
	h.deliver(t, push("one", fmt.Sprintf("%040x", 1)))
	stuck := h.running(t).Lease
	h.deliver(t, push("two", fmt.Sprintf("%040x", 2)))
	other := h.running(t).Lease
	h.deliver(t, push("three", fmt.Sprintf("%040x", 3)))
	waits := h.builds(t)[slices.IndexFunc(h.builds(t), func(b core.Build) bool { return b.Status == core.BuildQueued })].ID
	h.round(t)
	for waited := time.Duration(0); waited <= core.QueueLife; waited += 30 * time.Minute {
		h.clock.forward(30 * time.Minute)
		h.round(t) // it comes late, and only gives the runners time
	}
	db, err := sql.Open("sqlite", strings.TrimPrefix(database, "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "CREATE TRIGGER bad BEFORE UPDATE ON builds WHEN OLD.id = '"+stuck.BuildID+"' BEGIN SELECT RAISE(ABORT, 'a bad row'); END"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		h.clock.forward(25 * time.Second)
		h.round(t)
	}
	h.clock.forward(25 * time.Second)
	if _, err := h.Reap(t.Context()); err == nil || !strings.Contains(err.Error(), "a bad row") {
		t.Errorf("that one build cannot be taken back is %v", err)
	}
	if b := h.find(t, other.BuildID); b.StatusReason != core.ReasonRunnerLost {
		t.Errorf("the other build of the lost runner is %s %s", b.Status, b.StatusReason)
	}
	if b := h.find(t, waits); b.Status != core.BuildExpired {
		t.Errorf("what nobody claimed is %s", b.Status)
	}
}

// When a database came back after minutes, the reaper was often first: builds that lived,
// or whose end waited to be reported, were lost, up to three of them.
func TestADatabaseThatWasAwayLosesNoBuild(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	var leases []core.Lease
	for n := range 3 {
		h.deliver(t, push(fmt.Sprintf("work-%d", n), fmt.Sprintf("%040x", n+1)))
		leases = append(leases, h.running(t).Lease)
	}
	h.round(t)
	h.clock.forward(core.LeaseTTL + time.Minute)
	h.round(t)
	if n := h.count(t, core.BuildRunning); n != len(leases) {
		t.Fatalf("%d of %d builds run on", n, len(leases))
	}
	if err := h.Finish(t.Context(), leases[0], core.Result{Status: core.BuildSucceeded}); err != nil {
		t.Errorf("what had ended meanwhile: %v", err)
	}
	if _, err := h.Renew(t.Context(), leases[1], 0); err != nil {
		t.Errorf("what lives: %v", err)
	}
	h.lapse(t, 0)
	for n, want := range []core.BuildStatus{core.BuildSucceeded, core.BuildRunning, core.BuildFailed} {
		if b := h.find(t, leases[n].BuildID); b.Status != want {
			t.Errorf("build %d is %s %s, want %s", n, b.Status, b.StatusReason, want)
		}
	}
}

// A clock set ahead by a little more than a fresh claim lives took back all of those.
func TestASmallStepOfTheClockEndsNoFreshClaim(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	h.deliver(t, push("work", fmt.Sprintf("%040x", 1)))
	h.round(t)
	job := h.claim(t)
	h.clock.forward(core.ClaimTTL(core.LeaseTTL) + time.Second)
	h.round(t)
	if _, err := h.Renew(t.Context(), job.Lease, 0); err != nil {
		t.Errorf("the claim: %v", err)
	}
}

// lapse lets d go by, and then as long as the reaper gives to runners after a pause.
func (h *house) lapse(t *testing.T, d time.Duration) {
	t.Helper()
	h.clock.forward(d)
	for range 4 {
		h.round(t)
		h.clock.forward(25 * time.Second)
	}
}

func (h *house) round(t *testing.T) {
	t.Helper()
	if _, err := h.Reap(t.Context()); err != nil {
		t.Fatal(err)
	}
}
