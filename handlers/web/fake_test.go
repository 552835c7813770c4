package web

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// fake is a house in memory: it keeps what a test puts in and notes what pages ask.
type fake struct {
	mu         sync.Mutex
	projects   []core.Project
	pipelines  []core.Pipeline
	builds     []core.Build // newest first
	steps      map[string][]core.Step
	records    map[string][]core.LogRecord
	deliveries []core.Delivery

	triggered []app.TriggerBuild
	created   []app.CreateProject
	piped     []app.PipelineInput
	signedOut []string
	refuse    error // what changing commands answer
	readLimit int   // most records of one read, 0: no bound
}

func find[T any](items []T, what string, is func(T) bool) (T, error) {
	if i := slices.IndexFunc(items, is); i >= 0 {
		return items[i], nil
	}
	var none T
	return none, core.Errorf(core.KindNotFound, "%s not found", what)
}

func (f *fake) ListProjects(_ context.Context, _ core.Actor, _ core.Page) ([]core.Project, int, error) {
	return f.projects, len(f.projects), nil
}

func (f *fake) FindProject(_ context.Context, _ core.Actor, id string) (core.Project, error) {
	return find(f.projects, "Project", func(p core.Project) bool { return p.ID == id })
}

func (f *fake) CreateProject(_ context.Context, _ core.Actor, in app.CreateProject) (core.Project, error) {
	f.created = append(f.created, in)
	return core.Project{ID: "new"}, f.refuse
}

func (f *fake) ListPipelines(_ context.Context, _ core.Actor, projectID string) ([]core.Pipeline, error) {
	var out []core.Pipeline
	for _, p := range f.pipelines {
		if p.ProjectID == projectID {
			out = append(out, p)
		}
	}
	return out, nil
}

func (f *fake) FindPipeline(_ context.Context, _ core.Actor, id string) (core.Pipeline, error) {
	return find(f.pipelines, "Pipeline", func(p core.Pipeline) bool { return p.ID == id })
}

func (f *fake) CreatePipeline(_ context.Context, _ core.Actor, _ string, in app.PipelineInput) (core.Pipeline, error) {
	f.piped = append(f.piped, in)
	return core.Pipeline{}, f.refuse
}

func (f *fake) TriggerBuild(_ context.Context, _ core.Actor, in app.TriggerBuild) (core.Build, error) {
	f.triggered = append(f.triggered, in)
	return core.Build{ID: "new"}, f.refuse
}

func (f *fake) CancelBuild(ctx context.Context, actor core.Actor, id string) (core.Build, error) {
	b, err := f.FindBuild(ctx, actor, id)
	if err == nil {
		err = f.refuse
	}
	return b, err
}

func (f *fake) RerunBuild(ctx context.Context, actor core.Actor, id string) (core.Build, error) {
	return f.CancelBuild(ctx, actor, id)
}

func (f *fake) FindBuild(_ context.Context, _ core.Actor, id string) (core.Build, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return find(f.builds, "Build", func(b core.Build) bool { return b.ID == id })
}

func (f *fake) FindBuildDetail(ctx context.Context, actor core.Actor, id string) (app.BuildDetail, error) {
	b, err := f.FindBuild(ctx, actor, id)
	f.mu.Lock()
	defer f.mu.Unlock()
	return app.BuildDetail{Build: b, Steps: slices.Clone(f.steps[id]), Events: []core.BuildEvent{
		{To: core.BuildQueued, Actor: b.TriggerActor, Reason: string(b.TriggerType), At: b.QueuedAt},
	}}, err
}

func (f *fake) ListBuilds(_ context.Context, _ core.Actor, filter core.BuildFilter, at core.Page) ([]core.Build, int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := []core.Build{}
	for _, b := range f.builds {
		if (filter.ProjectID == "" || filter.ProjectID == b.ProjectID) && (filter.PipelineID == "" || filter.PipelineID == b.PipelineID) &&
			(filter.Branch == "" || filter.Branch == b.Branch) && (len(filter.Statuses) == 0 || slices.Contains(filter.Statuses, b.Status)) {
			out = append(out, b)
		}
	}
	from := min(at.Offset, len(out))
	return out[from:min(from+at.Limit, len(out))], len(out), nil
}

