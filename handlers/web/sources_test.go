package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// card is what a source's card on the page says.
func card(t *testing.T, body, name string) string {
	t.Helper()
	_, rest, found := strings.Cut(body, "<h2>"+name+"</h2>")
	if !found {
		t.Fatalf("no card of %s", name)
	}
	text, _, _ := strings.Cut(rest, `<li class="card`)
	return text
}

func TestSourcesShowWhatIsConnectedAndWhatIsWrong(t *testing.T) {
	a := site(t, filled(), owner(), "http://127.0.0.1:8787")
	_, body := get(t, a, "/settings/sources")
	for name, want := range map[string][]string{
		"Oore ci 1a2b3c": {
			"GitHub", "github.com", "no account yet", `href="https://github.com/apps/oore-ci-1a2b3c/installations/new"`,
			`action="/settings/sources/i1/sync"`, `action="/settings/sources/i1/disconnect"`,
		},
		"Acme builds": {
			"knows no App 12", "acme", "all repositories", "a selection of repositories", "It lacks checks: write, merge_group", `href="https://git.acme.example/settings/1"`,
			"Suspended by its owner", "12 ·", "the server’s settings",
		},
		"oore-bot": {"GitLab", "gitlab.example", "2 ·", "this page or the API"},
		"ci-user": {
			"does not renew the access", "the OAuth application <code>app-1</code>", `action="/settings/sources/i5/reconnect"`, `class="btn primary" type="submit">Connect again`, "revoke it there",
		},
	} {
		for _, text := range want {
			if !strings.Contains(card(t, body, name), text) {
				t.Errorf("the card of %s lacks %s", name, text)
			}
		}
	}
	if c := card(t, body, "Acme builds"); strings.Contains(c, "/disconnect") {
		t.Error("what the server's settings connect offers to be disconnected here")
	}
	if c := card(t, body, "oore-bot"); strings.Contains(c, "selection of repositories") || strings.Contains(c, "Install") || strings.Contains(c, "/reconnect") {
		t.Error("a GitLab token is shown like an App")
	}
	if _, body := get(t, a, "/settings/sources?done=%3Cb%3Ehello"); strings.Contains(body, "hello") {
		t.Error("the address puts words into the page")
	}
	a = site(t, &fake{}, owner(), "http://127.0.0.1:8787")
	if _, body := get(t, a, "/settings/sources"); !strings.Contains(body, "Nothing is connected yet") || !strings.Contains(body, `href="/settings/sources/gitlab"`) {
		t.Error("the empty list does not say what to do")
	}
}

func TestSettingsAreForAdmins(t *testing.T) {
	pages := []string{"/settings/general", "/settings/storage", "/settings/sources", "/settings/sources/github", "/settings/sources/gitlab", "/settings/sources/github/callback?code=c&state=s", "/settings/sources/gitlab/callback?code=c&state=s", "/settings/sources/github/installed"}
	forms := []string{
		"/settings/sources/github", "/settings/sources/gitlab", "/settings/sources/gitlab/grant", "/settings/sources/i5/reconnect", "/settings/sources/i1/sync", "/settings/sources/i1/disconnect",
		"/projects/p1/settings/webhook-secret", "/projects/p1/delete", "/projects/p1/access", "/projects/p1/members",
	}
	for _, role := range []core.Role{core.RoleDeveloper, core.RoleViewer} {
		pages, forms := pages, forms
		if role == core.RoleViewer {
			pages, forms = append(slices.Clone(pages), "/projects/p1/settings/general"), append(slices.Clone(forms), "/projects/p1/settings")
		}
		f := filled()
		a := site(t, f, core.Actor{Kind: core.ActorUser, UserID: "u2", Name: "kim", Role: role}, "http://127.0.0.1:8787")
		for _, path := range pages {
			if answer, body := get(t, a, path); answer.StatusCode != http.StatusForbidden || !strings.Contains(body, "<h1>Not allowed</h1>") {
				t.Errorf("%s sees %s: %d", role, path, answer.StatusCode)
			}
		}
		for _, path := range forms {
			filled := url.Values{"account": {"organization"}, "web_url": {"https://x/"}, "token": {"t"}, "name": {"n"}, "confirm": {"FlutterShop"}}
			if answer, body := post(t, a, path, filled); answer.StatusCode != http.StatusForbidden || !strings.Contains(body, "<h1>Not allowed</h1>") {
				t.Errorf("%s posts to %s: %d", role, path, answer.StatusCode)
			}
		}
		if len(f.asked)+len(f.updated) > 0 {
			t.Errorf("%s got %v %v done", role, f.asked, f.updated)
		}
		_, first := get(t, a, "/")
		_, project := get(t, a, "/projects/p1")
		if _, body := get(t, a, "/settings/me"); strings.Contains(body, `href="/settings/sources"`) || strings.Contains(first, `href="/settings/sources"`) ||
			role == core.RoleViewer && strings.Contains(project, "/projects/p1/settings") {
			t.Errorf("%s is led to settings", role)
		}
	}
	for _, role := range []core.Role{core.RoleAdmin, core.RoleOwner} {
		a := site(t, filled(), core.Actor{Kind: core.ActorUser, Name: "sam", Role: role}, "http://127.0.0.1:8787")
		_, first := get(t, a, "/settings/me")
		_, project := get(t, a, "/projects/p1")
		if !strings.Contains(first, `href="/settings/sources"`) || !strings.Contains(project, `href="/projects/p1/settings"`) {
			t.Errorf("%s is not led to settings", role)
		}
		if answer, _ := get(t, a, "/settings"); answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/settings/general" {
			t.Errorf("/settings goes to %s", answer.Header.Get("Location"))
		}
	}
}

