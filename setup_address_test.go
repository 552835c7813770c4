package main

import (
	"html"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oore-ci/oore/handlers/github/githubtest"
)

// gitHost serves a folder's repositories to anybody, as a host that is not connected does.
func gitHost(t *testing.T, root string) string {
	t.Helper()
	exe, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	host := httptest.NewServer(&cgi.Handler{
		Path: exe, Args: []string{"http-backend"}, Dir: root, Stderr: t.Output(),
		Env: []string{
			"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
			"GIT_CONFIG_COUNT=2", "GIT_CONFIG_KEY_0=uploadpack.allowFilter", "GIT_CONFIG_VALUE_0=true",
			"GIT_CONFIG_KEY_1=safe.directory", "GIT_CONFIG_VALUE_1=*",
		},
	})
	t.Cleanup(host.Close)
	return host.URL
}

// look is what the first steps say of an address.
func (p *program) look(address string) string {
	p.t.Helper()
	_, page, _ := p.browse("GET", "/setup?repository="+url.QueryEscape(address), nil)
	return html.UnescapeString(page)
}

// TestTheFirstStepsSeeTheFilesOfOtherMachines looks at an address that git alone knows.
func TestTheFirstStepsSeeTheFilesOfOtherMachines(t *testing.T) {
	p := newProgram(t, "", nil, "OORE_RUNNERS=1").start()
	git := githubtest.NewGitRepo(t)
	git.Commit("main", map[string]string{
		"pubspec.yaml": "name: shop\ndependencies:\n  flutter:\n    sdk: flutter\n", ".fvmrc": `{"flutter":"3.24.5"}`, "ios/Runner/Info.plist": "x",
	}, "First commit")
	address := gitHost(t, filepath.Dir(git.Dir)) + "/" + filepath.Base(git.Dir)
	page := p.look(address)
	for _, want := range []string{"A Flutter 3.24.5 app", "flutter build</code> for ios", "those with macos", `action="/setup/repository"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %s", want)
		}
	}
	git.Commit("main", workflow("echo fine"), "A file of its own")
	if page := p.look(address); !strings.Contains(page, "what <code>.oore.yaml</code> says") {
		t.Error("the file of another machine is not seen")
	}
	status, _, to := p.browse("POST", "/setup/repository", url.Values{"repository": {address}})
	id, ok := strings.CutPrefix(to, "/builds/")
	if status != http.StatusSeeOther || !ok {
		t.Fatalf("%d to %s", status, to)
	}
	if b := p.ended(id); b.Status != "succeeded" {
		t.Errorf("build %+v", b)
	}
	if page := p.look(address); !strings.Contains(page, "already") || strings.Contains(page, `action="/setup/repository"`) {
		t.Error("what is linked can be started again")
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	defer gone.Close()
	if page := p.look(gone.URL + "/shop.git"); !strings.Contains(page, "has no repository that the server may read") {
		t.Error("an address without a repository")
	}
}

// TestTheFirstStepsTakeTheForgeOfAConnectedHost looks at the addresses of a private project.
func TestTheFirstStepsTakeTheForgeOfAConnectedHost(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		l := newLab(t, database, workflow("echo fine"))
		l.must("POST", "/v1/integrations/gitlab", map[string]any{"web_url": l.gl.URL(), "token": l.gl.Token}, nil)
		web, err := url.Parse(l.gl.URL())
		if err != nil {
			t.Fatal(err)
		}
		for _, address := range []string{l.gl.URL() + "/acme/mobile/shop", l.gl.URL() + "/acme/mobile/shop.git", "git@" + web.Hostname() + ":acme/mobile/shop.git", "ssh://git@" + web.Hostname() + ":2222/acme/mobile/shop.git"} {
			if page := l.look(address); !strings.Contains(page, "what <code>.oore.yaml</code> says") {
				t.Errorf("%s is not seen through GitLab", address)
			}
		}
		status, page, to := l.browse("POST", "/setup/repository", url.Values{"repository": {l.gl.URL() + "/acme/mobile/shop.git"}})
		id, ok := strings.CutPrefix(to, "/builds/")
		if status != http.StatusSeeOther || !ok {
			t.Fatalf("%d to %s: %.300s", status, to, page)
		}
		if b := l.ended(id); b.Status != "succeeded" {
			t.Errorf("build %+v", b)
		}
		if hooks := l.gl.Hooks(l.repo); len(hooks) != 1 {
			t.Errorf("webhooks %+v", hooks)
		}
	})
}

// TestSetupTakesTheAppOfAGitHubAddress gives the address that a browser shows.
func TestSetupTakesTheAppOfAGitHubAddress(t *testing.T) {
	s := newSite(t, "", workflow("echo fine"))
	step := s.setUp(0, "", "--repository", s.gh.URL()+"/acme/shop")
	if state := step["github"].State; state != stepAlready {
		t.Errorf("the App of the settings: %s", state)
	}
	if b := s.ended(step["repository"].BuildID); b.Status != "succeeded" {
		t.Errorf("build %+v", b)
	}
	if projects := s.projects(); len(projects) != 1 {
		t.Errorf("projects %+v", projects)
	}
	s.gh.WaitStatus(t, s.head, "oore/build", "success", patience)
}
