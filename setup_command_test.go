package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oore-ci/oore/handlers/github/githubtest"
	"github.com/oore-ci/oore/handlers/gitlab/gitlabtest"
)

// setUp runs `oore setup --json` and returns its steps by name.
func (p *program) setUp(code int, stdin string, args ...string) map[string]setupStep {
	p.t.Helper()
	a := p.commandWith(stdin, nil, append([]string{"setup", "--json"}, args...)...)
	var result setupResult
	if err := json.Unmarshal([]byte(a.stdout), &result); err != nil || a.code != code || result.OK != (code == 0) {
		p.t.Fatalf("setup %v: %v: %+v, want exit %d", args, err, a, code)
	}
	steps := map[string]setupStep{}
	for _, s := range result.Steps {
		steps[s.Step] = s
	}
	if len(steps) != 5 || result.URL != p.url || result.Running != (p.cmd != nil) {
		p.t.Errorf("setup %v: %+v", args, result)
	}
	return steps
}

func (p *program) mustSteps(got map[string]setupStep, want map[string]string) {
	p.t.Helper()
	for name, state := range want {
		if got[name].State != state {
			p.t.Errorf("the step %s is %+v, want %s", name, got[name], state)
		}
	}
}

// TestSetupBeforeTheFirstStart makes what the server then finds.
func TestSetupBeforeTheFirstStart(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		const password = "correct horse battery staple"
		p := newProgram(t, database, nil, "OORE_RUNNERS=1")
		if database == "" {
			if a := p.command(nil, "setup"); a.code != exitFailed || !strings.Contains(a.stderr, "oore setup --admin") {
				t.Errorf("a look at nothing: %+v", a)
			}
		}
		refused := p.setUp(exitFailed, "short\n", "--admin", "ann@example.com", "--name", "Ann", "--password-file", "-")
		if s := refused["owner"]; s.State != stepFailed || !strings.Contains(s.Text, "Ann <ann@example.com> owns this server, but has no password: ") {
			t.Errorf("a short password: %+v", s)
		}
		first := p.setUp(0, password+"\n", "--admin", "ann@example.com", "--password-file", "-", "--demo")
		p.mustSteps(first, map[string]string{"owner": stepDone, "demo": stepDone, "repository": stepOpen, "github": stepOpen, "gitlab": stepOpen})
		p.start()
		if strings.Contains(p.output.String(), "First start") {
			t.Error("the first start asks who the owner is, who is known")
		}
		if b := p.ended(first["demo"].BuildID); b.Status != "succeeded" {
			t.Errorf("the demo's build %+v", b)
		}
		again := p.setUp(0, "another password\n", "--admin", "Ann@example.com", "--password-file", "-", "--demo")
		p.mustSteps(again, map[string]string{"owner": stepAlready, "demo": stepAlready})
		if n := len(p.builds("")); n != 1 || again["demo"].BuildID != "" {
			t.Errorf("%d builds after two runs", n)
		}
		if status := p.call("POST", "/v1/auth/local/login", map[string]any{"email": "ann@example.com", "password": password}, nil); status != http.StatusOK {
			t.Errorf("the password lets nobody in: %d", status)
		}
		other := p.setUp(exitFailed, "", "--admin", "bob@example.com")
		if s := other["owner"]; s.State != stepFailed || !strings.Contains(s.Text, "Ann <ann@example.com> owns this server already") {
			t.Errorf("another owner: %+v", s)
		}
	})
}

// TestSetupBesideARunningServer connects a GitLab and builds a private project of it: the
// server, which made neither, takes its webhooks.
func TestSetupBesideARunningServer(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		l := newLab(t, database, workflow("echo fine"))
		owner := l.setUp(0, "", "--admin", "ann@example.com")["owner"]
		if owner.State != stepDone {
			t.Fatalf("owner %+v", owner)
		}
		demoRun{link: owner.SignInLink}.signsInOnce(t)
		address := l.gl.URL() + "/acme/mobile/shop"
		wrong := l.setUp(exitFailed, "glpat-wrong\n", "--gitlab", l.gl.URL(), "--gitlab-token-file", "-", "--repository", address)
		l.mustSteps(wrong, map[string]string{"gitlab": stepFailed, "repository": stepFailed})
		token := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(token, []byte(l.gl.Token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		connected := l.setUp(0, "", "--gitlab", l.gl.URL(), "--gitlab-token-file", token, "--repository", address, "--look")
		l.mustSteps(connected, map[string]string{"owner": stepAlready, "gitlab": stepDone})
		look := connected["repository"]
		if look.State != stepOpen || look.Repository == nil || look.Repository.Workflow != ".oore.yaml" || look.Repository.CommitSHA != l.head || look.BuildID != "" {
			t.Errorf("a look: %+v", look)
		}
		started := l.setUp(0, "", "--repository", address)["repository"]
		if b := l.ended(started.BuildID); b.Status != "succeeded" {
			t.Errorf("build %+v", b)
		}
		again := l.setUp(0, "", "--repository", address, "--gitlab", l.gl.URL())
		l.mustSteps(again, map[string]string{"owner": stepAlready, "gitlab": stepAlready, "repository": stepAlready})
		if n := len(l.builds("")); n != 1 || len(l.projects()) != 1 {
			t.Errorf("%d builds after two runs", n)
		}
		before := l.head
		l.head = l.git.Commit("main", map[string]string{"more": "x"}, "Second commit")
		eventually(t, "its webhook is taken", func() bool {
			statuses := l.gl.Fire(l.repo, gitlabtest.PushHook, l.gl.PushPayload(l.repo, "main", before, l.head))
			return len(statuses) == 1 && statuses[0] == http.StatusOK
		})
		eventually(t, "the push is built", func() bool { return len(l.builds("")) == 2 })
	})
}

// TestSetupTakesAFolder is the way of somebody who has a shell and a checkout.
func TestSetupTakesAFolder(t *testing.T) {
	p := newProgram(t, "", nil, "OORE_RUNNERS=1").start()
	git := githubtest.NewGitRepo(t)
	git.Commit("main", map[string]string{"pubspec.yaml": "name: shop\ndependencies:\n  flutter:\n    sdk: flutter\n", ".fvmrc": "3.24.5", "android/build.gradle": "x"}, "First commit")
	eventually(t, "the runner is known", func() bool {
		s := p.setUp(0, "", "--repository", git.Dir, "--look")["repository"]
		return strings.Contains(s.Text, "shop, a Flutter 3.24.5 app at ") && strings.HasSuffix(s.Text, " of main, runs flutter build for android, on 1 of 1 runners")
	})
	a := p.command(nil, "setup", "--repository", git.Dir)
	if a.code != 0 || !strings.Contains(a.stdout, "✓ repository   shop, a Flutter 3.24.5 app") || !strings.Contains(a.stdout, "; build 1:\n") || strings.Contains(a.stdout, "oore serve") {
		t.Errorf("%+v", a)
	}
	if s := p.setUp(exitFailed, "", "--repository", "/etc")["repository"]; s.State != stepFailed || !strings.Contains(s.Text, "is no folder inside") {
		t.Errorf("a folder outside: %+v", s)
	}
	if s := p.setUp(0, "")["repository"]; s.State != stepAlready || s.Text != "1 project: shop" {
		t.Errorf("what is there: %+v", s)
	}
}
