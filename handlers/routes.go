// Package handlers is the front door: the one route table, who asks, how an error
// is answered and how much a request may send.
package handlers

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/api"
	"github.com/oore-ci/oore/handlers/web"
)

// Options are what the door stands on. All webhooks and Stop may be nil.
type Options struct {
	App    *app.App
	Pages  *web.Pages
	GitHub http.Handler // takes GitHub's webhooks; nil: answered 404 not_configured
	GitLab http.Handler // takes GitLab's, likewise
	// SlackCommands and SlackInteractions take what is typed and pressed there, likewise.
	SlackCommands, SlackInteractions http.Handler
	PublicURL                        string // without a trailing slash
	Log                              *slog.Logger
	Draining                         <-chan struct{} // closes when the server is told to stop: /readyz says so
	Stop                             <-chan struct{} // closes when the server stops: streams end
	Version                          string          // told to whoever has signed in
	Meter                            core.Meter      // nil: nobody measures
	Metrics                          http.Handler    // answers /metrics; nil: there is nothing there
	Sent                             api.Sender      // sends event streams; nil: nobody counts them
	TrustedProxies                   []netip.Prefix  // may say for whom they ask; empty: nobody may
	MetricsToken                     string          // lets its bearer read them from elsewhere; empty: admins alone
}

// commands are the commands that the door itself calls, and those it hands on.
type commands interface {
	api.Commands
	Authenticate(ctx context.Context, secret string) (core.Actor, error)
	AuthenticateRunner(ctx context.Context, v app.Visitor, secret string) (core.Runner, error)
	AuthenticateStream(ctx context.Context, secret string) (core.Actor, error)
	SignOut(ctx context.Context, v app.Visitor, session string) error
	Ready(ctx context.Context) error
}

// New returns the server with all its routes, ready for Listener.
func New(o Options) *fiber.App { return build(o, o.App) }

func build(o Options, commands commands) *fiber.App {
	errs := &errorHandler{pages: o.Pages, publicURL: o.PublicURL, log: o.Log}
	server := newServer(errs.handle)
	if o.Meter == nil {
		o.Meter = core.NoMeter{}
	}
	server.Use(proxies(o.TrustedProxies).believe, securityHeaders(o.PublicURL), nameRequests(o.Log), measure(o.Meter, errs.handle), recoverPanic, refuseEncoded)

	a := &auth{app: commands, cookie: web.SessionCookie(o.PublicURL), publicURL: o.PublicURL, version: o.Version}
	server.Get("/healthz", func(c *fiber.Ctx) error { return c.JSON(fiber.Map{"ok": true}) })
	server.Get("/readyz", a.ready(o))
	if o.Metrics != nil {
		server.Get("/metrics", a.scrape(o))
	}
	h := api.New(api.Options{Commands: commands, PublicURL: o.PublicURL, Log: o.Log, Sent: o.Sent, Stop: o.Stop, Streams: o.Pages.ProjectStreams()})
	limited := limitRate(newBuckets(perCredential, credentialAtOnce, time.Now), newBuckets(perAddress, addressAtOnce, time.Now), a.credential)
	mountAPI(server.Group("/v1", noStore, limited), a, h, o)
	server.Get("/schema/oore.yaml.json", workflowSchema())
	server.Get("/artifacts/:id/download", a.page(h.DownloadArtifact))
	server.Get("/artifacts/:id/icon", a.page(h.Icon))
	server.Get("/dl/:secret", h.DownloadByLink)
	server.Get("/i/:secret/app", h.SharedFile)
	server.Get("/i/:secret/icon", h.SharedIcon)
	description := api.Description(o.PublicURL, a.cookie)
	server.Get("/v1/openapi.json", document(description))
	server.Get("/docs/api", o.Pages.Reference(description))
	o.Pages.Mount(server, web.Doors{Page: a.page, Guest: a.guest, SameOrigin: a.sameOrigin})
	return server
}

