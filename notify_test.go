package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/oore-ci/oore/handlers/github/githubtest"
	"github.com/oore-ci/oore/handlers/notify/notifytest"
	"github.com/oore-ci/oore/handlers/slack/slacktest"
)

// listener takes what is posted to it, and answers with a status.
type listener struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	heard  []heard
}

type heard struct {
	path, body string
	header     http.Header
}

func newListener(t *testing.T) *listener {
	t.Helper()
	l := &listener{status: http.StatusOK}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.heard = append(l.heard, heard{r.URL.Path, string(body), r.Header})
		w.WriteHeader(l.status)
	}))
	t.Cleanup(l.Close)
	return l
}

func (l *listener) answer(status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.status = status
}

// at lists what came to a path.
func (l *listener) at(path string) []heard {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []heard
	for _, h := range l.heard {
		if h.path == path {
			all = append(all, h)
		}
	}
	return all
}

type notificationView struct {
	ID        string `json:"id"`
	Target    string `json:"target"`
	Secret    string `json:"secret"`
	LastError string `json:"last_error"`
}

// shopWith makes a project whose build runs a command, and returns it with its pipeline.
func (p *program) shopWith(t *testing.T, command string) (*githubtest.GitRepo, projectView, pipelineView) {
	t.Helper()
	git := githubtest.NewGitRepo(t)
	git.Commit("main", workflow(command), "First commit")
	var project projectView
	p.must("POST", "/v1/projects", map[string]any{"name": "Shop", "local_repository_path": git.Dir}, &project)
	return git, project, p.pipeline(project.ID, "Android", map[string]any{"trigger_config": map[string]any{"branches": []string{"none"}}})
}

func (p *program) notification(project projectView, in map[string]any) notificationView {
	p.t.Helper()
	var n notificationView
	p.must("POST", "/v1/projects/"+project.ID+"/notifications", in, &n)
	return n
}

func (p *program) notifications(project projectView) []notificationView {
	p.t.Helper()
	var list struct{ Notifications []notificationView }
	p.must("GET", "/v1/projects/"+project.ID+"/notifications", nil, &list)
	return list.Notifications
}

// runs starts a build and waits for its end.
func (p *program) runs(project projectView, pipeline pipelineView, ends string) buildView {
	p.t.Helper()
	var b buildView
	p.must("POST", "/v1/projects/"+project.ID+"/builds", map[string]any{"pipeline_id": pipeline.ID}, &b)
	eventually(p.t, "the build ends "+ends, func() bool {
		b = p.build(b.ID)
		return b.Status == ends
	})
	return b
}

func TestWhoWantsToKnowHearsOfWhatBreaksAndIsMended(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		l, slack, mail := newListener(t), slacktest.New(t), notifytest.NewMailServer(t, notifytest.MailOptions{})
		p := newProgram(t, database, nil, "OORE_NOTIFY_NETWORKS=127.0.0.1", "OORE_SMTP_URL=smtp://"+mail.Addr, "OORE_SMTP_FROM=Oore <ci@example.com>",
			"OORE_SLACK_SIGNING_SECRET="+slacktest.SigningSecret, "OORE_SLACK_BOT_TOKEN="+slacktest.BotToken, "OORE_SLACK_API_URL="+slack.APIURL()).start()
		git, project, pipeline := p.shopWith(t, "echo nothing compiles; exit 3")

		hook := p.notification(project, map[string]any{"kind": "webhook", "target": l.URL + "/hook", "on": "all"})
		chat := p.notification(project, map[string]any{"kind": "mattermost", "target": l.URL + "/hooks/s3cr3t", "branches": []string{"main"}})
		p.notification(project, map[string]any{"kind": "mattermost", "target": l.URL + "/hooks/other", "branches": []string{"dev"}, "on": "all"})
		p.notification(project, map[string]any{"kind": "email", "target": "ann@example.com, bob@example.com", "on": "fixed"})
		p.notification(project, map[string]any{"kind": "slack", "target": slacktest.Channel})
		if hook.Secret == "" || strings.Contains(chat.Target, "s3cr3t") {
			t.Errorf("%+v, %+v", hook, chat)
		}
		p.must("POST", "/v1/notifications/"+hook.ID+"/test", nil, nil)

		failed := p.runs(project, pipeline, "failed")
		eventually(t, "all that want to hear of a failure did", func() bool {
			return len(l.at("/hook")) == 2 && len(l.at("/hooks/s3cr3t")) == 1 && len(mail.Letters()) == 1 && len(slack.Messages()) == 1
		})
		git.Commit("main", workflow("echo mended"), "Mend it")
		mended := p.runs(project, pipeline, "succeeded")
		p.runs(project, pipeline, "succeeded")
		eventually(t, "all that want to hear of a success did", func() bool { return len(l.at("/hook")) == 4 && len(mail.Letters()) == 2 })

		if ping := l.at("/hook")[0]; ping.header.Get("X-Oore-Event") != "ping" {
			t.Errorf("the test was %+v", ping)
		}
		for _, b := range []buildView{failed, mended} { // two messages may come in any order
			about := slices.IndexFunc(l.at("/hook"), func(h heard) bool { return strings.Contains(h.body, b.ID) })
			checkHook(t, p, l.at("/hook")[max(about, 0)], hook.Secret, project, pipeline, b)
		}
		if text := l.at("/hooks/s3cr3t")[0].body; !strings.Contains(text, p.url+"/builds/"+failed.ID) || !strings.Contains(text, "nothing compiles") {
			t.Errorf("Mattermost got %s", text)
		}
		for i, want := range []string{"nothing compiles", "Passed in"} {
			letter := mail.Letters()[i]
			if len(letter.To) != 2 || !strings.Contains(letter.Data, want) || !strings.Contains(letter.Data, p.url+"/builds/") {
				t.Errorf("mail %d: %+v", i, letter)
			}
		}
		if m := slack.Messages()[0]; m.Channel != slacktest.Channel || !strings.Contains(m.Text, "exit 3") {
			t.Errorf("Slack got %+v", m)
		}
		if n := len(l.at("/hooks/s3cr3t")) + len(l.at("/hooks/other")) + len(slack.Messages()); n != 2 {
			t.Errorf("%d messages to those who hear of a failure on main", n)
		}
		for _, n := range p.notifications(project) {
			if n.LastError != "" || n.Secret != "" {
				t.Errorf("%+v", n)
			}
		}
	})
}

