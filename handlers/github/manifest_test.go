package github_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/github"
	"github.com/oore-ci/oore/handlers/github/githubtest"
)

func request(change func(*core.AppRequest)) core.AppRequest {
	r := core.AppRequest{WebURL: "https://github.com/", Name: "Oore ci 1a2b3c", PublicURL: "https://ci.acme.dev", State: "a state+/="}
	if change != nil {
		change(&r)
	}
	return r
}

// What we ask of a person's account stands in a file of its own, so that nobody widens
// it by the way.
func TestManifest(t *testing.T) {
	form, err := github.New(github.Options{}).AppForm(request(nil))
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := json.Indent(&got, []byte(form.Manifest), "", "  "); err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/manifest.golden"
	if *update {
		if err := os.WriteFile(golden, append(got.Bytes(), '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String()+"\n" != string(want) {
		t.Errorf("differs from %s; go test -update, then look at the difference:\n%s", golden, got.String())
	}
}

func TestAppForm(t *testing.T) {
	tests := []struct {
		name   string
		change func(*core.AppRequest)
		action string
		active bool
	}{
		{"a person's", nil, "https://github.com/settings/apps/new?state=a+state%2B%2F%3D", true},
		{"an organization's", func(r *core.AppRequest) { r.Organization = "acme-inc" }, "https://github.com/organizations/acme-inc/settings/apps/new?state=a+state%2B%2F%3D", true},
		{"an Enterprise Server's", func(r *core.AppRequest) { r.WebURL = "https://git.acme.dev:8443/" }, "https://git.acme.dev:8443/settings/apps/new?state=a+state%2B%2F%3D", true},
		{"on a laptop", func(r *core.AppRequest) { r.PublicURL = "http://127.0.0.1:8787" }, "https://github.com/settings/apps/new?state=a+state%2B%2F%3D", false},
		{"in a private network", func(r *core.AppRequest) { r.PublicURL = "http://10.0.0.5:8787" }, "https://github.com/settings/apps/new?state=a+state%2B%2F%3D", false},
		{"in the Enterprise Server's network", func(r *core.AppRequest) { r.WebURL, r.PublicURL = "https://git.acme.dev/", "http://10.0.0.5:8787" }, "https://git.acme.dev/settings/apps/new?state=a+state%2B%2F%3D", true},
		{"behind a path", func(r *core.AppRequest) { r.PublicURL = "https://acme.dev/ci" }, "https://github.com/settings/apps/new?state=a+state%2B%2F%3D", true},
	}
	for _, tt := range tests {
		r := request(tt.change)
		form, err := github.New(github.Options{}).AppForm(r)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		var m struct {
			URL  string `json:"url"`
			Hook struct {
				URL    string `json:"url"`
				Active bool   `json:"active"`
			} `json:"hook_attributes"`
			Redirect string `json:"redirect_url"`
			Setup    string `json:"setup_url"`
		}
		if err := json.Unmarshal([]byte(form.Manifest), &m); err != nil {
			t.Fatal(err)
		}
		if form.Action != tt.action || m.URL != r.PublicURL || m.Hook.Active != tt.active || m.Hook.URL != r.PublicURL+"/v1/webhooks/github" ||
			m.Redirect != r.PublicURL+"/settings/sources/github/callback" || m.Setup != r.PublicURL+"/settings/sources/github/installed" {
			t.Errorf("%s: %s %+v", tt.name, form.Action, m)
		}
	}
}

func TestAppFormRefuses(t *testing.T) {
	for name, change := range map[string]func(*core.AppRequest){
		"no address":                     func(r *core.AppRequest) { r.WebURL = "" },
		"a script":                       func(r *core.AppRequest) { r.WebURL = "javascript:alert(1)//" },
		"credentials":                    func(r *core.AppRequest) { r.WebURL = "https://me:pw@github.com/" },
		"a query":                        func(r *core.AppRequest) { r.WebURL = "https://github.com/?x=1" },
		"no public address":              func(r *core.AppRequest) { r.PublicURL = "" },
		"an organization with a path":    func(r *core.AppRequest) { r.Organization = "acme/../../evil" },
		"an organization with a query":   func(r *core.AppRequest) { r.Organization = "acme?x" },
		"an organization of dots":        func(r *core.AppRequest) { r.Organization = ".." },
		"an organization with a newline": func(r *core.AppRequest) { r.Organization = "acme\n" },
		"no name":                        func(r *core.AppRequest) { r.Name = "" },
		"a long name":                    func(r *core.AppRequest) { r.Name = strings.Repeat("é", 35) },
		"no state":                       func(r *core.AppRequest) { r.State = "" },
	} {
		_, err := github.New(github.Options{}).AppForm(request(change))
		wantError(t, name, err, core.KindInvalid, core.CodeInvalidInput)
	}
}

func TestInstallURL(t *testing.T) {
	room := github.New(github.Options{})
	for web, want := range map[string]string{
		"https://github.com/":   "https://github.com/apps/oore-ci/installations/new",
		"https://acme.ghe.com/": "https://acme.ghe.com/apps/oore-ci/installations/new",
		"https://git.acme.dev/": "https://git.acme.dev/github-apps/oore-ci/installations/new",
	} {
		if got := room.InstallURL(core.Integration{WebURL: web, Slug: "oore-ci"}); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := room.InstallURL(core.Integration{WebURL: "https://github.com/"}); got != "" {
		t.Errorf("without a slug: %s", got)
	}
}

// agree posts the form as a person's browser does, and returns what GitHub sends the
// person back with.
func agree(t *testing.T, w *world, room *github.Room, organization string) (code string) {
	t.Helper()
	form, err := room.AppForm(core.AppRequest{
		WebURL: w.URL() + "/", Organization: organization, Name: "Oore ci 1a2b3c", PublicURL: "http://127.0.0.1:8787", State: "s+t/a=te",
	})
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := browser.PostForm(form.Action, url.Values{"manifest": {form.Manifest}})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		t.Fatalf("GitHub refuses the manifest: %s, %v", resp.Status, err)
	}
	if q := back.Query(); q.Get("state") == "s+t/a=te" && back.Path == "/settings/sources/github/callback" && back.Host == "127.0.0.1:8787" {
		return q.Get("code")
	}
	t.Fatalf("sent to %s", back)
	return ""
}

func TestAnAppIsMade(t *testing.T) {
	w := newWorld(t)
	room := github.New(github.Options{})
	code := agree(t, w, room, "acme")
	c, err := room.RegisterApp(t.Context(), w.URL()+"/", code)
	if err != nil {
		t.Fatal(err)
	}
	app := w.Apps()[1]
	want := core.Connection{
		Integration: core.Integration{
			Provider: core.ProviderGitHub, Name: "Oore ci 1a2b3c", Slug: "oore-ci-1a2b3c", Host: strings.TrimPrefix(w.URL(), "http://"),
			WebURL: w.URL() + "/", APIURL: w.APIURL(), ExternalID: fmt.Sprint(app.AppID), Origin: core.OriginWeb,
		},
		Secrets: core.Secrets{
			PrivateKey: string(app.PrivateKeyPEM), WebhookSecret: app.WebhookSecret, ClientID: app.ClientID, ClientSecret: app.ClientSecret,
		},
	}
	if c.ID != "" || fmt.Sprint(c) != fmt.Sprint(want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
	_, err = room.RegisterApp(t.Context(), w.URL()+"/", code)
	wantError(t, "the code again", err, core.KindInvalid, core.CodeInvalidInput)
	if !strings.Contains(fmt.Sprint(err), "start again") {
		t.Error(err)
	}

	c.ID = "new"
	if err := room.Connect([]core.Connection{c}); err != nil {
		t.Fatal(err)
	}
	app.Install("acme")
	all, err := room.Inventory(t.Context(), "new")
	if err != nil || len(all) != 1 || len(all[0].Missing) != 0 || len(all[0].Repositories) != 1 {
		t.Errorf("the App that GitHub made of our manifest: %+v, %v", all, err)
	}
	s := &shelf{}
	server := httptest.NewServer(room.Inbox(s))
	defer server.Close()
	resp, err := app.Deliver(server.URL, "ping", []byte(`{}`), githubtest.Delivery{})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if stored := s.all(); resp.StatusCode != 200 || len(stored) != 1 || stored[0].IntegrationID != "new" {
		t.Errorf("its first delivery: %d, %+v", resp.StatusCode, stored)
	}
}

func TestACodeThatIsTooOld(t *testing.T) {
	w := newWorld(t)
	room := github.New(github.Options{})
	code := agree(t, w, room, "")
	w.ExpireCodes()
	_, err := room.RegisterApp(t.Context(), w.URL()+"/", code)
	wantError(t, "too old", err, core.KindInvalid, core.CodeInvalidInput)
}

func TestCodesThatCannotBe(t *testing.T) {
	w := newWorld(t)
	room := github.New(github.Options{})
	for _, code := range []string{"", "..", "a/b", "../app", "a?b", "a#b", "%2e%2e", "a b", "a\nb", strings.Repeat("a", 201), "é"} {
		_, err := room.RegisterApp(t.Context(), w.URL()+"/", code)
		wantError(t, code, err, core.KindInvalid, core.CodeInvalidInput)
	}
	_, err := room.RegisterApp(t.Context(), "ftp://example.com/", "abc")
	wantError(t, "no address", err, core.KindInvalid, core.CodeInvalidInput)
	if n := len(w.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestAnAppThatGitHubMadeByHalves(t *testing.T) {
	w := newWorld(t)
	key, _ := json.Marshal(string(w.PrivateKeyPEM))
	for body, want := range map[string]string{
		`{"id":7,"slug":"x","name":"X","webhook_secret":"s"}`:                              "private key",
		`{"id":7,"slug":"x","name":"X","webhook_secret":null,"pem":` + string(key) + `}`:   "webhook secret",
		`{"id":7,"slug":"x","name":"X"}`:                                                   "private key and its webhook secret",
		`{"id":7,"slug":"x","name":"X","webhook_secret":"s","pem":"-----BEGIN NOTHING--"}`: "keys that work",
		`{"slug":"x","name":"X","webhook_secret":"s","pem":` + string(key) + `}`:           "keys that work",
	} {
		w.FailNext(githubtest.Failure{Status: 201, Body: body})
		_, err := github.New(github.Options{}).RegisterApp(t.Context(), w.URL()+"/", "abc")
		wantError(t, want, err, core.KindInvalid, core.CodeInvalidInput)
		if text := fmt.Sprint(err); !strings.Contains(text, want) || !strings.Contains(text, w.URL()+"/settings/apps") {
			t.Errorf("%s: %s", want, text)
		}
	}
}

// Whoever has the code has the App's keys, for an hour.
func TestTheCodeIsToldToNobody(t *testing.T) {
	w := newWorld(t)
	var log bytes.Buffer
	room := github.New(github.Options{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	for name, tt := range map[string]struct {
		failure githubtest.Failure
		kind    core.Kind
	}{
		"broken":     {githubtest.Failure{Drop: true}, core.KindUnavailable},
		"500":        {githubtest.ServerError(500), core.KindUnavailable},
		"404":        {githubtest.ServerError(404), core.KindInvalid},
		"422":        {githubtest.ServerError(422), core.KindInvalid},
		"no JSON":    {githubtest.Failure{Status: 201, Body: "<html>"}, core.KindUnavailable},
		"a limit":    {githubtest.SecondaryLimit(403, 0), core.KindLimited},
		"sent along": {githubtest.Failure{Status: 307, Header: map[string]string{"Location": "http://stranger.example/"}}, core.KindUnavailable},
	} {
		w.FailNext(tt.failure)
		_, err := room.RegisterApp(t.Context(), w.URL()+"/", "0123456789abcdef")
		if err == nil || core.KindOf(err) != tt.kind || strings.Contains(err.Error(), "0123456789abcdef") {
			t.Errorf("%s: kind %d, %v", name, core.KindOf(err), err)
		}
	}
	if strings.Contains(log.String(), "0123456789abcdef") {
		t.Errorf("the log has it: %s", log.String())
	}
}
