package api

import (
	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

type memberJSON struct {
	UserID    string    `json:"user_id"`
	Name      string    `json:"name"`
	Email     string    `json:"email"`
	Enabled   bool      `json:"enabled"`
	Role      core.Role `json:"role"`
	CreatedAt int64     `json:"created_at"`
}

func renderMember(m app.MemberDetail) memberJSON {
	return memberJSON{UserID: m.UserID, Name: m.User.Name, Email: m.User.Email, Enabled: m.User.Enabled, Role: m.Role, CreatedAt: m.CreatedAt.Unix()}
}

// ListMembers answers GET /v1/projects/{id}/members.
func (a *API) ListMembers(c *fiber.Ctx, actor core.Actor) error {
	return listOf(c, actor, "Project", "members", a.app.ListMembers, renderMember)
}

// SetMember answers PUT /v1/projects/{id}/members/{user_id}.
func (a *API) SetMember(c *fiber.Ctx, actor core.Actor) error {
	project, user, err := memberIDs(c)
	if err != nil {
		return err
	}
	role, err := bodyRole(c)
	if err != nil {
		return err
	}
	m, err := a.app.SetMember(c.UserContext(), actor, project, user, role)
	if err != nil {
		return err
	}
	return c.JSON(renderMember(m))
}

// DeleteMember answers DELETE /v1/projects/{id}/members/{user_id}.
func (a *API) DeleteMember(c *fiber.Ctx, actor core.Actor) error {
	project, user, err := memberIDs(c)
	if err != nil {
		return err
	}
	return noContent(c, a.app.DeleteMember(c.UserContext(), actor, project, user))
}

func memberIDs(c *fiber.Ctx) (project, user string, err error) {
	if project, err = pathID(c, "Project"); err != nil {
		return "", "", err
	}
	user, err = parseID(c.Params("user_id"), "User")
	return project, user, err
}