// checkHook checks proof and body of a webhook about a build.
func checkHook(t *testing.T, p *program, got heard, secret string, project projectView, pipeline pipelineView, b buildView) {
	t.Helper()
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(got.header.Get("X-Oore-Timestamp") + "." + got.body))
	if got.header.Get("X-Oore-Signature-256") != "sha256="+hex.EncodeToString(mac.Sum(nil)) || got.header.Get("X-Oore-Event") != "build.finished" || got.header.Get("X-Oore-Delivery") == "" {
		t.Errorf("header %v", got.header)
	}
	var body struct {
		Event             string
		Build             map[string]any
		Project, Pipeline struct{ ID, Name string }
		URL               string
	}
	if err := json.Unmarshal([]byte(got.body), &body); err != nil {
		t.Fatal(err)
	}
	if body.Event != "build.finished" || body.Project.ID != project.ID || body.Pipeline.ID != pipeline.ID || body.URL != p.url+"/builds/"+b.ID {
		t.Errorf("body %s", got.body)
	}
	var list struct{ Builds []map[string]any }
	p.must("GET", "/v1/builds", nil, &list)
	for _, one := range list.Builds {
		if one["id"] == b.ID && !reflect.DeepEqual(one, body.Build) {
			t.Errorf("the webhook's build is\n%v\nand the API's\n%v", body.Build, one)
		}
	}
}

func TestANotificationOutlivesFailuresAndTheServer(t *testing.T) {
	l := newListener(t)
	l.answer(http.StatusInternalServerError)
	p := newProgram(t, "", nil, "OORE_NOTIFY_NETWORKS=127.0.0.0/8").start()
	_, project, pipeline := p.shopWith(t, "exit 1")
	p.notification(project, map[string]any{"kind": "webhook", "target": l.URL + "/hook", "secret": "a secret of our own"})
	failed := p.runs(project, pipeline, "failed")
	eventually(t, "the error is shown", func() bool { return strings.HasSuffix(p.notifications(project)[0].LastError, "answered 500") })
	p.kill()
	l.answer(http.StatusOK)
	before := len(l.at("/hook"))
	p.start()
	eventually(t, "it arrives after all", func() bool { return len(l.at("/hook")) > before && p.notifications(project)[0].LastError == "" })
	all := l.at("/hook")
	if first, last := all[0].header.Get("X-Oore-Delivery"), all[len(all)-1].header.Get("X-Oore-Delivery"); first == "" || first != last {
		t.Errorf("the delivery was %q, then %q", first, last)
	}
	checkHook(t, p, all[len(all)-1], "a secret of our own", project, pipeline, failed)
}

func TestNotificationsStayOutOfTheOperatorsNetwork(t *testing.T) {
	l := newListener(t)
	p := newProgram(t, "", nil).start()
	_, project, pipeline := p.shopWith(t, "exit 1")
	for _, target := range []string{l.URL, strings.Replace(l.URL, "127.0.0.1", "localhost", 1), strings.Replace(l.URL, "127.0.0.1", "[::ffff:127.0.0.1]", 1)} {
		n := p.notification(project, map[string]any{"kind": "webhook", "target": target})
		var refused struct{ Error, Code string }
		if status := p.call("POST", "/v1/notifications/"+n.ID+"/test", nil, &refused); status != 400 || refused.Code != "not_delivered" || !strings.Contains(refused.Error, "OORE_NOTIFY_NETWORKS") {
			t.Errorf("%s: %d %+v", target, status, refused)
		}
	}
	p.runs(project, pipeline, "failed")
	eventually(t, "it says why nothing arrives", func() bool {
		for _, n := range p.notifications(project) {
			if !strings.Contains(n.LastError, "OORE_NOTIFY_NETWORKS") {
				return false
			}
		}
		return true
	})
	if n := len(l.at("/")); n != 0 {
		t.Errorf("%d requests came through", n)
	}
	var refused struct{ Error string }
	if status := p.call("POST", "/v1/projects/"+project.ID+"/notifications", map[string]any{"kind": "email", "target": "ann@example.com"}, &refused); status != 400 || !strings.Contains(refused.Error, "OORE_SMTP_URL") {
		t.Errorf("mail without a server: %d %s", status, refused.Error)
	}
}
