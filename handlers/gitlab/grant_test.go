package gitlab_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/gitlab"
	"github.com/oore-ci/oore/handlers/gitlab/gitlabtest"
)

const wayBack = "https://ci.example.com/settings/sources/gitlab/callback"

// request is an application of the double that asks.
func (w *world) request(scopes ...string) core.GrantRequest {
	a := w.AddApplication(wayBack, scopes...)
	return core.GrantRequest{WebURL: w.URL() + "/", ClientID: a.ID, ClientSecret: a.Secret, RedirectURL: wayBack, State: "s", Verifier: strings.Repeat("v", 43)}
}

// agree is the person's browser: it goes where it is sent and returns where it ends up.
func (w *world) agree(t *testing.T, r core.GrantRequest) url.Values {
	t.Helper()
	address, err := w.room.GrantURL(r)
	if err != nil {
		t.Fatal(err)
	}
	browser := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := browser.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	back, err := resp.Location()
	if err != nil || !strings.HasPrefix(back.String(), wayBack+"?") || back.Query().Get("state") != r.State {
		t.Fatalf("%d, %v to %s", resp.StatusCode, err, back)
	}
	return back.Query()
}

// grant goes the whole way.
func (w *world) grant(t *testing.T) core.Connection {
	t.Helper()
	r := w.request("api", "read_user")
	secrets, err := w.room.Grant(t.Context(), r, w.agree(t, r).Get("code"))
	if err != nil {
		t.Fatal(err)
	}
	c := w.connection("one")
	c.Secrets = secrets
	return c
}

// source renews whatever was refused, as the house does.
type source struct {
	mu     sync.Mutex
	room   *gitlab.Room
	c      core.Connection
	asked  []string
	broken error
}

func (s *source) Token(ctx context.Context, refused string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, refused)
	if refused != "" && refused == s.c.Secrets.Token {
		if s.broken != nil {
			return "", s.broken
		}
		secrets, err := s.room.Renew(ctx, s.c)
		if err != nil {
			return "", err
		}
		s.c.Secrets = secrets
	}
	return s.c.Secrets.Token, nil
}

func TestAGrantIsUsedLikeAToken(t *testing.T) {
	for _, prefix := range []string{"", "/tools/gitlab"} {
		w := newWorldAt(t, prefix)
		c := w.grant(t)
		if c.Secrets.Token == "" || c.Secrets.RefreshToken == "" || !c.Secrets.TokenExpires.Equal(w.clock.Now().Add(2*time.Hour)) || c.Secrets.ClientSecret == "" {
			t.Fatalf("granted %+v", c.Secrets)
		}
		seen, err := w.room.Inspect(t.Context(), c)
		if err != nil || seen.Name != "oore-bot" || seen.Trouble != "" || seen.Host != w.host() || seen.Secrets != c.Secrets {
			t.Fatalf("%+v, %v", seen, err)
		}
		s := &source{room: w.room, c: c}
		c.Tokens = s
		if err := w.room.Connect([]core.Connection{c}); err != nil {
			t.Fatal(err)
		}
		before := len(w.Requests())
		all, err := w.room.Inventory(t.Context(), "one")
		if err != nil || len(all) != 1 || len(all[0].Repositories) != 1 || all[0].SettingsURL != w.URL()+"/-/user_settings/applications" {
			t.Errorf("%+v, %v", all, err)
		}
		if err := w.room.SetStatus(t.Context(), w.repo(), report(w.head, core.ReportRunning)); err != nil {
			t.Error(err)
		}
		w.ExpireTokens()
		// A write is sent once more with a new token, and done once.
		if err := w.room.SetStatus(t.Context(), w.repo(), report(w.head, core.ReportSuccess)); err != nil {
			t.Error(err)
		}
		if got := w.Statuses(w.project, w.head); len(got) != 1 || got[0].State != "success" {
			t.Errorf("statuses %+v", got)
		}
		w.ExpireTokens()
		from, err := w.room.Checkout(t.Context(), w.repo())
		if err != nil || from.Username != "oauth2" || from.Password != s.c.Secrets.Token {
			t.Fatalf("%+v, %v", from, err)
		}
		if err := fetch(t, from, w.head); err != nil {
			t.Error(err)
		}
		for _, r := range w.Requests()[before:] {
			if r.Header.Get("Private-Token") != "" || r.API && !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
				t.Errorf("%s %s came with %q, %q", r.Method, r.Path, r.Header.Get("Private-Token"), r.Header.Get("Authorization"))
			}
		}
		if n := w.Refreshes(); len(n) != 2 || n[0].Used || n[1].Used {
			t.Errorf("refreshes %+v", n)
		}
	}
}

