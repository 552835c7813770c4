package store_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/storetest"
)

func wanted(tb testing.TB, s core.Store, key string) int64 {
	tb.Helper()
	e, err := s.FindEffect(context.Background(), key)
	if core.KindOf(err) == core.KindNotFound {
		return 0
	}
	ok(tb, err)
	return e.Wanted
}

func TestFailedTransactionLeavesNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		b := h.newBuild()
		boom := errors.New("boom")
		err := h.InTx(ctx, func(tx core.Store) error {
			stored, _, err := tx.CreateBuild(ctx, b, queued(b))
			ok(t, err)
			equal(t, stored.Number, 1)
			_, err = tx.FindBuild(ctx, b.ID) // it sees its own
			ok(t, err)
			ok(t, tx.InTx(ctx, func(inner core.Store) error { return inner.WantEffect(ctx, newEffect("k")) }))
			return boom
		})
		if !errors.Is(err, boom) || err.Error() != "boom" { // it comes back as it is
			t.Fatalf("got %v", err)
		}
		_, err = h.FindBuild(ctx, b.ID)
		refused(t, err, core.KindNotFound, core.CodeNotFound)
		equal(t, wanted(t, h, "k"), int64(0))
		equal(t, h.queue(t, h.newBuild()).Number, 1)
	})
}

// Whoever fails or panics in a commit that many share harms nobody else.
func TestFailuresDoNotHurtNeighbors(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		const callers, rounds = 30, 10
		var panics atomic.Int32
		ok(t, inParallel(callers, func(i int) error {
			for round := range rounds {
				err := sheltered(&panics, func() error {
					return s.InTx(ctx, func(tx core.Store) error {
						if err := tx.WantEffect(ctx, newEffect(fmt.Sprintf("%d-%d", i, round))); err != nil {
							return err
						}
						switch i % 3 {
						case 1:
							return errors.New("boom")
						case 2:
							panic("boom")
						}
						return nil
					})
				})
				if (err != nil) != (i%3 == 1) {
					return fmt.Errorf("caller %d: %w", i, err)
				}
			}
			return nil
		}))
		equal(t, panics.Load(), int32(callers/3*rounds))
		for i := range callers {
			for round := range rounds {
				equal(t, wanted(t, s, fmt.Sprintf("%d-%d", i, round)) == 1, i%3 == 0)
			}
		}
	})
}

func sheltered(panics *atomic.Int32, f func() error) error {
	defer func() {
		if recover() != nil {
			panics.Add(1)
		}
	}()
	return f()
}

// A goroutine that leaves its transaction by runtime.Goexit, as a failing test does,
// must not take the writer with it.
func TestGoexitInATransaction(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			_ = s.InTx(ctx, func(tx core.Store) error {
				ok(t, tx.WantEffect(ctx, newEffect("k")))
				runtime.Goexit()
				return nil
			})
		}()
		<-gone
		equal(t, wanted(t, s, "k"), int64(0))
		ok(t, s.WantEffect(ctx, newEffect("k")))
	})
}

// A caller whose time is up before its turn never runs; one that has begun is heard
// to the end, and its cancellation does not undo what its neighbors did.
func TestCancellation(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s := open(t, url)
		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		err := s.InTx(canceled, func(core.Store) error {
			t.Error("it ran")
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
		ok(t, inParallel(20, func(i int) error {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			err := s.InTx(ctx, func(tx core.Store) error {
				if i%2 == 0 {
					cancel()
				}
				return tx.WantEffect(ctx, newEffect(fmt.Sprint(i)))
			})
			if i%2 == 1 {
				return err
			}
			return nil
		}))
		for i := 1; i < 20; i += 2 {
			equal(t, wanted(t, s, fmt.Sprint(i)), int64(1))
		}
	})
}

func TestParallelWritersLoseNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		const callers, each = 16, 20
		ok(t, inParallel(callers, func(int) error {
			for range each {
				if err := s.WantEffect(ctx, newEffect("k")); err != nil {
					return err
				}
			}
			return nil
		}))
		equal(t, wanted(t, s, "k"), int64(callers*each))
	})
}

// meterFunc is told of every note.
type meterFunc func(metric string)

// Note is core.Meter's.
func (f meterFunc) Note(metric string, _ float64, _ ...string) { f(metric) }

// Two transactions that wait for each other: PostgreSQL ends one, which starts again.
func TestDeadlockIsRetried(t *testing.T) {
	ctx := t.Context()
	var refused atomic.Int64
	s, err := store.Open(ctx, storetest.Postgres(t), store.Options{Meter: meterFunc(func(metric string) {
		if metric == core.MetricBusy {
			refused.Add(1)
		}
	})})
	ok(t, err)
	t.Cleanup(func() { ok(t, s.Close()) })
	ok(t, s.WantEffect(ctx, newEffect("0")))
	ok(t, s.WantEffect(ctx, newEffect("1")))
	var both sync.WaitGroup
	both.Add(2)
	var runs atomic.Int32
	ok(t, inParallel(2, func(i int) error {
		first := true
		return s.InTx(ctx, func(tx core.Store) error {
			runs.Add(1)
			if err := tx.WantEffect(ctx, newEffect(fmt.Sprint(i))); err != nil {
				return err
			}
			if first {
				first = false
				both.Done()
				both.Wait()
			}
			return tx.WantEffect(ctx, newEffect(fmt.Sprint(1-i)))
		})
	}))
	if runs.Load() < 3 { // more where the other one is slow to end
		t.Errorf("%d runs: none began again", runs.Load())
	}
	if refused.Load() != int64(runs.Load())-2 {
		t.Errorf("%d deadlocks are counted of %d runs", refused.Load(), runs.Load())
	}
	equal(t, wanted(t, s, "0"), int64(3))
	equal(t, wanted(t, s, "1"), int64(3))
}

func TestTwoProcessesShareADatabase(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		stores := []*store.Store{open(t, url), open(t, url)}
		ok(t, inParallel(8, func(i int) error {
			for range 10 {
				if err := stores[i%2].WantEffect(t.Context(), newEffect("k")); err != nil {
					return err
				}
			}
			return nil
		}))
		equal(t, wanted(t, stores[0], "k"), int64(80))
	})
}

func TestClosedStoreRefuses(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, err := store.Open(t.Context(), url, store.Options{})
		ok(t, err)
		ok(t, s.Close())
		_, _, err = s.ReceiveDelivery(t.Context(), newDelivery("x"))
		refused(t, err, core.KindUnavailable, core.CodeUnavailable)
		err = s.InTx(t.Context(), func(core.Store) error { return nil })
		refused(t, err, core.KindUnavailable, core.CodeUnavailable)
		ok(t, s.Close())
	})
}
