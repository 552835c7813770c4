package gitlab_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/gitlab"
	"github.com/oore-ci/oore/handlers/gitlab/gitlabtest"
)

var (
	_ core.Forge     = (*gitlab.Room)(nil)
	_ core.Surveyor  = (*gitlab.Room)(nil)
	_ core.Reporter  = (*gitlab.Room)(nil)
	_ core.Talker    = (*gitlab.Room)(nil)
	_ core.Connector = (*gitlab.Room)(nil)
	_ core.Hooker    = (*gitlab.Room)(nil)
	_ core.Granter   = (*gitlab.Room)(nil)
	_ core.Decoder   = gitlab.Decoder{}

	_ core.CommitFinder = (*gitlab.Room)(nil)
)

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// world is a double with one project that has a history, and a room connected to it.
type world struct {
	*gitlabtest.Server
	room    *gitlab.Room
	clock   *clock
	git     *gitlabtest.GitRepo
	project gitlabtest.Project
	base    string          // first commit of main
	head    string          // second commit of main
	opener  gitlabtest.User // of the merge request that said opens
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldAt(t, "")
}

func newWorldAt(t *testing.T, prefix string) *world {
	t.Helper()
	w := &world{Server: gitlabtest.NewAt(t, prefix), git: gitlabtest.NewGitRepo(t), clock: &clock{now: time.Now()}}
	t.Cleanup(func() { checkRequests(t, w.Requests()) })
	w.base = w.git.Commit("main", map[string]string{"README.md": "hello"}, "First")
	w.head = w.git.Commit("main", map[string]string{"lib/main.dart": "main", "README.md": "again"}, "Second\n\nWith a body")
	w.project = w.AddProject("acme/mobile/shop", true, w.git.Dir)
	w.room = gitlab.New(gitlab.Options{Now: w.clock.Now})
	if err := w.room.Connect([]core.Connection{w.connection("one")}); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) connection(id string) core.Connection {
	return core.Connection{
		Integration: core.Integration{ID: id, Provider: core.ProviderGitLab, Name: "oore-bot", WebURL: w.URL() + "/", Origin: core.OriginWeb},
		Secrets:     core.Secrets{Token: w.Token},
	}
}

// host is where the double is, as people write it.
func (w *world) host() string { return strings.TrimPrefix(w.URL(), "http://") }

func (w *world) repo() core.Repository {
	return core.Repository{
		Provider: core.ProviderGitLab, Host: w.host(), IntegrationID: "one", ExternalID: fmt.Sprint(w.project.ID), FullName: w.project.FullName,
		WebURL: w.URL() + "/" + w.project.FullName, CloneURL: w.project.CloneURL, DefaultBranch: "main", Private: w.project.Private,
	}
}

func wantError(t *testing.T, what string, err error, kind core.Kind, text string) {
	t.Helper()
	if err == nil || core.KindOf(err) != kind || !strings.Contains(err.Error(), text) {
		t.Errorf("%s: error %v (kind %d), want kind %d with %q", what, err, core.KindOf(err), kind, text)
	}
}

func TestInspect(t *testing.T) {
	for _, prefix := range []string{"", "/gitlab"} {
		w := newWorldAt(t, prefix)
		c, err := w.room.Inspect(t.Context(), core.Connection{Integration: core.Integration{WebURL: w.URL()}, Secrets: core.Secrets{Token: w.Token}})
		if err != nil {
			t.Fatal(err)
		}
		if c.Name != "oore-bot" || c.ExternalID != fmt.Sprint(w.User.ID) || c.Host != w.host() || c.WebURL != w.URL()+"/" || c.APIURL != w.APIURL() || c.Trouble != "" {
			t.Errorf("got %+v", c)
		}
	}
}

