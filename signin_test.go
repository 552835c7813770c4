package main

import (
	"bytes"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/handlers/github/githubtest"
	"github.com/oore-ci/oore/handlers/oidc/oidctest"
)

// person is somebody with a browser of their own, without scripts.
type person struct {
	p      *program
	client *http.Client
}

func (p *program) person() *person {
	p.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return &person{p, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// page is what a browser is shown.
type page struct {
	status int
	body   string
	to     string // where it is sent
}

func (b *person) send(method, address string, form url.Values, headers ...string) page {
	b.p.t.Helper()
	req, err := http.NewRequest(method, address, strings.NewReader(form.Encode()))
	if err != nil {
		b.p.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := b.client.Do(req)
	if err != nil {
		b.p.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		b.p.t.Fatal(err)
	}
	return page{resp.StatusCode, string(data), resp.Header.Get("Location")}
}

func (b *person) get(path string) page { b.p.t.Helper(); return b.send("GET", b.p.url+path, nil) }

func (b *person) post(path string, form url.Values) page {
	b.p.t.Helper()
	return b.send("POST", b.p.url+path, form)
}

func (b *person) cookie(name string) string {
	u, err := url.Parse(b.p.url)
	if err != nil {
		b.p.t.Fatal(err)
	}
	for _, c := range b.client.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// session is what signs the person in; empty: nothing does.
func (b *person) session() string { return b.cookie("oore_session") }

// who is the person's name here; empty: they are not signed in.
func (b *person) who() string {
	b.p.t.Helper()
	if b.session() == "" {
		return ""
	}
	var me struct{ Name, Role string }
	status, answer := b.p.by(b.session(), "GET", "/v1/users/me", nil)
	if status == http.StatusUnauthorized {
		return ""
	}
	if err := json.Unmarshal(answer, &me); err != nil || status != http.StatusOK {
		b.p.t.Fatalf("who am I: %d %s", status, answer)
	}
	return me.Name + " " + me.Role
}

var departure = regexp.MustCompile(`<meta http-equiv="refresh" content="0;url=([^"]+)">`)

// depart begins a journey and returns where the browser is sent.
func (b *person) depart(path string, form url.Values) string {
	b.p.t.Helper()
	got := b.post(path, form)
	link := departure.FindStringSubmatch(got.body)
	if got.status != http.StatusOK || link == nil {
		b.p.t.Fatalf("%s: %d, leads nowhere:\n%s", path, got.status, got.body)
	}
	return html.UnescapeString(link[1])
}

// away signs in at the service and returns the address that it sends the browser back to.
func (b *person) away(address string) string {
	b.p.t.Helper()
	got := b.send("GET", address, nil)
	if got.status != http.StatusFound || !strings.HasPrefix(got.to, b.p.url+"/sign-in/") {
		b.p.t.Fatalf("the service answers %d to %s: %s", got.status, got.to, got.body)
	}
	return got.to
}

// through goes the whole way.
func (b *person) through(way string) page {
	b.p.t.Helper()
	return b.send("GET", b.away(b.depart("/sign-in/"+way, nil)), nil)
}

func (p *program) invited(email, role string) (id, link string) {
	p.t.Helper()
	var u struct {
		ID  string
		URL string `json:"sign_in_url"`
	}
	p.must("POST", "/v1/users/invite", map[string]any{"email": email, "role": role}, &u)
	return u.ID, u.URL
}

func (p *program) actions(query string) []string {
	p.t.Helper()
	var all []string
	for _, e := range p.audit(query).Logs {
		all = append(all, e.Action)
	}
	return all
}

func newOIDC(t *testing.T, database string, env ...string) (*program, *oidctest.Provider) {
	t.Helper()
	idp := oidctest.New(t)
	env = append([]string{"OORE_RUNNERS=0", "OORE_OIDC_ISSUER=" + idp.URL(), "OORE_OIDC_CLIENT_ID=" + idp.ClientID, "OORE_OIDC_CLIENT_SECRET=" + idp.ClientSecret}, env...)
	return newProgram(t, database, nil, env...).start(), idp
}

func TestSignInByOpenIDConnect(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		p, idp := newOIDC(t, database, "OORE_SIGN_IN_DOMAINS=example.org")
		b := p.person()
		if got := b.through("oidc"); got.status != http.StatusForbidden || !strings.Contains(got.body, "no user with the e-mail ada@example.com here; ask an owner or admin") || b.session() != "" {
			t.Fatalf("whom nobody invited: %d", got.status)
		}
		id, _ := p.invited("Ada@Example.com", "developer")
		back := b.away(b.depart("/sign-in/oidc", url.Values{"next": {"/builds?status=failed"}}))
		if got := b.send("GET", back, nil); got.status != http.StatusSeeOther || got.to != "/builds?status=failed" {
			t.Fatalf("invited: %d to %s\n%s", got.status, got.to, got.body)
		}
		if who := b.who(); who != "Ada developer" {
			t.Fatalf("signed in as %q", who)
		}
		first := b.session()
		if got := b.send("GET", back, nil); got.status != http.StatusBadRequest || !strings.Contains(got.body, "not begun in this browser, is over already") {
			t.Errorf("the same way back again: %d", got.status)
		}

		// The address may be another's later on: who is known is known by number.
		idp.SetPerson(oidctest.Claims{"sub": "248289761001", "email": "countess@example.net", "email_verified": false})
		if got := b.through("oidc"); got.status != http.StatusSeeOther || b.who() != "Ada developer" {
			t.Errorf("with another address: %d as %q", got.status, b.who())
		}
		if status, _ := p.by(first, "GET", "/v1/users/me", nil); status != http.StatusUnauthorized || first == b.session() {
			t.Errorf("the session before is good still: %d", status)
		}
		idp.SetPerson(oidctest.Claims{"sub": "another", "email": "ada@example.com", "email_verified": true})
		other := p.person()
		if got := other.through("oidc"); got.status != http.StatusConflict || !strings.Contains(got.body, "signs in here in another way") || other.session() != "" {
			t.Errorf("another account with her address: %d", got.status)
		}
		idp.SetPerson(oidctest.Claims{"sub": "joe", "email": "joe@example.org", "email_verified": "true", "name": "Joe"})
		if got := other.through("oidc"); got.status != http.StatusSeeOther || got.to != "/settings/me?done=welcome" || other.who() != "Joe viewer" {
			t.Errorf("of an allowed domain: %d to %s as %q", got.status, got.to, other.who())
		}
		idp.SetPerson(oidctest.Claims{"sub": "eve", "email": "eve@example.org.evil.net", "email_verified": true})
		if got := p.person().through("oidc"); got.status != http.StatusForbidden {
			t.Errorf("of a longer domain: %d", got.status)
		}

		if status := p.call("DELETE", "/v1/users/"+id, nil, nil); status != http.StatusNoContent {
			t.Fatal(status)
		}
		idp.SetPerson(oidctest.Claims{"sub": "248289761001"})
		if got := b.through("oidc"); got.status != http.StatusForbidden || !strings.Contains(got.body, "disabled") || b.who() != "" {
			t.Errorf("disabled: %d as %q", got.status, b.who())
		}
		if got := p.actions("actor_id=" + id); !slices.Equal(got, []string{"session.begin", "session.end", "session.begin", "identity.connect"}) {
			t.Errorf("the audit log tells of %v", got)
		}
		if e := p.audit("action=session.begin").Logs; e[0].Door != "web" || e[0].Address != "127.0.0.1" {
			t.Errorf("%+v", e[0])
		}
	})
}

// TestAProviderThatLies is refused whatever it says, with a page that says why, and without
// a session.
func TestAProviderThatLies(t *testing.T) {
	p, idp := newOIDC(t, "")
	p.invited("ada@example.com", "viewer")
	claim := func(name string, value any) oidctest.Lies {
		return oidctest.Lies{Claims: func(c oidctest.Claims) { c[name] = value }}
	}
	answer := func(name, value string) oidctest.Lies {
		return oidctest.Lies{Answer: func(v url.Values) { v.Set(name, value) }}
	}
	unverified := oidctest.Claims{"sub": "248289761001", "email": "ada@example.com", "email_verified": false}
	for _, test := range []struct {
		name   string
		lies   oidctest.Lies
		person oidctest.Claims // nil: Ada
		status int
		says   string
	}{
		{"another issuer", claim("iss", "https://evil.example"), nil, 401, "not signed as it should be, or for another service"},
		{"another audience", claim("aud", "another-client"), nil, 401, "or for another service"},
		{"two audiences and no party", claim("aud", []string{"oore", "other"}), nil, 401, "made for another service"},
		{"another party", claim("azp", "other"), nil, 401, "made for another service"},
		{"another nonce", claim("nonce", "replayed"), nil, 401, "belongs to another sign-in"},
		{"no nonce", claim("nonce", ""), nil, 401, "belongs to another sign-in"},
		{"expired", claim("exp", time.Now().Add(-time.Minute).Unix()), nil, 401, "its time is over"},
		{"no end", oidctest.Lies{Claims: func(c oidctest.Claims) { delete(c, "exp") }}, nil, 401, "its time is over"},
		{"not yet", claim("nbf", time.Now().Add(time.Hour).Unix()), nil, 401, "not signed as it should be"},
		{"nobody", claim("sub", ""), nil, 401, "it names nobody"},
		{"no signature", oidctest.Lies{Sign: "none"}, nil, 401, "not signed as it should be"},
		{"signed with the secret", oidctest.Lies{Sign: "HS256"}, nil, 401, "not signed as it should be"},
		{"signed with the public key", oidctest.Lies{Sign: "public"}, nil, 401, "not signed as it should be"},
		{"signed with a key that it knows no more", oidctest.Lies{Sign: "stolen"}, nil, 401, "not signed as it should be"},
		{"a wrong hash of the access token", claim("at_hash", "AAAA"), nil, 401, "do not belong together"},
		{"no token", oidctest.Lies{NoToken: true}, nil, 401, "does not say who you are"},
		{"unverified e-mail", oidctest.Lies{}, unverified, 403, "Your account has no verified e-mail address at 127.0.0.1"},
		{"no e-mail", oidctest.Lies{}, oidctest.Claims{"sub": "248289761001"}, 403, "Your account has no verified e-mail address"},
		{
			"an e-mail that looks alike",
			oidctest.Lies{},
			oidctest.Claims{"sub": "1", "email": "ada@e\u0445ample.com", "email_verified": true},
			403, "Your account has no verified e-mail address",
		},
		{"more about somebody else", oidctest.Lies{UserInfo: func(c oidctest.Claims) { c["sub"], c["email_verified"] = "2", true }}, unverified, 401, "it is about somebody else"},
		{"another state", answer("state", "guessed"), nil, 400, "not begun in this browser"},
		{"no state", answer("state", ""), nil, 400, "not begun in this browser"},
		{"another issuer in the answer", answer("iss", "https://evil.example"), nil, 401, "the answer is another provider&#39;s"},
		{"no issuer in the answer", answer("iss", ""), nil, 401, "the answer is another provider&#39;s"},
		{"a made-up code", answer("code", "made-up"), nil, 401, "does not accept the code"},
		{"no code", answer("code", ""), nil, 400, "sent you back without an answer"},
		{"access denied", answer("error", "access_denied"), nil, 403, "Access was denied at 127.0.0.1"},
		{"another refusal", answer("error", "unauthorized_client"), nil, 400, "(unauthorized_client); an admin must look at its settings there"},
		{"words of anybody's", answer("error", "Call 0800 SCAM now"), nil, 400, "sent you back without an answer"},
	} {
		t.Run(test.name, func(t *testing.T) {
			idp.Lie(test.lies)
			defer idp.Lie(oidctest.Lies{})
			if test.person != nil {
				idp.SetPerson(test.person)
				defer idp.SetPerson(oidctest.Claims{"sub": "248289761001", "email": "ada@example.com", "email_verified": true})
			}
			b := p.person()
			got := b.through("oidc")
			if got.status != test.status || !strings.Contains(got.body, test.says) || !strings.Contains(got.body, "<h1>Sign in</h1>") || strings.Contains(got.body, "SCAM") {
				t.Errorf("%d, want %d and %q in\n%s", got.status, test.status, test.says, got.body)
			}
			if b.session() != "" || (b.cookie("oore_signin") != "") != strings.HasPrefix(test.says, "not begun") { // which may be another tab's
				t.Error("a cookie is left, or that of a journey that is not over is gone")
			}
		})
	}
	if got := p.audit("target_kind=identity").Logs; len(got) != 0 {
		t.Errorf("accounts were connected: %+v", got)
	}
	b := p.person()
	idp.RotateKey(t)
	if got := b.through("oidc"); got.status != http.StatusSeeOther || b.who() != "ada viewer" {
		t.Errorf("the truth, with a new key: %d as %q", got.status, b.who())
	}
	back := p.person()
	address := back.away(back.depart("/sign-in/oidc", nil))
	idp.Lie(oidctest.Lies{Silent: true})
	if got := back.send("GET", address, nil); got.status != http.StatusServiceUnavailable || !strings.Contains(p.output.String(), "somebody could not sign in") {
		t.Errorf("while the provider is away: %d, and the log tells\n%s", got.status, p.output)
	}
	if got := back.send("GET", back.p.url+"/sign-in/oidc/callback?code=x&state=y", nil); got.status != http.StatusBadRequest {
		t.Errorf("a way back that nobody began: %d", got.status)
	}
}

// Whoever gets at somebody's way back, or gives them theirs, gains nothing.
func TestAStateIsGoodInItsBrowserAlone(t *testing.T) {
	p, idp := newOIDC(t, "")
	p.invited("ada@example.com", "viewer")
	ada, eve := p.person(), p.person()
	adas := ada.away(ada.depart("/sign-in/oidc", nil))
	idp.SetPerson(oidctest.Claims{"sub": "eve", "email": "eve@example.com", "email_verified": true})
	eves := eve.away(eve.depart("/sign-in/oidc", nil))
	for name, got := range map[string]page{"hers in another browser": eve.send("GET", adas, nil), "another's in hers": ada.send("GET", eves, nil)} {
		if got.status != http.StatusBadRequest || !strings.Contains(got.body, "not begun in this browser") {
			t.Errorf("%s: %d", name, got.status)
		}
	}
	if ada.session()+eve.session() != "" {
		t.Error("somebody is signed in")
	}
	// Nor does a code help with another's state.
	code := func(address string) string {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		return u.Query().Get("code")
	}
	mallory := p.person()
	own := mallory.away(mallory.depart("/sign-in/oidc", nil))
	got := mallory.send("GET", strings.Replace(own, code(own), code(adas), 1), nil)
	if got.status != http.StatusUnauthorized || mallory.session() != "" { // PKCE: the verifier is another's
		t.Errorf("a stolen code: %d", got.status)
	}
}

func TestAnAccountIsConnectedByWhoIsSignedIn(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		p, idp := newOIDC(t, database)
		ownID, link := p.invited("owner@local.test", "owner")
		b := p.person()
		if got := b.send("GET", link, nil); got.to != "/settings/me?done=welcome" {
			t.Fatalf("%d to %s", got.status, got.to)
		}
		got := b.send("GET", b.away(b.depart("/settings/me/connect/oidc", nil)), nil)
		if got.status != http.StatusSeeOther || got.to != "/settings/me?done=connected" {
			t.Fatalf("%d to %s: %s", got.status, got.to, got.body)
		}
		if me := b.get("/settings/me?done=connected"); !strings.Contains(me.body, "The account is connected") || !strings.Contains(me.body, `<div class="muted">ada</div>`) || strings.Contains(me.body, "Connect 127") {
			t.Errorf("the page does not show it:\n%s", me.body)
		}
		if got := p.actions("actor_id=" + ownID); got[0] != "identity.connect" {
			t.Errorf("%v", got)
		}
		again := p.person()
		if got := again.through("oidc"); got.status != http.StatusSeeOther || again.who() != "owner owner" {
			t.Errorf("by the account: %d as %q", got.status, again.who())
		}
		_, link = p.invited("bob@example.com", "viewer")
		bob := p.person()
		bob.send("GET", link, nil)
		if got := bob.send("GET", bob.away(bob.depart("/settings/me/connect/oidc", nil)), nil); got.status != http.StatusConflict || !strings.Contains(got.body, "belongs to another user here") {
			t.Errorf("another's account: %d", got.status)
		}
		// Who began must still be there at the end.
		idp.SetPerson(oidctest.Claims{"sub": "eve"})
		back := bob.away(bob.depart("/settings/me/connect/oidc", nil))
		bob.post("/logout", nil)
		if got := bob.send("GET", back, nil); got.status != http.StatusBadRequest || !strings.Contains(got.body, "not signed in any more") || bob.session() != "" {
			t.Errorf("signed out on the way: %d", got.status)
		}
		form := url.Values{"provider": {"oidc:" + idp.URL()}, "subject": {"248289761001"}}
		var known struct {
			Identities []struct{ Provider, Subject, Login string }
		}
		p.mustBy(b.session(), "GET", "/v1/users/me/identities", nil, &known)
		if len(known.Identities) != 1 || known.Identities[0].Subject != form.Get("subject") || known.Identities[0].Provider != form.Get("provider") {
			t.Errorf("by API: %+v", known)
		}
		if status, answer := p.by(b.session(), "DELETE", "/v1/users/me/identities?"+form.Encode(), nil); status != http.StatusConflict || !strings.Contains(string(answer), "last_sign_in") {
			t.Errorf("what alone signs the owner in is disconnected: %d %s", status, answer)
		}
		if got := b.post("/settings/me/disconnect", form); got.status != http.StatusConflict || !strings.Contains(got.body, "Nothing else signs you in here") {
			t.Errorf("by the page: %d", got.status)
		}
		if got := b.post("/settings/me/password", url.Values{"new_password": {goodPassword}}); got.to != "/settings/me?done=password" {
			t.Errorf("a password: %d to %s", got.status, got.to)
		}
		if status, answer := p.by(b.session(), "DELETE", "/v1/users/me/identities?"+form.Encode(), nil); status != http.StatusNoContent {
			t.Errorf("disconnected: %d %s", status, answer)
		}
		if got := b.post("/settings/me/disconnect", form); got.status != http.StatusNotFound {
			t.Errorf("again: %d", got.status)
		}
		if got := p.actions("action=identity.disconnect"); len(got) != 1 {
			t.Errorf("the audit log tells of %d", len(got))
		}
		idp.SetPerson(oidctest.Claims{"sub": "248289761001", "email": "ada@example.com", "email_verified": true})
		if got := p.person().through("oidc"); got.status != http.StatusForbidden {
			t.Errorf("afterwards: %d", got.status)
		}
	})
}

