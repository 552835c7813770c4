// Package apitest is a stand-in for *app.App behind the doors: canned answers, a
// log that grows when a test says so, and a note of what was asked.
package apitest

import (
	"context"
	"sync"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// Call is one command as it was asked.
type Call struct {
	Command string
	Actor   core.Actor
	ID      string
	In      any
}

// Commands answers every command with what its fields say, or with Err.
type Commands struct {
	Err    error
	Actors map[string]core.Actor // by bearer secret or session
	Stream map[string]core.Actor // by stream token

	Project       core.Project
	Pipeline      core.Pipeline
	Detail        app.BuildDetail
	Queue         app.Queue
	Place         core.QueuePlace
	Delivery      core.Delivery
	Credential    core.Credential
	Integration   app.IntegrationDetail
	Notification  core.Notification
	Schedule      core.Schedule
	Runner        app.RunnerDetail
	Job           *core.Job
	Renewal       core.Renewal
	Waiting       func(context.Context) // if set, a claim that gets nothing waits in it, and a renewal
	Standstill    func()                // if set, called before a runner is known
	ProjectSecret core.Secret
	User          core.User
	Identity      core.Identity
	Member        app.MemberDetail
	Audit         []core.AuditEntry
	Secret        string
	Expires       time.Time
	PageLimit     int // records in one read of the log; 0: all
	Panic         any // if set, ListProjects panics with it

	Checkup  app.Checkup
	Artifact core.Artifact
	File     string // its bytes
	Begun    string // what takes the place of a secret; empty: nothing does

	mu      sync.Mutex
	closed  int
	calls   []Call
	reads   int
	records []core.LogRecord
	ended   bool
	ring    chan struct{}
	access  chan struct{}
	revoked error
	until   time.Time
}

func (f *Commands) note(command string, actor core.Actor, id string, in any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, Call{command, actor, id, in})
	return f.Err
}

// Calls returns what was asked so far; reads of the log are not among it.
func (f *Commands) Calls() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Call(nil), f.calls...)
}

// Last returns the newest call.
func (f *Commands) Last() Call {
	calls := f.Calls()
	if len(calls) == 0 {
		return Call{}
	}
	return calls[len(calls)-1]
}

// Authenticate knows the secrets of Actors.
func (f *Commands) Authenticate(_ context.Context, secret string) (core.Actor, error) {
	return known(f.Actors, secret)
}

// AuthenticateStream knows the secrets of Stream.
func (f *Commands) AuthenticateStream(_ context.Context, secret string) (core.Actor, error) {
	return known(f.Stream, secret)
}

func known(actors map[string]core.Actor, secret string) (core.Actor, error) {
	if actor, ok := actors[secret]; ok {
		return actor, nil
	}
	return core.Actor{}, core.Errorf(core.KindUnauthorized, "Unknown credential")
}

// SignOut notes the secret.
func (f *Commands) SignOut(_ context.Context, v app.Visitor, secret string) error {
	return f.note("SignOut", core.Actor{}, secret, v)
}

// Ready answers Err.
func (f *Commands) Ready(context.Context) error { return f.Err }

// CreateProject answers Project.
func (f *Commands) CreateProject(_ context.Context, actor core.Actor, in app.CreateProject) (core.Project, error) {
	return f.Project, f.note("CreateProject", actor, "", in)
}

// UpdateProject answers Project.
func (f *Commands) UpdateProject(_ context.Context, actor core.Actor, id string, in app.UpdateProject) (core.Project, error) {
	return f.Project, f.note("UpdateProject", actor, id, in)
}

// DeleteProject answers Err.
func (f *Commands) DeleteProject(_ context.Context, actor core.Actor, id string) error {
	return f.note("DeleteProject", actor, id, nil)
}

// FindProject answers Project.
func (f *Commands) FindProject(_ context.Context, actor core.Actor, id string) (core.Project, error) {
	return f.Project, f.note("FindProject", actor, id, nil)
}

// ListProjects answers Project, as one of seven.
func (f *Commands) ListProjects(_ context.Context, actor core.Actor, page core.Page) ([]core.Project, int, error) {
	if f.Panic != nil {
		panic(f.Panic)
	}
	return []core.Project{f.Project}, 7, f.note("ListProjects", actor, "", page)
}

// CreatePipeline answers Pipeline.
func (f *Commands) CreatePipeline(_ context.Context, actor core.Actor, id string, in app.PipelineInput) (core.Pipeline, error) {
	return f.Pipeline, f.note("CreatePipeline", actor, id, in)
}

// UpdatePipeline answers Pipeline.
func (f *Commands) UpdatePipeline(_ context.Context, actor core.Actor, id string, in app.PipelineInput) (core.Pipeline, error) {
	return f.Pipeline, f.note("UpdatePipeline", actor, id, in)
}

// DeletePipeline answers Err.
func (f *Commands) DeletePipeline(_ context.Context, actor core.Actor, id string) error {
	return f.note("DeletePipeline", actor, id, nil)
}