func TestConnectKeepsTheSessionOfAGrant(t *testing.T) {
	w := newWorld(t)
	c := w.grant(t)
	c.Tokens = &source{room: w.room, c: c}
	if err := w.room.Connect([]core.Connection{c}); err != nil {
		t.Fatal(err)
	}
	w.FailNext(gitlabtest.RateLimit(time.Minute))
	_, err := w.room.ResolveRef(t.Context(), w.repo(), "main")
	wantError(t, "limited", err, core.KindLimited, "rate limit")
	renewed := c
	renewed.Secrets.Token, renewed.Tokens = "another", &source{room: w.room, c: c}
	if err := w.room.Connect([]core.Connection{renewed}); err != nil {
		t.Fatal(err)
	}
	_, err = w.room.ResolveRef(t.Context(), w.repo(), "main")
	wantError(t, "still limited", err, core.KindLimited, "rate limit")
}

func TestATokenIsRefusedOnceMoreAtMost(t *testing.T) {
	w := newWorld(t)
	c := w.grant(t)
	s := &source{room: w.room, c: c}
	c.Tokens = s
	if err := w.room.Connect([]core.Connection{c}); err != nil {
		t.Fatal(err)
	}
	w.Fail(func(r *http.Request) *gitlabtest.Failure {
		if strings.Contains(r.URL.Path, "/api/") {
			return &gitlabtest.Failure{Status: http.StatusUnauthorized}
		}
		return nil
	})
	before := len(w.Requests())
	_, err := w.room.ResolveRef(t.Context(), w.repo(), "main")
	wantError(t, "whatever the token", err, core.KindUnavailable, "connect it again under Settings")
	if n := len(w.Requests()) - before; n != 3 { // the call, the renewal, the call
		t.Errorf("%d requests", n)
	}
	s.broken = core.Errorf(core.KindUnavailable, "It was taken back; connect it again")
	_, err = w.room.ResolveRef(t.Context(), w.repo(), "main")
	wantError(t, "taken back", err, core.KindUnavailable, "It was taken back")
	_, err = w.room.Checkout(t.Context(), w.repo())
	wantError(t, "taken back, for git", err, core.KindUnavailable, "It was taken back")
}

func TestGrantsThatGitLabRefuses(t *testing.T) {
	w := newWorld(t)
	good := w.request("api")
	for name, tt := range map[string]struct {
		change func(r *core.GrantRequest)
		text   string
	}{
		"another secret":       {func(r *core.GrantRequest) { r.ClientSecret = "wrong" }, "id and secret"},
		"an unknown app":       {func(r *core.GrantRequest) { r.ClientID = "app-x" }, "id and secret"},
		"another redirect URI": {func(r *core.GrantRequest) { r.RedirectURL += "/" }, "code"},
		"another verifier":     {func(r *core.GrantRequest) { r.Verifier = strings.Repeat("w", 43) }, "code"},
		"no scheme":            {func(r *core.GrantRequest) { r.WebURL = "gitlab.example.com" }, "address"},
	} {
		r := good
		code := w.agree(t, r).Get("code")
		tt.change(&r)
		_, err := w.room.Grant(t.Context(), r, code)
		wantError(t, name, err, core.KindInvalid, tt.text)
		if err != nil && (strings.Contains(err.Error(), code) || strings.Contains(err.Error(), good.ClientSecret)) {
			t.Errorf("%s: the error shows a secret: %v", name, err)
		}
	}
	code := w.agree(t, good).Get("code")
	if _, err := w.room.Grant(t.Context(), good, code); err != nil {
		t.Fatal(err)
	}
	_, err := w.room.Grant(t.Context(), good, code)
	wantError(t, "a code twice", err, core.KindInvalid, "expired or was used")

	if q := w.agree(t, w.request("read_api")); q.Get("error") != "invalid_scope" || q.Get("code") != "" {
		t.Errorf("an application without the scope: %v", q)
	}
	w.Visit(w.User, true)
	if q := w.agree(t, good); q.Get("error") != "access_denied" || q.Get("code") != "" {
		t.Errorf("a person who refuses: %v", q)
	}
	w.Visit(w.User, false)
	w.FailNext(gitlabtest.Failure{}, gitlabtest.Failure{Status: 200, Body: `{"access_token":"t","scope":"read_api"}`})
	_, err = w.room.Grant(t.Context(), good, w.agree(t, good).Get("code"))
	wantError(t, "less than was asked for", err, core.KindInvalid, "scope api")
}

