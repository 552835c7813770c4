package web

import (
	"context"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// SecretCommands are those about what projects give to their builds.
type SecretCommands interface {
	SetSecret(ctx context.Context, actor core.Actor, projectID string, in app.SetSecret) (core.Secret, error)
	DeleteSecret(ctx context.Context, actor core.Actor, projectID, name string) error
	ListSecrets(ctx context.Context, actor core.Actor, projectID string) ([]core.Secret, error)
}

// SetSecret is POST /projects/:id/secrets; it comes back to the settings.
func (p *Pages) SetSecret(c *fiber.Ctx, actor core.Actor) error {
	project, err := p.managed(c, actor)
	if err != nil {
		return err
	}
	v := settingsOf(actor, project, "secrets")
	shown := &v.Secrets
	shown.Open, shown.Name, shown.BranchPatterns, shown.File = true, typed(c, "name"), typed(c, "branches"), form(c, "file") != ""
	_, err = p.app.SetSecret(c.UserContext(), actor, project.ID, app.SetSecret{
		Name: shown.Name.Value, File: shown.File, Branches: lines(strings.ReplaceAll(shown.BranchPatterns.Value, ",", "\n")),
		Value: strings.Clone(strings.ReplaceAll(c.FormValue("value"), "\r\n", "\n")), // which is how browsers send line feeds
	})
	if err == nil {
		return c.Redirect("/projects/"+project.ID+"/settings/secrets?done=secret", http.StatusSeeOther)
	}
	var other error
	if v.Alert, other = place(err, slot{"name", &shown.Name}, slot{"value", &shown.Value}, slot{"branches", &shown.BranchPatterns}); other != nil {
		return other
	}
	return p.settingsForm(c, actor, StatusOf(core.KindOf(err)), v)
}

// DeleteSecret is POST /projects/:id/secrets/:name/delete.
func (p *Pages) DeleteSecret(c *fiber.Ctx, actor core.Actor) error {
	id := param(c, "id")
	if err := p.app.DeleteSecret(c.UserContext(), actor, id, param(c, "name")); err != nil {
		return err
	}
	return c.Redirect("/projects/"+id+"/settings/secrets?done=no-secret", http.StatusSeeOther)
}
