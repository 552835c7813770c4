package main

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/oore-ci/oore/handlers/gitlab/gitlabtest"
	"github.com/oore-ci/oore/handlers/slack/slacktest"
)

// TestEveryOperationSucceedsAsDescribed lets people, forges, Slack and a runner do with
// success whatever the API offers. What they send and what they are answered is all in its
// description, and nothing else.
func TestEveryOperationSucceedsAsDescribed(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		o, slack := newObserver(t), slacktest.New(t)
		const proof = "the-proxys-own-secret-of-32-characters"
		w := newAuditWorld(t, database, "OORE_PUBLIC_URL="+o.URL, "OORE_SLACK_SIGNING_SECRET="+slacktest.SigningSecret, "OORE_SLACK_BOT_TOKEN="+slacktest.BotToken, "OORE_SLACK_API_URL="+slack.APIURL(),
			"OORE_PROXY_HEADER=X-Forwarded-Email", "OORE_PROXY_NETWORKS=127.0.0.1/32", "OORE_PROXY_SECRET="+proof, "OORE_SIGN_IN_DOMAINS=example.com")
		o.observe(w.program)
		w.integrations()
		w.builds()
		w.settings()
		w.accounts()

		things := map[string]string{"projects": w.project, "pipelines": w.extra, "integrations": w.integration}
		w.runsElsewhere(o, things)
		w.fires()
		for door, form := range map[string]url.Values{
			"/v1/slack/commands": slack.Command("help"), "/v1/slack/interactions": slack.Press(slacktest.Message{Channel: slacktest.Channel, TS: "1.1"}, "oore.retry", things["builds"]),
		} {
			if reply, err := slack.Send(w.url+door, form); err != nil || reply.Status != http.StatusOK {
				t.Errorf("%s: %+v, %v", door, reply, err)
			}
		}
		w.known(proof)
		w.must("POST", "/v1/pipelines/validate", body{"content": "version: 1"}, nil)
		w.must("POST", "/v1/settings/retention/preview", body{"builds_days": 30}, nil)
		w.must("POST", "/v1/builds/"+things["builds"]+"/stream-token", nil, nil)
		w.must("POST", "/v1/deliveries/"+things["deliveries"]+"/evaluate", nil, nil)
		w.reads(o, things)
		w.endings()

		o.mu.Lock() // the runner goes on asking
		defer o.mu.Unlock()
		for _, path := range slices.Sorted(keysOf(o.doc.Paths.Map())) {
			for method := range o.doc.Paths.Value(path).Operations() {
				if name := method + " " + path; strings.HasPrefix(path, "/v1/") && o.good[name] == 0 {
					t.Errorf("%s never succeeded", name)
				}
			}
		}
	})
}

// runsElsewhere builds an app on a remote runner.
func (w *auditWorld) runsElsewhere(o *observer, things map[string]string) {
	t := w.t.(*testing.T)
	files := mobile(t)
	files[".oore.yaml"] = strings.Replace(files[".oore.yaml"], "commands:", "secrets: [TOKEN]\ncommands:", 1)
	flag := filepath.Join(t.TempDir(), "flag")
	files["make.sh"] += "echo waiting; until [ -e " + flag + " ]; do sleep 0.05; done\n"
	w.git.Commit("far", files, "An app")
	project := "/v1/projects/" + w.project
	w.must("PUT", project+"/secrets/TOKEN", body{"value": canary}, nil)
	newRemoteRunner(t, w.url, "far", "--labels", "far")
	things["runners"] = w.waitRunner("far", "online").ID
	pipeline := w.pipeline(w.project, "Far", map[string]any{"labels": []string{"far"}, "trigger_config": map[string]any{"branches": []string{"none"}}})
	var b buildView
	w.must("POST", project+"/builds", body{"pipeline_id": pipeline.ID, "branch": "far"}, &b)
	eventually(t, "the build waits", func() bool { return strings.Contains(w.rawLog(b.ID), "waiting") })
	o.renew()
	if err := os.WriteFile(flag, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if b = w.ended(b.ID); b.Status != "succeeded" {
		t.Fatalf("%+v\n%s", b, w.rawLog(b.ID))
	}
	things["builds"] = b.ID
	var list artifactsView
	w.must("GET", "/v1/builds/"+b.ID+"/artifacts", nil, &list)
	things["artifacts"] = list.Artifacts[0].ID
	var deliveries struct{ Deliveries []idView }
	w.must("GET", "/v1/deliveries?provider=github", nil, &deliveries)
	things["deliveries"] = deliveries.Deliveries[0].ID
	var users struct{ Users []idView }
	w.must("GET", "/v1/users", nil, &users)
	things["users"] = users.Users[0].ID
}

// fires sends what GitLab sends.
func (w *auditWorld) fires() {
	var renewed struct {
		Secret string `json:"secret"`
	}
	w.must("POST", w.labHook, nil, &renewed)
	resp, err := w.gl.Deliver(w.url+"/v1/webhooks/gitlab", gitlabtest.PushHook, w.gl.PushPayload(w.labAt, "main", "", w.labHead), gitlabtest.Delivery{Token: renewed.Secret})
	if err != nil || resp.StatusCode != http.StatusOK {
		w.t.Fatalf("the webhook of GitLab: %+v, %v", resp, err)
	}
	resp.Body.Close()
}

// known signs somebody in by the operator's proxy, and forgets by what they are known.
func (w *auditWorld) known(proof string) {
	b := w.person()
	if got := b.send("POST", w.url+"/sign-in/proxy", nil, "X-Forwarded-Email", "joe@example.com", "Oore-Proxy-Secret", proof); got.status != http.StatusSeeOther {
		w.t.Fatalf("%+v", got)
	}
	var mine struct {
		Identities []struct{ Provider, Subject string }
	}
	w.mustBy(b.session(), "PUT", "/v1/users/me/password", body{"new_password": goodPassword}, nil)
	var begun struct {
		Token string `json:"session_token"`
	}
	w.must("POST", "/v1/auth/local/login", body{"email": "joe@example.com", "password": goodPassword}, &begun)
	w.mustBy(begun.Token, "GET", "/v1/users/me/identities", nil, &mine)
	query := url.Values{"provider": {mine.Identities[0].Provider}, "subject": {mine.Identities[0].Subject}}
	if status, answer := w.by(begun.Token, "DELETE", "/v1/users/me/identities?"+query.Encode(), nil); status != http.StatusNoContent {
		w.t.Errorf("%d %s", status, answer)
	}
}

// reads asks for all that can be read.
func (w *auditWorld) reads(o *observer, things map[string]string) {
	queries := map[string]string{"/v1/why": "?repo=acme/shop&sha=" + w.head, "/v1/search": "?q=shop", "/v1/builds/{id}/logs/search": "?q=a", "/v1/settings/system/challenge": "", "/v1/runners/self": ""}
	o.each(func(path, method string, _ *openapi3.Operation, _ matrixRow) {
		query, special := queries[path]
		if method != http.MethodGet || special && query == "" {
			return
		}
		id := things[strings.Split(path, "/")[2]]
		address := regexp.MustCompile(`\{id\}`).ReplaceAllString(path, id)
		if resp, text := w.ask("GET", w.url+address+query, "Authorization: Bearer "+adminToken); resp.StatusCode >= 300 {
			w.t.Errorf("%s: %d %s", address, resp.StatusCode, text)
		}
	})
}
