package app_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/storetest"
)

// lockedRow keeps one repository from being stored.
type lockedRow struct {
	core.Store
	name string
}

func (s *lockedRow) SaveRepository(ctx context.Context, r core.Repository) (core.Repository, error) {
	if r.FullName == s.name {
		return r, errInjected
	}
	return s.Store.SaveRepository(ctx, r)
}

// The first webhook that could not be mended kept all others from it.
func TestAWebhookThatCannotBeMendedKeepsNoOtherFromIt(t *testing.T) {
	db, err := store.Open(t.Context(), storetest.SQLite(t), store.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	way := &lockedRow{Store: db}
	h, room := roomHouseOn(t, db, way, 1)
	ctx, names := t.Context(), []string{"acme/a", "acme/b", "acme/c"}
	for i, name := range names {
		repo, err := db.SaveRepository(ctx, core.Repository{ID: name, Provider: core.ProviderGitLab, Host: "git.example.com", ExternalID: name, FullName: name, DefaultBranch: "main", HookNote: "before", CreatedAt: h.clock.now()})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.CreateProject(ctx, h.owner, app.CreateProject{Name: names[i], RepositoryID: repo.ID}); err != nil {
			t.Fatal(err)
		}
	}
	for _, broken := range names {
		for work, look := range map[string]func(context.Context) (bool, error){"survey": h.Survey, "inventory": h.TakeInventories} {
			room.hookOff, way.name = slices.Clone(names), broken
			h.clock.forward(time.Hour) // so that there is something new to be stored
			if _, err := look(ctx); err != nil {
				t.Fatal(err)
			}
			for _, name := range room.hookOff {
				t.Errorf("%s: %s cannot be stored, and the webhook of %s was not mended", work, broken, name)
			}
		}
	}
	room.hookOff = slices.Clone(names)
	h.clock.forward(time.Hour)
	if _, err := h.Survey(ctx); err != nil {
		t.Fatal(err)
	}
	all, err := h.Readings(ctx)
	if err != nil || !slices.ContainsFunc(all, func(r core.Reading) bool { return r.Metric == core.MetricHooksOff && r.Value == 1 }) {
		t.Errorf("the one that could not be mended is not counted: %v", err)
	}
}
