package runner

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oore-ci/oore/app/core"
)

func TestABuildThatCannotRenewIsGivenUpBeforeTheLeaseEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		house := newHouse()
		house.setFault(func(string) error { return core.Errorf(core.KindUnavailable, "the house is away") })
		pool := &Pool{jobs: house, log: quiet(), uptime: bubbleTime()}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		c := newCourier(ctx, &build{shim: &shim{}, pool: pool, log: newJournal(0, 1)})
		claimed := time.Now()
		var lost error
		c.renew(func(error) { t.Error("it was told to stop") }, func(err error) { lost = err })
		if after := time.Since(claimed); lost == nil || after < core.FenceAfter(core.LeaseTTL) || after >= core.LeaseTTL {
			t.Errorf("given up after %s with %v; a lease lives %s", after, lost, core.LeaseTTL)
		}
	})
}

func TestTheEndOfABuildMayWaitLongerThanItsLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		house := newHouse()
		house.setFault(func(string) error { return core.Errorf(core.KindUnavailable, "the house is away") })
		ctx, cancel := context.WithCancel(t.Context())
		c := newCourier(ctx, &build{shim: &shim{}, pool: &Pool{jobs: house, log: quiet(), uptime: bubbleTime()}, log: newJournal(0, 1)})
		c.over.Store(true)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			c.renew(func(error) { t.Error("it was told to stop") }, func(err error) { t.Errorf("it was given up: %v", err) })
		}()
		time.Sleep(10 * time.Minute)
		cancel()
		<-ended
	})
}

func TestARenewalThatHangsIsGivenUpInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		c := newCourier(ctx, &build{shim: &shim{}, pool: &Pool{jobs: hanging{newHouse()}, log: quiet(), uptime: bubbleTime()}, log: newJournal(0, 1), job: core.Job{LeaseTTL: time.Minute}})
		began := time.Now()
		var lost error
		c.renew(func(error) { t.Error("it was told to stop") }, func(err error) { lost = err })
		if after := time.Since(began); lost == nil || after < core.FenceAfter(time.Minute) || after >= time.Minute {
			t.Errorf("given up after %s with %v", after, lost)
		}
	})
}

// bubbleTime is what synctest's clock makes of Uptime.
func bubbleTime() func() time.Duration {
	start := time.Now()
	return func() time.Duration { return time.Since(start) }
}

// Go's own clock stands still while the machine sleeps.
func TestASleepLongerThanTheLeaseEndsTheBuild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		house := newHouse()
		house.setFault(func(string) error { return core.Errorf(core.KindUnavailable, "no network yet") })
		awake := bubbleTime()
		for _, sole := range []bool{false, true} {
			var slept atomic.Int64
			pool := &Pool{jobs: house, log: quiet(), sole: sole, uptime: func() time.Duration { return awake() + time.Duration(slept.Load()) }}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			c := newCourier(ctx, &build{shim: &shim{}, pool: pool, log: newJournal(0, 1)})
			var lost error
			time.AfterFunc(10*time.Second, func() { slept.Store(int64(time.Hour)) })
			c.renew(func(error) { t.Error("it was told to stop") }, func(err error) { lost = err })
			if (lost == nil) != sole {
				t.Errorf("sole %v: after an hour of sleep it is given up with %v", sole, lost)
			}
		}
	})
}

// hanging is a house behind a line that went dead.
type hanging struct{ *house }

func (hanging) Renew(ctx context.Context, _ core.Lease, _ time.Duration) (core.Renewal, error) {
	<-ctx.Done()
	return core.Renewal{}, ctx.Err()
}

func TestPersistStopsAtARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls, began := 0, time.Now()
		err := persist(t.Context(), func() error {
			if calls++; calls < 20 {
				return errors.New("connection refused")
			}
			return core.Codef(core.KindConflict, core.CodeLeaseLost, "no")
		})
		if calls != 20 || core.CodeOf(err) != core.CodeLeaseLost {
			t.Errorf("%d calls, %v", calls, err)
		}
		if took := time.Since(began); took > 20*maxPause {
			t.Errorf("the pauses add up to %s", took)
		}
	})
}
