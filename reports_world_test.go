package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/github"
	"github.com/oore-ci/oore/handlers/github/githubtest"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/archive"
	"github.com/oore-ci/oore/store/blob"
)

// reportWorld is the sender, from the store to GitHub's double, at a time that the
// test sets.
type reportWorld struct {
	t        *testing.T
	gh       *githubtest.Server
	repo     githubtest.Repo
	shas     []string
	store    watchedStore
	stored   core.Repository
	project  core.Project
	pipeline core.Pipeline
	app      *app.App
	stop     func()

	mu      sync.Mutex
	now     time.Time
	faults  bool
	chance  *rand.Rand
	written []time.Time // when GitHub was asked to write
	pings   int
}

// watchedStore tells when the sender finds nothing to do.
type watchedStore struct {
	core.Store
	idle chan struct{}
}

func (s watchedStore) TakeEffects(ctx context.Context, now, until time.Time, limit int, kinds ...core.EffectKind) ([]core.Effect, error) {
	due, err := s.Store.TakeEffects(ctx, now, until, limit, kinds...)
	if err == nil && len(due) == 0 {
		select {
		case s.idle <- struct{}{}:
		default:
		}
	}
	return due, err
}

// hasty does not wait for its turn, since the time stands still while it waits.
type hasty struct{ *github.Room }

// hurry says that there is less time than the second until the next turn. Nothing is cut
// off after that: a busy machine may take longer to ask.
type hurry struct{ context.Context }

func (hurry) Deadline() (time.Time, bool) { return time.Now().Add(990 * time.Millisecond), true }

func (r hasty) SetStatus(ctx context.Context, repo core.Repository, report core.Report) error {
	return r.Room.SetStatus(hurry{ctx}, repo, report)
}

func (r hasty) SetCheck(ctx context.Context, repo core.Repository, report core.Report, known string) (string, error) {
	return r.Room.SetCheck(hurry{ctx}, repo, report, known)
}

func (r hasty) UpsertComment(ctx context.Context, repo core.Repository, c core.Comment, known string) (string, error) {
	return r.Room.UpsertComment(hurry{ctx}, repo, c, known)
}

func newReportWorld(t *testing.T, style core.CheckStyle, commits int) *reportWorld {
	w := &reportWorld{t: t, gh: githubtest.New(t), now: time.Unix(1_763_800_000, 0).UTC(), faults: true, chance: rand.New(rand.NewPCG(1, 2))}
	git := githubtest.NewGitRepo(t)
	git.Commit("main", map[string]string{"README.md": "x"}, "First")
	w.shas = manyCommits(t, git.Dir, commits)
	w.repo = w.gh.AddRepository("acme/shop", true, git.Dir)
	w.gh.Fail(w.spoil)

	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "oore.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	w.store = watchedStore{db, make(chan struct{}, 1)}
	w.seed(style)
	w.start()
	t.Cleanup(func() { w.stop() })
	return w
}

// manyCommits makes commits of one parent in one go, and returns them.
func manyCommits(t *testing.T, dir string, n int) []string {
	t.Helper()
	var script strings.Builder
	for i := range n {
		fmt.Fprintf(&script, "commit refs/heads/c%d\nmark :%d\ncommitter Octo Cat <octo@example.com> 1763800000 +0000\ndata 4\n%04d\nfrom refs/heads/main\n\n", i, i+1, i)
	}
	marks := filepath.Join(t.TempDir(), "marks")
	cmd := exec.Command("git", "fast-import", "--quiet", "--export-marks="+marks)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(script.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git fast-import: %v: %s", err, out)
	}
	raw, err := os.ReadFile(marks)
	if err != nil {
		t.Fatal(err)
	}
	shas := make([]string, n)
	for line := range strings.Lines(string(raw)) {
		var mark int
		var sha string
		if _, err := fmt.Sscanf(line, ":%d %s", &mark, &sha); err != nil {
			t.Fatal(err)
		}
		shas[mark-1] = sha
	}
	return shas
}

