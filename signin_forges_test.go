package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/oore-ci/oore/handlers/github/githubtest"
	"github.com/oore-ci/oore/handlers/gitlab/gitlabtest"
)

func octocat() githubtest.Account {
	return githubtest.Account{
		Login: "octocat", ID: 583231, Name: "Mona", Organizations: map[string]string{"acme": "active"},
		Emails: []githubtest.Email{{Email: "old@example.com", Verified: true}, {Email: "mona@example.com", Primary: true, Verified: true}},
	}
}

// newGitHubSignIn starts a program with an OAuth App at a GitHub Enterprise.
func newGitHubSignIn(t *testing.T, database string, env ...string) (*program, *githubtest.Server) {
	t.Helper()
	gh := githubtest.New(t)
	p := newProgram(t, database, nil, "OORE_RUNNERS=0")
	app := gh.AddOAuthApp(p.url + "/sign-in/github/callback")
	p.env = append(p.env, "OORE_GITHUB_WEB_URL="+gh.URL(), "OORE_GITHUB_API_URL="+gh.APIURL(), "OORE_GITHUB_OAUTH_CLIENT_ID="+app.ClientID, "OORE_GITHUB_OAUTH_CLIENT_SECRET="+app.ClientSecret)
	p.env = append(p.env, env...)
	gh.Visit(octocat(), false)
	return p.start(), gh
}

func TestSignInWithGitHub(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		p, gh := newGitHubSignIn(t, database)
		if got := p.person().through("github"); got.status != http.StatusForbidden || !strings.Contains(got.body, "no user with the e-mail mona@example.com here") {
			t.Fatalf("whom nobody invited: %d %s", got.status, got.body)
		}
		p.invited("old@example.com", "admin") // an address, but not the primary one
		p.invited("mona@example.com", "developer")
		b := p.person()
		back := b.away(b.depart("/sign-in/github", nil))
		other := p.person()
		if got := other.send("GET", back, nil); got.status != http.StatusBadRequest || other.session() != "" {
			t.Errorf("in another browser: %d", got.status)
		}
		if got := b.send("GET", back, nil); got.status != http.StatusSeeOther || b.who() != "mona developer" {
			t.Fatalf("%d as %q: %s", got.status, b.who(), got.body)
		}
		// A code that was used does not help in another journey, nor do two journeys mix.
		stolen := other.away(other.depart("/sign-in/github", nil))
		u, err := url.Parse(back)
		if err != nil {
			t.Fatal(err)
		}
		v, err := url.Parse(stolen)
		if err != nil {
			t.Fatal(err)
		}
		q := v.Query()
		q.Set("code", u.Query().Get("code"))
		v.RawQuery = q.Encode()
		if got := other.send("GET", v.String(), nil); got.status != http.StatusUnauthorized || !strings.Contains(got.body, "expired or was used") || other.session() != "" {
			t.Errorf("a used code: %d %s", got.status, got.body)
		}
		// Names change hands; numbers do not.
		renamed := octocat()
		renamed.Login, renamed.Emails = "mona-renamed", nil
		gh.Visit(renamed, false)
		if got := b.through("github"); got.status != http.StatusSeeOther || b.who() != "mona developer" {
			t.Errorf("renamed: %d as %q", got.status, b.who())
		}
		namesake := octocat()
		namesake.ID = 99
		gh.Visit(namesake, false)
		if got := p.person().through("github"); got.status != http.StatusConflict {
			t.Errorf("another with the same name and address: %d", got.status)
		}
		unverified := githubtest.Account{Login: "eve", Emails: []githubtest.Email{{Email: "eve@example.com", Verified: true}, {Email: "old@example.com", Primary: true}}}
		gh.Visit(unverified, false)
		if got := p.person().through("github"); got.status != http.StatusForbidden || !strings.Contains(got.body, "no verified e-mail address at GitHub") {
			t.Errorf("an unverified address: %d", got.status)
		}
		gh.Visit(octocat(), true)
		if got := p.person().through("github"); got.status != http.StatusForbidden || !strings.Contains(got.body, "Access was denied at GitHub") {
			t.Errorf("denied: %d", got.status)
		}
		for _, r := range gh.Requests() {
			if strings.Contains(r.Query, "read%3Aorg") {
				t.Error("more is asked for than needed")
			}
		}
	})
}

