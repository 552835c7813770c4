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

// ConnectGitHub is GET /settings/sources/github: the form.
func (p *Pages) ConnectGitHub(c *fiber.Ctx, actor core.Actor) error {
	return p.gitHubForm(c, actor, http.StatusOK, nil, templates.ConnectGitHubView{})
}

func (p *Pages) gitHubForm(c *fiber.Ctx, actor core.Actor, status int, alert *templates.Alert, v templates.ConnectGitHubView) error {
	if err := core.Allow(actor, core.ActManageInstance, nil); err != nil {
		return err
	}
	v.Page = settingsPage(c, actor, "Connect GitHub", sourcesPath, "/v1/integrations")
	v.Alert, v.HookAddress = alert, p.hookAddress(core.ProviderGitHub)
	return p.send(c, status, func(w io.Writer) error { return p.templates.ConnectGitHub(w, v) })
}

func (p *Pages) hookAddress(provider core.Provider) string {
	return p.publicURL + "/v1/webhooks/" + string(provider)
}

// StartGitHubApp is POST /settings/sources/github: the page with the form that the
// person's browser posts to GitHub.
func (p *Pages) StartGitHubApp(c *fiber.Ctx, actor core.Actor) error {
	v := templates.ConnectGitHubView{Account: typed(c, "account"), Organization: typed(c, "organization"), WebURL: typed(c, "web_url")}
	in := app.StartGitHubApp{WebURL: v.WebURL.Value}
	if v.Account.Value == "organization" {
		in.Organization = v.Organization.Value
		if in.Organization == "" {
			v.Organization.Error = "Say which organization is to own the App"
			return p.gitHubForm(c, actor, http.StatusBadRequest, nil, v)
		}
	}
	form, err := p.app.StartGitHubApp(c.UserContext(), actor, in)
	var host *url.URL
	if err == nil {
		host, err = formHost(form.Action)
	}
	if err != nil {
		alert, other := place(err, slot{"web_url", &v.WebURL})
		if other != nil {
			return other
		}
		return p.gitHubForm(c, actor, StatusOf(core.KindOf(err)), alert, v)
	}
	return p.continueToGitHub(c, actor, host, form)
}

// formHost reads where a form goes. Its host becomes part of a policy, in which some
// characters of addresses mean something else.
func formHost(action string) (*url.URL, error) {
	u, err := url.Parse(action)
	if err != nil || u.Host == "" || strings.ContainsAny(u.Host, ";,'*") {
		return nil, core.Errorf(core.KindInvalid, "web_url: give the plain address of the host, for example https://git.example.com/")
	}
	return u, nil
}

// continueToGitHub lets this one page post a form to that one host.
func (p *Pages) continueToGitHub(c *fiber.Ctx, actor core.Actor, host *url.URL, form core.AppForm) error {
	v := templates.ContinueToGitHubView{Page: settingsPage(c, actor, "Continue to GitHub", sourcesPath, "/v1/integrations"), Host: host.Host, Form: form}
	if err := p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.ContinueToGitHub(w, v) }); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentSecurityPolicy, strings.Replace(policy, formAction, formAction+" "+host.Scheme+"://"+host.Host, 1))
	c.Set(fiber.HeaderReferrerPolicy, "strict-origin") // with same-origin the form would say that it comes from "null"
	c.Set(fiber.HeaderCacheControl, "no-store")
	return nil
}

// GitHubCallback is GET /settings/sources/github/callback, where GitHub sends the
// person with the new App's one-time code. The state is good for whoever began alone,
// so that nobody can be sent here with an App of somebody else's.
func (p *Pages) GitHubCallback(c *fiber.Ctx, actor core.Actor) error {
	if c.Method() == fiber.MethodHead {
		return nil // who merely looks at the link must not use it up
	}
	made, err := p.app.CompleteGitHubApp(c.UserContext(), actor, query(c, "code"), query(c, "state"))
	if err != nil {
		return p.sourcesAfter(c, actor, "The App is not connected.", err)
	}
	return c.Redirect(sourcesPath+"?"+url.Values{"made": {made.ID}}.Encode(), http.StatusSeeOther)
}

// GitHubInstalled is GET /settings/sources/github/installed, where GitHub sends the
// person who installed an App, changed what it sees, or asked an owner to install it.
// GitHub does not say which App it was.
func (p *Pages) GitHubInstalled(c *fiber.Ctx, actor core.Actor) error {
	all, err := p.app.ListIntegrations(c.UserContext(), actor)
	if err != nil {
		return err
	}
	if query(c, "setup_action") == "request" {
		return c.Redirect(sourcesPath+"?done=requested", http.StatusSeeOther)
	}
	for _, i := range all {
		if i.Provider != core.ProviderGitHub {
			continue
		}
		if _, e := p.app.SyncIntegration(c.UserContext(), actor, i.ID); e != nil {
			err = e
		}
	}
	if err != nil {
		return p.sourcesAfter(c, actor, "Not all Apps could be asked what they see.", err)
	}
	return c.Redirect(sourcesPath+"?done=installed", http.StatusSeeOther)
}
