package api

import (
	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// Me answers GET /v1/users/me: who the credential says the asker is. A token made
// on the command line belongs to no user and has no id.
func (a *API) Me(c *fiber.Ctx, actor core.Actor) error {
	return c.JSON(struct {
		ID   string         `json:"id,omitempty"`
		Kind core.ActorKind `json:"kind"`
		Name string         `json:"name"`
		Role core.Role      `json:"role"`
	}{actor.UserID, actor.Kind, actor.Name, actor.Role})
}

type tokenJSON struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	Role       core.Role `json:"role"`
	UserID     string    `json:"user_id,omitempty"`
	Token      string    `json:"token,omitempty"` // the secret, only in the answer that made it
	CreatedAt  int64     `json:"created_at"`
	ExpiresAt  *int64    `json:"expires_at,omitempty"`
	LastUsedAt *int64    `json:"last_used_at,omitempty"`
}

func renderToken(c core.Credential) tokenJSON {
	return tokenJSON{
		ID: c.ID, Name: c.Name, Role: c.Role, UserID: c.UserID,
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

// CreateToken answers POST /v1/api-tokens; the secret is in this answer alone.
func (a *API) CreateToken(c *fiber.Ctx, actor core.Actor) error {
	var in struct {
		Name string    `json:"name"`
		Role core.Role `json:"role"`
	}
	if err := body(c, &in); err != nil {
		return err
	}
	secret, credential, err := a.app.CreateAPIToken(c.UserContext(), actor, app.CreateAPIToken{Name: in.Name, Role: in.Role})
	if err != nil {
		return err
	}
	out := renderToken(credential)
	out.Token = secret
	return created(c, out)
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
