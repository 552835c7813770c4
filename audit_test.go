package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/oore-ci/oore/handlers"
	"github.com/oore-ci/oore/handlers/github/githubtest"
	"github.com/oore-ci/oore/handlers/gitlab/gitlabtest"
	"github.com/oore-ci/oore/handlers/web"
)

type auditView struct {
	Logs []struct {
		Action  string `json:"action"`
		Actor   string `json:"actor"`
		ActorID string `json:"actor_id"`
		Door    string `json:"door"`
		Address string `json:"address"`
		Target  string `json:"target"`
	} `json:"audit_logs"`
	Total int `json:"total"`
}

func (p *program) audit(query string) auditView {
	p.t.Helper()
	var v auditView
	p.must("GET", "/v1/audit-logs?limit=200&"+query, nil, &v)
	return v
}

// unaudited are the changing routes of the API that leave no entry, and why.
func unaudited() map[string]string {
	const runner = "a runner's own work, which its build tells of"
	reasons := map[string]string{
		"POST /v1/pipelines/validate":         "changes nothing",
		"POST /v1/deliveries/:id/evaluate":    "changes nothing",
		"POST /v1/builds/:id/stream-token":    "lets nobody do what the asker could not do already, for five minutes",
		"POST /v1/webhooks/github":            "a forge's message; what a person did by it is noted where it is processed",
		"POST /v1/webhooks/gitlab":            "a forge's message; what a person did by it is noted where it is processed",
		"POST /v1/slack/commands":             "is stored; what a person did by it is noted where it is processed",
		"POST /v1/slack/interactions":         "is stored; what a person did by it is noted where it is processed",
		"POST /v1/runners/:id/heartbeat":      runner,
		"POST /v1/runners/:id/claim":          runner,
		"DELETE /v1/users/me/identities":      "is tried with a provider of identities, in signin_test.go",
		"POST /v1/settings/retention/preview": "changes nothing",
	}
	for _, call := range []string{"renew", "checkout", "secrets", "start", "logs", "steps", "record", "artifacts/parts", "artifacts", "finish"} {
		reasons["POST /v1/runners/:id/jobs/:build_id/"+call] = runner
	}
	return reasons
}

// TestEveryChangeByTheAPILeavesOneEntry walks the route table: a changing route either
// leaves exactly one entry when it succeeds, or says above why it leaves none. A new route
// fails this test until somebody has decided that.
func TestEveryChangeByTheAPILeavesOneEntry(t *testing.T) {
	w := newAuditWorld(t, "")
	w.integrations()
	w.builds()
	w.settings()
	w.accounts()
	w.endings()
	known := unaudited()
	for route := range w.seen {
		known[route] = "audited"
	}
	for _, route := range handlers.New(handlers.Options{Pages: web.New(web.Options{})}).GetRoutes(true) {
		if route.Method == http.MethodGet || route.Method == http.MethodHead || !strings.HasPrefix(route.Path, "/v1/") {
			continue
		}
		key := route.Method + " " + route.Path
		if known[key] == "" {
			t.Errorf("%s changes something: does it leave an entry in the audit log? Say so in this file", key)
		}
		delete(known, key)
	}
	for key := range known {
		t.Errorf("%s is no route any more", key)
	}
}

type body = map[string]any

// auditWorld is a server with a double of GitHub and of GitLab, which changes everything.
type auditWorld struct {
	*site
	seen        map[string]bool
	gl          *gitlabtest.Server
	project     string
	integration string // GitLab
	lab         string // its project
	labAt       gitlabtest.Project
	labHead     string
	labHook     string // address of its webhook's secret
	extra       string // a pipeline
}

func newAuditWorld(t *testing.T, database string, env ...string) *auditWorld {
	t.Helper()
	w := &auditWorld{seen: map[string]bool{}, gl: gitlabtest.New(t)}
	git := gitlabtest.NewGitRepo(t)
	w.labHead = git.Commit("main", workflow("echo ok"), "First commit")
	w.labAt = w.gl.AddProject("acme/lab", true, git.Dir)
	files := map[string]string{".oore.yaml": "version: 1\ncommands: {build: ['echo made > made.txt']}\nartifacts: {patterns: [made.txt]}\n"}
	w.site = newSite(t, database, files, append(env, "OORE_NOTIFY_NETWORKS=127.0.0.1/32")...)
	w.project = w.githubProject("acme/shop", nil).ID
	return w
}