func mountAPI(v1 fiber.Router, a *auth, h *api.API, o Options) {
	v1.Post("/auth/logout", a.logout)
	v1.Post("/auth/local/login", h.SignInWithPassword)
	mountAccounts(v1, a, h)

	v1.Get("/projects", a.api(h.ListProjects))
	v1.Post("/projects", a.api(h.CreateProject))
	v1.Get("/projects/:id", a.api(h.Project))
	v1.Patch("/projects/:id", a.api(h.UpdateProject))
	v1.Delete("/projects/:id", a.api(h.DeleteProject))

	v1.Get("/projects/:id/pipelines", a.api(h.ListPipelines))
	v1.Post("/projects/:id/pipelines", a.api(h.CreatePipeline))
	v1.Post("/pipelines/validate", a.api(h.ValidateWorkflow))
	v1.Get("/pipelines/:id", a.api(h.Pipeline))
	v1.Patch("/pipelines/:id", a.api(h.UpdatePipeline))
	v1.Delete("/pipelines/:id", a.api(h.DeletePipeline))

	v1.Get("/projects/:id/builds", a.api(h.ListProjectBuilds))
	v1.Post("/projects/:id/builds", a.api(h.TriggerBuild))
	v1.Get("/builds", a.api(h.ListBuilds))
	v1.Get("/builds/:id", a.api(h.Build))
	v1.Get("/queue", a.api(h.Queue))
	v1.Post("/queue/pause", a.api(h.PauseQueue))
	v1.Post("/queue/resume", a.api(h.ResumeQueue))
	v1.Post("/builds/:id/first", a.api(h.PutBuildFirst))
	v1.Post("/builds/:id/cancel", a.api(h.CancelBuild))
	v1.Post("/builds/:id/rerun", a.api(h.RerunBuild))
	v1.Get("/builds/:id/logs", a.api(h.Logs))
	v1.Get("/builds/:id/logs/search", a.api(h.SearchLogs))
	v1.Get("/builds/:id/logs/stream", a.stream(h.Stream))
	v1.Post("/builds/:id/stream-token", a.api(h.CreateStreamToken))

	v1.Get("/builds/:id/tests", a.api(h.ListTests))
	v1.Get("/builds/:id/artifacts", a.api(h.ListBuildArtifacts))
	v1.Get("/projects/:id/artifacts", a.api(h.ListProjectArtifacts))
	v1.Get("/artifacts/:id", a.api(h.Artifact))
	v1.Get("/artifacts/:id/download", a.api(h.DownloadArtifact))
	v1.Get("/artifacts/:id/icon", a.api(h.Icon))
	v1.Post("/artifacts/:id/download-link", a.api(h.CreateDownloadLink))
	v1.Get("/artifacts/:id/share-links", a.api(h.ListShareLinks))
	v1.Post("/artifacts/:id/share-links", a.api(h.CreateShareLink))
	v1.Delete("/share-links/:id", a.api(h.DeleteShareLink))

	v1.Get("/deliveries", a.api(h.ListDeliveries))
	v1.Get("/deliveries/:id", a.api(h.Delivery))
	v1.Post("/deliveries/:id/redeliver", a.api(h.Redeliver))
	v1.Post("/deliveries/:id/evaluate", a.api(h.Evaluate))
	v1.Post("/deliveries/:id/approve", a.api(h.Approve))
	v1.Get("/why", a.api(h.Why))
	v1.Get("/commands", a.api(h.ChatCommands))
	v1.Get("/search", a.api(h.Search))

	v1.Get("/integrations", a.api(h.ListIntegrations))
	v1.Post("/integrations/github/start", a.api(h.StartGitHubApp))
	v1.Post("/integrations/github/complete", a.api(h.CompleteGitHubApp))
	v1.Post("/integrations/gitlab", a.api(h.ConnectGitLab))
	v1.Post("/integrations/gitlab/start", a.api(h.StartGitLabGrant))
	v1.Post("/integrations/gitlab/complete", a.api(h.CompleteGitLabGrant))
	v1.Get("/integrations/:id", a.api(h.Integration))
	v1.Delete("/integrations/:id", a.api(h.DeleteIntegration))
	v1.Post("/integrations/:id/sync", a.api(h.SyncIntegration))
	v1.Get("/integration-repositories", a.api(h.ListIntegrationRepositories))
	v1.Post("/integration-repositories/:id/webhook-secret", a.api(h.RenewHookSecret))

	v1.Get("/projects/:id/secrets", a.api(h.ListSecrets))
	v1.Put("/projects/:id/secrets/:name", a.api(h.SetSecret))
	v1.Delete("/projects/:id/secrets/:name", a.api(h.DeleteSecret))

	v1.Get("/projects/:id/schedules", a.api(h.ListSchedules))
	v1.Post("/projects/:id/schedules", a.api(h.CreateSchedule))
	v1.Patch("/projects/:id/schedules/:schedule_id", a.api(h.UpdateSchedule))
	v1.Delete("/projects/:id/schedules/:schedule_id", a.api(h.DeleteSchedule))

	v1.Get("/projects/:id/notifications", a.api(h.ListNotifications))
	v1.Post("/projects/:id/notifications", a.api(h.CreateNotification))
	v1.Patch("/notifications/:id", a.api(h.UpdateNotification))
	v1.Delete("/notifications/:id", a.api(h.DeleteNotification))
	v1.Post("/notifications/:id/test", a.api(h.TestNotification))

	v1.Get("/runners", a.api(h.ListRunners))
	v1.Post("/runners/register", a.api(h.RegisterRunner))
	v1.Get("/runners/self", a.runner(h.Self))
	v1.Get("/runners/:id", a.api(h.Runner))
	v1.Patch("/runners/:id", a.api(h.UpdateRunner))
	v1.Delete("/runners/:id", a.api(h.DeleteRunner))
	v1.Post("/runners/:id/heartbeat", a.runner(h.Heartbeat))
	v1.Post("/runners/:id/claim", a.runner(h.Claim))
	job := v1.Group("/runners/:id/jobs/:build_id")
	job.Post("/renew", a.runner(h.Renew))
	job.Post("/checkout", a.runner(h.Checkout))
	job.Post("/secrets", a.runner(h.Secrets))
	job.Post("/start", a.runner(h.Start))
	job.Post("/logs", a.runner(h.AppendLog))
	job.Post("/steps", a.runner(h.ReportStep))
	job.Post("/record", a.runner(h.Record))
	job.Post("/artifacts/parts", a.runner(h.PutArtifactPart))
	job.Post("/artifacts", a.runner(h.JoinArtifact))
	job.Post("/finish", a.runner(h.Finish))

	v1.Get("/settings/instance", a.api(h.Instance))
	v1.Get("/settings/storage", a.api(h.Storage))
	v1.Get("/settings/system", a.api(h.System))
	v1.Get("/settings/retention", a.api(h.Retention))
	v1.Patch("/settings/retention", a.api(h.UpdateRetention))
	v1.Post("/settings/retention/preview", a.api(h.PreviewRetention))
	v1.Get("/settings/system/challenge", h.Challenge)

	v1.Post("/webhooks/github", webhook(o.GitHub, "GitHub is not connected to this server"))
	v1.Post("/webhooks/gitlab", webhook(o.GitLab, "GitLab is not connected to this server"))
	v1.Post("/slack/commands", webhook(o.SlackCommands, "No Slack app is connected to this server"))
	v1.Post("/slack/interactions", webhook(o.SlackInteractions, "No Slack app is connected to this server"))
}