// FindPipeline answers Pipeline.
func (f *Commands) FindPipeline(_ context.Context, actor core.Actor, id string) (core.Pipeline, error) {
	return f.Pipeline, f.note("FindPipeline", actor, id, nil)
}

// ListPipelines answers Pipeline and an empty one.
func (f *Commands) ListPipelines(_ context.Context, actor core.Actor, id string) ([]core.Pipeline, error) {
	return []core.Pipeline{f.Pipeline, {}}, f.note("ListPipelines", actor, id, nil)
}

// TriggerBuild answers Detail's build.
func (f *Commands) TriggerBuild(_ context.Context, actor core.Actor, in app.TriggerBuild) (core.Build, error) {
	return f.Detail.Build, f.note("TriggerBuild", actor, in.ProjectID, in)
}

// CancelBuild answers Detail's build.
func (f *Commands) CancelBuild(_ context.Context, actor core.Actor, id string) (core.Build, error) {
	return f.Detail.Build, f.note("CancelBuild", actor, id, nil)
}

// RerunBuild answers Detail's build.
func (f *Commands) RerunBuild(_ context.Context, actor core.Actor, id string) (core.Build, error) {
	return f.Detail.Build, f.note("RerunBuild", actor, id, nil)
}

// FindBuildDetail answers Detail.
func (f *Commands) FindBuildDetail(_ context.Context, actor core.Actor, id string) (app.BuildDetail, error) {
	return f.Detail, f.note("FindBuildDetail", actor, id, nil)
}

// ListBuilds answers Detail's build, as one of seven.
func (f *Commands) ListBuilds(_ context.Context, actor core.Actor, filter core.BuildFilter, _ core.Page) ([]core.Build, int, error) {
	return []core.Build{f.Detail.Build}, 7, f.note("ListBuilds", actor, filter.ProjectID, filter)
}

// CreateStreamToken answers Secret and Expires.
func (f *Commands) CreateStreamToken(_ context.Context, actor core.Actor, id string) (string, time.Time, error) {
	return f.Secret, f.Expires, f.note("CreateStreamToken", actor, id, nil)
}

// FindDelivery answers Delivery.
func (f *Commands) FindDelivery(_ context.Context, actor core.Actor, id string) (core.Delivery, error) {
	return f.Delivery, f.note("FindDelivery", actor, id, nil)
}

// ListDeliveries answers Delivery, as one of seven.
func (f *Commands) ListDeliveries(_ context.Context, actor core.Actor, filter core.DeliveryFilter, _ core.Page) ([]core.Delivery, int, error) {
	return []core.Delivery{f.Delivery}, 7, f.note("ListDeliveries", actor, "", filter)
}

// EvaluateDelivery answers Delivery.
func (f *Commands) EvaluateDelivery(_ context.Context, actor core.Actor, id string) (core.Delivery, error) {
	return f.Delivery, f.note("EvaluateDelivery", actor, id, nil)
}

// ApproveDelivery answers Delivery.
func (f *Commands) ApproveDelivery(_ context.Context, actor core.Actor, id, sha string) (core.Delivery, error) {
	return f.Delivery, f.note("ApproveDelivery", actor, id, sha)
}

// Why answers with Delivery and Build.
func (f *Commands) Why(_ context.Context, actor core.Actor, in app.AskWhy) (app.Why, error) {
	w := app.Why{
		Repository: in.Repository, SHA: in.SHA, Code: app.WhyCodeBuilt, Sentence: "It arrived and was built.",
		Deliveries: []core.Delivery{f.Delivery}, Builds: []core.Build{f.Detail.Build}, Evaluation: f.Delivery.Verdicts,
		Missed: []core.MissedDelivery{{DeliveryID: "guid", Event: "push", StatusCode: 502, Status: "Bad Gateway", At: f.Expires}},
	}
	return w, f.note("Why", actor, in.Repository, in)
}

// RedeliverDelivery answers Delivery.
func (f *Commands) RedeliverDelivery(_ context.Context, actor core.Actor, id string) (core.Delivery, error) {
	return f.Delivery, f.note("RedeliverDelivery", actor, id, nil)
}

// FindBuild answers Detail's build.
func (f *Commands) FindBuild(_ context.Context, actor core.Actor, id string) (core.Build, error) {
	return f.Detail.Build, f.note("FindBuild", actor, id, nil)
}

// SignIn answers Secret and Expires.
func (f *Commands) SignIn(_ context.Context, v app.Visitor, link string) (app.NewSession, error) {
	return app.NewSession{Secret: f.Secret, Expires: f.Expires}, f.note("SignIn", core.Actor{}, link, v)
}

// LinkChatUser answers Err.
func (f *Commands) LinkChatUser(_ context.Context, actor core.Actor, secret string) error {
	return f.note("LinkChatUser", actor, secret, nil)
}
