package app_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/blob"
	"github.com/oore-ci/oore/store/storetest"
)

// isReady waits, since a machine that is busy may take longer than the patience of Ready.
func isReady(t *testing.T, a interface{ Ready(context.Context) error }) {
	t.Helper()
	waitFor(t, func() bool { return a.Ready(t.Context()) == nil })
}

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
	isReady(t, h)
	broken.Store(true)
	<-rounds
	<-rounds
	if got := late(4 * time.Minute); len(got) != 0 {
		t.Errorf("after four minutes: %v", got)
	}
	if got := late(6 * time.Minute); !slices.Equal(got, []string{`"reaper"`}) {
		t.Errorf("after six minutes without success: %v, want the reaper alone", got)
	}
	mended := time.Now()
	broken.Store(false)
	<-rounds
	<-rounds
	<-rounds
	if got := h.Late(mended.Add(5 * time.Minute)); len(got) != 0 {
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
		isReady(t, a)
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
	isReady(t, h)
	h.left(t, 0)
	var err error
	waitFor(t, func() bool {
		err = h.Ready(t.Context())
		return strings.Contains(core.MessageOf(err), "The disk ")
	})
	wantCode(t, err, core.KindUnavailable, core.CodeUnavailable)
	if said := core.MessageOf(err); !strings.Contains(said, "The disk that holds the database") || strings.Contains(said, "artifacts") {
		t.Errorf("it says %q: only new artifacts are refused for want of room of their own", said)
	}
	h.store.Close()
	waitFor(t, func() bool {
		return strings.Contains(core.MessageOf(h.Ready(t.Context())), "The database does not answer")
	})
}

// TestADatabaseThatTakesNoChangeIsNotReady has another process hold SQLite's lock: reads
// are answered all the while.
func TestADatabaseThatTakesNoChangeIsNotReady(t *testing.T) {
	database := storetest.SQLite(t)
	h := newHouseOn(t, database)
	isReady(t, h)
	other, err := store.OpenUnchanged(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	held, release := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- other.InTx(t.Context(), func(core.Store) error {
			close(held)
			<-release
			return nil
		})
	}()
	<-held
	waitFor(t, func() bool {
		return strings.Contains(core.MessageOf(h.Ready(t.Context())), "does not take a change within 1s")
	})
	if _, err := h.FindProject(t.Context(), h.owner, "none"); core.KindOf(err) != core.KindNotFound {
		t.Errorf("a read: %v", err)
	}
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
	isReady(t, h)
}

// TestAServerWhoseKeyOpensNothingIsNotReady gives a server another key than that under
// which the only secret is sealed.
func TestAServerWhoseKeyOpensNothingIsNotReady(t *testing.T) {
	h := newVaultHouse(t)
	p := h.project(t)
	h.secret(t, p.ID, app.SetSecret{Name: "TOKEN", Value: "a-secret"})
	isReady(t, h)
	vault, err := app.NewVault(bytes.Repeat([]byte{8}, 32))
	if err != nil {
		t.Fatal(err)
	}
	blobs := newBlobs(t)
	other, err := app.New(app.Deps{
		Store: h.store, Blobs: blobs, Archive: newArchive(t, blobs), Vault: vault, Clock: h.clock.now, NewID: uuid.NewString,
		Log: slog.New(slog.DiscardHandler), PublicURL: "https://ci.example.com", LogLimit: 1 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool {
		err = other.Ready(t.Context())
		return strings.Contains(core.MessageOf(err), "encryption key")
	})
	wantCode(t, err, core.KindUnavailable, core.CodeUnavailable)
}

// silentBlobs does not answer whether it takes a file before it is closed, whatever the
// context says: as a folder on a drive of the network that is away.
type silentBlobs struct {
	*blob.Local
	closed <-chan struct{}
}

func (s silentBlobs) Ready(context.Context) error {
	<-s.closed
	return nil
}

// TestABlobStoreThatHangsIsNotReady: /readyz answered nothing while S3 did not.
func TestABlobStoreThatHangsIsNotReady(t *testing.T) {
	t.Parallel()
	answer := make(chan struct{})
	h := newHouseOver(t, func(local *blob.Local) core.BlobStore { return silentBlobs{local, answer} })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := h.Ready(ctx); !strings.Contains(core.MessageOf(err), "does not take a file within 3s") {
		t.Errorf("it says %v", err)
	}
	close(answer)
	waitFor(t, func() bool { return h.Ready(ctx) == nil })
}
