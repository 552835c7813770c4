package main

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/oore-ci/oore/handlers/github/githubtest"
	"github.com/oore-ci/oore/handlers/gitlab/gitlabtest"
)

// askVariable makes the test binary a server that asks so often whether people may still
// come in.
const askVariable = "OORE_TEST_ASK_EVERY"

// askedOf counts how often GitHub was asked in which organizations somebody is.
func askedOf(gh *githubtest.Server) (n int) {
	for _, r := range gh.Requests() {
		if strings.Contains(r.Path, "memberships/orgs/") {
			n++
		}
	}
	return n
}

// askedAgain waits for so many more.
func askedAgain(t *testing.T, gh *githubtest.Server, more int) {
	t.Helper()
	before := askedOf(gh)
	eventually(t, "GitHub is asked again", func() bool { return askedOf(gh) >= before+more })
}

func (b *person) mustBe(who, when string) {
	b.p.t.Helper()
	if got := b.who(); got != who {
		b.p.t.Fatalf("%s they are %q, want %q", when, got, who)
	}
}

// comesIn signs in, again if the page asks for that: on a busy machine a service may take
// longer than is waited for it.
func (b *person) comesIn(way, who string) {
	b.p.t.Helper()
	got := b.through(way)
	for n := 0; n < 5 && got.status == http.StatusServiceUnavailable; n++ {
		b.p.t.Logf("through %s: %s", way, got.body)
		got = b.through(way)
	}
	if got.status != http.StatusSeeOther || b.who() != who {
		b.p.t.Fatalf("through %s: %d, they are %q, want %q:\n%s", way, got.status, b.who(), who, got.body)
	}
}

func TestWhoLeavesTheOrganizationIsShutOut(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		gh := githubtest.New(t)
		p := newProgram(t, database, nil, "OORE_RUNNERS=0", askVariable+"=300ms")
		p.path = os.Args[0]
		oauth := gh.AddOAuthApp(p.url + "/sign-in/github/callback")
		p.env = append(p.env, "OORE_GITHUB_WEB_URL="+gh.URL(), "OORE_GITHUB_API_URL="+gh.APIURL(), "OORE_GITHUB_OAUTH_CLIENT_ID="+oauth.ClientID,
			"OORE_GITHUB_OAUTH_CLIENT_SECRET="+oauth.ClientSecret, "OORE_GITHUB_ORGANIZATIONS=acme")
		gh.Visit(octocat(), false)
		p.start()
		b := p.person()
		b.comesIn("github", "Mona viewer")
		var me, token struct{ ID, Token string }
		p.mustBy(b.session(), "GET", "/v1/users/me", nil, &me)
		p.mustBy(b.session(), "POST", "/v1/api-tokens", body{"name": "laptop"}, &token)
		p.mustBy(b.session(), "PUT", "/v1/users/me/password", body{"new_password": goodPassword}, nil)
		b.through("github")
		streams := map[string]<-chan struct{}{"a page's": p.follow("/stream", "Cookie: oore_session="+b.session())}

		askedAgain(t, gh, 3)
		gh.Fail(func(*http.Request) *githubtest.Failure {
			return &githubtest.Failure{Status: http.StatusServiceUnavailable}
		})
		askedAgain(t, gh, 3)
		gh.Heal()
		b.mustBe("Mona viewer", "while GitHub is down")
		no := true
		gh.Fail(func(*http.Request) *githubtest.Failure {
			if !no {
				return nil
			}
			no = false
			return &githubtest.Failure{Status: http.StatusNotFound}
		})
		askedAgain(t, gh, 4)
		gh.Heal()
		b.mustBe("Mona viewer", "after one no")
		living(t, streams)

		session := b.session()
		gone := func() bool {
			status, answer := p.by(session, "GET", "/v1/users/me", nil)
			return status == http.StatusUnauthorized && strings.Contains(string(answer), "invalid_session")
		}
		gh.SetOrganizations("octocat", nil)
		eventually(t, "the session ends", gone)
		endSoon(t, streams)
		if status, _ := p.by(token.Token, "GET", "/v1/users/me", nil); status != http.StatusUnauthorized {
			t.Errorf("the API token: %d", status)
		}
		login := body{"email": "mona@example.com", "password": goodPassword}
		if status := p.call("POST", "/v1/auth/local/login", login, nil); status != http.StatusUnauthorized {
			t.Errorf("the password: %d", status)
		}
		left := octocat()
		left.Organizations = nil
		gh.Visit(left, false)
		if got := b.through("github"); got.status != http.StatusForbidden {
			t.Errorf("through GitHub: %d", got.status)
		}
		if got := p.audit("action=user.disable&target_id=" + me.ID).Logs; len(got) != 1 || got[0].Actor != "oore" || got[0].Door != "system" {
			t.Errorf("the audit log tells %+v", got)
		}

		gh.Visit(octocat(), false)
		b.comesIn("github", "Mona viewer")
		p.mustBy(token.Token, "GET", "/v1/users/me", nil, nil)

		// The last owner has to sign in again, and can.
		var users struct{ Users []struct{ ID, Role string } }
		p.must("GET", "/v1/users", nil, &users)
		p.must("PATCH", "/v1/users/"+me.ID+"/role", body{"role": "owner"}, nil)
		for _, u := range users.Users {
			if u.Role == "owner" && p.call("DELETE", "/v1/users/"+u.ID, nil, nil) != http.StatusNoContent {
				t.Fatal("the first owner stays")
			}
		}
		session = b.session()
		gh.RevokeSignIns()
		eventually(t, "the last owner's session ends", gone)
		p.must("POST", "/v1/auth/local/login", login, nil)
		p.mustBy(token.Token, "GET", "/v1/users/me", nil, nil)
	})
}

