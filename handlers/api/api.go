// Package api answers /v1 in JSON and streams logs. It decodes, calls one command
// and renders; it decides nothing and knows neither the store nor a forge.
package api

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/sse"
)

// Commands are the commands of *app.App that the API calls.
type Commands interface {
	CreateProject(ctx context.Context, actor core.Actor, in app.CreateProject) (core.Project, error)
	UpdateProject(ctx context.Context, actor core.Actor, id string, in app.UpdateProject) (core.Project, error)
	DeleteProject(ctx context.Context, actor core.Actor, id string) error
	FindProject(ctx context.Context, actor core.Actor, id string) (core.Project, error)
	ListProjects(ctx context.Context, actor core.Actor, page core.Page) ([]core.Project, int, error)

	CreatePipeline(ctx context.Context, actor core.Actor, projectID string, in app.PipelineInput) (core.Pipeline, error)
	UpdatePipeline(ctx context.Context, actor core.Actor, id string, in app.PipelineInput) (core.Pipeline, error)
	DeletePipeline(ctx context.Context, actor core.Actor, id string) error
	FindPipeline(ctx context.Context, actor core.Actor, id string) (core.Pipeline, error)
	ListPipelines(ctx context.Context, actor core.Actor, projectID string) ([]core.Pipeline, error)

	ReadWorkflow(ctx context.Context, actor core.Actor, in app.WorkflowAt) (app.WorkflowFile, error)

	TriggerBuild(ctx context.Context, actor core.Actor, in app.TriggerBuild) (core.Build, error)
	CancelBuild(ctx context.Context, actor core.Actor, id string) (core.Build, error)
	RerunBuild(ctx context.Context, actor core.Actor, id string) (core.Build, error)
	FindBuildDetail(ctx context.Context, actor core.Actor, id string) (app.BuildDetail, error)
	Find(ctx context.Context, actor core.Actor, text string) (app.Found, error)
	ListBuilds(ctx context.Context, actor core.Actor, f core.BuildFilter, page core.Page) ([]core.Build, int, error)
	ReadLog(ctx context.Context, actor core.Actor, buildID string, after int64, limit int) (app.LogPage, error)
	SearchLog(ctx context.Context, actor core.Actor, buildID string, in app.LogSearch) (app.LogMatches, error)
	BuildChanged(buildID string) <-chan struct{}
	CreateStreamToken(ctx context.Context, actor core.Actor, buildID string) (token string, expires time.Time, err error)

	FindDelivery(ctx context.Context, actor core.Actor, id string) (core.Delivery, error)
	ListDeliveries(ctx context.Context, actor core.Actor, f core.DeliveryFilter, page core.Page) ([]core.Delivery, int, error)
	EvaluateDelivery(ctx context.Context, actor core.Actor, id string) (core.Delivery, error)
	ApproveDelivery(ctx context.Context, actor core.Actor, id, sha string) (core.Delivery, error)
	Why(ctx context.Context, actor core.Actor, in app.AskWhy) (app.Why, error)
	RedeliverDelivery(ctx context.Context, actor core.Actor, id string) (core.Delivery, error)

	ListIntegrations(ctx context.Context, actor core.Actor) ([]app.IntegrationDetail, error)
	FindIntegration(ctx context.Context, actor core.Actor, id string) (app.IntegrationDetail, error)
	SyncIntegration(ctx context.Context, actor core.Actor, id string) (app.IntegrationDetail, error)
	DeleteIntegration(ctx context.Context, actor core.Actor, id string) error
	StartGitHubApp(ctx context.Context, actor core.Actor, in app.StartGitHubApp) (core.AppForm, error)
	CompleteGitHubApp(ctx context.Context, actor core.Actor, code, state string) (app.IntegrationDetail, error)
	ConnectGitLab(ctx context.Context, actor core.Actor, in app.ConnectGitLab) (app.IntegrationDetail, error)
	StartGitLabGrant(ctx context.Context, actor core.Actor, in app.StartGitLabGrant) (address string, err error)
	CompleteGitLabGrant(ctx context.Context, actor core.Actor, code, state string) (app.IntegrationDetail, error)
	ListIntegrationRepositories(ctx context.Context, actor core.Actor, integrationID string) ([]core.Repository, error)
	RenewHookSecret(ctx context.Context, actor core.Actor, repositoryID string) (address, secret string, err error)

	NotificationCommands
	SecretCommands
	ScheduleCommands
	RetentionCommands
	RunnerCommands
	QueueCommands
	ArtifactCommands
	TestCommands
	ShareCommands
	SystemCommands
	AccountCommands
}

var _ Commands = (*app.App)(nil)

// Sender sends event streams, and counts why readers were sent away.
type Sender interface {
	Send(c *fiber.Ctx, b *sse.Body)
	Dropped(reason string)
}

// Options are what the API stands on; all but Stop are required.
type Options struct {
	Commands  Commands
	PublicURL string // without a trailing slash
	Log       *slog.Logger
	Sent      Sender          // nil: nobody counts what it sends
	Stop      <-chan struct{} // closes when the server stops: streams end
	Streams   *sse.Count      // of each project; nil: of the API alone
}

// API holds the handlers of /v1. Each takes the actor that the door has found.
type API struct {
	app       Commands
	publicURL string
	log       *slog.Logger
	sent      Sender
	stop      <-chan struct{}
	streams   *sse.Count
	events    *eventCache
	timing    timing
	now       func() time.Time
}

// New returns the handlers.
func New(o Options) *API {
	if o.Sent == nil {
		o.Sent = sse.NewStreams(core.NoMeter{})
	}
	if o.Streams == nil {
		o.Streams = &sse.Count{}
	}
	return &API{
		app: o.Commands, streams: o.Streams, publicURL: o.PublicURL, log: o.Log, sent: o.Sent, stop: o.Stop,
		events: newEventCache(), timing: defaultTiming(), now: time.Now,
	}
}

// BearerToken returns the secret of an `Authorization: Bearer` header; ok tells
// whether there is such a header at all.
func BearerToken(c *fiber.Ctx) (secret string, ok bool) {
	scheme, secret, _ := strings.Cut(c.Get(fiber.HeaderAuthorization), " ")
	return strings.TrimSpace(secret), strings.EqualFold(scheme, "Bearer")
}
