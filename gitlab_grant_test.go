package main

import (
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oore-ci/oore/handlers/gitlab/gitlabtest"
	"github.com/oore-ci/oore/store/storetest"
)

// browse asks for a page as the admin, follows nothing, and returns where it leads.
func (p *program) browse(method, path string, form url.Values) (status int, body, location string) {
	p.t.Helper()
	req, err := http.NewRequest(method, p.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	req.Header.Set("Accept", "text/html")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := noRedirects().Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.StatusCode, string(data), resp.Header.Get("Location")
}

func noRedirects() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// atGitLab is the person's browser there: it returns what GitLab sends it back with.
func (l *lab) atGitLab(address string) *url.URL {
	l.t.Helper()
	resp, err := noRedirects().Get(address)
	if err != nil {
		l.t.Fatal(err)
	}
	resp.Body.Close()
	back, err := resp.Location()
	if err != nil || !strings.HasPrefix(back.String(), l.url+"/settings/sources/gitlab/callback?") {
		l.t.Fatalf("GitLab answered %d and sends the person to %v (%v)", resp.StatusCode, back, err)
	}
	return back
}

var continueLink = regexp.MustCompile(`href="([^"]*/oauth/authorize[^"]*)"`)

// connectByPages goes the way of a person with the pages alone.
func (l *lab) connectByPages(app gitlabtest.Application) {
	l.t.Helper()
	status, body, _ := l.browse("POST", "/settings/sources/gitlab/grant", url.Values{"web_url": {l.gl.URL()}, "application_id": {app.ID}, "secret": {app.Secret}})
	link := continueLink.FindStringSubmatch(body)
	if status != http.StatusOK || link == nil {
		l.t.Fatalf("%d, no link to GitLab:\n%s", status, body)
	}
	back := l.atGitLab(html.UnescapeString(link[1]))
	status, body, to := l.browse("GET", back.RequestURI(), nil)
	if status != http.StatusSeeOther || to != "/settings/sources?done=connected" {
		l.t.Fatalf("the way back: %d to %s\n%s", status, to, body)
	}
	if status, body, _ := l.browse("GET", back.RequestURI(), nil); status != http.StatusBadRequest || !strings.Contains(body, "start again under Settings, Sources") {
		l.t.Errorf("the same way back again: %d", status)
	}
}

// connectByAPI goes the same way by API.
func (l *lab) connectByAPI(in map[string]any) integrationView {
	l.t.Helper()
	var begun struct {
		URL string `json:"authorize_url"`
	}
	l.must("POST", "/v1/integrations/gitlab/start", in, &begun)
	back := l.atGitLab(begun.URL).Query()
	var made integrationView
	l.must("POST", "/v1/integrations/gitlab/complete", map[string]any{"code": back.Get("code"), "state": back.Get("state")}, &made)
	return made
}

// pushed commits to main, fires the webhook and waits for the status.
func (l *lab) pushed(name, state string) string {
	l.t.Helper()
	sha := l.git.Commit("main", map[string]string{name: name}, "Commit "+name)
	l.fire(gitlabtest.PushHook, l.gl.PushPayload(l.repo, "main", l.head, sha))
	l.gl.WaitStatus(l.t, l.repo, sha, "oore/android", state, patience)
	l.head = sha
	return sha
}

// TestGitLabFromAnApplicationToAGreenStatus connects by an OAuth application, whose
// tokens live for two hours: one ends early, one is renewed before it ends, the server is
// restarted in between, and in the end what was granted is taken back.
func TestGitLabFromAnApplicationToAGreenStatus(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		l := newLab(t, database, workflow("echo built; git config --list; env"))
		app := l.gl.AddApplication(l.url+"/settings/sources/gitlab/callback", "api")
		l.connectByPages(app)
		made := l.integrations()
		if len(made) != 1 || made[0].Trouble != "" || made[0].Repositories != 1 || made[0].ApplicationID != app.ID {
			t.Fatalf("connected %+v", made)
		}
		l.link(nil)
		if hooks := l.gl.Hooks(l.repo); len(hooks) != 1 {
			t.Fatalf("webhooks %+v", hooks)
		}
		l.pushed("one", "success")

		// It ends early: whatever asks next has it renewed, git included.
		l.gl.SetTokenLife(5*time.Minute + 3*time.Second)
		l.gl.ExpireTokens()
		l.pushed("two", "success")
		l.stop()
		before := l.gl.Refreshes() // another one, if all that took more than three seconds
		if len(before) == 0 || before[0].Alive || before[0].Used {
			t.Errorf("refreshes %+v", before)
		}
		l.gl.SetTokenLife(2 * time.Hour)
		time.Sleep(4 * time.Second) // five minutes before its end
		l.start()
		l.pushed("three", "success")
		if r := l.gl.Refreshes(); len(r) != len(before)+1 || !r[len(before)].Alive || r[len(before)].Used {
			t.Errorf("refreshes %+v", r)
		}

		l.gl.RevokeGrants()
		var refused struct{ Error, Code string }
		if status := l.call("POST", "/v1/integrations/"+made[0].ID+"/sync", map[string]any{}, &refused); status < 400 || !strings.Contains(refused.Error, "connect it again") {
			t.Errorf("taken back: %d %+v", status, refused)
		}
		if _, body, _ := l.browse("GET", "/settings/sources", nil); !strings.Contains(body, "connect it again under Settings") || !strings.Contains(body, "/reconnect\"") {
			t.Error("the page does not say what to do")
		}
		waiting := l.git.Commit("main", map[string]string{"four": "4"}, "While nobody is let in")
		l.fire(gitlabtest.PushHook, l.gl.PushPayload(l.repo, "main", l.head, waiting))
		eventually(t, "its build fails for want of a checkout", func() bool {
			list := l.builds("commit_sha=" + waiting)
			return len(list) == 1 && list[0].StatusReason == "checkout_failed"
		})
		if again := l.connectByAPI(map[string]any{"integration_id": made[0].ID}); again.ID != made[0].ID || again.Trouble != "" {
			t.Errorf("connected again %+v", again)
		}
		l.gl.WaitStatus(t, l.repo, waiting, "oore/android", "failed", patience) // what could not be told before
		l.pushed("five", "success")

		for _, secret := range append(l.gl.AccessTokens(), app.Secret) {
			l.nowhere("a secret", []byte(secret))
		}
	})
}

