package web

import (
	"net/http"
	"slices"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// waysIn fills in how the reader signs in, and how they could.
func (p *Pages) waysIn(c *fiber.Ctx, actor core.Actor, v *templates.MeView) error {
	v.Passwords = p.app.Passwords()
	identities, err := p.app.ListIdentities(c.UserContext(), actor)
	if err != nil {
		return err
	}
	ways := p.app.SignInWays()
	for _, i := range identities {
		row := templates.IdentityRow{Identity: i, Service: i.Provider}
		for _, way := range ways {
			if way.Provider == i.Provider {
				row.Service = way.Name
			}
		}
		v.Identities = append(v.Identities, row)
	}
	v.Ways = slices.DeleteFunc(ways, func(way core.SignInWay) bool {
		return slices.ContainsFunc(identities, func(i core.Identity) bool { return i.Provider == way.Provider })
	})
	return nil
}

// meAfter shows the page again, with what went wrong above it, or says what was done.
func (p *Pages) meAfter(c *fiber.Ctx, actor core.Actor, done string, err error) error {
	if err == nil {
		return c.Redirect(mePath+"?done="+done, http.StatusSeeOther)
	}
	alert, other := refused(err)
	if other != nil {
		return other
	}
	v := templates.MeView{Page: settingsPage(c, actor, "You", mePath, "/v1/users/me")}
	v.Alert = alert
	return p.me(c, actor, StatusOf(core.KindOf(err)), v)
}

// SetPassword is POST /settings/me/password.
func (p *Pages) SetPassword(c *fiber.Ctx, actor core.Actor) error {
	s, err := p.app.SetPassword(c.UserContext(), actor, p.visitor(c), app.SetPassword{Current: exact(c, "current_password"), New: exact(c, "new_password")})
	if err == nil {
		p.setSession(c, s.Secret, s.Expires)
		return c.Redirect(mePath+"?done=password", http.StatusSeeOther)
	}
	v := templates.MeView{Page: settingsPage(c, actor, "You", mePath, "/v1/users/me")}
	var other error
	if v.Alert, other = place(err, slot{"current_password", &v.Current}, slot{"new_password", &v.New}); other != nil {
		return other
	}
	return p.me(c, actor, StatusOf(core.KindOf(err)), v)
}

// DisconnectIdentity is POST /settings/me/disconnect.
func (p *Pages) DisconnectIdentity(c *fiber.Ctx, actor core.Actor) error {
	err := p.app.DisconnectIdentity(c.UserContext(), actor, form(c, "provider"), form(c, "subject"))
	return p.meAfter(c, actor, "disconnected", err)
}
