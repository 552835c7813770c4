package github_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/github"
	"github.com/oore-ci/oore/handlers/github/githubtest"
)

// integrationID is the id of the world's integration.
const integrationID = "our-github-app"

// connection is the world's first App, as the operator gives it.
func connection(w *world) core.Connection {
	return core.Connection{
		Integration: core.Integration{
			ID: integrationID, Provider: core.ProviderGitHub, ExternalID: fmt.Sprint(w.AppID), APIURL: w.APIURL(), WebURL: w.URL() + "/",
			Host: strings.TrimPrefix(w.URL(), "http://"), Origin: core.OriginEnvironment,
		},
		Secrets: core.Secrets{PrivateKey: string(w.PrivateKeyPEM), WebhookSecret: w.WebhookSecret},
	}
}

func newForge(t *testing.T, w *world) *github.Forge {
	t.Helper()
	return newForgeAt(t, w, nil)
}

// clock is a clock that a test sets.
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

// newForgeAt makes a forge that reads the time from the clock.
func newForgeAt(t *testing.T, w *world, c *clock) *github.Forge {
	t.Helper()
	o := github.Options{}
	if c != nil {
		o.Now = c.Now
	}
	f, err := github.NewForge(connection(w), o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// The ports that the house asks for.
var (
	_ core.Forge    = (*github.Forge)(nil)
	_ core.Reporter = (*github.Forge)(nil)
	_ core.Surveyor = (*github.Forge)(nil)
	_ core.Talker   = (*github.Forge)(nil)
	_ core.Decoder  = github.Decoder{}
)

func (w *world) coreRepository() core.Repository {
	return core.Repository{
		Provider: core.ProviderGitHub, Host: strings.TrimPrefix(w.URL(), "http://"), IntegrationID: integrationID,
		ExternalID: fmt.Sprint(w.repo.ID), FullName: "acme/shop", CloneURL: w.repo.CloneURL,
		WebURL: w.URL() + "/acme/shop", DefaultBranch: "main", Private: true, InstallationID: w.repo.InstallationID,
	}
}

func otherKey(t *testing.T) []byte {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func TestNewForgeSaysWhatIsWrong(t *testing.T) {
	w := newWorld(t)
	tests := []struct {
		name   string
		change func(*core.Connection)
		want   string // of the environment's
		ofApp  string // of one that somebody made
	}{
		{"no PEM", func(c *core.Connection) { c.Secrets.PrivateKey = "nonsense" }, "OORE_GITHUB_APP_PRIVATE_KEY", "private key of the GitHub App Robot"},
		{"no key", func(c *core.Connection) { c.Secrets.PrivateKey = "" }, "OORE_GITHUB_APP_PRIVATE_KEY", "private key of the GitHub App Robot"},
		{"no App", func(c *core.Connection) { c.ExternalID = "0" }, "OORE_GITHUB_APP_ID", "id of the GitHub App Robot"},
		{"no number", func(c *core.Connection) { c.ExternalID = "Iv1.8a61" }, "OORE_GITHUB_APP_ID", "id of the GitHub App Robot"},
		{"no API", func(c *core.Connection) { c.APIURL = "" }, "OORE_GITHUB_API_URL", "API address of the GitHub App Robot"},
		{"another scheme", func(c *core.Connection) { c.APIURL = "file:///etc/passwd" }, "OORE_GITHUB_API_URL", "API address of the GitHub App Robot"},
		{"no host", func(c *core.Connection) { c.WebURL = "https://" }, "OORE_GITHUB_WEB_URL", "address of the GitHub App Robot"},
		{"credentials", func(c *core.Connection) { c.WebURL = "https://a:b@example.com/" }, "OORE_GITHUB_WEB_URL", "address of the GitHub App Robot"},
	}
	for _, tt := range tests {
		c := connection(w)
		tt.change(&c)
		_, err := github.NewForge(c, github.Options{})
		if core.KindOf(err) != core.KindInvalid || !strings.Contains(fmt.Sprint(err), tt.want) {
			t.Errorf("%s: %v does not name %s", tt.name, err, tt.want)
		}
		c.Origin, c.Name = core.OriginWeb, "Robot"
		_, err = github.NewForge(c, github.Options{})
		if core.KindOf(err) != core.KindInvalid || !strings.Contains(fmt.Sprint(err), tt.ofApp) || strings.Contains(fmt.Sprint(err), "OORE_") {
			t.Errorf("%s: %v does not name the %s alone", tt.name, err, tt.ofApp)
		}
	}
	if n := len(w.Requests()); n != 0 {
		t.Errorf("%d requests for the checks alone", n)
	}
}

func TestFindCommitByTheBeginningOfItsSHA(t *testing.T) {
	w := newWorld(t)
	head := w.git.Commit("abcdef1", map[string]string{"x": "1"}, "A branch that looks like one")
	f := newForge(t, w)
	if c, err := f.FindCommit(t.Context(), w.coreRepository(), head[:7]); err != nil || c.SHA != head || c.Message == "" {
		t.Errorf("got %+v, %v", c, err)
	}
	for _, short := range []string{"0000000", "abcdef1"} {
		if c, err := f.FindCommit(t.Context(), w.coreRepository(), short); core.KindOf(err) != core.KindNotFound || core.CodeOf(err) != core.CodeInvalidRef {
			t.Errorf("%s: %+v, %v", short, c, err)
		}
	}
}

func TestFindRepository(t *testing.T) {
	w := newWorld(t)
	for _, api := range []string{w.APIURL(), strings.TrimSuffix(w.APIURL(), "/")} {
		c := connection(w)
		c.APIURL = api
		f, err := github.NewForge(c, github.Options{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.FindRepository(t.Context(), "acme/shop")
		if err != nil {
			t.Fatal(err)
		}
		if want := w.coreRepository(); got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
}

func TestFindRepositoryThatIsNotThere(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	before := len(w.Requests())
	for _, name := range []string{"", "acme", "acme/", "/shop", "acme/shop/x", "acme/../shop", "acme/..", "../shop", "acme/sh op", "acme/shop?x=1", "acme/%2e%2e"} {
		_, err := f.FindRepository(t.Context(), name)
		wantError(t, name, err, core.KindNotFound, core.CodeRepositoryUnknown)
	}
	if len(w.Requests()) != before {
		t.Error("names that cannot be were sent to GitHub")
	}
	_, err := f.FindRepository(t.Context(), "acme/other")
	wantError(t, "unknown", err, core.KindNotFound, core.CodeRepositoryUnknown)
	if !strings.HasPrefix(err.Error(), "The GitHub App is not installed on acme/other") {
		t.Errorf("error %q", err)
	}
	w.Uninstall(w.repo.InstallationID)
	_, err = f.FindRepository(t.Context(), "acme/shop")
	wantError(t, "uninstalled", err, core.KindNotFound, core.CodeRepositoryUnknown)
}

func wantError(t *testing.T, name string, err error, kind core.Kind, code string) {
	t.Helper()
	if err == nil || core.KindOf(err) != kind || core.CodeOf(err) != code {
		t.Errorf("%s: got kind %d, code %s (%v), want %d, %s", name, core.KindOf(err), core.CodeOf(err), err, kind, code)
	}
}

// The double's check of the JWT is worth something only if it can fail.
func TestAWrongKeyIsRefused(t *testing.T) {
	w := newWorld(t)
	for name, change := range map[string]func(*core.Connection){
		"another key": func(c *core.Connection) { c.Secrets.PrivateKey = string(otherKey(t)) },
		"another App": func(c *core.Connection) { c.ExternalID = fmt.Sprint(w.AppID + 1) },
	} {
		c := connection(w)
		change(&c)
		f, err := github.NewForge(c, github.Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.FindRepository(t.Context(), "acme/shop")
		wantError(t, name, err, core.KindUnavailable, core.CodeUnavailable)
		if !strings.Contains(err.Error(), "OORE_GITHUB_APP_PRIVATE_KEY") {
			t.Errorf("%s: %v", name, err)
		}
		err = f.SetStatus(t.Context(), w.coreRepository(), report(w.head, core.ReportSuccess))
		wantError(t, name, err, core.KindUnavailable, core.CodeUnavailable)
	}
	if w.TokensMinted() != 0 || len(w.Statuses(w.head)) != 0 {
		t.Error("the double let a wrong App in")
	}
}

func TestResolveRef(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	w.git.Tag("v1.0.0", w.base, "")
	w.git.Tag("v2.0.0", w.base, "Annotated")
	strange := w.git.Commit("feature/a#c%d&e;'`$(id)", nil, "never made")
	tests := map[string]string{
		"main": w.head, "v1.0.0": w.base, "v2.0.0": w.base, w.base: w.base, w.head: w.head,
		"feature/a#c%d&e;'`$(id)": strange, "refs/heads/main": w.head,
	}
	for ref, want := range tests {
		c, err := f.ResolveRef(t.Context(), w.coreRepository(), ref)
		if err != nil || c.SHA != want {
			t.Errorf("%s: %+v, %v; want %s", ref, c, err, want)
		}
	}
	c, err := f.ResolveRef(t.Context(), w.coreRepository(), "main")
	if err != nil || c.Author != "Octo Cat" || c.Message != "Second\n\nWith a body" || c.At.IsZero() {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestResolveRefUnknown(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	if _, err := f.ResolveRef(t.Context(), w.coreRepository(), "main"); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{"nope", strings.Repeat("a", 40), w.head[:7], w.head[:39], strings.ToUpper(w.head[:8]), "feature/nope", "refs/heads/nope"} {
		_, err := f.ResolveRef(t.Context(), w.coreRepository(), ref)
		wantError(t, ref, err, core.KindNotFound, core.CodeInvalidRef)
	}
	before := len(w.Requests())
	for _, ref := range []string{
		"", "main~1", "main^", "main:README.md", "../../../app", "a/../b", "a//b", "/main", "main/", ".", "a/.b", "main@{1}",
		"x.lock", "a\nb", "a b", "a?b", "a*", "[a]", `a\b`, "\x00", strings.Repeat("a", 300), "main.",
	} {
		_, err := f.ResolveRef(t.Context(), w.coreRepository(), ref)
		wantError(t, fmt.Sprintf("%.20q", ref), err, core.KindNotFound, core.CodeInvalidRef)
	}
	if n := len(w.Requests()) - before; n != 0 {
		t.Errorf("%d refs that cannot be were sent to GitHub", n)
	}
	empty := w.AddRepository("acme/empty", false, githubtest.NewGitRepo(t).Dir)
	repo := w.coreRepository()
	repo.FullName, repo.ExternalID = "acme/empty", fmt.Sprint(empty.ID)
	_, err := f.ResolveRef(t.Context(), repo, "main")
	wantError(t, "empty repository", err, core.KindNotFound, core.CodeInvalidRef)
}