func TestRefreshTokensWorkOnce(t *testing.T) {
	w := newWorld(t)
	c := w.grant(t)
	old := c.Secrets
	w.clock.Advance(time.Hour)
	var err error
	if c.Secrets, err = w.room.Renew(t.Context(), c); err != nil || c.Secrets.Token == old.Token || c.Secrets.RefreshToken == old.RefreshToken ||
		!c.Secrets.TokenExpires.Equal(w.clock.Now().Add(2*time.Hour)) || c.Secrets.ClientSecret != old.ClientSecret {
		t.Fatalf("%+v, %v", c.Secrets, err)
	}
	used := c
	used.Secrets = old
	_, err = w.room.Renew(t.Context(), used)
	wantError(t, "a used one", err, core.KindInvalid, "Connect it again under Settings")
	_, err = w.room.Inspect(t.Context(), used)
	wantError(t, "the old access token", err, core.KindInvalid, "connect it again")
	w.RevokeGrants()
	_, err = w.room.Renew(t.Context(), c)
	wantError(t, "taken back", err, core.KindInvalid, "revoked")
	w.SetTokenLife(0)
	if c = w.grant(t); !c.Secrets.TokenExpires.IsZero() {
		t.Errorf("a token without an end: %+v", c.Secrets)
	}
}

func TestAnswersToARenewalThatAreNone(t *testing.T) {
	w := newWorld(t)
	c := w.grant(t)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the secret goes elsewhere") }))
	t.Cleanup(elsewhere.Close)
	for name, tt := range map[string]struct {
		failure gitlabtest.Failure
		kind    core.Kind
	}{
		"500":         {gitlabtest.ServerError(500), core.KindUnavailable},
		"dropped":     {gitlabtest.Failure{Drop: true}, core.KindUnavailable},
		"a page":      {gitlabtest.Failure{Status: 200, Body: "<html>"}, core.KindUnavailable},
		"a 400 page":  {gitlabtest.Failure{Status: 400, Body: "<html>"}, core.KindUnavailable},
		"nothing":     {gitlabtest.Failure{Status: 200, Body: "{}"}, core.KindUnavailable},
		"a line feed": {gitlabtest.Failure{Status: 200, Body: `{"access_token":"a\nb"}`}, core.KindUnavailable},
		"limited":     {gitlabtest.RateLimit(3 * time.Minute), core.KindLimited},
		"redirected":  {gitlabtest.Failure{Status: 307, Header: map[string]string{"Location": elsewhere.URL}}, core.KindInvalid},
		"no GitLab":   {gitlabtest.Failure{Status: 404}, core.KindInvalid},
		"odd words":   {gitlabtest.Failure{Status: 400, Body: `{"error":"slow_down","error_description":"<b>"}`}, core.KindInvalid},
	} {
		w.FailNext(tt.failure)
		_, err := w.room.Renew(t.Context(), c)
		w.Heal()
		wantError(t, name, err, tt.kind, "")
		for _, secret := range []string{c.Secrets.RefreshToken, c.Secrets.ClientSecret, "<b>"} {
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the error shows %q: %v", name, secret, err)
			}
		}
	}
	// An answer that breaks off has used the token up all the same.
	w.FailNext(gitlabtest.Failure{Truncate: true})
	_, err := w.room.Renew(t.Context(), c)
	wantError(t, "broken off", err, core.KindUnavailable, "")
	_, err = w.room.Renew(t.Context(), c)
	wantError(t, "and again", err, core.KindInvalid, "a renewal was interrupted")
}