func TestOnePageAloneMayPostToGitHub(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	answer, body := post(t, a, "/settings/sources/github", url.Values{"account": {"organization"}, "organization": {"acme"}, "web_url": {"https://github.example/"}})
	if answer.StatusCode != http.StatusOK || !slices.Equal(f.made, []app.StartGitHubApp{{WebURL: "https://github.example/", Organization: "acme"}}) {
		t.Fatalf("%d, asked for %+v", answer.StatusCode, f.made)
	}
	for _, want := range []string{
		`<form method="post" action="https://github.example/settings/apps/new?state=s1">`, `name="manifest" value="{&#34;name&#34;:&#34;Oore \&#34;ci\&#34;&#34;}"`, "Continue to GitHub</button>",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	csp := answer.Header.Get("Content-Security-Policy")
	if csp != strings.Replace(policy, "form-action 'self'", "form-action 'self' https://github.example", 1) || !strings.Contains(csp, "https://github.example; base-uri 'none'") {
		t.Errorf("policy %q", csp)
	}
	if answer.Header.Get("Cache-Control") != "no-store" {
		t.Error("a state that works once may be kept")
	}
	for _, path := range everyPage() {
		if answer, _ := get(t, a, path); !strings.Contains(answer.Header.Get("Content-Security-Policy"), "form-action 'self';") {
			t.Errorf("%s may post elsewhere: %s", path, answer.Header.Get("Content-Security-Policy"))
		}
	}
	if post(t, a, "/settings/sources/github", url.Values{"account": {"personal"}, "organization": {"acme"}}); f.made[1].Organization != "" {
		t.Error("a personal App goes to an organization")
	}
}

func TestRefusedGitHubAppSaysSoBesideTheField(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	answer, body := post(t, a, "/settings/sources/github", url.Values{"account": {"organization"}, "organization": {" "}})
	if answer.StatusCode != http.StatusBadRequest || besideField(body, "organization") == "" || len(f.made) > 0 {
		t.Errorf("no organization: %d %q", answer.StatusCode, besideField(body, "organization"))
	}
	for _, action := range []string{"https://x;sandbox/new", "https://*/new", "/new", "https://a,b/new"} {
		f.form.Action = action
		if answer, body := post(t, a, "/settings/sources/github", url.Values{"web_url": {"https://x"}}); answer.StatusCode != http.StatusBadRequest || besideField(body, "web_url") == "" {
			t.Errorf("%s becomes part of a policy: %d", action, answer.StatusCode)
		}
	}
	f.refuse = core.Errorf(core.KindInvalid, "web_url: give the plain address of the host")
	answer, body = post(t, a, "/settings/sources/github", url.Values{"web_url": {"nonsense"}})
	if answer.StatusCode != http.StatusBadRequest || besideField(body, "web_url") != "Give the plain address of the host" || !strings.Contains(body, `value="nonsense"`) {
		t.Errorf("%d %q", answer.StatusCode, besideField(body, "web_url"))
	}
	f.refuse = core.Errorf(core.KindInvalid, `"a b" is not the name of an organization`)
	if _, body := post(t, a, "/settings/sources/github", nil); !strings.Contains(body, "is not the name of an organization") {
		t.Error("a refusal without a field is not shown")
	}
}

func TestGitHubSendsThePersonBack(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	const path = "/settings/sources/github/callback?code=c1&state=s1"
	if do(t, a, httptest.NewRequest(http.MethodHead, path, nil)); len(f.asked) > 0 {
		t.Error("looking at the link uses it up")
	}
	answer, _ := get(t, a, path)
	if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/settings/sources?made=i1" || !slices.Equal(f.asked, []string{"complete c1 s1"}) {
		t.Fatalf("%d to %s, asked %v", answer.StatusCode, answer.Header.Get("Location"), f.asked)
	}
	_, body := get(t, a, "/settings/sources?made=i1")
	front, _, _ := strings.Cut(body, `<ul class="cards">`)
	if !strings.Contains(front, "is made and connected") || !strings.Contains(front, `href="https://github.com/apps/oore-ci-1a2b3c/installations/new"`) {
		t.Error("the page does not lead to the installation of the new App")
	}
	for kind, status := range map[core.Kind]int{core.KindInvalid: 400, core.KindConflict: 409, core.KindUnavailable: 503} {
		f.refuse = core.Errorf(kind, "GitHub does not take the code; start again under Settings, Sources")
		answer, body = get(t, a, path)
		if answer.StatusCode != status || !strings.Contains(body, "The App is not connected.") || !strings.Contains(body, "start again under") || !strings.Contains(body, `href="/settings/sources/github"`) {
			t.Errorf("kind %d: %d, does not say what to do", kind, answer.StatusCode)
		}
	}
}

