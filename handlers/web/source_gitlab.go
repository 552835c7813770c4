package web

import (
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// ConnectGitLabForm is GET /settings/sources/gitlab: the form.
func (p *Pages) ConnectGitLabForm(c *fiber.Ctx, actor core.Actor) error {
	return p.gitLabForm(c, actor, http.StatusOK, templates.ConnectGitLabView{})
}

func (p *Pages) gitLabForm(c *fiber.Ctx, actor core.Actor, status int, v templates.ConnectGitLabView) error {
	if err := core.Allow(actor, core.ActManageInstance, nil); err != nil {
		return err
	}
	alert := v.Alert
	v.Page = settingsPage(c, actor, "Connect GitLab", sourcesPath, "/v1/integrations")
	v.Alert, v.RedirectURI = alert, p.publicURL+"/settings/sources/gitlab/callback"
	for _, field := range []*templates.Field{&v.WebURL, &v.GrantURL} {
		if field.Value == "" && field.Error == "" {
			field.Value = "https://gitlab.com/"
		}
	}
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

// StartGitLabGrant is POST /settings/sources/gitlab/grant: the page that leads to GitLab,
// where the person is asked for access.
func (p *Pages) StartGitLabGrant(c *fiber.Ctx, actor core.Actor) error {
	v := templates.ConnectGitLabView{GrantURL: typed(c, "web_url"), ApplicationID: typed(c, "application_id"), ByGrant: true}
	address, err := p.app.StartGitLabGrant(c.UserContext(), actor, app.StartGitLabGrant{
		WebURL: v.GrantURL.Value, ApplicationID: v.ApplicationID.Value, Secret: form(c, "secret"),
	})
	if err == nil {
		return p.continueToGitLab(c, actor, address)
	}
	alert, other := place(err, slot{"web_url", &v.GrantURL}, slot{"application_id", &v.ApplicationID}, slot{"secret", &v.Secret})
	if other != nil {
		return other
	}
	v.Alert = alert
	return p.gitLabForm(c, actor, StatusOf(core.KindOf(err)), v)
}

// ReconnectSource is POST /settings/sources/:id/reconnect: the same for an application
// that is known.
func (p *Pages) ReconnectSource(c *fiber.Ctx, actor core.Actor) error {
	address, err := p.app.StartGitLabGrant(c.UserContext(), actor, app.StartGitLabGrant{IntegrationID: param(c, "id")})
	if err != nil {
		return p.sourcesAfter(c, actor, "It is not connected again.", err)
	}
	return p.continueToGitLab(c, actor, address)
}

// continueToGitLab is a link, since the policy lets no form lead elsewhere.
func (p *Pages) continueToGitLab(c *fiber.Ctx, actor core.Actor, address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	v := templates.ContinueToGitLabView{Page: settingsPage(c, actor, "Continue to GitLab", sourcesPath, "/v1/integrations"), Host: u.Host, Address: address}
	if err := p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.ContinueToGitLab(w, v) }); err != nil {
		return err
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	return nil
}

// GitLabCallback is GET /settings/sources/gitlab/callback, where GitLab sends the person
// who was asked for access. The state is good for whoever began alone.
func (p *Pages) GitLabCallback(c *fiber.Ctx, actor core.Actor) error {
	if c.Method() == fiber.MethodHead {
		return nil // who merely looks at the link must not use it up
	}
	if refusal := query(c, "error"); refusal != "" {
		return p.sourcesAfter(c, actor, "GitLab is not connected.", notGranted(refusal))
	}
	if _, err := p.app.CompleteGitLabGrant(c.UserContext(), actor, query(c, "code"), query(c, "state")); err != nil {
		return p.sourcesAfter(c, actor, "GitLab is not connected.", err)
	}
	return c.Redirect(sourcesPath+"?done=connected", http.StatusSeeOther)
}

// notGranted words the codes with which GitLab sends somebody back. It says more, but the
// address of a link must not put words into our mouth.
func notGranted(code string) error {
	text := map[string]string{
		"access_denied":           "Access was denied there. Connect it again when somebody agrees.",
		"invalid_scope":           "The application lacks the scope api: edit it in GitLab, tick api, and connect again.",
		"unauthorized_client":     "The application may not ask in this way: in GitLab make it a confidential one, and connect again.",
		"server_error":            "GitLab has a problem; connect it again later.",
		"temporarily_unavailable": "GitLab is not available just now; connect it again later.",
	}[code]
	if text == "" {
		text = "GitLab refused to ask for access. Check the application there: confidential, with the scope api and this server’s redirect URI. Then connect again."
	}
	return core.Errorf(core.KindInvalid, "%s", text)
}
