package web

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
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

	artifacts    map[string][]core.Artifact // by build
	shared       map[string]app.Shared      // by secret
	shareLinks   []core.Credential
	sharedNow    []app.ShareLink
	runners      []app.RunnerDetail
	integrations []app.IntegrationDetail
	repositories []core.Repository

	notifications []core.Notification
	secrets       []core.Secret
	kept          []app.SetSecret
	notified      []app.NotificationInput

	users    []core.User
	members  []app.MemberDetail
	tokens   []core.Credential
	sessions []core.Credential
	entries  []core.AuditEntry
	audited  []core.AuditFilter // what was asked for

	testsAway bool // where they lie is down

	form core.AppForm // what StartGitHubApp answers

	triggered []app.TriggerBuild
	created   []app.CreateProject
	piped     []app.PipelineInput
	updated   []app.UpdateProject
	made      []app.StartGitHubApp
	gitLabs   []app.ConnectGitLab
	grants    []app.StartGitLabGrant
	asked     []string // other changing commands, as "command id"
	signedOut []string
	first     bool     // sessions are somebody's first
	next      string   // where who arrives goes
	refuse    error    // what changing commands answer
	readLimit int      // most records of one read, 0: no bound
	logGone   error    // what reading a log answers
	putFirst  []string // builds that were put first
	paused    *core.QueuePause
	retained  app.RetentionInput
	signedOff bool // what Recheck says
	bells     bells
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
	return find(f.projects, "Project", func(p core.Project) bool { return p.ID == id || p.Slug == id })
}

func (f *fake) CreateProject(_ context.Context, _ core.Actor, in app.CreateProject) (core.Project, error) {
	f.created = append(f.created, in)
	return core.Project{ID: "new"}, f.refuse
}

func (f *fake) UpdateProject(_ context.Context, _ core.Actor, _ string, in app.UpdateProject) (core.Project, error) {
	f.updated = append(f.updated, in)
	return core.Project{}, f.refuse
}

func (f *fake) DeleteProject(_ context.Context, _ core.Actor, id string) error {
	f.asked = append(f.asked, "delete "+id)
	return f.refuse
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
	return app.BuildDetail{Build: b, Steps: slices.Clone(f.steps[id]), Artifacts: f.artifacts[id], Events: []core.BuildEvent{
		{To: core.BuildQueued, Actor: b.TriggerActor, Reason: string(b.TriggerType), At: b.QueuedAt},
	}}, err
}

func (f *fake) Find(_ context.Context, _ core.Actor, text string) (app.Found, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found app.Found
	for _, p := range f.projects {
		if text != "" && strings.Contains(strings.ToLower(p.Name), strings.ToLower(text)) {
			found.Projects = append(found.Projects, p)
		}
	}
	for _, b := range f.builds {
		if fmt.Sprint(b.Number) == text || strings.Contains(b.CommitMessage, text) && len(text) > 8 {
			found.Builds = append(found.Builds, b)
		}
	}
	for _, l := range f.pipelines {
		if text != "" && strings.Contains(l.Name, text) {
			found.Pipelines = append(found.Pipelines, l)
		}
	}
	return found, nil
}

func (f *fake) FindBadge(_ context.Context, actor core.Actor, projectID, pipelineID, _ string) (app.Badge, error) {
	if actor.Name == "" && projectID != publicProject {
		return app.Badge{}, core.Errorf(core.KindNotFound, "Project not found")
	}
	badge := app.Badge{Pipeline: "build", Public: projectID == publicProject}
	if pipelineID == publicProject {
		badge.Status = core.BuildFailed
	}
	return badge, nil
}

// publicProject is the id of a project, and of its pipeline, with a badge for everybody.
const publicProject = "0aaaaaaa-0000-4000-8000-000000000001"

func (f *fake) ListBuilds(_ context.Context, _ core.Actor, filter core.BuildFilter, at core.Page) ([]core.Build, int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := []core.Build{}
	for _, b := range f.builds {
		if matches(b, filter) {
			out = append(out, b)
		}
	}
	return cut(out, at), len(out), nil
}

func (f *fake) ReadLog(ctx context.Context, actor core.Actor, id string, after int64, limit int) (app.LogPage, error) {
	b, err := f.FindBuild(ctx, actor, id)
	if err != nil {
		return app.LogPage{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.logGone != nil {
		return app.LogPage{}, f.logGone
	}
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

func (f *fake) EvaluateDelivery(ctx context.Context, actor core.Actor, id string) (core.Delivery, error) {
	d, err := f.FindDelivery(ctx, actor, id)
	d.Reason.Text = "Evaluated anew."
	return d, err
}

func (f *fake) ApproveDelivery(ctx context.Context, actor core.Actor, id, sha string) (core.Delivery, error) {
	d, err := f.FindDelivery(ctx, actor, id)
	if err == nil && sha != d.SHA {
		err = core.Codef(core.KindConflict, core.CodeSHAStale, "The pull request moved on")
	}
	return d, err
}

func (f *fake) Why(_ context.Context, _ core.Actor, in app.AskWhy) (app.Why, error) {
	if !core.ValidSHA(in.SHA) {
		return app.Why{}, core.Errorf(core.KindInvalid, "repo and sha: give the whole commit id")
	}
	return app.Why{
		Repository: in.Repository, SHA: in.SHA, Code: app.WhyCodeNotBuilt, Sentence: "It arrived and was not built.", Deliveries: f.deliveries,
		Builds: f.builds[:1], Evaluation: f.deliveries[0].Verdicts, Missed: []core.MissedDelivery{{Event: "push", Status: "Bad Gateway", StatusCode: 502, At: f.deliveries[0].ReceivedAt}},
	}, nil
}

func (f *fake) RedeliverDelivery(ctx context.Context, actor core.Actor, id string) (core.Delivery, error) {
	d, err := f.FindDelivery(ctx, actor, id)
	if err == nil {
		err = f.refuse
	}
	return d, err
}

func (f *fake) SignIn(_ context.Context, _ app.Visitor, link string) (app.NewSession, error) {
	if link != "good" {
		return app.NewSession{}, core.Errorf(core.KindUnauthorized, "This sign-in link was used already or has expired")
	}
	return app.NewSession{Secret: "session-secret", Expires: time.Now().Add(time.Hour)}, nil
}

func (f *fake) SignOut(_ context.Context, _ app.Visitor, session string) error {
	f.signedOut = append(f.signedOut, session)
	return nil
}

func (f *fake) LinkChatUser(_ context.Context, actor core.Actor, secret string) error {
	f.asked = append(f.asked, "link "+secret+" "+actor.Name)
	return f.refuse
}

var _ Commands = (*fake)(nil)
