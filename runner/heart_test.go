package runner

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// beats notes the beats of a pool and answers them.
type beats struct {
	*house
	mu     sync.Mutex
	all    []core.RunnerBeat
	answer func(n int) error
}

func (b *beats) Heartbeat(_ context.Context, beat core.RunnerBeat) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = append(b.all, beat)
	return b.answer(len(b.all))
}

func TestAPoolBeatsFromItsStartToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		house := &beats{house: newHouse(), answer: func(n int) error {
			if n < 3 || n == 5 {
				return core.Errorf(core.KindUnavailable, "away")
			}
			return nil
		}}
		drained, drain := context.WithCancel(t.Context())
		p := &Pool{jobs: house, log: quiet(), slots: 2, gate: newGate("/", roomy), runner: core.Runner{ID: "r", Version: "1"}, drained: drained}
		ctx, cancel := context.WithCancel(t.Context())
		h := newHeart(p)
		if err := h.first(ctx); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- h.beat(ctx) }()
		time.Sleep(2*core.BeatEvery + time.Second)
		drain()
		synctest.Wait()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if len(house.all) != 6 {
			t.Fatalf("%d beats, want three until it was heard, two, and one of the drain", len(house.all))
		}
		for i, b := range house.all {
			if b.RunnerID != "r" || b.Session == "" || b.Session != house.all[0].Session || b.First != (i < 3) || b.Draining != (i == 5) || b.Slots != 2 || b.Version != "1" || b.Validate() != nil {
				t.Errorf("beat %d is %+v", i, b)
			}
		}
	})
}

func TestAPoolThatIsTurnedAwayStopsWhatItRuns(t *testing.T) {
	repo := newRepository(t)
	house := &beats{house: newHouse(), answer: func(int) error { return nil }}
	house.submit(repo.job("b1", "echo ready; sleep 600"))
	pool, err := newPool(Options{Jobs: house, Runner: testRunner(), Slots: 1, Dir: t.TempDir(), Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- pool.Run(t.Context()) }()
	house.untilPrinted(t, "b1", "ready")
	house.mu.Lock()
	house.answer = func(int) error { return core.Codef(core.KindConflict, core.CodeRunnerReplaced, "another one") }
	house.mu.Unlock()
	pool.Drain() // beats at once; the build goes on
	select {
	case err := <-ended:
		var turned *turnedAwayError
		if !errors.As(err, &turned) || core.CodeOf(err) != core.CodeRunnerReplaced {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("the pool goes on")
	}
	if l := house.ledger("b1"); l.result.Reason != core.ReasonRunnerShutdown {
		t.Errorf("the build ended as %+v", l.result)
	}
}

func TestADrainedPoolEndsWithItsLastBuild(t *testing.T) {
	repo := newRepository(t)
	house := newHouse()
	flag := t.TempDir() + "/go"
	house.submit(repo.job("b1", "echo ready; while [ ! -e "+flag+" ]; do sleep 0.05; done; echo through"))
	pool, err := newPool(Options{Jobs: house, Runner: testRunner(), Slots: 1, Dir: t.TempDir(), Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- pool.Run(t.Context()) }()
	house.untilPrinted(t, "b1", "ready")
	pool.Drain()
	house.submit(repo.job("b2", "true"))
	repo.must(os.WriteFile(flag, nil, 0o600))
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("the pool goes on")
	}
	mustEnd(t, house.ledger("b1"), core.BuildSucceeded, "", "")
	if l := house.ledger("b2"); l.status != core.BuildQueued {
		t.Errorf("a drained pool took another build, which is %s", l.status)
	}
}