func TestInspectNamesWhatIsWrong(t *testing.T) {
	w := newWorld(t)
	html := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "<html>Welcome</html>") }))
	t.Cleanup(html.Close)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("PRIVATE-TOKEN") != "" {
			http.Redirect(rw, r, w.URL()+r.URL.Path, http.StatusMovedPermanently)
		}
	}))
	t.Cleanup(elsewhere.Close)
	revoked := w.AddToken(w.User, time.Time{}, "api")
	w.RevokeToken(revoked)
	tests := []struct {
		name, web, token string
		kind             core.Kind
		text             string
	}{
		{"no scheme", "gitlab.example.com", w.Token, core.KindInvalid, "address"},
		{"credentials", "http://a:b@" + w.host(), w.Token, core.KindInvalid, "address"},
		{"no token", w.URL(), "", core.KindInvalid, "token"},
		{"unknown token", w.URL(), "glpat-unknown", core.KindInvalid, "does not accept the token"},
		{"revoked", w.URL(), revoked, core.KindInvalid, "revoked"},
		{"expired", w.URL(), w.AddToken(w.User, time.Now().Add(-time.Hour), "api"), core.KindInvalid, "expired"},
		{"reads only", w.URL(), w.AddToken(w.User, time.Time{}, "read_api"), core.KindInvalid, "scope api"},
		{"reads repositories", w.URL(), w.AddToken(w.User, time.Time{}, "read_repository"), core.KindInvalid, "scope api"},
		{"no GitLab there", w.URL() + "/sub/path", w.Token, core.KindInvalid, ""},
		{"something else", html.URL, w.Token, core.KindUnavailable, "as GitLab does"},
		{"redirected", elsewhere.URL, w.Token, core.KindInvalid, "redirects"},
	}
	for _, tt := range tests {
		_, err := w.room.Inspect(t.Context(), core.Connection{Integration: core.Integration{WebURL: tt.web}, Secrets: core.Secrets{Token: tt.token}})
		wantError(t, tt.name, err, tt.kind, tt.text)
		if err != nil && tt.token != "" && strings.Contains(err.Error(), tt.token) {
			t.Errorf("%s: the error shows the token: %v", tt.name, err)
		}
	}
}

func TestInspectSeesTheEndComing(t *testing.T) {
	w := newWorld(t)
	for days, want := range map[int]bool{2: true, 6: true, 9: false, 300: false} {
		token := w.AddToken(w.User, time.Now().Add(time.Duration(days)*24*time.Hour), "api")
		c, err := w.room.Inspect(t.Context(), core.Connection{Integration: core.Integration{WebURL: w.URL(), Trouble: "old"}, Secrets: core.Secrets{Token: token}})
		if err != nil || (c.Trouble != "") != want || c.Trouble == "old" || c.Secrets.TokenExpires.IsZero() {
			t.Errorf("%d days: %q, ends %s, %v", days, c.Trouble, c.Secrets.TokenExpires, err)
		}
	}
}

// A token must reach nobody but the API that it is for.
func TestRedirectsDoNotCarryTheToken(t *testing.T) {
	w := newWorld(t)
	stolen := make(chan string, 10)
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { stolen <- r.Header.Get("PRIVATE-TOKEN") }))
	t.Cleanup(thief.Close)
	for _, to := range []string{thief.URL + "/api/v4/projects/1", w.URL() + "/elsewhere", "https://" + w.host() + "/api/v4/user"} {
		w.FailNext(gitlabtest.Failure{Status: http.StatusTemporaryRedirect, Header: map[string]string{"Location": to}})
		_, err := w.room.ResolveRef(t.Context(), w.repo(), "main")
		wantError(t, to, err, core.KindUnavailable, "redirects")
	}
	w.FailNext(gitlabtest.Failure{Status: http.StatusMovedPermanently, Header: map[string]string{"Location": thief.URL}})
	if err := w.room.SetStatus(t.Context(), w.repo(), report(w.head, core.ReportSuccess)); err == nil {
		t.Error("a redirected write counts as done")
	}
	select {
	case token := <-stolen:
		t.Errorf("somebody else was asked, with the token %q", token)
	default:
	}
	w.FailNext(gitlabtest.Failure{Status: http.StatusMovedPermanently, Header: map[string]string{"Location": fmt.Sprintf("%sprojects/%d/repository/branches/main", w.APIURL(), w.project.ID)}})
	if c, err := w.room.ResolveRef(t.Context(), w.repo(), "master"); err != nil || c.SHA != w.head {
		t.Errorf("a redirect within the API: %v %v", c, err)
	}
}