// change asks a changing route for something that succeeds, and looks what stands in the
// audit log then. out is what its answer is read into, if not nil.
func (w *auditWorld) change(route, action, path string, in, out any) {
	w.t.Helper()
	w.seen[route] = true
	method, _, _ := strings.Cut(route, " ")
	before := w.audit("").Total
	if method == http.MethodDelete {
		if status := w.call(method, path, in, nil); status != http.StatusNoContent {
			w.t.Fatalf("%s: %d", route, status)
		}
	} else {
		w.must(method, path, in, out)
	}
	after := w.audit("")
	if after.Total != before+1 {
		w.t.Errorf("%s left %d entries, want one", route, after.Total-before)
		return
	}
	if e := after.Logs[0]; e.Action != action || e.Door != "api" || e.Address != "127.0.0.1" || e.Actor == "" {
		w.t.Errorf("%s left %+v, want %s", route, e, action)
	}
}

type idView struct{ ID string }

func (w *auditWorld) integrations() {
	var form struct{ Action, Manifest string }
	w.change("POST /v1/integrations/github/start", "integration.start", "/v1/integrations/github/start", body{"web_url": w.gh.URL(), "organization": "acme"}, &form)
	back := w.sentBack(noRedirects().PostForm(form.Action, url.Values{"manifest": {form.Manifest}}))
	w.change("POST /v1/integrations/github/complete", "integration.connect", "/v1/integrations/github/complete", back, nil)

	app := w.gl.AddApplication(w.url+"/settings/sources/gitlab/callback", "api")
	var begun struct {
		URL string `json:"authorize_url"`
	}
	in := body{"web_url": w.gl.URL(), "application_id": app.ID, "secret": app.Secret}
	w.change("POST /v1/integrations/gitlab/start", "integration.start", "/v1/integrations/gitlab/start", in, &begun)
	back = w.sentBack(noRedirects().Get(begun.URL))
	w.change("POST /v1/integrations/gitlab/complete", "integration.connect", "/v1/integrations/gitlab/complete", back, nil)

	var made idView
	w.change("POST /v1/integrations/gitlab", "integration.connect", "/v1/integrations/gitlab", body{"web_url": w.gl.URL(), "token": w.gl.Token}, &made)
	w.integration = made.ID
	w.change("POST /v1/integrations/:id/sync", "integration.sync", "/v1/integrations/"+made.ID+"/sync", nil, nil)

	var lab struct {
		ID         string
		Repository idView
	}
	w.change("POST /v1/projects", "project.create", "/v1/projects", body{"name": "Lab", "repository": body{"provider": "gitlab", "full_name": "acme/lab"}}, &lab)
	w.lab = lab.ID
	w.labHook = "/v1/integration-repositories/" + lab.Repository.ID + "/webhook-secret"
	w.change("POST /v1/integration-repositories/:id/webhook-secret", "hook_secret.renew", w.labHook, nil, nil)
}

// sentBack is what a host sends a person back with.
func (w *auditWorld) sentBack(resp *http.Response, err error) body {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		w.t.Fatal(err)
	}
	return body{"code": back.Query().Get("code"), "state": back.Query().Get("state")}
}

