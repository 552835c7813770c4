package runner

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oore-ci/oore/app/core"
)

func TestABuildThatCannotRenewIsGivenUpBeforeTheLeaseEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		house := newHouse()
		house.setFault(func(string) error { return core.Errorf(core.KindUnavailable, "the house is away") })
		pool := &Pool{jobs: house, log: quiet()}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		c := newCourier(ctx, &build{pool: pool, log: newJournal(0, 1)})
		claimed := time.Now()
		var lost error
		c.renew(func(error) { t.Error("it was told to stop") }, func(err error) { lost = err })
		if after := time.Since(claimed); lost == nil || after < fenceAfter || after >= core.LeaseTTL {
			t.Errorf("given up after %s with %v; a lease lives %s", after, lost, core.LeaseTTL)
		}
	})
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
