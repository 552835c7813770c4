package web

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// RunnerCommands are those about who runs builds.
type RunnerCommands interface {
	ListRunners(ctx context.Context, actor core.Actor) ([]app.RunnerDetail, error)
	UpdateRunner(ctx context.Context, actor core.Actor, id string, in app.UpdateRunner) (app.RunnerDetail, error)
	DeleteRunner(ctx context.Context, actor core.Actor, id string) error
}

const runnersPath = "/runners"

// Runners is GET /runners.
func (p *Pages) Runners(c *fiber.Ctx, actor core.Actor) error {
	return p.runners(c, actor, http.StatusOK, nil)
}

func (p *Pages) runners(c *fiber.Ctx, actor core.Actor, status int, alert *templates.Alert) error {
	all, err := p.app.ListRunners(c.UserContext(), actor)
	if err != nil {
		return err
	}
	v := templates.RunnersView{Page: page(c, actor, "Runners", "runners", "/v1/runners"), PublicURL: p.publicURL}
	v.Alert = alert
	for _, r := range all {
		v.Rows = append(v.Rows, templates.RunnerRow{Runner: r.Runner, State: r.State(time.Now()), Builds: r.Builds})
	}
	return p.send(c, status, func(w io.Writer) error { return p.templates.Runners(w, v) })
}

// UpdateRunner is POST /runners/:id: pause or resume.
func (p *Pages) UpdateRunner(c *fiber.Ctx, actor core.Actor) error {
	enabled := form(c, "enabled") == "true"
	_, err := p.app.UpdateRunner(c.UserContext(), actor, param(c, "id"), app.UpdateRunner{Enabled: &enabled})
	return p.runnersAfter(c, actor, err)
}

// DeleteRunner is POST /runners/:id/delete.
func (p *Pages) DeleteRunner(c *fiber.Ctx, actor core.Actor) error {
	return p.runnersAfter(c, actor, p.app.DeleteRunner(c.UserContext(), actor, param(c, "id")))
}

// runnersAfter shows the list again, with what went wrong above it.
func (p *Pages) runnersAfter(c *fiber.Ctx, actor core.Actor, err error) error {
	if err == nil {
		return c.Redirect(runnersPath, http.StatusSeeOther)
	}
	alert, other := refused(err)
	if other != nil {
		return other
	}
	return p.runners(c, actor, StatusOf(core.KindOf(err)), alert)
}
