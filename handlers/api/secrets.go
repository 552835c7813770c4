package api

import (
	"context"
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

type secretJSON struct {
	ID        string   `json:"id"`
	ProjectID string   `json:"project_id"`
	Name      string   `json:"name"`
	File      bool     `json:"file"`
	Branches  []string `json:"branches"`
	UpdatedAt int64    `json:"updated_at"`
	UpdatedBy string   `json:"updated_by"`
}

func renderSecret(s core.Secret) secretJSON {
	return secretJSON{
		ID: s.ID, ProjectID: s.ProjectID, Name: s.Name, File: s.File, Branches: orEmpty(s.Branches), UpdatedAt: s.UpdatedAt.Unix(), UpdatedBy: s.UpdatedBy,
	}
}

// ListSecrets answers GET /v1/projects/{id}/secrets: all but the values.
func (a *API) ListSecrets(c *fiber.Ctx, actor core.Actor) error {
	return listOf(c, actor, "Project", "secrets", a.app.ListSecrets, renderSecret)
}

type setSecretBody struct {
	Value    *string  `json:"value"`
	File     bool     `json:"file"`
	Branches []string `json:"branches"`
}

// SetSecret answers PUT /v1/projects/{id}/secrets/{name}.
func (a *API) SetSecret(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "Project")
	if err != nil {
		return err
	}
	var b setSecretBody
	if err := body(c, &b); err != nil {
		return err
	}
	if b.Value == nil {
		return invalid("value is missing")
	}
	s, err := a.app.SetSecret(c.UserContext(), actor, id, app.SetSecret{Name: strings.Clone(c.Params("name")), Value: *b.Value, File: b.File, Branches: b.Branches})
	if err != nil {
		return err
	}
	return c.JSON(renderSecret(s))
}

// DeleteSecret answers DELETE /v1/projects/{id}/secrets/{name}.
func (a *API) DeleteSecret(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "Project")
	if err != nil {
		return err
	}
	return noContent(c, a.app.DeleteSecret(c.UserContext(), actor, id, strings.Clone(c.Params("name"))))
}