func TestConnectKeepsWhatIsUnchanged(t *testing.T) {
	w := newWorld(t)
	w.FailNext(gitlabtest.RateLimit(time.Minute))
	_, err := w.room.ResolveRef(t.Context(), w.repo(), "main")
	wantError(t, "limited", err, core.KindLimited, "rate limit")
	same := w.connection("one")
	same.Name, same.Secrets.WebhookSecret = "renamed", "new"
	broken := w.connection("two")
	broken.Secrets.Token = ""
	err = w.room.Connect([]core.Connection{broken, same})
	wantError(t, "a connection without token", err, core.KindInvalid, "token")
	_, err = w.room.ResolveRef(t.Context(), w.repo(), "main")
	wantError(t, "still limited", err, core.KindLimited, "rate limit")
	other := same
	other.Secrets.Token = w.AddToken(w.User, time.Time{}, "api")
	if err := w.room.Connect([]core.Connection{other}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.room.ResolveRef(t.Context(), w.repo(), "main"); err != nil {
		t.Errorf("a new token is held up by the old one's limit: %v", err)
	}
	if err := w.room.Connect(nil); err != nil {
		t.Fatal(err)
	}
	_, err = w.room.ResolveRef(t.Context(), w.repo(), "main")
	wantError(t, "nothing connected", err, core.KindInvalid, "not connected")
	if err := w.room.Connect([]core.Connection{w.connection("three")}); err != nil {
		t.Fatal(err)
	}
	_, err = w.room.ResolveRef(t.Context(), w.repo(), "main")
	wantError(t, "another one connected", err, core.KindGone, "not connected any more")
}

func TestInventory(t *testing.T) {
	w := newWorld(t)
	public := w.AddProject("acme/site", false, w.git.Dir)
	guest := w.AddProject("acme/secret", true, w.git.Dir)
	w.SetAccess(guest, w.User, gitlabtest.Reporter)
	stranger := w.AddProject("globex/open", false, w.git.Dir)
	w.SetAccess(stranger, w.User, 0)
	w.Archive(w.AddProject("acme/old", true, w.git.Dir))
	empty := gitlabtest.NewGitRepo(t)
	w.AddProject("acme/empty", true, empty.Dir)
	for i := range 120 {
		w.AddProject(fmt.Sprintf("many/p%d", i), true, w.git.Dir)
	}
	all, err := w.room.Inventory(t.Context(), "one")
	if err != nil || len(all) != 1 {
		t.Fatalf("%d installations, %v", len(all), err)
	}
	got := all[0]
	if got.ExternalID != 0 || got.IntegrationID != "one" || got.Account != "oore-bot" || !got.All || !strings.HasPrefix(got.SettingsURL, w.URL()) {
		t.Errorf("got %+v", got.Installation)
	}
	byName := map[string]core.Repository{}
	for _, r := range got.Repositories {
		byName[r.FullName] = r
	}
	if len(got.Repositories) != 123 || len(byName) != 123 || byName["acme/secret"].ExternalID != "" || byName["globex/open"].ExternalID != "" || byName["acme/old"].ExternalID != "" {
		t.Errorf("%d projects: %v", len(got.Repositories), byName)
	}
	if byName["acme/mobile/shop"] != w.repo() {
		t.Errorf("got %+v, want %+v", byName["acme/mobile/shop"], w.repo())
	}
	if r := byName["acme/site"]; r.Private || r.ExternalID != fmt.Sprint(public.ID) {
		t.Errorf("got %+v", r)
	}
	if r := byName["acme/empty"]; r.DefaultBranch != "" || r.ExternalID == "" {
		t.Errorf("got %+v", r)
	}
	_, err = w.room.Inventory(t.Context(), "other")
	wantError(t, "another integration", err, core.KindGone, "")
	w.FailNext(gitlabtest.Failure{}, gitlabtest.ServerError(502))
	_, err = w.room.Inventory(t.Context(), "one")
	wantError(t, "a page that fails", err, core.KindUnavailable, "502")
}

func TestFindRepository(t *testing.T) {
	w := newWorldAt(t, "/gitlab")
	for _, name := range []string{"acme/mobile/shop", "/acme/mobile/shop/", "ACME/Mobile/Shop", w.host() + "/acme/mobile/shop"} {
		if r, err := w.room.FindRepository(t.Context(), name); err != nil || r != w.repo() {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	stranger := w.AddProject("globex/open", false, w.git.Dir)
	w.SetAccess(stranger, w.User, 0)
	reporter := w.AddProject("globex/reporter", true, w.git.Dir)
	w.SetAccess(reporter, w.User, gitlabtest.Reporter)
	for name, text := range map[string]string{
		"acme/nothing": "Developer", "globex/open": "Developer", "globex/reporter": "Developer", "shop": "group/project", "": "group/project",
		"../../user": "group/project", "acme/shop?x=1": "group/project", "a//b": "group/project",
	} {
		_, err := w.room.FindRepository(t.Context(), name)
		wantError(t, name, err, core.KindNotFound, text)
		if core.CodeOf(err) != core.CodeRepositoryUnknown {
			t.Errorf("%s: code %s", name, core.CodeOf(err))
		}
	}
	renamed := w.Rename(w.project, "acme/web/shop")
	if r, err := w.room.FindRepository(t.Context(), "acme/mobile/shop"); err != nil || r.FullName != "acme/web/shop" || r.CloneURL != renamed.CloneURL {
		t.Errorf("renamed: %+v, %v", r, err)
	}
	w.SetCloneURL(w.project, "https://internal.example/acme/web/shop.git")
	if r, err := w.room.FindRepository(t.Context(), "acme/web/shop"); err != nil || r.CloneURL != w.URL()+"/acme/web/shop.git" {
		t.Errorf("a clone address elsewhere: %+v, %v", r, err)
	}
}

// Two hosts have projects of the same names and ids.
func TestHostsAreKeptApart(t *testing.T) {
	one, two := newWorld(t), newWorld(t)
	if one.project.ID != two.project.ID {
		t.Fatalf("the ids must be the same: %d, %d", one.project.ID, two.project.ID)
	}
	only := two.AddProject("acme/only", true, two.git.Dir)
	room := gitlab.New(gitlab.Options{})
	if err := room.Connect([]core.Connection{one.connection("one"), two.connection("two")}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"acme/mobile/shop": one.host(), one.host() + "/acme/mobile/shop": one.host(), two.host() + "/acme/mobile/shop": two.host(), "acme/only": two.host(),
	} {
		if r, err := room.FindRepository(t.Context(), name); err != nil || r.Host != want {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	_, err := room.FindRepository(t.Context(), one.host()+"/acme/only")
	wantError(t, "of the other host", err, core.KindNotFound, "")
	for _, w := range []*world{one, two} {
		repo := w.repo()
		repo.IntegrationID = "" // known by its host alone
		if c, err := room.ResolveRef(t.Context(), repo, "main"); err != nil || c.SHA != w.head {
			t.Errorf("%s: %+v, %v", w.host(), c, err)
		}
		if err := room.SetStatus(t.Context(), repo, report(w.head, core.ReportSuccess)); err != nil {
			t.Error(err)
		}
		if n := len(w.Statuses(w.project, w.head)); n != 1 {
			t.Errorf("%d statuses at %s", n, w.host())
		}
	}
	if _, err := one.room.FindRepository(t.Context(), "acme/only"); err == nil {
		t.Errorf("found project %d through the other host", only.ID)
	}
	one.Fail(func(*http.Request) *gitlabtest.Failure { f := gitlabtest.ServerError(500); return &f })
	_, err = room.FindRepository(t.Context(), "acme/nowhere")
	wantError(t, "one host is down", err, core.KindUnavailable, "")
	if r, err := room.FindRepository(t.Context(), "acme/only"); err != nil || r.Host != two.host() {
		t.Errorf("one host down hides the other: %v", err)
	}
	foreign := one.repo()
	foreign.ExternalID = "acme%2Fmobile%2Fshop"
	_, err = one.room.ResolveRef(t.Context(), foreign, "main")
	wantError(t, "an id that is none", err, core.KindInvalid, "id of a GitLab project")
}

func TestErrors(t *testing.T) {
	w := newWorld(t)
	tests := []struct {
		name    string
		failure gitlabtest.Failure
		kind    core.Kind
		text    string
		after   time.Duration
	}{
		{"500", gitlabtest.ServerError(500), core.KindUnavailable, "HTTP 500", 0},
		{"503", gitlabtest.Failure{Status: 503, Header: map[string]string{"Retry-After": "40"}}, core.KindUnavailable, "HTTP 503", 40 * time.Second},
		{"dropped", gitlabtest.Failure{Drop: true}, core.KindUnavailable, "does not answer", 0},
		{"broken off", gitlabtest.Failure{Truncate: true}, core.KindUnavailable, "", 0},
		{"no JSON", gitlabtest.Failure{Status: 200, Body: "<html>"}, core.KindUnavailable, "as GitLab does", 0},
		{"other JSON", gitlabtest.Failure{Status: 200, Body: "[]"}, core.KindUnavailable, "as GitLab does", 0},
		{"empty", gitlabtest.Failure{Status: 200, Body: "{}"}, core.KindUnavailable, "without a commit", 0},
		{"401", gitlabtest.Failure{Status: 401}, core.KindUnavailable, "Settings", 0},
		{"403", gitlabtest.Failure{Status: 403, Body: `{"message":"403 Forbidden"}`}, core.KindForbidden, "403 Forbidden", 0},
		{"409", gitlabtest.Failure{Status: 409, Body: `{"message":{"base":["is locked","is busy"]}}`}, core.KindUnavailable, "base is locked, is busy", 0},
		{"410", gitlabtest.Failure{Status: 410}, core.KindGone, "", 0},
		{"422", gitlabtest.Failure{Status: 422, Body: `{"error":"no"}`}, core.KindInvalid, "no", 0},
		{"a proxy's page", gitlabtest.Failure{Status: 400, Body: "<html>secret</html>"}, core.KindInvalid, "HTTP 400", 0},
		{"a malformed Link", gitlabtest.Failure{Status: 502, Header: map[string]string{"Link": "<a>; rel"}}, core.KindUnavailable, "", 0},
	}
	for _, tt := range tests {
		w.FailNext(tt.failure, tt.failure) // the transport asks once more when a connection was used before
		_, err := w.room.ResolveRef(t.Context(), w.repo(), "main")
		w.Heal()
		wantError(t, tt.name, err, tt.kind, tt.text)
		var e *core.Error
		if !asCore(err, &e) || e.RetryAfter != tt.after || strings.Contains(e.Message, "<html>") || strings.Contains(e.Message, w.Token) {
			t.Errorf("%s: %+v", tt.name, e)
		}
	}
}

func wantReadings(t *testing.T, w *world, want ...string) {
	t.Helper()
	all, err := w.room.Readings(t.Context())
	var got []string
	for _, r := range all {
		got = append(got, fmt.Sprint(r.Metric, r.Labels, " ", r.Value))
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("readings %q, %v; want %q", got, err, want)
	}
}

func TestRateLimits(t *testing.T) {
	w := newWorld(t)
	w.FailNext(gitlabtest.RateLimit(90 * time.Second))
	_, err := w.room.ResolveRef(t.Context(), w.repo(), "main")
	wantLimited(t, "told how long", err, 90*time.Second)
	wantReadings(t, w, "oore_outbound_breaker_open[gitlab] 1")
	before := len(w.Requests())
	w.clock.Advance(80 * time.Second)
	_, err = w.room.ResolveRef(t.Context(), w.repo(), "main")
	wantLimited(t, "kept away", err, 10*time.Second)
	if len(w.Requests()) != before {
		t.Error("GitLab was asked all the same")
	}
	w.clock.Advance(11 * time.Second)
	if _, err := w.room.ResolveRef(t.Context(), w.repo(), "main"); err != nil {
		t.Errorf("open again: %v", err)
	}
	for _, want := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute} {
		w.FailNext(gitlabtest.RateLimit(0))
		_, err = w.room.ResolveRef(t.Context(), w.repo(), "main")
		wantLimited(t, "not told how long", err, want)
		w.clock.Advance(want)
	}
	w.SetBudget(2000, 101, w.clock.Now().Add(30*time.Second))
	for _, state := range []core.ReportState{core.ReportSuccess, core.ReportFailure} {
		if err := w.room.SetStatus(t.Context(), w.repo(), report(w.head, state)); err != nil {
			t.Errorf("a result is told with little left: %v", err)
		}
	}
	wantReadings(t, w, "oore_outbound_breaker_open[gitlab] 0", "oore_outbound_ratelimit_remaining[gitlab] 98")
	err = w.room.SetStatus(t.Context(), w.repo(), report(w.head, core.ReportRunning))
	wantError(t, "progress with little left", err, core.KindLimited, "kept for results")
	w.clock.Advance(time.Minute)
	if err := w.room.SetStatus(t.Context(), w.repo(), report(w.head, core.ReportRunning)); err != nil {
		t.Errorf("a new minute: %v", err)
	}
}

func wantLimited(t *testing.T, what string, err error, after time.Duration) {
	t.Helper()
	var e *core.Error
	if !asCore(err, &e) || e.Kind != core.KindLimited || (e.RetryAfter-after).Abs() > time.Second {
		t.Errorf("%s: %v, want %s", what, err, after)
	}
}

// hurry says that there is little time. Nothing is cut off after it: a busy machine may
// take longer to ask.
type hurry struct{ context.Context }

func (hurry) Deadline() (time.Time, bool) { return time.Now().Add(600 * time.Millisecond), true }

func TestCallsAreSpaced(t *testing.T) {
	w := newWorld(t) // whose time stands still
	var err error
	n := 0
	for err == nil && n < 500 {
		n++
		_, err = w.room.ResolveRef(hurry{t.Context()}, w.repo(), "main") // who has less time waits less
	}
	wantError(t, "many calls at once", err, core.KindLimited, "no faster")
	if n < 100 || n > 110 {
		t.Errorf("%d calls went through", n)
	}
}

// What comes from the server's settings is named by its setting.
func TestErrorsNameTheSetting(t *testing.T) {
	w := newWorld(t)
	c := w.connection("one")
	c.Origin, c.Name, c.Secrets.Token = core.OriginEnvironment, "", ""
	wantError(t, "no token", w.room.Connect([]core.Connection{c}), core.KindInvalid, "OORE_GITLAB_TOKEN")
	c.WebURL = "gitlab"
	wantError(t, "no address", w.room.Connect([]core.Connection{c}), core.KindInvalid, "OORE_GITLAB_URL")
	c = w.connection("one")
	c.Origin, c.Name, c.Secrets.Token = core.OriginEnvironment, "", "wrong"
	if err := w.room.Connect([]core.Connection{c}); err != nil {
		t.Fatal(err)
	}
	_, err := w.room.ResolveRef(t.Context(), w.repo(), "main")
	wantError(t, "a wrong token", err, core.KindUnavailable, "OORE_GITLAB_TOKEN")
	_, err = w.room.Inspect(t.Context(), c)
	wantError(t, "a wrong token", err, core.KindInvalid, "OORE_GITLAB_TOKEN")
}
