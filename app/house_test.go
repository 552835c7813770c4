package app_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/storetest"
)

// wayTo is a server's way to the database, which can be cut.
type wayTo struct {
	core.Store
	cut atomic.Bool
}

func (l *wayTo) BeatServer(ctx context.Context, s core.Server, life time.Duration) ([]core.Server, time.Time, error) {
	if l.cut.Load() {
		return nil, time.Time{}, errors.New("cut")
	}
	return l.Store.BeatServer(ctx, s, life)
}

func newServer(t *testing.T, database string, s core.Server) (*app.App, *wayTo) {
	t.Helper()
	return newServerAt(t, database, s, time.Now)
}

func newServerAt(t *testing.T, database string, s core.Server, clock func() time.Time) (*app.App, *wayTo) {
	t.Helper()
	db, err := store.Open(t.Context(), database, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	way, blobs := &wayTo{Store: db}, newBlobs(t)
	a, err := app.New(app.Deps{
		Store: way, Blobs: blobs, Archive: newArchive(t, blobs), Clock: clock, NewID: uuid.NewString, Log: slog.New(slog.DiscardHandler),
		PublicURL: "https://ci.example.com", LogLimit: 1 << 20, Server: s,
	})
	if err != nil {
		t.Fatal(err)
	}
	return a, way
}

// TestOneServerKeepsTheHouse has three servers. The one that keeps the house is cut off
// from the database, another one leaves: at every moment at most one is at work.
func TestOneServerKeepsTheHouse(t *testing.T) {
	t.Parallel()
	database := storetest.Postgres(t)
	var at sync.Mutex
	keeper, terms := -1, 0
	var ways []*wayTo
	var leave []context.CancelFunc
	var running sync.WaitGroup
	for n := range 3 {
		a, way := newServer(t, database, core.Server{ID: uuid.NewString()})
		ctx, cancel := context.WithCancel(t.Context())
		ways, leave = append(ways, way), append(leave, cancel)
		running.Go(func() {
			err := a.KeepHouse(ctx, func(ctx context.Context) {
				at.Lock()
				if keeper >= 0 {
					t.Errorf("server %d begins while %d is at work", n, keeper)
				}
				keeper, terms = n, terms+1
				at.Unlock()
				<-ctx.Done()
				at.Lock()
				keeper = -1
				at.Unlock()
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	now := func() (int, int) {
		at.Lock()
		defer at.Unlock()
		return keeper, terms
	}
	after := func(terms int) (next int) {
		waitFor(t, func() bool {
			k, n := now()
			next = k
			return k >= 0 && n > terms
		})
		return next
	}
	first := after(0)
	ways[first].cut.Store(true)
	second := after(1)
	if second == first {
		t.Errorf("server %d keeps the house without the database", first)
	}
	leave[second]()
	if third := after(2); third == second || third == first {
		t.Errorf("server %d keeps the house after %d and %d", third, first, second)
	}
	for _, cancel := range leave {
		cancel()
	}
	running.Wait()
}

func TestServersThatShareNoFilesOrKeyDoNotStartTogether(t *testing.T) {
	database := storetest.Postgres(t)
	first := core.Server{ID: "1", Name: "one", KeyID: "k", Blobs: "bucket"}
	join := func(s core.Server) error {
		a, _ := newServer(t, database, s)
		return a.Join(t.Context())
	}
	if err := join(first); err != nil {
		t.Fatal(err)
	}
	for want, s := range map[string]core.Server{
		"OORE_ENCRYPTION_KEY": {ID: "2", Name: "two", KeyID: "other", Blobs: "bucket"},
		"OORE_BLOB_URL":       {ID: "2", Name: "two", KeyID: "k", Blobs: "folder"},
	} {
		err := join(s)
		wantCode(t, err, core.KindConflict, "conflict")
		if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "one") {
			t.Errorf("the refusal says %q, which lacks %s", err, want)
		}
	}
	if err := join(core.Server{ID: "2", Name: "two", KeyID: "k", Blobs: "bucket"}); err != nil {
		t.Errorf("who shares all: %v", err)
	}
	if err := join(core.Server{ID: "1", Name: "one", KeyID: "k", Blobs: "bucket"}); err != nil {
		t.Errorf("who has started again: %v", err)
	}
}

// A server whose clock is wrong must not believe others' leases to be over.
func TestServersGoByTheDatabasesClock(t *testing.T) {
	a, _ := newServerAt(t, storetest.Postgres(t), core.Server{}, func() time.Time { return time.Now().Add(2 * time.Hour) })
	ahead := func() time.Duration { return time.Until(a.Now()).Abs() }
	if ahead() < time.Hour {
		t.Fatal("the test's clock is right")
	}
	if err := a.Join(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d := ahead(); d > time.Minute {
		t.Errorf("the server is %s off the database's clock", d)
	}
}