func (w *auditWorld) builds() {
	var android, nobody, b, stuck idView
	pipelines := "/v1/projects/" + w.project + "/pipelines"
	w.change("POST /v1/projects/:id/pipelines", "pipeline.create", pipelines, body{"name": "Android"}, &android)
	w.must("POST", pipelines, body{"name": "Nobody", "labels": []string{"no-runner-has-this"}}, &nobody)
	w.extra = nobody.ID
	w.change("PATCH /v1/pipelines/:id", "pipeline.update", "/v1/pipelines/"+nobody.ID, body{"name": "Nobody at all"}, nil)

	builds := "/v1/projects/" + w.project + "/builds"
	w.change("POST /v1/projects/:id/builds", "build.trigger", builds, body{"pipeline_id": android.ID}, &b)
	w.must("POST", builds, body{"pipeline_id": nobody.ID}, &stuck)
	w.change("POST /v1/queue/pause", "queue.pause", "/v1/queue/pause", nil, nil)
	w.change("POST /v1/builds/:id/first", "build.first", "/v1/builds/"+stuck.ID+"/first", nil, nil)
	w.change("POST /v1/queue/resume", "queue.resume", "/v1/queue/resume", nil, nil)
	w.change("POST /v1/builds/:id/cancel", "build.cancel", "/v1/builds/"+stuck.ID+"/cancel", nil, nil)
	w.change("POST /v1/builds/:id/rerun", "build.rerun", "/v1/builds/"+stuck.ID+"/rerun", nil, nil)
	w.ended(b.ID)
	var kept struct{ Artifacts []idView }
	w.must("GET", "/v1/builds/"+b.ID+"/artifacts", nil, &kept)
	w.change("POST /v1/artifacts/:id/download-link", "artifact.link", "/v1/artifacts/"+kept.Artifacts[0].ID+"/download-link", nil, nil)
	var share idView
	w.change("POST /v1/artifacts/:id/share-links", "share_link.create", "/v1/artifacts/"+kept.Artifacts[0].ID+"/share-links", nil, &share)
	w.change("DELETE /v1/share-links/:id", "share_link.delete", "/v1/share-links/"+share.ID, nil, nil)

	sha := w.git.PullCommit(7, map[string]string{"x": "1"}, "From a fork")
	pull := githubtest.Pull{Number: 7, HeadBranch: "patch", HeadSHA: sha, Author: "mallory", Fork: true}
	before := w.audit("").Total
	id := w.deliver("pull_request", w.gh.PullRequestPayload("opened", w.repo, pull))
	w.decided(id)
	if after := w.audit("").Total; after != before {
		w.t.Errorf("a webhook left %d entries", after-before)
	}
	w.change("POST /v1/deliveries/:id/redeliver", "delivery.redeliver", "/v1/deliveries/"+id+"/redeliver", nil, nil)
	w.decided(id)
	w.change("POST /v1/deliveries/:id/approve", "fork.approve", "/v1/deliveries/"+id+"/approve", body{"sha": sha}, nil)
}

func (w *auditWorld) settings() {
	project := "/v1/projects/" + w.project
	w.change("PATCH /v1/projects/:id", "project.update", project, body{"description": "Ours"}, nil)
	w.change("PUT /v1/projects/:id/secrets/:name", "secret.set", project+"/secrets/TOKEN", body{"value": canary}, nil)
	w.change("DELETE /v1/projects/:id/secrets/:name", "secret.delete", project+"/secrets/TOKEN", nil, nil)

	var s idView
	schedule := body{"name": "Nightly", "pipeline_id": w.extra, "cron": "30 2 * * *"}
	w.change("POST /v1/projects/:id/schedules", "schedule.create", project+"/schedules", schedule, &s)
	w.change("PATCH /v1/projects/:id/schedules/:schedule_id", "schedule.update", project+"/schedules/"+s.ID, body{"enabled": false}, nil)
	w.change("DELETE /v1/projects/:id/schedules/:schedule_id", "schedule.delete", project+"/schedules/"+s.ID, nil, nil)

	var n idView
	in := body{"kind": "webhook", "target": newListener(w.t.(*testing.T)).URL, "secret": "0123456789abcdef-" + canary}
	w.change("POST /v1/projects/:id/notifications", "notification.create", project+"/notifications", in, &n)
	w.change("PATCH /v1/notifications/:id", "notification.update", "/v1/notifications/"+n.ID, body{"on": "all"}, nil)
	w.change("POST /v1/notifications/:id/test", "notification.test", "/v1/notifications/"+n.ID+"/test", nil, nil)
	w.change("DELETE /v1/notifications/:id", "notification.delete", "/v1/notifications/"+n.ID, nil, nil)

	w.change("PATCH /v1/settings/retention", "retention.update", "/v1/settings/retention", body{"builds_days": 120}, nil)

	var made struct{ Runner idView }
	w.change("POST /v1/runners/register", "runner.register", "/v1/runners/register", body{"name": "mac", "platform": "macos/arm64"}, &made)
	w.change("PATCH /v1/runners/:id", "runner.update", "/v1/runners/"+made.Runner.ID, body{"enabled": false}, nil)
	w.change("DELETE /v1/runners/:id", "runner.delete", "/v1/runners/"+made.Runner.ID, nil, nil)
}

