package web

import (
	"io"
	"log/slog"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

func owner() core.Actor {
	return core.Actor{Kind: core.ActorUser, UserID: "u1", Name: "sam", Role: core.RoleOwner}
}

// onePixel stands for the icons that the API's handlers send.
func onePixel() []byte {
	return []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00\x3a\x7e\x9b\x55\x00\x00\x00\nIDATx\x9cc`\x00\x00\x00\x02\x00\x01H\xaf\xa4q\x00\x00\x00\x00IEND\xaeB`\x82")
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
	a.Get("/queue", as(p.Queue))
	a.Get("/builds/:id", as(p.Build))
	a.Get("/builds/:id/log.txt", as(p.BuildLogText))
	a.Post("/builds/:id/cancel", as(p.CancelBuild))
	a.Post("/builds/:id/rerun", as(p.RerunBuild))
	icon := func(c *fiber.Ctx) error { return c.Type("png").Send(onePixel()) }
	a.Get("/artifacts/:id/icon", icon)
	a.Get("/i/:secret/icon", icon)
	a.Get("/apps/:project", as(p.Apps))
	a.Get("/i/:id<guid>", as(p.Install))
	a.Post("/i/:id<guid>/share-links", as(p.CreateShareLink))
	a.Post("/i/:id<guid>/share-links/:link/revoke", as(p.RevokeShareLink))
	a.Get("/i/:id/qr.svg", p.QR)
	a.Get("/i/:id/qr.png", p.QR)
	a.Get("/i/:secret", p.SharedInstall)
	a.Post("/i/:secret/install", p.BeginInstall)
	a.Get("/i/:secret/manifest.plist", p.InstallManifest)
	a.Get("/projects", as(p.Projects))
	a.Get("/projects/new", as(p.NewProject))
	a.Post("/projects", as(p.CreateProject))
	a.Get("/projects/:id", as(p.Project))
	a.Get("/projects/:id/settings", as(p.ProjectSettings))
	a.Post("/projects/:id/settings", as(p.UpdateProject))
	a.Post("/projects/:id/settings/webhook-secret", as(p.RenewHookSecret))
	a.Post("/projects/:id/delete", as(p.DeleteProject))
	a.Post("/projects/:id/secrets", as(p.SetSecret))
	a.Post("/projects/:id/secrets/:name/delete", as(p.DeleteSecret))
	a.Post("/projects/:id/notifications", as(p.CreateNotification))
	a.Post("/notifications/:id/test", as(p.TestNotification))
	a.Post("/notifications/:id/delete", as(p.DeleteNotification))
	a.Get("/projects/:id/pipelines/new", as(p.NewPipeline))
	a.Post("/projects/:id/pipelines", as(p.CreatePipeline))
	a.Get("/projects/:id/run", as(p.RunForm))
	a.Post("/projects/:id/run", as(p.StartBuild))
	a.Get("/deliveries", as(p.Deliveries))
	a.Get("/deliveries/:id", as(p.Delivery))
	a.Post("/deliveries/:id/redeliver", as(p.Redeliver))
	a.Post("/deliveries/:id/approve", as(p.Approve))
	a.Get("/why", as(p.Why))
	a.Get("/settings", as(p.Settings))
	a.Get("/settings/system", as(p.System))
	a.Get("/settings/sources", as(p.Sources))
	a.Get("/settings/sources/github", as(p.ConnectGitHub))
	a.Post("/settings/sources/github", as(p.StartGitHubApp))
	a.Get("/settings/sources/github/callback", as(p.GitHubCallback))
	a.Get("/settings/sources/github/installed", as(p.GitHubInstalled))
	a.Get("/settings/sources/gitlab", as(p.ConnectGitLabForm))
	a.Post("/settings/sources/gitlab", as(p.ConnectGitLab))
	a.Post("/settings/sources/gitlab/grant", as(p.StartGitLabGrant))
	a.Get("/settings/sources/gitlab/callback", as(p.GitLabCallback))
	a.Post("/settings/sources/:id/reconnect", as(p.ReconnectSource))
	a.Post("/settings/sources/:id/sync", as(p.SyncSource))
	a.Post("/settings/sources/:id/disconnect", as(p.DisconnectSource))
	a.Get("/settings/users", as(p.Users))
	a.Post("/settings/users", as(p.InviteUser))
	a.Post("/settings/users/:id/role", as(p.SetUserRole))
	a.Post("/settings/users/:id/enable", as(p.EnableUser))
	a.Post("/settings/users/:id/disable", as(p.DisableUser))
	a.Post("/settings/users/:id/link", as(p.RenewSignInLink))
	a.Get("/settings/tokens", as(p.Tokens))
	a.Post("/settings/tokens", as(p.CreateToken))
	a.Post("/settings/tokens/:id/delete", as(p.DeleteToken))
	a.Get("/settings/me", as(p.Me))
	a.Post("/settings/sessions/:id/delete", as(p.DeleteSession))
	a.Get("/settings/audit", as(p.Audit))
	a.Post("/projects/:id/access", as(p.UpdateAccess))
	a.Post("/projects/:id/members", as(p.AddMember))
	a.Post("/projects/:id/members/:user_id", as(p.SetMember))
	a.Post("/projects/:id/members/:user_id/delete", as(p.DeleteMember))
	a.Get("/settings/slack/link/:secret", as(p.LinkSlackForm))
	a.Post("/settings/slack/link/:secret", as(p.LinkSlack))
	a.Get("/commands", as(p.ChatCommands))
	a.Get("/runners", as(p.Runners))
	a.Post("/runners/:id", as(p.UpdateRunner))
	a.Post("/runners/:id/delete", as(p.DeleteRunner))
	a.Get("/login", p.LoginPage)
	a.Get("/sign-in/:token", p.SignIn)
	a.Post("/logout", p.SignOut)
	a.Get("/static/*", p.Static)
	return a
}
