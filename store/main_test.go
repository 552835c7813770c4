package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/storetest"
)

// TestMain also serves as the program that TestCrash kills.
func TestMain(m *testing.M) {
	if url := os.Getenv(crashVariable); url != "" {
		crashChild(url)
		return
	}
	os.Exit(m.Run())
}

// patience is how long a test waits for what must happen: a machine may have more to do than
// our tests, so only what never happens may outlast it.
const patience = 3 * time.Minute

// migrated is the file of an SQLite database, to begin with where there is none: to migrate
// takes most of a short test's time.
var migrated = sync.OnceValues(func() ([]byte, error) {
	return storetest.MigratedFile(func(url string) error {
		s, err := store.Open(context.Background(), url, store.Options{Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			return err
		}
		return s.Close()
	})
})

func open(tb testing.TB, url string) *store.Store {
	tb.Helper()
	if path, sqlite := store.SQLitePath(url); sqlite {
		data, err := migrated()
		if err != nil {
			tb.Fatal(err)
		}
		if _, err := os.Stat(path); os.IsNotExist(err) {
			if err := os.WriteFile(path, data, 0o600); err != nil {
				tb.Fatal(err)
			}
		}
	}
	s, err := store.Open(tb.Context(), url, store.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// at is a moment as the database keeps it.
func at(minutes int) time.Time {
	return time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC).Add(time.Duration(minutes) * time.Minute)
}

var lastID atomic.Int64

func newID(kind string) string { return fmt.Sprintf("%s-%06d", kind, lastID.Add(1)) }

// house is a store with a repository, a project and a pipeline in it.
type house struct {
	*store.Store
	project  core.Project
	pipeline core.Pipeline
}

func furnish(tb testing.TB, url string) house {
	tb.Helper()
	h := house{Store: open(tb, url)}
	repo, err := h.SaveRepository(tb.Context(), newRepository("1"))
	ok(tb, err)
	h.project = newProject(repo, "app")
	ok(tb, h.CreateProject(tb.Context(), h.project))
	h.pipeline = newPipeline(h.project, "android")
	ok(tb, h.CreatePipeline(tb.Context(), h.pipeline))
	return h
}

func newRepository(externalID string) core.Repository {
	return core.Repository{
		ID: newID("repo"), Provider: core.ProviderGitHub, Host: "forge", ExternalID: externalID, IntegrationID: "app",
		FullName: "acme/app" + externalID, WebURL: "https://forge/acme/app", CloneURL: "https://forge/acme/app.git", DefaultBranch: "main", Private: true, InstallationID: 77, CreatedAt: at(0), UpdatedAt: at(0),
	}
}

func newProject(r core.Repository, slug string) core.Project {
	return core.Project{
		ID: newID("project"), Name: "The " + slug, Slug: slug, Description: "d", RepositoryID: r.ID, Repository: r, Forks: core.ForksApprove,
		Comments: core.CommentsAlways, TriggerRole: core.RoleViewer, Visibility: core.VisibleInstance,
		Checks: core.CheckStatus, CreatedAt: at(0), UpdatedAt: at(0),
	}
}

func newPipeline(p core.Project, slug string) core.Pipeline {
	return core.Pipeline{
		ID: newID("pipeline"), ProjectID: p.ID, Name: slug, Slug: slug, ConfigPath: ".oore.yaml", StatusContext: "oore/" + slug,
		Trigger:   core.Trigger{Events: []core.EventKind{core.EventPush}, Branches: []string{"main"}},
		Execution: core.ExecutionConfig{Platforms: []string{"android"}, Env: []core.EnvVar{{Key: "A", Value: "1"}}},
		Timeout:   time.Hour, Labels: []string{"linux"}, Enabled: true, CreatedAt: at(0), UpdatedAt: at(0),
	}
}

func (h house) newBuild() core.Build {
	return core.Build{
		ID: newID("build"), ProjectID: h.project.ID, PipelineID: h.pipeline.ID, Status: core.BuildQueued, TriggerType: core.TriggerAPI,
		TriggerActor: "ann", Branch: "main", SHA: "cafe", Timeout: time.Hour, QueuedAt: at(0), CreatedAt: at(0), UpdatedAt: at(0),
	}
}

func queued(b core.Build) core.BuildEvent {
	return core.BuildEvent{BuildID: b.ID, To: core.BuildQueued, Actor: b.TriggerActor, At: b.QueuedAt}
}

// queue stores a build.
func (h house) queue(tb testing.TB, b core.Build) core.Build {
	tb.Helper()
	stored, created, err := h.CreateBuild(tb.Context(), b, queued(b))
	ok(tb, err)
	if !created {
		tb.Fatal("the build was not created")
	}
	return stored
}

// claim takes the oldest build for a runner that has every label of these tests.
func (h house) claim(tb testing.TB, lease string) core.Build {
	tb.Helper()
	b, err := h.ClaimBuild(tb.Context(), linuxRunner(), lease, at(1), at(2))
	ok(tb, err)
	return b
}

func linuxRunner() core.Runner {
	return core.Runner{ID: "runner-1", Name: "one", Labels: []string{"linux", "android"}}
}

func newDelivery(id string) core.Delivery {
	return core.Delivery{
		ID: newID("delivery"), Provider: core.ProviderGitHub, DeliveryID: id, IntegrationID: "app", Event: "push", Payload: []byte("{\"a\":\"\x00\xff\"}"),
		Status: core.DeliveryReceived, ReceivedAt: at(0), NotBefore: at(0),
	}
}

func ok(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func refused(tb testing.TB, err error, kind core.Kind, code string) {
	tb.Helper()
	if core.KindOf(err) != kind || core.CodeOf(err) != code {
		tb.Fatalf("error %v has kind %d and code %q, want %d and %q", err, core.KindOf(err), core.CodeOf(err), kind, code)
	}
}

func equal(tb testing.TB, got, want any) {
	tb.Helper()
	if !reflect.DeepEqual(got, want) {
		g, _ := json.MarshalIndent(got, "", " ")
		w, _ := json.MarshalIndent(want, "", " ")
		tb.Fatalf("got %s\nwant %s", g, w)
	}
}

// inParallel runs f n times at once and returns the first error.
func inParallel(n int, f func(i int) error) error {
	var g errgroup.Group
	for i := range n {
		g.Go(func() error { return f(i) })
	}
	return g.Wait()
}
