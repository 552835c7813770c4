package web

import (
	"context"
	"io"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// SetupCommands are those of the first steps.
type SetupCommands interface {
	Introduce(ctx context.Context, actor core.Actor, name, email string) error
	StartDemo(ctx context.Context, actor core.Actor) (core.Build, error)
	PushDemo(ctx context.Context, actor core.Actor, projectID string, broken bool) error
	IsDemo(p core.Project) bool
	LookAtRepository(ctx context.Context, actor core.Actor, address string) (app.RepositoryLook, error)
	StartRepository(ctx context.Context, actor core.Actor, address string) (core.Build, error)
}

// Setup is GET /setup: who are you, where the server's own owner has not said so; then
// where is your code. ?repository= shows what is found in a folder or at an address.
func (p *Pages) Setup(c *fiber.Ctx, actor core.Actor) error {
	if err := core.Allow(actor, core.ActManageInstance, nil); err != nil {
		return err
	}
	v := templates.SetupView{PublicURL: p.publicURL}
	// Another site's link fills the form in, but must not send the server anywhere.
	if v.Repository.Value = query(c, "repository"); v.Repository.Value != "" && c.Get("Sec-Fetch-Site") != "cross-site" {
		return p.lookAt(c, actor, v)
	}
	if actor.UserID != "" && query(c, "step") == "" {
		u, err := p.app.FindUser(c.UserContext(), actor, actor.UserID)
		if err != nil {
			return err
		}
		v.Ask = !app.Introduced(u)
	}
	return p.setup(c, actor, http.StatusOK, v)
}

func (p *Pages) setup(c *fiber.Ctx, actor core.Actor, status int, v templates.SetupView) error {
	alert := v.Alert
	v.Page = page(c, actor, "First steps", "", "/v1/projects")
	v.Alert = alert
	return p.send(c, status, func(w io.Writer) error { return p.templates.Setup(w, v) })
}

func (p *Pages) lookAt(c *fiber.Ctx, actor core.Actor, v templates.SetupView) error {
	l, err := p.app.LookAtRepository(c.UserContext(), actor, v.Repository.Value)
	if err != nil {
		return p.setupRefused(c, actor, v, err)
	}
	v.Found = &templates.RepositoryView{
		Name: l.Name, Branch: l.Branch, SHA: l.Commit.SHA, Message: l.Commit.Message, Workflow: l.Workflow, App: l.App,
		Flutter: l.Flutter, Platforms: l.Platforms, Labels: l.Labels, Unread: l.Unread, Startable: l.Startable(), Linked: l.Linked,
		Fit: l.Forecast.Fit, Runners: l.Forecast.Runners,
	}
	return p.setup(c, actor, http.StatusOK, v)
}

// StartRepository is POST /setup/repository; it goes on to the build.
func (p *Pages) StartRepository(c *fiber.Ctx, actor core.Actor) error {
	if err := core.Allow(actor, core.ActManageInstance, nil); err != nil {
		return err
	}
	v := templates.SetupView{PublicURL: p.publicURL, Repository: typed(c, "repository")}
	b, err := p.app.StartRepository(c.UserContext(), actor, v.Repository.Value)
	if err != nil {
		return p.setupRefused(c, actor, v, err)
	}
	return c.Redirect("/builds/"+b.ID, http.StatusSeeOther)
}

// setupRefused says beside the address what is wrong with it.
func (p *Pages) setupRefused(c *fiber.Ctx, actor core.Actor, v templates.SetupView, err error) error {
	alert, other := hostTrouble(err)
	if other != nil {
		return other
	}
	v.Repository.Error = alert.Text
	return p.setup(c, actor, StatusOf(core.KindOf(err)), v)
}

// Introduce is POST /setup/you.
func (p *Pages) Introduce(c *fiber.Ctx, actor core.Actor) error {
	v := templates.SetupView{Ask: true, Name: typed(c, "name"), Email: typed(c, "email"), PublicURL: p.publicURL}
	err := p.app.Introduce(c.UserContext(), actor, v.Name.Value, v.Email.Value)
	if err == nil {
		return c.Redirect("/setup?step=code", http.StatusSeeOther)
	}
	var other error
	if !coded(err, core.CodeEmailExists, &v.Email) {
		if v.Alert, other = place(err, slot{"name", &v.Name}, slot{"email", &v.Email}); other != nil {
			return other
		}
	}
	return p.setup(c, actor, StatusOf(core.KindOf(err)), v)
}

// StartDemo is POST /setup/demo; it goes on to the build.
func (p *Pages) StartDemo(c *fiber.Ctx, actor core.Actor) error {
	b, err := p.app.StartDemo(c.UserContext(), actor)
	if err == nil {
		return c.Redirect("/builds/"+b.ID, http.StatusSeeOther)
	}
	alert, other := hostTrouble(err)
	if other != nil {
		return other
	}
	v := templates.SetupView{PublicURL: p.publicURL}
	v.Alert = alert
	return p.setup(c, actor, StatusOf(core.KindOf(err)), v)
}

// PushDemo is POST /setup/demo/push; it goes on to the project, where the build shows.
func (p *Pages) PushDemo(c *fiber.Ctx, actor core.Actor) error {
	id := form(c, "project")
	if err := p.app.PushDemo(c.UserContext(), actor, id, form(c, "broken") != ""); err != nil {
		return err
	}
	return c.Redirect("/projects/"+id, http.StatusSeeOther)
}
