package main

import (
	"bytes"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oore-ci/oore/handlers/github/githubtest"
)

type integrationView struct {
	ID            string `json:"id"`
	Name          string `json:"name"`
	Trouble       string `json:"trouble"`
	InstallURL    string `json:"install_url"`
	ApplicationID string `json:"application_id"`
	Repositories  int    `json:"repository_count"`
	Installations []struct {
		Account string   `json:"account"`
		Missing []string `json:"missing"`
	} `json:"installations"`
}

// TestAnAppIsMadeFromNothing goes the way of somebody who has only just started the
// server: GitHub makes the App from our manifest, its keys come back by a code, the
// person installs it, and the first push is built. The keys survive a restart and lie
// nowhere in the clear.
func TestAnAppIsMadeFromNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		gh := githubtest.New(t)
		git := githubtest.NewGitRepo(t)
		head := git.Commit("main", workflow("echo built; git config --list; env"), "First commit")
		repo := gh.AddRepository("acme/shop", true, git.Dir)
		p := newProgram(t, database, nil).start()
		if status := p.call("POST", "/v1/webhooks/github", map[string]any{}, nil); status != http.StatusNotFound {
			t.Errorf("a webhook before there is an App: %d", status)
		}

		app := p.makeApp(gh, "acme")
		var made integrationView
		for _, one := range p.integrations() {
			made = one
		}
		if made.Name != app.Name || made.Trouble != "" || made.InstallURL == "" || made.Repositories != 0 {
			t.Fatalf("made %+v", made)
		}
		app.Install("acme")
		p.must("POST", "/v1/integrations/"+made.ID+"/sync", map[string]any{}, &made)
		if made.Repositories != 1 || len(made.Installations) != 1 || len(made.Installations[0].Missing) != 0 {
			t.Fatalf("installed %+v", made)
		}
		p.pipeline(p.githubProject("acme/shop", nil).ID, "Android", nil)
		p.stop()
		p.start()
		resp, err := app.Deliver(p.url+"/v1/webhooks/github", "push", gh.PushPayload(repo, "main", "", head), githubtest.Delivery{})
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("a push: %v, %v", resp, err)
		}
		resp.Body.Close()
		gh.WaitStatus(t, head, "oore/android", "success", patience)

		key := bytes.Split(app.PrivateKeyPEM, []byte("\n"))[2]
		for what, secret := range map[string][]byte{"the private key": key, "the webhook secret": []byte(app.WebhookSecret), "a token": []byte("ghs_")} {
			p.nowhere(what, secret)
		}
		if status := p.call("DELETE", "/v1/integrations/"+made.ID, nil, nil); status != http.StatusNoContent {
			t.Errorf("disconnecting answered %d", status)
		}
		if status := p.call("POST", "/v1/webhooks/github", map[string]any{}, nil); status != http.StatusNotFound {
			t.Errorf("a webhook after the App was disconnected: %d", status)
		}
	})
}

func (p *program) integrations() []integrationView {
	p.t.Helper()
	var list struct {
		Integrations []integrationView `json:"integrations"`
	}
	p.must("GET", "/v1/integrations", nil, &list)
	return list.Integrations
}

// makeApp posts the manifest as a person's browser does and hands the code back.
func (p *program) makeApp(gh *githubtest.Server, organization string) *githubtest.App {
	p.t.Helper()
	var form struct {
		Action   string `json:"action"`
		Manifest string `json:"manifest"`
	}
	p.must("POST", "/v1/integrations/github/start", map[string]any{"web_url": gh.URL(), "organization": organization}, &form)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.PostForm(form.Action, url.Values{"manifest": {form.Manifest}})
	if err != nil {
		p.t.Fatal(err)
	}
	resp.Body.Close()
	back, err := resp.Location()
	if err != nil || !strings.HasPrefix(back.String(), p.url+"/settings/sources/github/callback?") {
		p.t.Fatalf("GitHub answered %d and sends the person to %v (%v)", resp.StatusCode, back, err)
	}
	in := map[string]any{"code": back.Query().Get("code"), "state": back.Query().Get("state")}
	p.must("POST", "/v1/integrations/github/complete", in, nil)
	if status := p.call("POST", "/v1/integrations/github/complete", in, nil); status != http.StatusBadRequest {
		p.t.Errorf("the same code and state again: %d", status)
	}
	apps := gh.Apps()
	return apps[len(apps)-1]
}

// nowhere looks for a secret in everything that the server has written: database,
// mirrors, workspaces, logs and its own output.
func (p *program) nowhere(what string, secret []byte) {
	p.t.Helper()
	look := func(path string) {
		data, err := os.ReadFile(path)
		if err == nil && bytes.Contains(data, secret) {
			p.t.Errorf("%s stands in %s", what, path)
		}
	}
	look(p.output.Name())
	err := filepath.WalkDir(environment(p.env).lookup("OORE_DATA_DIR"), func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			look(path)
		}
		return err
	})
	if err != nil {
		p.t.Error(err)
	}
	for _, b := range p.builds("") {
		if strings.Contains(p.rawLog(b.ID), string(secret)) {
			p.t.Errorf("%s stands in the log of build %d", what, b.Number)
		}
	}
}
