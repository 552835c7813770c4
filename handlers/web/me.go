package web

import (
	"io"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// Me is GET /settings/me: who the reader is here, where they are signed in, and their
// API tokens.
func (p *Pages) Me(c *fiber.Ctx, actor core.Actor) error {
	v := templates.MeView{Page: settingsPage(c, actor, "You", mePath, "/v1/users/me")}
	v.Alert = meNews(query(c, "done"))
	return p.me(c, actor, http.StatusOK, v)
}

func (p *Pages) me(c *fiber.Ctx, actor core.Actor, status int, v templates.MeView) error {
	ctx := c.UserContext()
	if actor.UserID != "" {
		u, err := p.app.FindUser(ctx, actor, actor.UserID)
		if err != nil {
			return err
		}
		v.User = u
	}
	if actor.Kind == core.ActorUser {
		if err := p.waysIn(c, actor, &v); err != nil {
			return err
		}
	}
	sessions, err := p.app.ListSessions(ctx, actor, "")
	if err != nil {
		return err
	}
	for _, s := range sessions {
		v.Sessions = append(v.Sessions, templates.SessionRow{Credential: s, Current: s.ID == actor.CredentialID})
	}
	projects, _, err := p.app.ListProjects(ctx, actor, core.Page{Limit: maxPage})
	if err != nil {
		return err
	}
	for _, project := range projects {
		if role := string(actor.Projects[project.ID]); role != "" {
			v.Members = append(v.Members, templates.MembershipRow{Project: project, Role: role})
		}
	}
	tokens, err := p.app.ListAPITokens(ctx, actor)
	if err != nil {
		return err
	}
	v.Tokens = tokenList(own(tokens, actor), projects, "me")
	return p.send(c, status, func(w io.Writer) error { return p.templates.Me(w, v) })
}

func own(tokens []core.Credential, actor core.Actor) []core.Credential {
	var mine []core.Credential
	for _, t := range tokens {
		if t.UserID != "" && t.UserID == actor.UserID {
			mine = append(mine, t)
		}
	}
	return mine
}

func meNews(done string) *templates.Alert {
	text := map[string]string{
		"revoked": "The token is revoked. It is refused from now on.", "ended": "The session is ended.", "look": "Saved for this browser.",
		"welcome":      "Welcome. The link that brought you here works no more: say below how you want to sign in next time.",
		"password":     "Your password is set. You are signed out everywhere else.",
		"connected":    "The account is connected. You may sign in with it from now on.",
		"disconnected": "The account is disconnected. It signs you in no more.",
	}[done]
	if text == "" {
		return nil
	}
	return &templates.Alert{State: "succeeded", Text: text}
}

// DeleteSession is POST /settings/sessions/:id/delete.
func (p *Pages) DeleteSession(c *fiber.Ctx, actor core.Actor) error {
	id := param(c, "id")
	if err := p.app.DeleteSession(c.UserContext(), actor, id); err != nil {
		return err
	}
	if strings.EqualFold(id, actor.CredentialID) {
		return c.Redirect("/login", http.StatusSeeOther)
	}
	return c.Redirect(mePath+"?done=ended", http.StatusSeeOther)
}