func TestTheSignInPageShowsTheWaysThatThereAre(t *testing.T) {
	p, _ := newOIDC(t, "", "OORE_GITHUB_OAUTH_CLIENT_ID=id", "OORE_GITHUB_OAUTH_CLIENT_SECRET=secret", "OORE_GITLAB_OAUTH_CLIENT_ID=id", "OORE_GITLAB_OAUTH_CLIENT_SECRET=secret", "OORE_PASSWORDS=off")
	got := p.person().get("/login?next=%2Fbuilds")
	for _, want := range []string{`action="/sign-in/oidc"`, "Sign in with GitHub<", "Sign in with GitLab<", `value="/builds"`, "With a link"} {
		if !strings.Contains(got.body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, wrong := range []string{`action="/sign-in/password"`, `action="/sign-in/proxy"`} {
		if strings.Contains(got.body, wrong) {
			t.Errorf("the page has %s", wrong)
		}
	}
	for path, want := range map[string]int{"/sign-in/password": 404, "/sign-in/proxy": 401, "/sign-in/nowhere": 404} {
		if got := p.person().post(path, url.Values{"email": {"a@example.com"}, "password": {"x"}}); got.status != want {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	for next, want := range map[string]string{"//evil.example": "", "/\\evil.example": "", "https://evil.example": "", "/%09/evil.example": "/%09/evil.example", "/\t/evil.example": ""} {
		body := p.person().get("/login?next=" + url.QueryEscape(next)).body
		if has := strings.Contains(body, `name="next"`); has != (want != "") || want != "" && !strings.Contains(body, `value="`+want+`"`) {
			t.Errorf("next=%q is kept: %t", next, has)
		}
	}
	plain := newProgram(t, "", nil, "OORE_RUNNERS=0").start()
	if body := plain.person().get("/login").body; !strings.Contains(body, `action="/sign-in/password"`) || strings.Contains(body, "Sign in with") {
		t.Error("a server without services")
	}
}

func postJSON(t *testing.T, address string, in any) (status int, answer []byte, header http.Header) {
	t.Helper()
	data, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(address, "application/json", bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, answer, resp.Header
}

func TestTheDoctorLooksAtTheWaysIn(t *testing.T) {
	idp, gh := oidctest.New(t), githubtest.New(t)
	app := gh.AddOAuthApp("http://127.0.0.1:8787/sign-in/github/callback")
	p := newProgram(t, "", nil, "OORE_RUNNERS=0", "OORE_OIDC_ISSUER="+idp.URL(), "OORE_OIDC_CLIENT_ID="+idp.ClientID, "OORE_OIDC_CLIENT_SECRET="+idp.ClientSecret,
		"OORE_GITHUB_WEB_URL="+gh.URL(), "OORE_GITHUB_API_URL="+gh.APIURL(), "OORE_GITHUB_OAUTH_CLIENT_ID="+app.ClientID)
	good := "OORE_GITHUB_OAUTH_CLIENT_SECRET=" + app.ClientSecret
	look := func(env ...string) string { t.Helper(); return p.command(env, "doctor", "--json").stdout }
	if out := look(good); strings.Count(out, "people may sign in") != 2 || strings.Contains(out, app.ClientSecret) {
		t.Errorf("all is well:\n%s", out)
	}
	if out := look("OORE_GITHUB_OAUTH_CLIENT_SECRET=another"); !strings.Contains(out, "does not accept OORE_GITHUB_OAUTH_CLIENT_ID") {
		t.Errorf("a wrong secret:\n%s", out)
	}
	idp.Lie(oidctest.Lies{Document: func(c oidctest.Claims) { c["issuer"] = "https://elsewhere.example" }})
	if out := look(good); !strings.Contains(out, "calls itself https://elsewhere.example") || !strings.Contains(out, "Set OORE_OIDC_ISSUER to that") {
		t.Errorf("another issuer:\n%s", out)
	}
	idp.Lie(oidctest.Lies{Silent: true})
	if out := look(good); !strings.Contains(out, "does not answer as an OpenID provider") {
		t.Errorf("a silent issuer:\n%s", out)
	}
}
