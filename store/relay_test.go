package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/storetest"
)

// ear is what a server hears of the others.
type ear struct {
	mu     sync.Mutex
	heard  map[string]int
	calls  int
	missed int
}

func listen(t *testing.T, s *store.Store) *ear {
	t.Helper()
	e := &ear{heard: map[string]int{}}
	ctx, cancel := context.WithCancel(t.Context())
	var listening sync.WaitGroup
	listening.Go(func() {
		s.Relay().Listen(ctx, func(topics []string) {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.calls++
			for _, topic := range topics {
				e.heard[topic]++
			}
		}, func() {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.missed++
		})
	})
	t.Cleanup(func() { // before the store is closed
		cancel()
		listening.Wait()
	})
	e.wait(t, "it listens", func() bool { return e.missed > 0 })
	return e
}

func (e *ear) wait(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		e.mu.Lock()
		over := done()
		e.mu.Unlock()
		if over {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("it did not happen: %s", what)
		}
	}
}

func TestRingsReachTheOtherServers(t *testing.T) {
	url := storetest.Postgres(t)
	a, b := open(t, url), open(t, url)
	mine, other := listen(t, a), listen(t, b)
	a.Relay().Send("queue", "outbox")
	other.wait(t, "both rings come", func() bool { return other.heard["queue"] == 1 && other.heard["outbox"] == 1 })

	// Many at once, more than one notification holds, come in few.
	calls := other.calls
	for n := range 1000 {
		a.Relay().Send(fmt.Sprintf("build:00000000-0000-0000-0000-%012d", n), "builds")
	}
	other.wait(t, "all rings come", func() bool { return len(other.heard) == 1003 })
	other.mu.Lock()
	if n := other.calls - calls; n > 200 {
		t.Errorf("1000 rings in a moment came in %d notifications", n)
	}
	other.mu.Unlock()

	// Too many: everybody looks.
	missed := other.missed
	topics := make([]string, 20_000)
	for n := range topics {
		topics[n] = fmt.Sprint("n", n)
	}
	a.Relay().Send(topics...) // at once: some might be told before the last is there
	other.wait(t, "who cannot be told what rang is told to look at all", func() bool { return other.missed > missed })

	b.Relay().Send("back")
	mine.wait(t, "the other way works too", func() bool { return mine.heard["back"] == 1 })
	mine.mu.Lock()
	defer mine.mu.Unlock()
	if len(mine.heard) != 1 {
		t.Errorf("a server hears itself: %v", len(mine.heard))
	}
}

func TestAServerThatIsCutOffListensAgain(t *testing.T) {
	url := storetest.Postgres(t)
	a, b := open(t, url), open(t, url)
	e := listen(t, b)
	execute(t, url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'LISTEN oore'")
	e.wait(t, "it knows that it may have missed some", func() bool { return e.missed == 2 })
	a.Relay().Send("queue")
	e.wait(t, "it hears again", func() bool { return e.heard["queue"] == 1 })
}