func TestWhoLeavesTheGroupIsShutOut(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		gl := gitlabtest.New(t)
		p := newProgram(t, database, nil, "OORE_RUNNERS=0", askVariable+"=300ms")
		p.path = os.Args[0]
		app := gl.AddApplication(p.url+"/sign-in/gitlab/callback", "openid", "email", "profile")
		p.env = append(p.env, "OORE_GITLAB_URL="+gl.URL(), "OORE_GITLAB_OAUTH_CLIENT_ID="+app.ID, "OORE_GITLAB_OAUTH_CLIENT_SECRET="+app.Secret, "OORE_GITLAB_GROUPS=acme/mobile")
		p.start()
		tanuki := gl.AddUser("tanuki")
		member := gitlabtest.Profile{Email: "tanuki@example.com", Verified: true, Groups: []string{"acme/mobile"}}
		gl.Visit(tanuki, false)
		gl.SetProfile(tanuki, member)
		b := p.person()
		told := func() (n int) {
			for _, r := range gl.Requests() {
				if strings.HasSuffix(r.Path, "oauth/userinfo") {
					n++
				}
			}
			return n
		}
		toldAgain := func(more int) {
			t.Helper()
			before := told()
			eventually(t, "GitLab is asked again", func() bool { return told() >= before+more })
		}
		in := func() {
			t.Helper()
			b.comesIn("gitlab", "tanuki viewer")
		}
		out := func() bool { return b.who() == "" }
		in()
		gl.ExpireTokens()
		toldAgain(2)
		gl.ExpireTokens()
		gl.FailNext(gitlabtest.ServerError(503))
		toldAgain(2)
		b.mustBe("tanuki viewer", "with tokens that were renewed")
		if n := gl.Refreshes(); len(n) < 2 {
			t.Errorf("%d refreshes", len(n))
		}
		for _, r := range gl.Refreshes() {
			if r.Used {
				t.Error("a refresh token was used twice")
			}
		}
		gl.SetProfile(tanuki, gitlabtest.Profile{Email: "tanuki@example.com", Verified: true, Groups: []string{"acme"}})
		eventually(t, "who has left the group is out", out)
		gl.SetProfile(tanuki, member)
		in()
		gl.RevokeGrants()
		eventually(t, "whose agreement is taken back is out", out)
		in()
	})
}