func TestAfterAnInstallationEveryAppIsAsked(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	answer, _ := get(t, a, "/settings/sources/github/installed?installation_id=7&setup_action=install")
	if answer.Header.Get("Location") != "/settings/sources?done=installed" || !slices.Equal(f.asked, []string{"sync i1", "sync i2", "sync i4"}) {
		t.Errorf("to %s, asked %v", answer.Header.Get("Location"), f.asked)
	}
	f.asked = nil
	answer, _ = get(t, a, "/settings/sources/github/installed?setup_action=request")
	if _, body := get(t, a, answer.Header.Get("Location")); !strings.Contains(body, "owner was asked") || len(f.asked) > 0 {
		t.Errorf("a request: to %s, asked %v", answer.Header.Get("Location"), f.asked)
	}
	f.refuse = core.Errorf(core.KindUnavailable, "GitHub does not answer just now; try again")
	answer, body := get(t, a, "/settings/sources/github/installed?setup_action=install")
	if answer.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "does not answer just now") || len(f.asked) != 3 {
		t.Errorf("%d, asked %v", answer.StatusCode, f.asked)
	}
}

func TestConnectGitLab(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	typed := url.Values{"web_url": {"https://gitlab.example/"}, "token": {"glpat-secret"}}
	answer, _ := post(t, a, "/settings/sources/gitlab", typed)
	if answer.Header.Get("Location") != "/settings/sources?done=connected" || !slices.Equal(f.gitLabs, []app.ConnectGitLab{{WebURL: "https://gitlab.example/", Token: "glpat-secret"}}) {
		t.Fatalf("to %s, asked for %+v", answer.Header.Get("Location"), f.gitLabs)
	}
	for _, test := range []struct {
		err          *core.Error
		field, shown string
		status       int
	}{
		{core.Errorf(core.KindInvalid, "web_url: give the plain address"), "web_url", "Give the plain address", 400},
		{core.Errorf(core.KindInvalid, "token: make an access token"), "token", "Make an access token", 400},
		{core.Errorf(core.KindInvalid, "The token lacks the scope api"), "token", "The token lacks the scope api", 400},
		{core.Errorf(core.KindUnauthorized, "GitLab does not know this token"), "token", "GitLab does not know this token", 401},
		{core.Errorf(core.KindUnavailable, "gitlab.example does not answer"), "web_url", "gitlab.example does not answer", 503},
		{core.Errorf(core.KindConflict, "It is connected by the server's settings already"), "web_url", "It is connected by the server&#39;s settings already", 409},
	} {
		f.refuse = test.err
		answer, body := post(t, a, "/settings/sources/gitlab", typed)
		if answer.StatusCode != test.status || besideField(body, test.field) != test.shown || !strings.Contains(body, `value="https://gitlab.example/"`) {
			t.Errorf("%v: %d, beside %s: %q", test.err, answer.StatusCode, test.field, besideField(body, test.field))
		}
		if strings.Contains(body, "glpat-secret") {
			t.Errorf("%v: the page shows the token", test.err)
		}
	}
}