// mountAccounts is who may do what, and who did.
func mountAccounts(v1 fiber.Router, a *auth, h *api.API) {
	v1.Get("/users/me", a.api(h.Me))
	v1.Put("/users/me/password", a.api(h.SetPassword))
	v1.Get("/users/me/identities", a.api(h.ListIdentities))
	v1.Delete("/users/me/identities", a.api(h.DisconnectIdentity))
	v1.Get("/users", a.api(h.ListUsers))
	v1.Post("/users/invite", a.api(h.InviteUser))
	v1.Get("/users/:id", a.api(h.User))
	v1.Delete("/users/:id", a.api(h.DisableUser))
	v1.Patch("/users/:id/role", a.api(h.SetUserRole))
	v1.Post("/users/:id/enable", a.api(h.EnableUser))
	v1.Post("/users/:id/sign-in-link", a.api(h.RenewSignInLink))
	v1.Get("/projects/:id/members", a.api(h.ListMembers))
	v1.Put("/projects/:id/members/:user_id", a.api(h.SetMember))
	v1.Delete("/projects/:id/members/:user_id", a.api(h.DeleteMember))
	v1.Get("/api-tokens", a.api(h.ListTokens))
	v1.Post("/api-tokens", a.api(h.CreateToken))
	v1.Delete("/api-tokens/:id", a.api(h.DeleteToken))
	v1.Get("/sessions", a.api(h.ListSessions))
	v1.Delete("/sessions/:id", a.api(h.DeleteSession))
	v1.Get("/audit-logs", a.api(h.ListAudit))
}
