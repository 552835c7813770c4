package web

import (
	"io"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// ChatCommands is GET /commands?line=: the manual of what people may write in chat,
// and what a line would be understood as.
func (p *Pages) ChatCommands(c *fiber.Ctx, actor core.Actor) error {
	v := templates.CommandsView{Page: page(c, actor, "Chat commands", "commands", ""), Rows: core.CommandTable(), Line: strings.TrimSpace(query(c, "line"))}
	if v.Line != "" {
		v.Read, v.Fault = readChat(v.Line)
		v.Next = core.CompleteChat(core.DoorForge, v.Line)
	}
	return p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.Commands(w, v) })
}

// readChat prints the command that a line is understood as where it is offered, or
// what a person would be answered.
func readChat(line string) (read, fault string) {
	line = strings.TrimPrefix(line, "/oore")
	command, err := core.ParseChat(core.DoorForge, line)
	if verb, _, _ := strings.Cut(strings.TrimSpace(line), " "); err != nil {
		if v, ok := core.FindChatVerb(verb); ok && !v.At(core.DoorForge) {
			command, err = core.ParseChat(core.DoorSlack, line)
		}
	}
	if err != nil {
		return "", strings.ReplaceAll(core.MessageOf(err), "`", "")
	}
	return "/oore " + command.String(), ""
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
	v.Page = page(c, actor, "Link your Slack user", "", "")
	v.Alert = alert
	err := p.send(c, status, func(w io.Writer) error { return p.templates.LinkSlack(w, v) })
	c.Set(fiber.HeaderReferrerPolicy, "strict-origin")
	c.Set(fiber.HeaderCacheControl, "no-store")
	return err
}