func TestConnectGitLabByAnApplication(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	if _, body := get(t, a, "/settings/sources/gitlab"); !strings.Contains(body, "<code>http://127.0.0.1:8787/settings/sources/gitlab/callback</code>") {
		t.Error("the form does not name the redirect URI")
	}
	typed := url.Values{"web_url": {"https://gitlab.example/"}, "application_id": {"app-1"}, "secret": {"gloas-secret"}}
	for path, want := range map[string]app.StartGitLabGrant{
		"/settings/sources/gitlab/grant": {WebURL: "https://gitlab.example/", ApplicationID: "app-1", Secret: "gloas-secret"},
		"/settings/sources/i5/reconnect": {IntegrationID: "i5"},
	} {
		f.grants = nil
		answer, body := post(t, a, path, typed)
		if answer.StatusCode != http.StatusOK || !slices.Equal(f.grants, []app.StartGitLabGrant{want}) {
			t.Fatalf("%s: %d, asked for %+v", path, answer.StatusCode, f.grants)
		}
		if !strings.Contains(body, `href="https://gitlab.example/oauth/authorize?client_id=a&amp;state=s1"`) || !strings.Contains(body, "<strong>gitlab.example</strong>") || answer.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: the page does not lead to GitLab, or may be kept", path)
		}
	}
	for field, err := range map[string]*core.Error{
		"grant_url": core.Errorf(core.KindInvalid, "web_url: give the plain address"), "application_id": core.Errorf(core.KindInvalid, "application_id: copy it"),
		"secret": core.Errorf(core.KindInvalid, "secret: copy it"),
	} {
		f.refuse = err
		answer, body := post(t, a, "/settings/sources/gitlab/grant", typed)
		if answer.StatusCode != http.StatusBadRequest || besideField(body, field) == "" || !strings.Contains(body, `value="app-1"`) || !strings.Contains(body, "<details open>") || strings.Contains(body, "gloas-secret") {
			t.Errorf("%s: %d, %q", field, answer.StatusCode, besideField(body, field))
		}
	}
	f.refuse = core.Errorf(core.KindInvalid, "ci-user is connected by a token")
	if answer, body := post(t, a, "/settings/sources/i3/reconnect", nil); answer.StatusCode != http.StatusBadRequest || !strings.Contains(body, "It is not connected again.") {
		t.Errorf("a token is connected again: %d", answer.StatusCode)
	}
}

func TestGitLabSendsThePersonBack(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	const path = "/settings/sources/gitlab/callback?code=c1&state=s1"
	if do(t, a, httptest.NewRequest(http.MethodHead, path, nil)); len(f.asked) > 0 {
		t.Error("looking at the link uses it up")
	}
	answer, _ := get(t, a, path)
	if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/settings/sources?done=connected" || !slices.Equal(f.asked, []string{"complete c1 s1"}) {
		t.Fatalf("%d to %s, asked %v", answer.StatusCode, answer.Header.Get("Location"), f.asked)
	}
	f.asked = nil
	for query, want := range map[string]string{
		"error=access_denied&error_description=click+here": "Access was denied there", "error=invalid_scope": "lacks the scope api", "error=click+here": "refused to ask for access",
	} {
		answer, body := get(t, a, "/settings/sources/gitlab/callback?state=s1&"+query)
		if answer.StatusCode != http.StatusBadRequest || !strings.Contains(body, want) || strings.Contains(body, "click here") || len(f.asked) > 0 {
			t.Errorf("%s: %d, asked %v", query, answer.StatusCode, f.asked)
		}
	}
	f.refuse = core.Errorf(core.KindUnavailable, "gitlab.example let us in, but its keys could not be stored: connect it again")
	if answer, body := get(t, a, path); answer.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "GitLab is not connected.") || !strings.Contains(body, "connect it again") {
		t.Errorf("%d, does not say what to do", answer.StatusCode)
	}
}

func TestSyncAndDisconnect(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	for form, want := range map[string]string{"sync": "synced", "disconnect": "disconnected"} {
		f.asked, f.refuse = nil, nil
		answer, _ := post(t, a, "/settings/sources/i3/"+form, nil)
		if answer.Header.Get("Location") != "/settings/sources?done="+want || !slices.Equal(f.asked, []string{form + " i3"}) {
			t.Errorf("%s: to %s, asked %v", form, answer.Header.Get("Location"), f.asked)
		}
		f.refuse = core.Errorf(core.KindForbidden, "The token lacks the scope api")
		if answer, body := post(t, a, "/settings/sources/i3/"+form, nil); answer.StatusCode != http.StatusForbidden || !strings.Contains(body, "lacks the scope api") || !strings.Contains(body, "<h1>Sources</h1>") {
			t.Errorf("a refused %s: %d", form, answer.StatusCode)
		}
		f.refuse = core.Errorf(core.KindNotFound, "Integration not found")
		if answer, _ := post(t, a, "/settings/sources/none/"+form, nil); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s of nothing: %d", form, answer.StatusCode)
		}
	}
}