func TestWhatIsWrongWithAnApplicationIsSaid(t *testing.T) {
	l := newLab(t, "", workflow("echo ok"))
	back := l.url + "/settings/sources/gitlab/callback"
	start := func(app gitlabtest.Application) string {
		t.Helper()
		var begun struct {
			URL string `json:"authorize_url"`
		}
		l.must("POST", "/v1/integrations/gitlab/start", map[string]any{"web_url": l.gl.URL(), "application_id": app.ID, "secret": app.Secret}, &begun)
		return begun.URL
	}
	good := l.gl.AddApplication(back, "api")
	wrong := good
	wrong.Secret = "another"
	for name, test := range map[string]struct {
		app  gitlabtest.Application
		says string
	}{
		"a wrong secret":    {wrong, "does not accept the application"},
		"without the scope": {l.gl.AddApplication(back, "read_api"), "lacks the scope api"},
	} {
		if status, body, _ := l.browse("GET", l.atGitLab(start(test.app)).RequestURI(), nil); status != http.StatusBadRequest || !strings.Contains(body, test.says) {
			t.Errorf("%s: %d, want %q", name, status, test.says)
		}
	}
	l.gl.Visit(l.gl.User, true)
	if status, body, _ := l.browse("GET", l.atGitLab(start(good)).RequestURI(), nil); status != http.StatusBadRequest || !strings.Contains(body, "Access was denied there") {
		t.Errorf("somebody refuses: %d", status)
	}
	if len(l.integrations()) != 0 {
		t.Error("something is connected")
	}
}

// TestTwoServersRenewATokenOnce lets a token end while two servers on one database use it.
func TestTwoServersRenewATokenOnce(t *testing.T) {
	database, common := storetest.Postgres(t), append(shared(t), "OORE_RUNNERS=0")
	l := newLab(t, database, workflow("echo ok"), common...)
	app := l.gl.AddApplication(l.url+"/settings/sources/gitlab/callback", "api")
	l.connectByAPI(map[string]any{"web_url": l.gl.URL(), "application_id": app.ID, "secret": app.Secret})
	pipeline := l.link(nil)
	second := newProgram(t, database, nil, common...).start()
	l.gl.ExpireTokens()
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() { // each asks GitLab where the branch stands
			p := []*program{l.program, second}[i%2]
			var raw struct{ Error, Status string }
			if status := p.call("POST", "/v1/projects/"+l.project.ID+"/builds", map[string]any{"pipeline_id": pipeline.ID, "branch": "main"}, &raw); status != http.StatusOK {
				t.Errorf("server %d: %d %+v", i%2, status, raw)
			}
		})
	}
	all.Wait()
	if r := l.gl.Refreshes(); len(r) != 1 || r[0].Used {
		t.Errorf("the token was renewed %d times: %+v", len(r), r)
	}
	if list := l.integrations(); len(list) != 1 || list[0].Trouble != "" {
		t.Errorf("integrations %+v", list)
	}
}
