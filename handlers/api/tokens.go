package api

import (
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

type tokenJSON struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	Prefix     string    `json:"prefix,omitempty"` // of the secret, behind oore_
	Role       core.Role `json:"role"`
	ProjectID  string    `json:"project_id,omitempty"`
	UserID     string    `json:"user_id,omitempty"`
	CreatedBy  string    `json:"created_by,omitempty"`
	Token      string    `json:"token,omitempty"` // the secret, only in the answer that made it
	CreatedAt  int64     `json:"created_at"`
	ExpiresAt  *int64    `json:"expires_at,omitempty"`
	LastUsedAt *int64    `json:"last_used_at,omitempty"`
}

func renderToken(c core.Credential) tokenJSON {
	return tokenJSON{
		ID: c.ID, Name: c.Name, Prefix: c.Prefix, Role: c.Role, ProjectID: c.ProjectID, UserID: c.UserID, CreatedBy: c.CreatedBy,
		CreatedAt: c.CreatedAt.Unix(), ExpiresAt: unix(c.ExpiresAt), LastUsedAt: unix(c.LastUsedAt),
	}
}

// ListTokens answers GET /v1/api-tokens.
func (a *API) ListTokens(c *fiber.Ctx, actor core.Actor) error {
	p, err := page(c)
	if err != nil {
		return err
	}
	tokens, err := a.app.ListAPITokens(c.UserContext(), actor)
	if err != nil {
		return err
	}
	return list(c, "api_tokens", renderAll(window(tokens, p), renderToken), len(tokens))
}

type createTokenBody struct {
	Name      string    `json:"name"`
	Role      core.Role `json:"role"`
	ProjectID string    `json:"project_id"`
	ExpiresIn *int64    `json:"expires_in"` // seconds
}

// CreateToken answers POST /v1/api-tokens; the secret is in this answer alone.
func (a *API) CreateToken(c *fiber.Ctx, actor core.Actor) error {
	var in createTokenBody
	if err := body(c, &in); err != nil {
		return err
	}
	project, err := optionalID(in.ProjectID, "Project")
	if err != nil {
		return err
	}
	life, err := tokenLife(in.ExpiresIn)
	if err != nil {
		return err
	}
	secret, credential, err := a.app.CreateAPIToken(c.UserContext(), actor, app.CreateAPIToken{Name: in.Name, Role: in.Role, ProjectID: project, Life: life})
	if err != nil {
		return err
	}
	out := renderToken(credential)
	out.Token = secret
	return created(c, out)
}

// tokenLife reads seconds; none means that the token does not end by itself.
func tokenLife(seconds *int64) (time.Duration, error) {
	if seconds == nil {
		return 0, nil
	}
	if *seconds < 1 || *seconds > 1<<31 {
		return 0, invalid("expires_in must be a number of seconds, at least 1")
	}
	return time.Duration(*seconds) * time.Second, nil
}

// DeleteToken answers DELETE /v1/api-tokens/{id}: the token is refused from now on.
func (a *API) DeleteToken(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "Token")
	if err != nil {
		return err
	}
	if err := a.app.DeleteAPIToken(c.UserContext(), actor, id); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}