func (f *fake) ReadLog(ctx context.Context, actor core.Actor, id string, after int64, limit int) (app.LogPage, error) {
	b, err := f.FindBuild(ctx, actor, id)
	if err != nil {
		return app.LogPage{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.records[id]
	from := min(int(after+1), len(all))
	to := len(all)
	for _, bound := range []int{limit, f.readLimit} {
		if bound > 0 {
			to = min(to, from+bound)
		}
	}
	return app.LogPage{Records: all[from:to], Build: b, Next: int64(to), Total: int64(len(all))}, nil
}

func (f *fake) FindDelivery(_ context.Context, _ core.Actor, id string) (core.Delivery, error) {
	return find(f.deliveries, "Delivery", func(d core.Delivery) bool { return d.ID == id })
}

func (f *fake) ListDeliveries(_ context.Context, _ core.Actor, filter core.DeliveryFilter, _ core.Page) ([]core.Delivery, int, error) {
	out := []core.Delivery{}
	for _, d := range f.deliveries {
		if (filter.Status == "" || filter.Status == d.Status) && (filter.Repository == "" || filter.Repository == d.Repository) {
			out = append(out, d)
		}
	}
	return out, len(out), nil
}

func (f *fake) RedeliverDelivery(ctx context.Context, actor core.Actor, id string) (core.Delivery, error) {
	d, err := f.FindDelivery(ctx, actor, id)
	if err == nil {
		err = f.refuse
	}
	return d, err
}

func (f *fake) SignIn(_ context.Context, link string) (string, time.Time, error) {
	if link != "good" {
		return "", time.Time{}, core.Errorf(core.KindUnauthorized, "This sign-in link was used already or has expired")
	}
	return "session-secret", time.Now().Add(time.Hour), nil
}

func (f *fake) SignOut(_ context.Context, session string) error {
	f.signedOut = append(f.signedOut, session)
	return nil
}

// ---- a filled house ----------------------------------------------------------

const hostile = `<script>alert(1)</script>"'><img src=x onerror=alert(1)>`

func ago(d time.Duration) time.Time { return time.Now().Add(-d) }

func ptr[T any](v T) *T { return &v }

// filled is a house with a build of every state, hostile names, and logs.
func filled() *fake {
	f := &fake{steps: map[string][]core.Step{}, records: map[string][]core.LogRecord{}}
	f.projects = []core.Project{
		{
			ID: "p1", Name: "FlutterShop", Slug: "fluttershop", Description: "The shop app", TriggerRole: core.RoleViewer, Forks: core.ForksApprove,
			Repository: core.Repository{Provider: core.ProviderGitHub, FullName: "acme/shop", WebURL: "https://github.example/acme/shop", DefaultBranch: "main"},
		},
		{
			ID: "p2", Name: hostile, Slug: "hostile", Description: hostile, TriggerRole: core.RoleViewer,
			Repository: core.Repository{Provider: core.ProviderGitHub, FullName: hostile, WebURL: "javascript:alert(1)", DefaultBranch: hostile},
		},
	}
	f.pipelines = []core.Pipeline{
		{
			ID: "l1", ProjectID: "p1", Name: "Android release", ConfigPath: ".oore.yaml", Timeout: time.Hour, StatusContext: "oore/android-release", Enabled: true,
			Trigger: core.Trigger{Events: []core.EventKind{core.EventPush, core.EventPullRequest}, Branches: []string{"main", "release/*"}},
		},
		{ID: "l2", ProjectID: "p1", Name: "Nightly", ConfigPath: "ci/night.yaml", ConfigPathExplicit: true, Timeout: 90 * time.Minute, StatusContext: "oore/nightly"},
		{ID: "l3", ProjectID: "p2", Name: hostile, Timeout: time.Hour, Enabled: true, Trigger: core.Trigger{Branches: []string{hostile}}},
	}
	add := func(number int, status core.BuildStatus, change func(*core.Build)) {
		queued := ago(time.Duration(200-number) * 10 * time.Minute)
		b := core.Build{
			ID: fmt.Sprintf("b%d", number), ProjectID: "p1", PipelineID: "l1", Number: number, Status: status,
			TriggerType: core.TriggerWebhook, TriggerEvent: "push", TriggerActor: "sam", Branch: "main", DeliveryID: "d1",
			SHA: "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678", CommitMessage: "Speed up cold start\n\nBy loading less.", CommitAuthor: "sam",
			RunnerName: "mac-mini-2", Timeout: time.Hour, QueuedAt: queued, CreatedAt: queued, UpdatedAt: queued,
		}
		if status != core.BuildQueued {
			b.AssignedAt = ptr(queued.Add(3 * time.Second))
		}
		if status != core.BuildQueued && status != core.BuildAssigned && status != core.BuildExpired {
			b.StartedAt = ptr(queued.Add(4 * time.Second))
		}
		if status.Terminal() {
			b.FinishedAt = ptr(queued.Add(149 * time.Second))
		} else {
			b.LeaseToken = "held"
		}
		if change != nil {
			change(&b)
		}
		f.builds = append(f.builds, b)
	}
	add(143, core.BuildQueued, func(b *core.Build) {
		b.Labels, b.QueuedAt, b.RunnerName, b.LeaseToken = []string{"macos"}, ago(time.Minute), "", ""
	})
	add(142, core.BuildRunning, func(b *core.Build) {
		b.QueuedAt, b.StartedAt, b.CommitMessage = ago(3*time.Minute), ptr(ago(175*time.Second)), "Cache the catalogue between screens"
	})
	add(141, core.BuildAssigned, func(b *core.Build) {
		b.TriggerType, b.TriggerActor, b.QueuedAt = core.TriggerAPI, "nightly-token", ago(20*time.Second)
	})
	add(140, core.BuildFailed, func(b *core.Build) {
		b.StatusReason, b.StatusMessage, b.ExitCode = core.ReasonCommandFailed, "flutter test ended with exit code 1", ptr(1)
	})
	add(139, core.BuildSucceeded, func(b *core.Build) {
		b.PullRequest = &core.PullRequest{Number: 214, Title: "Stripe v3", URL: "https://github.example/acme/shop/pull/214", Fork: true}
		b.Branch, b.CommitMessage = "feature/stripe-v3", "Stripe v3"
	})
	add(138, core.BuildTimedOut, func(b *core.Build) { b.PipelineID, b.TriggerType, b.TriggerActor = "l2", core.TriggerSchedule, "" })
	add(137, core.BuildCanceled, func(b *core.Build) { b.StatusMessage, b.TriggerType = "Canceled by sam", core.TriggerManual })
	add(136, core.BuildExpired, func(b *core.Build) { b.Tag, b.Branch = "v1.5.0", "" })
	add(135, core.BuildSucceeded, func(b *core.Build) { b.TriggerType, b.SourceBuildID = core.TriggerRerun, "b137" })
	add(1, core.BuildFailed, func(b *core.Build) {
		b.ProjectID, b.PipelineID, b.Branch, b.CommitMessage, b.TriggerActor, b.RunnerName = "p2", "l3", hostile, hostile, hostile, hostile
		b.StatusMessage, b.CommitAuthor, b.TriggerRef, b.DeliveryID = hostile, hostile, hostile, "d3"
		b.PullRequest = &core.PullRequest{Number: 1, Title: hostile, URL: "javascript:alert(1)"}
	})
	for _, id := range []string{"b140", "b139", "b142"} {
		f.fillLog(id, 1931)
	}
	f.fillLog("b1", 3)
	f.steps["b142"][3].FinishedAt, f.steps["b142"][3].Status, f.steps["b142"][3].LastSequence = nil, core.StepRunning, nil
	f.steps["b142"][3].StartedAt = ago(100 * time.Second)
	for i := range f.steps["b139"] {
		f.steps["b139"][i].Status = core.StepSucceeded
	}
	f.records["b1"][1].Content, f.records["b1"][1].Step = []byte(hostile), hostile
	f.steps["b1"][0].Name = hostile
	f.deliveries = []core.Delivery{
		{
			ID: "d1", Provider: core.ProviderGitHub, DeliveryID: "72d3162e-cc78-11e3-81ab-4c9367dc0958", Event: "push", Repository: "acme/shop", Ref: "refs/heads/main",
			SHA: "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678", Actor: "sam", Status: core.DeliveryProcessed, Attempts: 1, ReceivedAt: ago(8 * time.Minute),
			ProcessedAt: ptr(ago(8 * time.Minute)), Reason: core.Reason{Code: core.WhyBuilds, Text: "One build was started."},
			Payload: []byte(`{"ref":"refs/heads/main","repository":{"full_name":"acme/shop"}}`),
			Verdicts: []core.DeliveryVerdict{
				{PipelineID: "l1", Pipeline: "Android release", ProjectID: "p1", Project: "FlutterShop", Matched: true, Code: core.WhyMatched, Reason: "The branch main was pushed.", BuildID: "b142"},
				{PipelineID: "l2", Pipeline: "Nightly", ProjectID: "p1", Project: "FlutterShop", Code: core.WhyPipelineOff, Reason: "The pipeline is disabled."},
			},
		},
		{
			ID: "d2", Provider: core.ProviderGitHub, DeliveryID: "aa-2", Event: "pull_request", Action: "labeled", Repository: "acme/shop", Ref: "refs/pull/214/head",
			Actor: "kim", Status: core.DeliveryIgnored, ReceivedAt: ago(30 * time.Minute),
			Reason: core.Reason{Code: core.WhyAction, Text: `Pull request action "labeled" brings no new commit.`},
		},
		{
			ID: "d3", Provider: core.ProviderSlack, DeliveryID: hostile, Event: "slash_command", Action: hostile, Repository: hostile, Ref: hostile, Actor: hostile,
			Status: core.DeliveryFailed, ReceivedAt: ago(time.Hour), Reason: core.Reason{Code: core.WhyInternal, Text: hostile},
			Payload:  []byte("token=slack-secret&command=%2Foore&text=build&response_url=https%3A%2F%2Fhooks.example%2Fsecret"),
			Verdicts: []core.DeliveryVerdict{{Pipeline: hostile, ProjectID: "p2", Project: hostile, Code: "x", Reason: hostile}},
		},
		{ID: "d4", Provider: core.ProviderGitLab, DeliveryID: "gl-4", Event: "push", Status: core.DeliveryReceived, ReceivedAt: ago(time.Second)},
	}
	return f
}

// fillLog writes a log like a Flutter build's: four steps, colors in every sixth line.
func (f *fake) fillLog(id string, n int) {
	words := strings.Fields("Running Gradle task assembleRelease :app:compileReleaseKotlin package:flutter_test lib/src/widgets/binding.dart resolving " +
		"dependencies com.google.firebase:firebase-analytics:21.5.0 UP-TO-DATE deprecated API MainActivity.kt transforms-3 jetified-core-1.12.0")
	seed := uint32(7)
	next := func(n int) int { seed = seed*1664525 + 1013904223; return int(seed>>16) % n }
	steps := []string{"checkout", "flutter pub get", "flutter analyze", "flutter test"}
	for i := range n {
		step := steps[min(len(steps)-1, i*len(steps)*2/n)]
		var line []string
		for range 4 + next(12) {
			line = append(line, words[next(len(words))])
		}
		text := strings.Join(line, " ")
		if next(6) == 0 {
			text = fmt.Sprintf("\x1b[%dm%s\x1b[0m %s", 31+next(6), line[0], text)
		}
		r := core.LogRecord{Sequence: int64(i), Content: []byte(text), Stream: core.StreamStdout, Step: step, Time: ago(time.Minute)}
		if i == 0 {
			r.Stream, r.Content = core.StreamSystem, []byte("Checking out a1b2c3d of acme/shop")
		}
		f.records[id] = append(f.records[id], r)
	}
	started := ago(3 * time.Minute)
	for i, name := range steps {
		first := slices.IndexFunc(f.records[id], func(r core.LogRecord) bool { return r.Step == name })
		if first < 0 {
			continue
		}
		took := time.Duration(3+i*i*9) * time.Second
		last := int64(first)
		for _, r := range f.records[id] {
			if r.Step == name {
				last = r.Sequence
			}
		}
		s := core.Step{
			BuildID: id, Index: i, Name: name, Status: core.StepSucceeded, FirstSequence: int64(first), LastSequence: ptr(last),
			StartedAt: started, FinishedAt: ptr(started.Add(took)),
		}
		if i == len(steps)-1 {
			s.Status, s.ExitCode = core.StepFailed, ptr(1)
		}
		f.steps[id] = append(f.steps[id], s)
		started = started.Add(took)
	}
	f.steps[id] = append(f.steps[id], core.Step{BuildID: id, Index: 9, Name: "flutter build apk", Status: core.StepSkipped, StartedAt: started, FinishedAt: ptr(started)})
}

// ---- the pages over it -----------------------------------------------------------

var _ Commands = (*fake)(nil)

func owner() core.Actor {
	return core.Actor{Kind: core.ActorUser, UserID: "u1", Name: "sam", Role: core.RoleOwner}
}

// site mounts every page as handlers/routes.go does, signed in as the actor.
func site(t testing.TB, commands Commands, actor core.Actor, publicURL string) *fiber.App {
	t.Helper()
	set, err := templates.New()
	if err != nil {
		t.Fatal(err)
	}
	p := New(Options{App: commands, Templates: set, PublicURL: publicURL, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	a := fiber.New(fiber.Config{ErrorHandler: p.ErrorPage, DisableStartupMessage: true})
	as := func(h func(*fiber.Ctx, core.Actor) error) fiber.Handler {
		return func(c *fiber.Ctx) error { return h(c, actor) }
	}
	a.Get("/", as(p.Dashboard))
	a.Get("/builds", as(p.Builds))
	a.Get("/builds/:id", as(p.Build))
	a.Get("/builds/:id/log.txt", as(p.BuildLogText))
	a.Post("/builds/:id/cancel", as(p.CancelBuild))
	a.Post("/builds/:id/rerun", as(p.RerunBuild))
	a.Get("/projects", as(p.Projects))
	a.Get("/projects/new", as(p.NewProject))
	a.Post("/projects", as(p.CreateProject))
	a.Get("/projects/:id", as(p.Project))
	a.Get("/projects/:id/pipelines/new", as(p.NewPipeline))
	a.Post("/projects/:id/pipelines", as(p.CreatePipeline))
	a.Get("/projects/:id/run", as(p.RunForm))
	a.Post("/projects/:id/run", as(p.StartBuild))
	a.Get("/deliveries", as(p.Deliveries))
	a.Get("/deliveries/:id", as(p.Delivery))
	a.Post("/deliveries/:id/redeliver", as(p.Redeliver))
	a.Get("/login", p.LoginPage)
	a.Get("/sign-in/:token", p.SignIn)
	a.Post("/logout", p.SignOut)
	a.Get("/static/*", p.Static)
	return a
}
