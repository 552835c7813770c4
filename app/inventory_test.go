package app_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/storetest"
)

// wakes counts how often a repository's effects are woken.
type wakes struct {
	core.Store
	n *int
}

func (s wakes) InTx(ctx context.Context, f func(core.Store) error) error {
	return s.Store.InTx(ctx, func(tx core.Store) error {
		return f(wakes{tx, s.n})
	})
}

func (s wakes) WakeEffects(ctx context.Context, repositoryID string, now time.Time) error {
	*s.n++
	return s.Store.WakeEffects(ctx, repositoryID, now)
}

func TestNothingIsWokenForARepositoryThatIsNew(t *testing.T) {
	db, err := store.Open(t.Context(), storetest.SQLite(t), store.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	n, env := 0, environment("github.com")
	h, room := roomHouseOn(t, db, wakes{db, &n}, 1, env)
	for i, name := range []string{"acme/shop", "acme/store"} {
		repo := shop()
		repo.FullName = name
		room.mu.Lock()
		room.inventory = []core.Inventory{{Installation: core.Installation{ExternalID: 3, Account: "acme"}, Repositories: []core.Repository{repo}}}
		room.mu.Unlock()
		if _, err := h.SyncIntegration(t.Context(), h.owner, env.ID); err != nil {
			t.Fatal(err)
		}
		if n != i {
			t.Errorf("%s: woken %d times, want %d", name, n, i)
		}
	}
	stored, err := db.FindRepositoryByExternalID(t.Context(), core.ProviderGitHub, "github.com", "7")
	if err != nil || stored.FullName != "acme/store" || stored.CreatedAt.IsZero() {
		t.Errorf("stored %+v, %v", stored, err)
	}
}
