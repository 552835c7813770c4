package web

import (
	"io"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// Users is GET /settings/users: who may sign in, and the form to invite somebody.
func (p *Pages) Users(c *fiber.Ctx, actor core.Actor) error {
	v := templates.UsersView{Role: templates.Field{Value: string(core.RoleDeveloper)}}
	return p.users(c, actor, http.StatusOK, userNews(query(c, "done")), v)
}

func userNews(done string) *templates.Alert {
	text := map[string]string{
		"role":     "The role is changed. It holds from now on, for what they are doing too.",
		"disabled": "They are shut out: signed out everywhere, and their API tokens are refused.",
		"enabled":  "They may sign in again, and their API tokens work.",
	}[done]
	if text == "" {
		return nil
	}
	return &templates.Alert{State: "succeeded", Text: text}
}

func (p *Pages) users(c *fiber.Ctx, actor core.Actor, status int, alert *templates.Alert, v templates.UsersView) error {
	users, err := p.app.ListUsers(c.UserContext(), actor)
	if err != nil {
		return err
	}
	v.Page = settingsPage(c, actor, "Users", usersPath, "/v1/users")
	v.Alert, v.Roles = alert, templates.InstanceRoles(actor.Role == core.RoleOwner)
	for _, u := range users {
		change := core.AllowUser(actor, u, "") == nil
		v.Rows = append(v.Rows, templates.UserRow{
			User: u, MayChange: change, MayLink: (change || u.ID == actor.UserID) && u.Enabled, Roles: v.Roles,
		})
	}
	return p.send(c, status, func(w io.Writer) error { return p.templates.Users(w, v) })
}

// InviteUser is POST /settings/users; it shows the link, this once.
func (p *Pages) InviteUser(c *fiber.Ctx, actor core.Actor) error {
	v := templates.UsersView{Open: true, Email: typed(c, "email"), Name: typed(c, "name"), Role: typed(c, "role")}
	u, link, err := p.app.InviteUser(c.UserContext(), actor, app.InviteUser{Email: v.Email.Value, Name: v.Name.Value, Role: core.Role(v.Role.Value)})
	if err == nil {
		return p.showLink(c, actor, u, link)
	}
	var alert *templates.Alert
	if !coded(err, core.CodeEmailExists, &v.Email) {
		var other error
		if alert, other = place(err, slot{"email", &v.Email}, slot{"name", &v.Name}, slot{"role", &v.Role}); other != nil {
			return other
		}
	}
	return p.users(c, actor, StatusOf(core.KindOf(err)), alert, v)
}

func (p *Pages) showLink(c *fiber.Ctx, actor core.Actor, u core.User, link app.SignInLink) error {
	v := templates.SignInLinkView{
		Page: settingsPage(c, actor, "Sign-in link for "+u.Name, usersPath, "/v1/users/"+u.ID), User: u, URL: link.URL,
		Hours: int(time.Until(link.Expires).Round(time.Hour).Hours()),
	}
	return onlyNow(c, p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.SignInLink(w, v) }))
}

// RenewSignInLink is POST /settings/users/:id/link; it shows the link, this once.
func (p *Pages) RenewSignInLink(c *fiber.Ctx, actor core.Actor) error {
	u, link, err := p.app.RenewSignInLink(c.UserContext(), actor, param(c, "id"))
	if err != nil {
		return p.usersAfter(c, actor, "", err)
	}
	return p.showLink(c, actor, u, link)
}

// SetUserRole is POST /settings/users/:id/role.
func (p *Pages) SetUserRole(c *fiber.Ctx, actor core.Actor) error {
	_, err := p.app.SetUserRole(c.UserContext(), actor, param(c, "id"), core.Role(form(c, "role")))
	return p.usersAfter(c, actor, "role", err)
}

// EnableUser is POST /settings/users/:id/enable.
func (p *Pages) EnableUser(c *fiber.Ctx, actor core.Actor) error {
	_, err := p.app.EnableUser(c.UserContext(), actor, param(c, "id"))
	return p.usersAfter(c, actor, "enabled", err)
}

// DisableUser is POST /settings/users/:id/disable.
func (p *Pages) DisableUser(c *fiber.Ctx, actor core.Actor) error {
	return p.usersAfter(c, actor, "disabled", p.app.DisableUser(c.UserContext(), actor, param(c, "id")))
}

// usersAfter shows the list again, with what was done or went wrong above it.
func (p *Pages) usersAfter(c *fiber.Ctx, actor core.Actor, done string, err error) error {
	if err == nil {
		return c.Redirect(usersPath+"?done="+done, http.StatusSeeOther)
	}
	alert, other := refused(err)
	if other != nil {
		return other
	}
	v := templates.UsersView{Role: templates.Field{Value: string(core.RoleDeveloper)}}
	return p.users(c, actor, StatusOf(core.KindOf(err)), alert, v)
}
