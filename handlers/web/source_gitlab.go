package web

import (
	"io"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// ConnectGitLabForm is GET /settings/sources/gitlab: the form.
func (p *Pages) ConnectGitLabForm(c *fiber.Ctx, actor core.Actor) error {
	return p.gitLabForm(c, actor, http.StatusOK, templates.ConnectGitLabView{WebURL: templates.Field{Value: "https://gitlab.com/"}})
}

func (p *Pages) gitLabForm(c *fiber.Ctx, actor core.Actor, status int, v templates.ConnectGitLabView) error {
	if err := core.Allow(actor, core.ActManageInstance, nil); err != nil {
		return err
	}
	v.Page = page(actor, "Connect GitLab", "settings", "/v1/integrations")
	return p.send(c, status, func(w io.Writer) error { return p.templates.ConnectGitLab(w, v) })
}

// ConnectGitLab is POST /settings/sources/gitlab; it goes on to the sources.
func (p *Pages) ConnectGitLab(c *fiber.Ctx, actor core.Actor) error {
	v := templates.ConnectGitLabView{WebURL: typed(c, "web_url")}
	_, err := p.app.ConnectGitLab(c.UserContext(), actor, app.ConnectGitLab{WebURL: v.WebURL.Value, Token: form(c, "token")})
	if err == nil {
		return c.Redirect(sourcesPath+"?done=connected", http.StatusSeeOther)
	}
	alert, other := hostTrouble(err)
	if other != nil {
		return other
	}
	// All that can be wrong is one of the two; what the host says names the token if it means it.
	field, text := &v.WebURL, alert.Text
	if strings.Contains(strings.ToLower(text), "token") {
		field = &v.Token
	}
	for _, name := range []string{"web_url: ", "token: "} {
		if rest, ok := strings.CutPrefix(text, name); ok {
			text = capital(rest)
		}
	}
	field.Error = text
	return p.gitLabForm(c, actor, StatusOf(core.KindOf(err)), v)
}