func TestOnlyMembersOfTheOrganizationsSignInWithGitHub(t *testing.T) {
	p, gh := newGitHubSignIn(t, "", "OORE_GITHUB_ORGANIZATIONS=Beta,acme")
	for _, test := range []struct {
		name, organization, state string
		closed                    []string
		status                    int
		says                      string
	}{
		{"of none", "other", "active", nil, http.StatusForbidden, "no active member of an organization that may sign in here (Beta, acme)"},
		{"invited there, not yet in it", "acme", "pending", nil, http.StatusForbidden, "no active member"},
		{"of one that tells nothing", "other", "active", []string{"acme"}, http.StatusForbidden, "approves the application there"},
	} {
		a := octocat()
		a.Organizations, a.Closed = map[string]string{test.organization: test.state}, test.closed
		gh.Visit(a, false)
		b := p.person()
		if got := b.through("github"); got.status != test.status || !strings.Contains(got.body, test.says) || b.session() != "" {
			t.Errorf("%s: %d %s", test.name, got.status, got.body)
		}
	}
	gh.Visit(octocat(), false)
	b := p.person()
	if got := b.through("github"); got.status != http.StatusSeeOther || b.who() != "Mona viewer" {
		t.Errorf("a member whom nobody invited: %d as %q %s", got.status, b.who(), got.body)
	}
	left := octocat()
	left.Organizations = nil
	gh.Visit(left, false)
	if got := b.through("github"); got.status != http.StatusForbidden {
		t.Errorf("who has left: %d", got.status)
	}
}

func TestSignInWithGitLab(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		gl := gitlabtest.NewAt(t, "/gitlab")
		p := newProgram(t, database, nil, "OORE_RUNNERS=0")
		app := gl.AddApplication(p.url+"/sign-in/gitlab/callback", "openid", "email", "profile")
		p.env = append(p.env, "OORE_GITLAB_URL="+gl.URL(), "OORE_GITLAB_OAUTH_CLIENT_ID="+app.ID, "OORE_GITLAB_OAUTH_CLIENT_SECRET="+app.Secret, "OORE_GITLAB_GROUPS=acme/mobile")
		p.start()
		tanuki := gl.AddUser("tanuki")
		gl.Visit(tanuki, false)
		gl.SetProfile(tanuki, gitlabtest.Profile{Email: "tanuki@example.com", Verified: true, Groups: []string{"acme", "acme/web"}})
		b := p.person()
		if got := b.through("gitlab"); got.status != http.StatusForbidden || !strings.Contains(got.body, "in none of the groups that may sign in here (acme/mobile)") || b.session() != "" {
			t.Errorf("of another group: %d %s", got.status, got.body)
		}
		gl.SetProfile(tanuki, gitlabtest.Profile{Email: "tanuki@example.com", Groups: []string{"acme/mobile"}})
		if got := b.through("gitlab"); got.status != http.StatusForbidden || !strings.Contains(got.body, "no verified e-mail address at GitLab") {
			t.Errorf("an unverified address: %d %s", got.status, got.body)
		}
		gl.SetProfile(tanuki, gitlabtest.Profile{Email: "tanuki@example.com", Verified: true, Groups: []string{"Acme/Mobile"}})
		back := b.away(b.depart("/sign-in/gitlab", nil))
		if got := p.person().send("GET", back, nil); got.status != http.StatusBadRequest {
			t.Errorf("in another browser: %d", got.status)
		}
		if got := b.send("GET", back, nil); got.status != http.StatusSeeOther || b.who() != "tanuki viewer" {
			t.Fatalf("%d as %q: %s", got.status, b.who(), got.body)
		}
		if got := b.send("GET", back, nil); got.status != http.StatusBadRequest {
			t.Errorf("the same way back: %d", got.status)
		}
		var known struct {
			Identities []struct{ Provider, Subject string }
		}
		p.mustBy(b.session(), "GET", "/v1/users/me/identities", nil, &known)
		if want := "gitlab:" + strings.TrimPrefix(gl.URL(), "http://"); len(known.Identities) != 1 || known.Identities[0].Provider != want || known.Identities[0].Subject != fmt.Sprint(tanuki.ID) {
			t.Errorf("known as %+v, want %s %d", known, want, tanuki.ID)
		}
		gl.Visit(tanuki, true)
		if got := p.person().through("gitlab"); got.status != http.StatusForbidden || !strings.Contains(got.body, "Access was denied at GitLab") {
			t.Errorf("denied: %d", got.status)
		}
	})
}

// TestAWayBackIsGoodForItsOwnServiceAlone tries the mix-up of two services, one of which is
// somebody's who wants the code of the other.
func TestAWayBackIsGoodForItsOwnServiceAlone(t *testing.T) {
	gl := gitlabtest.New(t)
	p, gh := newGitHubSignIn(t, "", "OORE_GITLAB_URL="+gl.URL(), "OORE_GITLAB_OAUTH_CLIENT_ID=app", "OORE_GITLAB_OAUTH_CLIENT_SECRET=secret")
	p.invited("mona@example.com", "viewer")
	b := p.person()
	back := b.away(b.depart("/sign-in/github", nil))
	if got := b.send("GET", strings.Replace(back, "/sign-in/github/", "/sign-in/gitlab/", 1), nil); got.status != http.StatusBadRequest || b.session() != "" {
		t.Errorf("GitHub's code for GitLab: %d", got.status)
	}
	for _, r := range gl.Requests() {
		if strings.Contains(r.Path+string(r.Body), "oauth/token") {
			t.Error("GitLab was sent GitHub's code")
		}
	}
	if n := len(gh.Requests()); n == 0 {
		t.Error("nobody went to GitHub")
	}
}
