package web

import (
	"io"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// ChatCommands is GET /commands: the manual of what people may write in chat.
func (p *Pages) ChatCommands(c *fiber.Ctx, actor core.Actor) error {
	v := templates.CommandsView{Page: page(actor, "Chat commands", "commands", ""), Rows: core.CommandTable()}
	return p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.Commands(w, v) })
}

// LinkSlackForm is GET /settings/slack/link/:secret: asks whether to link. It only
// looks at the address, for previews and scanners open it too.
func (p *Pages) LinkSlackForm(c *fiber.Ctx, actor core.Actor) error {
	return p.linkSlack(c, actor, http.StatusOK, nil, templates.LinkSlackView{Secret: param(c, "secret")})
}

// LinkSlack is POST /settings/slack/link/:secret: links the Slack user who was given
// the address with the actor.
func (p *Pages) LinkSlack(c *fiber.Ctx, actor core.Actor) error {
	err := p.app.LinkChatUser(c.UserContext(), actor, param(c, "secret"))
	if err == nil {
		return p.linkSlack(c, actor, http.StatusOK, nil, templates.LinkSlackView{Done: true})
	}
	alert, other := hostTrouble(err)
	if other != nil {
		return other
	}
	return p.linkSlack(c, actor, StatusOf(core.KindOf(err)), alert, templates.LinkSlackView{})
}

// linkSlack sends a page whose address is a credential until it is used.
func (p *Pages) linkSlack(c *fiber.Ctx, actor core.Actor, status int, alert *templates.Alert, v templates.LinkSlackView) error {
	v.Page = page(actor, "Link your Slack user", "", "")
	v.Alert = alert
	err := p.send(c, status, func(w io.Writer) error { return p.templates.LinkSlack(w, v) })
	c.Set(fiber.HeaderReferrerPolicy, "strict-origin")
	c.Set(fiber.HeaderCacheControl, "no-store")
	return err
}
