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

// SystemCommands are those about the server itself.
type SystemCommands interface {
	CheckSystem(ctx context.Context, actor core.Actor) (app.Checkup, error)
}

// System is GET /settings/system: how the server is, and what it stands on.
func (p *Pages) System(c *fiber.Ctx, actor core.Actor) error {
	checkup, err := p.app.CheckSystem(c.UserContext(), actor)
	if err != nil {
		return err
	}
	v := templates.SystemView{
		Page: settingsPage(c, actor, "System", systemPath, "/v1/settings/system"), At: checkup.At, Groups: templates.GroupChecks(checkup.Checks),
	}
	return p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.System(w, v) })
}
