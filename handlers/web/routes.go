package web

import (
	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// Door turns a page that knows its reader into a handler that finds out who reads.
type Door = func(func(c *fiber.Ctx, actor core.Actor) error) fiber.Handler

// Doors are the ways to the pages.
type Doors struct {
	Page       Door                              // for who has signed in; others are sent to do that
	Guest      Door                              // for everybody; who has not signed in is the zero actor
	SameOrigin func(fiber.Handler) fiber.Handler // guards what a form changes without a reader
}

// Mount puts every page into the server's route table.
func (p *Pages) Mount(server fiber.Router, d Doors) {
	page, sameOrigin := d.Page, d.SameOrigin
	server.Get("/login", p.LoginPage)
	server.Get("/sign-in/:token", p.SignIn)
	server.Post("/sign-in/password", sameOrigin(p.SignInWithPassword))
	server.Post("/sign-in/proxy", sameOrigin(p.SignInByProxy))
	server.Post("/sign-in/:way", sameOrigin(p.Depart))
	server.Get("/sign-in/:way/callback", p.Arrive)
	server.Post("/logout", sameOrigin(p.SignOut))
	server.Get("/static/*", p.Static)
	server.Get("/status", p.Status)
	server.Get("/badges/:project/:pipeline", d.Guest(p.Badge))

	server.Get("/", page(p.Dashboard))
	server.Post("/checklist/dismiss", page(p.DismissChecklist))
	server.Get("/run", page(p.RunChoice))
	server.Get("/setup", page(p.Setup))
	server.Post("/setup/you", page(p.Introduce))
	server.Post("/setup/demo", page(p.StartDemo))
	server.Post("/setup/demo/push", page(p.PushDemo))
	server.Post("/setup/repository", page(p.StartRepository))
	server.Get("/validate", page(p.ValidateForm))
	server.Post("/validate", page(p.Validate))
	server.Get("/stream", page(p.ListStream))
	server.Get("/builds", page(p.Builds))
	server.Get("/queue", page(p.Queue))
	server.Post("/queue/pause", page(p.PauseQueue))
	server.Post("/queue/resume", page(p.ResumeQueue))
	server.Post("/queue/builds/:id/first", page(p.PutBuildFirst))
	server.Post("/queue/builds/:id/cancel", page(p.CancelQueued))
	server.Get("/builds/:id", page(p.Build))
	server.Get("/builds/:id/log.txt", page(p.BuildLogText))
	server.Get("/builds/:id/lines", page(p.LogRows))
	server.Get("/builds/:id/stream", page(p.BuildStream))
	server.Get("/builds/:id/steps/:n", page(p.BuildStep))
	for _, tab := range templates.BuildTabs() {
		server.Get("/builds/:id/"+string(tab), page(p.buildTab(tab)))
	}
	server.Post("/builds/:id/cancel", page(p.CancelBuild))
	server.Post("/builds/:id/rerun", page(p.RerunBuild))
	server.Get("/apps/:project", page(p.Apps))
	server.Get("/i/:id<guid>", page(p.Install)) // an artifact, for who has signed in
	server.Post("/i/:id<guid>/share-links", page(p.CreateShareLink))
	server.Post("/i/:id<guid>/share-links/:link/revoke", page(p.RevokeShareLink))
	server.Get("/i/:id/qr.svg", p.QR)
	server.Get("/i/:id/qr.png", p.QR)
	server.Get("/i/:secret", p.SharedInstall) // for who has a link
	server.Post("/i/:secret/install", sameOrigin(p.BeginInstall))
	server.Get("/i/:secret/manifest.plist", p.InstallManifest)
	server.Get("/deliveries", page(p.Deliveries))
	server.Get("/deliveries/:id", page(p.Delivery))
	server.Post("/deliveries/:id/redeliver", page(p.Redeliver))
	server.Post("/deliveries/:id/approve", page(p.Approve))
	server.Get("/why", page(p.Why))
	server.Get("/commands", page(p.ChatCommands))
	server.Get("/search", page(p.Search))
	server.Get("/_ui", page(p.UI))
	server.Get("/runners", page(p.Runners))
	server.Post("/runners/:id", page(p.UpdateRunner))
	server.Post("/runners/:id/delete", page(p.DeleteRunner))

	p.mountProjects(server, page)
	p.mountSettings(server, page)
}

func (p *Pages) mountProjects(server fiber.Router, page Door) {
	server.Get("/projects", page(p.Projects))
	server.Get("/projects/new", page(p.NewProject))
	server.Post("/projects", page(p.CreateProject))
	server.Get("/projects/:id", page(p.Project))
	server.Get("/projects/:id/settings", page(p.FirstProjectSettings))
	server.Get("/projects/:id/settings/:part", page(p.ProjectSettings))
	server.Post("/projects/:id/settings", page(p.UpdateProject))
	server.Post("/projects/:id/settings/webhook-secret", page(p.RenewHookSecret))
	server.Post("/projects/:id/secrets", page(p.SetSecret))
	server.Post("/projects/:id/secrets/:name/delete", page(p.DeleteSecret))
	server.Post("/projects/:id/schedules", page(p.CreateSchedule))
	server.Post("/projects/:id/schedules/:schedule_id", page(p.SwitchSchedule))
	server.Post("/projects/:id/schedules/:schedule_id/delete", page(p.DeleteSchedule))
	server.Post("/projects/:id/notifications", page(p.CreateNotification))
	server.Post("/notifications/:id/test", page(p.TestNotification))
	server.Post("/notifications/:id/delete", page(p.DeleteNotification))
	server.Post("/projects/:id/delete", page(p.DeleteProject))
	server.Get("/projects/:id/builds/:number", page(p.ProjectBuild))
	server.Get("/projects/:id/pipelines/new", page(p.NewPipeline))
	server.Get("/projects/:id/pipelines/:pipeline", page(p.Pipeline))
	server.Get("/projects/:id/pipelines/:pipeline/edit", page(p.EditPipeline))
	server.Post("/projects/:id/pipelines/:pipeline/edit", page(p.UpdatePipeline))
	server.Get("/projects/:id/pipelines/:pipeline/delete", page(p.AskDeletePipeline))
	server.Post("/projects/:id/pipelines/:pipeline/delete", page(p.DeletePipeline))
	server.Post("/projects/:id/pipelines", page(p.CreatePipeline))
	server.Get("/projects/:id/insights", page(p.Insights))
	server.Get("/projects/:id/run", page(p.RunForm))
	server.Get("/projects/:id/run/commit", page(p.RunCommit))
	server.Post("/projects/:id/run", page(p.StartBuild))
	server.Post("/projects/:id/access", page(p.UpdateAccess))
	server.Post("/projects/:id/members", page(p.AddMember))
	server.Post("/projects/:id/members/:user_id", page(p.SetMember))
	server.Post("/projects/:id/members/:user_id/delete", page(p.DeleteMember))
}

func (p *Pages) mountSettings(server fiber.Router, page Door) {
	server.Get("/settings", page(p.Settings))
	server.Get("/settings/general", page(p.General))
	server.Get("/settings/storage", page(p.Storage))
	server.Get("/settings/system", page(p.System))
	server.Get("/settings/retention", page(p.Retention))
	server.Post("/settings/retention", page(p.UpdateRetention))
	server.Get("/settings/sources", page(p.Sources))
	server.Get("/settings/sources/github", page(p.ConnectGitHub))
	server.Post("/settings/sources/github", page(p.StartGitHubApp))
	server.Get("/settings/sources/github/callback", page(p.GitHubCallback))
	server.Get("/settings/sources/github/installed", page(p.GitHubInstalled))
	server.Get("/settings/sources/gitlab", page(p.ConnectGitLabForm))
	server.Post("/settings/sources/gitlab", page(p.ConnectGitLab))
	server.Post("/settings/sources/gitlab/grant", page(p.StartGitLabGrant))
	server.Get("/settings/sources/gitlab/callback", page(p.GitLabCallback))
	server.Post("/settings/sources/:id/reconnect", page(p.ReconnectSource))
	server.Post("/settings/sources/:id/sync", page(p.SyncSource))
	server.Post("/settings/sources/:id/disconnect", page(p.DisconnectSource))
	server.Get("/settings/slack/link/:secret", page(p.LinkSlackForm))
	server.Post("/settings/slack/link/:secret", page(p.LinkSlack))
	server.Get("/settings/users", page(p.Users))
	server.Post("/settings/users", page(p.InviteUser))
	server.Post("/settings/users/:id/role", page(p.SetUserRole))
	server.Post("/settings/users/:id/enable", page(p.EnableUser))
	server.Post("/settings/users/:id/disable", page(p.DisableUser))
	server.Post("/settings/users/:id/link", page(p.RenewSignInLink))
	server.Get("/settings/tokens", page(p.Tokens))
	server.Post("/settings/tokens", page(p.CreateToken))
	server.Post("/settings/tokens/:id/delete", page(p.DeleteToken))
	server.Get("/settings/me", page(p.Me))
	server.Post("/settings/me/look", page(p.SetLook))
	server.Post("/settings/me/password", page(p.SetPassword))
	server.Post("/settings/me/connect/:way", page(p.ConnectIdentity))
	server.Post("/settings/me/disconnect", page(p.DisconnectIdentity))
	server.Post("/settings/sessions/:id/delete", page(p.DeleteSession))
	server.Get("/settings/audit", page(p.Audit))
}
