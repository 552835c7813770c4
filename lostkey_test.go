package main

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/oore-ci/oore/handlers/gitlab/gitlabtest"
)

// TestAKeyThatIsLostForGoodIsNotTheEnd loses the key, and goes the way that the server's own
// refusal names until everything works again.
func TestAKeyThatIsLostForGoodIsNotTheEnd(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		gl, git := gitlabtest.New(t), gitlabtest.NewGitRepo(t)
		files := workflow(`test "$TOKEN" = the-new-one`)
		files[".oore.yaml"] = strings.Replace(files[".oore.yaml"], "commands:", "secrets: [TOKEN]\ncommands:", 1)
		git.Commit("main", files, "First commit")
		gl.AddProject("acme/lab", true, git.Dir)
		p := newProgram(t, database, nil, "OORE_NOTIFY_NETWORKS=127.0.0.1/32").start()
		connect := func() {
			t.Helper()
			p.must("POST", "/v1/integrations/gitlab", body{"web_url": gl.URL(), "token": gl.Token}, nil)
		}
		connect()
		var project projectView
		var pipeline pipelineView
		p.must("POST", "/v1/projects", body{"name": "Lab", "repository": body{"provider": "gitlab", "full_name": "acme/lab"}}, &project)
		p.must("POST", "/v1/projects/"+project.ID+"/pipelines", body{"name": "Android"}, &pipeline)
		p.must("POST", "/v1/projects/"+project.ID+"/notifications", body{"kind": "webhook", "target": "http://127.0.0.1:9/hook", "secret": "sixteen-letters-of-it"}, nil)
		secret := "/v1/projects/" + project.ID + "/secrets/TOKEN"
		p.must("PUT", secret, body{"value": "the old one"}, nil)

		if a := p.command(nil, "secrets", "replace-lost-key", "--yes"); a.code != exitFailed || !strings.Contains(a.stderr, "another Oore runs") {
			t.Fatalf("while a server runs: %+v", a)
		}
		p.stop()
		before := p.sealings()
		if a := p.command(nil, "secrets", "replace-lost-key", "--yes"); a.code != exitFailed || !strings.Contains(a.stderr, "the encryption key is not lost: it opens 4 of the 4") {
			t.Fatalf("a key that fits: %+v", a)
		}
		if err := os.WriteFile(keyFile(p.dataDir()), []byte("bm90IGEga2V5\n"), 0o600); err != nil { // the disk kept half of it
			t.Fatal(err)
		}
		if a := p.command(nil, "serve"); a.code != exitUsage && a.code != exitFailed || !strings.Contains(a.stderr, "oore secrets replace-lost-key") {
			t.Fatalf("a damaged key: %+v", a)
		}
		if err := os.Remove(keyFile(p.dataDir())); err != nil {
			t.Fatal(err)
		}
		if a := p.command(nil, "serve"); a.code != exitFailed || !strings.Contains(a.stderr, "oore secrets replace-lost-key") {
			t.Fatalf("the refusal does not say where to go: %+v", a)
		}
		wanted := []string{
			"The whole server\n", "connection oore-bot at ", "connect it again under Settings → Sources", "webhook secret of acme/lab",
			"Project Lab\n", "secret TOKEN\n", "notification by webhook to http://127.0.0.1:9/hook",
		}
		a := p.command(nil, "secrets", "replace-lost-key")
		if a.code != exitFailed || !strings.Contains(a.stderr, "nothing was changed") {
			t.Fatalf("without --yes: %+v", a)
		}
		for _, want := range wanted {
			if !strings.Contains(a.stdout, want) {
				t.Errorf("it does not name %q:\n%s", want, a.stdout)
			}
		}
		if after := p.sealings(); len(after) != 1 || sum(after) != sum(before) {
			t.Fatalf("without --yes: sealed were %v, and are %v", before, after)
		}
		told := a.stdout
		if a := p.command(nil, "secrets", "replace-lost-key", "--yes"); a.code != 0 || !strings.HasPrefix(a.stdout, told) {
			t.Fatalf("%+v", a)
		}
		if after := p.sealings(); len(after) != 0 {
			t.Errorf("sealed is still %v", after)
		}

		p.start()
		if got := p.actions("action=key.replace"); len(got) != 1 {
			t.Errorf("the audit log says %v", got)
		}
		for _, action := range []string{"secret.delete", "notification.update"} {
			if got := p.actions("action=" + action + "&project_id=" + project.ID); len(got) != 1 {
				t.Errorf("the project's audit log says %v of %s", got, action)
			}
		}
		connect()
		if b := p.runs(project, pipeline, "failed"); b.StatusReason != "secret_missing" || !strings.Contains(b.StatusMessage, "no secret TOKEN: add it") {
			t.Errorf("a build that names the secret: %+v", b)
		}
		p.must("PUT", secret, body{"value": "the-new-one"}, nil)
		p.runs(project, pipeline, "succeeded")
		var list struct {
			Notifications []struct {
				ID      string
				Enabled bool
			}
		}
		p.must("GET", "/v1/projects/"+project.ID+"/notifications", nil, &list)
		if len(list.Notifications) != 1 || list.Notifications[0].Enabled {
			t.Fatalf("%+v", list)
		}
		address := "/v1/notifications/" + list.Notifications[0].ID
		if status := p.call("PATCH", address, body{"enabled": true}, nil); status != http.StatusBadRequest {
			t.Errorf("switched on without its secret, so that messages would go unsigned: %d", status)
		}
		p.must("PATCH", address, body{"enabled": true, "secret": "another-sixteen-letters"}, nil)
	})
}

func sum(count map[string]int) (n int) {
	for _, one := range count {
		n += one
	}
	return n
}
