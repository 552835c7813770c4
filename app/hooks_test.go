package app_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/storetest"
)

// lockedRow keeps what is to be noted of one repository from being stored.
type lockedRow struct {
	core.Store
	id string
}

func (s *lockedRow) NoteHook(ctx context.Context, id, trouble, note string, now time.Time) error {
	if id == s.id {
		return errInjected
	}
	return s.Store.NoteHook(ctx, id, trouble, note, now)
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
			room.hookOff, way.id = slices.Clone(names), broken
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

// A look at thousands of webhooks takes its time. What happened meanwhile was undone by what
// had been read before: the repositories of an integration that was disconnected counted as
// reachable for good.
func TestAWebhookThatIsNotedBringsNoRepositoryBack(t *testing.T) {
	h, room := newRoomHouse(t)
	ctx, names := t.Context(), []string{"acme/a", "acme/b", "acme/c"}
	lab := h.connectGitLab(t)
	for _, name := range names {
		repo, err := h.store.SaveRepository(ctx, core.Repository{
			ID: name, Provider: core.ProviderGitLab, Host: "git.example.com", ExternalID: name, IntegrationID: lab.ID, FullName: name, DefaultBranch: "main",
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.CreateProject(ctx, h.owner, app.CreateProject{Name: name, RepositoryID: repo.ID}); err != nil {
			t.Fatal(err)
		}
	}
	room.hookOff = slices.Clone(names)
	room.ensuring = sync.OnceFunc(func() {
		if err := h.DeleteIntegration(ctx, h.owner, lab.ID); err != nil {
			t.Error(err)
		}
	})
	if _, err := h.Survey(ctx); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		r, err := h.store.FindRepository(ctx, name)
		if err != nil || r.HookNote == "" || !strings.Contains(r.Unavailable, "disconnected") {
			t.Errorf("%+v, %v", r, err)
		}
	}
}

func TestWhatIsKnownOfAWebhookOutlivesChangesOfPipelines(t *testing.T) {
	h := newHouse(t)
	p := h.project(t)
	pipeline, name := h.pipeline(t, p.ID, "Android"), "Release"
	if err := h.store.NoteHook(t.Context(), p.RepositoryID, "", "It had been switched off", h.clock.now()); err != nil {
		t.Fatal(err)
	}
	if _, err := h.UpdatePipeline(t.Context(), h.owner, pipeline.ID, app.PipelineInput{Name: &name}); err != nil {
		t.Fatal(err)
	}
	h.pipeline(t, p.ID, "Checks")
	h.project(t, func(in *app.CreateProject) { in.Name = "Again" })
	if r := h.repository(t); r.HookNote != "It had been switched off" {
		t.Errorf("the note is %q", r.HookNote)
	}
	if p, err := h.FindProject(t.Context(), h.owner, p.ID); err != nil || p.Repository.HookNote == "" {
		t.Errorf("its project shows %+v, %v", p.Repository, err)
	}
}