// seed stores a project with one pipeline.
func (w *reportWorld) seed(style core.CheckStyle) {
	w.t.Helper()
	ctx := w.t.Context()
	var err error
	w.stored, err = w.store.SaveRepository(ctx, core.Repository{
		ID: newID(), Provider: core.ProviderGitHub, ExternalID: fmt.Sprint(w.repo.ID), IntegrationID: "app", FullName: w.repo.FullName,
		CloneURL: w.repo.CloneURL, WebURL: w.gh.URL() + "/acme/shop", DefaultBranch: "main", Private: true, InstallationID: w.repo.InstallationID,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.project = core.Project{ID: newID(), Name: "Shop", Slug: "shop", RepositoryID: w.stored.ID, Comments: core.CommentsAlways, Checks: style}
	if err := w.store.CreateProject(ctx, w.project); err != nil {
		w.t.Fatal(err)
	}
	w.pipeline = core.Pipeline{ID: newID(), ProjectID: w.project.ID, Name: "Android", Slug: "android", StatusContext: "oore/android", Enabled: true}
	if err := w.store.CreatePipeline(ctx, w.pipeline); err != nil {
		w.t.Fatal(err)
	}
}

// start begins to send. What the sender knows by heart begins anew.
func (w *reportWorld) start() {
	w.t.Helper()
	room := github.New(github.Options{Now: w.clock})
	err := room.Connect([]core.Connection{{
		Integration: core.Integration{
			ID: "app", Provider: core.ProviderGitHub, WebURL: w.gh.URL() + "/", APIURL: w.gh.APIURL(), ExternalID: fmt.Sprint(w.gh.AppID), Origin: core.OriginWeb,
		},
		Secrets: core.Secrets{PrivateKey: string(w.gh.PrivateKeyPEM), WebhookSecret: w.gh.WebhookSecret},
	}})
	if err != nil {
		w.t.Fatal(err)
	}
	vault, err := app.NewVault(make([]byte, 32))
	if err != nil {
		w.t.Fatal(err)
	}
	blobs, err := blob.NewLocal(w.t.TempDir())
	if err != nil {
		w.t.Fatal(err)
	}
	logs, err := archive.New(blobs)
	if err != nil {
		w.t.Fatal(err)
	}
	w.app, err = app.New(app.Deps{
		Store: w.store, Blobs: blobs, Archive: logs, Reporters: map[core.Provider]core.Reporter{core.ProviderGitHub: hasty{room}},
		Decoders: map[core.Provider]core.Decoder{core.ProviderGitHub: github.Decoder{}}, Vault: vault,
		Clock: w.clock, NewID: newID, Log: slog.New(slog.DiscardHandler), PublicURL: "https://ci.example.com", LogLimit: 1 << 20,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- w.app.RunWorkers(ctx) }()
	w.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Error(err)
		}
	}
}

func (w *reportWorld) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *reportWorld) forward(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *reportWorld) setFaults(on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = on
}

func (w *reportWorld) roll(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.chance.IntN(n)
}

// spoil is GitHub on a bad day.
func (w *reportWorld) spoil(r *http.Request) *githubtest.Failure {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.Method != http.MethodGet && !strings.HasSuffix(r.URL.Path, "/access_tokens") {
		w.written = append(w.written, w.now)
	}
	if !w.faults {
		return nil
	}
	mostlyLost := strings.HasSuffix(r.URL.Path, "/check-runs") || strings.HasSuffix(r.URL.Path, "/comments") // where a repeat could double
	switch roll := w.chance.IntN(100); {
	case roll < 2:
		f := githubtest.SecondaryLimit(http.StatusForbidden, time.Minute)
		return &f
	case roll < 9:
		return &githubtest.Failure{Status: http.StatusInternalServerError}
	case roll < 15:
		return &githubtest.Failure{Drop: true}
	case roll < 21 || mostlyLost && r.Method == http.MethodPost && roll < 60: // done, and nobody learns of it
		return &githubtest.Failure{Truncate: true}
	}
	return nil
}

// wake rings the sender, as every delivery does.
func (w *reportWorld) wake() {
	w.t.Helper()
	w.pings++
	_, _, err := w.app.ReceiveDelivery(w.t.Context(), app.ReceiveDelivery{
		Provider: core.ProviderGitHub, IntegrationID: "app", DeliveryID: fmt.Sprintf("ping-%d", w.pings), Event: "ping", Payload: []byte(`{"zen":"x"}`),
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// send lets some time pass, and the sender do what is due.
func (w *reportWorld) send() {
	w.t.Helper()
	w.forward(2 * time.Minute)
	select {
	case <-w.store.idle: // from before
	default:
	}
	w.wake()
	<-w.store.idle
}
