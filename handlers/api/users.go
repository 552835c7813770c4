package api

import (
	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

type meJSON struct {
	ID        string         `json:"id,omitempty"`
	Kind      core.ActorKind `json:"kind"`
	Name      string         `json:"name"`
	Role      core.Role      `json:"role"`
	ProjectID string         `json:"project_id,omitempty"` // a token's one project
}

// Me answers GET /v1/users/me: who the credential says the asker is. A token made
// on the command line belongs to no user and has no id.
func (a *API) Me(c *fiber.Ctx, actor core.Actor) error {
	return c.JSON(meJSON{actor.UserID, actor.Kind, actor.Name, actor.Role, actor.OnlyProject})
}

type userJSON struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	Email      string    `json:"email"`
	Role       core.Role `json:"role"`
	Enabled    bool      `json:"enabled"`
	Invited    bool      `json:"invited"` // has never signed in
	LastSeenAt *int64    `json:"last_seen_at,omitempty"`
	CreatedAt  int64     `json:"created_at"`
	UpdatedAt  int64     `json:"updated_at"`
}

func renderUser(u core.User) userJSON {
	return userJSON{
		ID: u.ID, Name: u.Name, Email: u.Email, Role: u.Role, Enabled: u.Enabled, Invited: u.Invited,
		LastSeenAt: unix(u.LastSeenAt), CreatedAt: u.CreatedAt.Unix(), UpdatedAt: u.UpdatedAt.Unix(),
	}
}

// linkedJSON is a user with the link that signs them in, which only this answer has.
type linkedJSON struct {
	userJSON
	SignInURL       string `json:"sign_in_url"`
	SignInExpiresAt int64  `json:"sign_in_expires_at"`
}

func renderLinked(u core.User, link app.SignInLink) linkedJSON {
	return linkedJSON{renderUser(u), link.URL, link.Expires.Unix()}
}

// ListUsers answers GET /v1/users.
func (a *API) ListUsers(c *fiber.Ctx, actor core.Actor) error {
	p, err := page(c)
	if err != nil {
		return err
	}
	users, err := a.app.ListUsers(c.UserContext(), actor)
	if err != nil {
		return err
	}
	return list(c, "users", renderAll(window(users, p), renderUser), len(users))
}

// User answers GET /v1/users/{id}.
func (a *API) User(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "User")
	if err != nil {
		return err
	}
	u, err := a.app.FindUser(c.UserContext(), actor, id)
	if err != nil {
		return err
	}
	return c.JSON(renderUser(u))
}

type inviteUserBody struct {
	Email string    `json:"email"`
	Name  string    `json:"name"`
	Role  core.Role `json:"role"`
}

// InviteUser answers POST /v1/users/invite.
func (a *API) InviteUser(c *fiber.Ctx, actor core.Actor) error {
	var in inviteUserBody
	if err := body(c, &in); err != nil {
		return err
	}
	u, link, err := a.app.InviteUser(c.UserContext(), actor, app.InviteUser(in))
	if err != nil {
		return err
	}
	return created(c, renderLinked(u, link))
}

// RenewSignInLink answers POST /v1/users/{id}/sign-in-link.
func (a *API) RenewSignInLink(c *fiber.Ctx, actor core.Actor) error {
	id, err := bareID(c, "User")
	if err != nil {
		return err
	}
	u, link, err := a.app.RenewSignInLink(c.UserContext(), actor, id)
	if err != nil {
		return err
	}
	return created(c, renderLinked(u, link))
}

// SetUserRole answers PATCH /v1/users/{id}/role.
func (a *API) SetUserRole(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "User")
	if err != nil {
		return err
	}
	role, err := bodyRole(c)
	if err != nil {
		return err
	}
	u, err := a.app.SetUserRole(c.UserContext(), actor, id, role)
	if err != nil {
		return err
	}
	return c.JSON(renderUser(u))
}

type roleBody struct {
	Role core.Role `json:"role"`
}

// bodyRole reads a body whose one field is role.
func bodyRole(c *fiber.Ctx) (core.Role, error) {
	var in roleBody
	err := body(c, &in)
	return in.Role, err
}

// EnableUser answers POST /v1/users/{id}/enable.
func (a *API) EnableUser(c *fiber.Ctx, actor core.Actor) error {
	id, err := bareID(c, "User")
	if err != nil {
		return err
	}
	u, err := a.app.EnableUser(c.UserContext(), actor, id)
	if err != nil {
		return err
	}
	return c.JSON(renderUser(u))
}

// DisableUser answers DELETE /v1/users/{id}: the user stays known, and is shut out.
func (a *API) DisableUser(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "User")
	if err != nil {
		return err
	}
	return noContent(c, a.app.DisableUser(c.UserContext(), actor, id))
}
