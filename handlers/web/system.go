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
	FindInstance(ctx context.Context, actor core.Actor) (app.Instance, error)
	MeasureStorage(ctx context.Context, actor core.Actor) (core.Storage, error)
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

// General is GET /settings/general: what this server is, and how it is set.
func (p *Pages) General(c *fiber.Ctx, actor core.Actor) error {
	instance, err := p.app.FindInstance(c.UserContext(), actor)
	if err != nil {
		return err
	}
	v := templates.GeneralView{Page: settingsPage(c, actor, "General", generalPath, "/v1/settings/instance"), Version: instance.Version, PublicURL: instance.PublicURL, Facts: instance.Facts}
	return p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.General(w, v) })
}

// Storage is GET /settings/storage: what the server's files take.
func (p *Pages) Storage(c *fiber.Ctx, actor core.Actor) error {
	storage, err := p.app.MeasureStorage(c.UserContext(), actor)
	if err != nil {
		return err
	}
	v := templates.StorageView{Page: settingsPage(c, actor, "Storage", storagePath, "/v1/settings/storage"), Kept: storage}
	return p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.Storage(w, v) })
}
