package app_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

// TestAServerIsReadyUntilAWorkStandsStill starts as one that has never had a success.
func TestAServerIsReadyUntilAWorkStandsStill(t *testing.T) {
	h := newHouse(t)
	var broken atomic.Bool
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 2)
	rounds := make(chan struct{})
	work := func(context.Context) (bool, error) {
		select {
		case rounds <- struct{}{}:
		case <-ctx.Done():
		}
		if broken.Load() {
			return false, errors.New("it fails")
		}
		return false, nil
	}
	began := time.Now()
	go func() { done <- h.Loop(ctx, "reaper", time.Millisecond, work) }()
	go func() {
		done <- h.Loop(ctx, "retention", time.Hour, func(context.Context) (bool, error) { return false, errors.New("later") })
	}()
	late := func(after time.Duration) []string { return h.Late(began.Add(after)) }
	<-rounds
	if err := h.Ready(t.Context()); err != nil {
		t.Errorf("just started: %v", err)
	}
	broken.Store(true)
	<-rounds
	<-rounds
	if got := late(4 * time.Minute); len(got) != 0 {
		t.Errorf("after four minutes: %v", got)
	}
	if got := late(6 * time.Minute); !slices.Equal(got, []string{`"reaper"`}) {
		t.Errorf("after six minutes without success: %v, want the reaper alone", got)
	}
	broken.Store(false)
	<-rounds
	<-rounds
	<-rounds
	if got := late(4 * time.Minute); len(got) != 0 {
		t.Errorf("it works again: %v", got)
	}
	stop()
	if err := errors.Join(<-done, <-done); err != nil {
		t.Error(err)
	}
	if got := late(time.Hour); len(got) != 0 {
		t.Errorf("what another server does now stands still here: %v", got)
	}
}

// TestEveryServerIsReadyThoughOneKeepsTheHouse has two of them. The one that does not keep
// the house does nothing of it, and the reaper's turn is the other's.
func TestEveryServerIsReadyThoughOneKeepsTheHouse(t *testing.T) {
	t.Parallel()
	database := storetest.Postgres(t)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 2)
	for range 2 {
		a, _ := newServer(t, database, core.Server{ID: uuid.NewString()})
		go func() { done <- a.RunWorkers(ctx) }()
		waitFor(t, func() bool { return a.Works() > 5 })
		if err := a.Ready(t.Context()); err != nil {
			t.Error(err)
		}
		if late := a.Late(time.Now().Add(time.Minute)); len(late) != 0 {
			t.Errorf("a minute later %v stand still", late)
		}
	}
	stop()
	if err := errors.Join(<-done, <-done); err != nil {
		t.Error(err)
	}
}

// TestReadinessSaysAllThatIsWrong takes the room away, and then the database.
func TestReadinessSaysAllThatIsWrong(t *testing.T) {
	h := newHouse(t)
	if err := h.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.left(t, 0)
	var err error
	waitFor(t, func() bool {
		err = h.Ready(t.Context())
		return err != nil
	})
	wantCode(t, err, core.KindUnavailable, core.CodeUnavailable)
	for _, words := range []string{"The disk that holds the database", "The disk that holds artifacts"} {
		if !strings.Contains(core.MessageOf(err), words) {
			t.Errorf("%q does not say %q", core.MessageOf(err), words)
		}
	}
	h.store.Close()
	waitFor(t, func() bool {
		return strings.Contains(core.MessageOf(h.Ready(t.Context())), "The database does not answer")
	})
}