func (w *auditWorld) accounts() {
	var u idView
	w.change("POST /v1/users/invite", "user.invite", "/v1/users/invite", body{"email": "ada@example.com", "role": "developer"}, &u)
	user, member := "/v1/users/"+u.ID, "/v1/projects/"+w.project+"/members/"+u.ID
	w.change("PATCH /v1/users/:id/role", "user.role", user+"/role", body{"role": "viewer"}, nil)
	w.change("PUT /v1/projects/:id/members/:user_id", "member.set", member, body{"role": "maintainer"}, nil)
	w.change("DELETE /v1/projects/:id/members/:user_id", "member.delete", member, nil, nil)
	w.change("DELETE /v1/users/:id", "user.disable", user, nil, nil)
	w.change("POST /v1/users/:id/enable", "user.enable", user+"/enable", nil, nil)
	var link struct {
		URL string `json:"sign_in_url"`
	}
	w.change("POST /v1/users/:id/sign-in-link", "user.sign_in_link", user+"/sign-in-link", nil, &link)

	first := w.signIn(link.URL)
	var sessions struct{ Sessions []idView }
	w.must("GET", "/v1/sessions?user_id="+u.ID, nil, &sessions)
	w.change("DELETE /v1/sessions/:id", "session.end", "/v1/sessions/"+sessions.Sessions[0].ID, nil, nil)
	if status, _ := w.by(first, "GET", "/v1/users/me", nil); status != http.StatusUnauthorized {
		w.t.Errorf("an ended session: %d", status)
	}
	w.must("POST", user+"/sign-in-link", nil, &link)
	second := w.signIn(link.URL)
	before := w.audit("").Total
	w.seen["PUT /v1/users/me/password"] = true
	var begun struct {
		Token string `json:"session_token"`
	}
	w.mustBy(second, "PUT", "/v1/users/me/password", body{"new_password": goodPassword}, &begun)
	second = begun.Token
	if after := w.audit(""); after.Total != before+1 || after.Logs[0].Action != "user.password" || after.Logs[0].ActorID != u.ID {
		w.t.Errorf("a password left %+v", after.Logs[0])
	}
	w.change("POST /v1/auth/local/login", "session.begin", "/v1/auth/local/login", body{"email": "ada@example.com", "password": goodPassword}, nil)
	before = w.audit("").Total
	w.seen["POST /v1/auth/logout"] = true
	if status, answer := w.by(second, "POST", "/v1/auth/logout", nil); status != http.StatusOK {
		w.t.Errorf("signing out: %d %s", status, answer)
	}
	if after := w.audit(""); after.Total != before+1 || after.Logs[0].Action != "session.end" || after.Logs[0].ActorID != u.ID {
		w.t.Errorf("signing out left %+v", after.Logs[0])
	}

	var token idView
	w.change("POST /v1/api-tokens", "token.create", "/v1/api-tokens", body{"name": "laptop"}, &token)
	w.change("DELETE /v1/api-tokens/:id", "token.delete", "/v1/api-tokens/"+token.ID, nil, nil)
}

func (w *auditWorld) endings() {
	w.change("DELETE /v1/pipelines/:id", "pipeline.delete", "/v1/pipelines/"+w.extra, nil, nil)
	w.change("DELETE /v1/projects/:id", "project.delete", "/v1/projects/"+w.lab, nil, nil)
	w.change("DELETE /v1/integrations/:id", "integration.delete", "/v1/integrations/"+w.integration, nil, nil)
	showsNothing(w.t.(*testing.T), "the audit log", w.raw("/v1/audit-logs", "text/csv"))
}

func TestTheCommandLineIsADoorToo(t *testing.T) {
	p := newProgram(t, "", nil).start()
	if a := p.command(nil, "token", "create", "--name", "laptop"); a.code != 0 {
		t.Fatalf("%+v", a)
	}
	if a := p.command(nil, "signin-link"); a.code != 0 {
		t.Fatalf("%+v", a)
	}
	got := p.audit("")
	if got.Total != 2 || got.Logs[0].Action != "user.sign_in_link" || got.Logs[1].Action != "token.create" || got.Logs[1].Target != "laptop" {
		t.Fatalf("%+v", got)
	}
	for _, e := range got.Logs {
		if e.Door != "cli" || e.Actor != "command line" {
			t.Errorf("%+v", e)
		}
	}
}
