package main

import (
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/handlers/github/githubtest"
	"github.com/oore-ci/oore/handlers/slack/slacktest"
)

// workspace is an installation with a double of Slack and one local repository.
type workspace struct {
	*program
	slack *slacktest.Server
	head  string
}

func newWorkspace(t *testing.T, database, command string) *workspace {
	t.Helper()
	double := slacktest.New(t)
	w := &workspace{slack: double, program: newProgram(t, database, nil,
		"OORE_SLACK_SIGNING_SECRET="+slacktest.SigningSecret, "OORE_SLACK_BOT_TOKEN="+slacktest.BotToken, "OORE_SLACK_API_URL="+double.APIURL())}
	w.start()
	git := githubtest.NewGitRepo(t)
	w.head = git.Commit("main", workflow(command), "First commit")
	var project projectView
	w.must("POST", "/v1/projects", map[string]any{"name": "Shop", "local_repository_path": git.Dir}, &project)
	w.pipeline(project.ID, "Android", nil)
	return w
}

// say types a command and returns what is answered at once, and where more will come.
func (w *workspace) say(text string) (now string, later string) {
	w.t.Helper()
	form := w.slack.Command(text)
	reply, err := w.slack.Send(w.url+"/v1/slack/commands", form)
	if err != nil || reply.Status != http.StatusOK || !reply.Ephemeral() {
		w.t.Fatalf("/oore %s was answered %d %s (%v)", text, reply.Status, reply.Body, err)
	}
	return reply.Text(), form.Get("response_url")
}

// hears waits for the later answer to a command.
func (w *workspace) hears(text, says string) string {
	w.t.Helper()
	_, address := w.say(text)
	var heard string
	eventually(w.t, "/oore "+text+" is answered with "+says, func() bool {
		heard = ""
		for _, m := range w.slack.Responses(address) {
			heard += m.Text
		}
		return strings.Contains(heard, says)
	})
	return heard
}

// link signs the first owner in and links Alice with it.
func (w *workspace) link() {
	w.t.Helper()
	address := regexp.MustCompile(regexp.QuoteMeta(w.url) + `/settings/slack/link/\S+`).FindString(w.hears("link", "/settings/slack/link/"))
	address = strings.TrimRight(address, ">|")
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	signIn := regexp.MustCompile(regexp.QuoteMeta(w.url) + `/sign-in/\S+`).FindString(w.output.String())
	resp, err := client.Get(signIn)
	if err != nil || resp.StatusCode != http.StatusOK {
		w.t.Fatalf("sign in at %q: %v, %v", signIn, resp, err)
	}
	resp.Body.Close()
	for i, want := range []bool{true, false} {
		req, err := http.NewRequest("POST", address, strings.NewReader(""))
		if err != nil {
			w.t.Fatal(err)
		}
		req.Header.Set("Origin", w.url)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := client.Do(req)
		if err != nil {
			w.t.Fatal(err)
		}
		resp.Body.Close()
		if worked := resp.StatusCode == http.StatusOK; worked != want {
			w.t.Errorf("use %d of the link: %d", i+1, resp.StatusCode)
		}
	}
}

func TestSlackFromALinkToAFinishedBuild(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		w := newWorkspace(t, database, "echo built; sleep 0.2; exit 4")
		w.hears("build android", "Link your Slack user first")
		w.link()
		w.hears("whoami", "You are owner here")
		if now, _ := w.say("help"); !strings.Contains(now, "/oore build") {
			t.Errorf("help at once: %q", now)
		}
		if now, _ := w.say("biuld"); !strings.Contains(now, "Did you mean `build`?") {
			t.Errorf("a slip of the finger: %q", now)
		}
		w.hears("build pipeline=“Android”", "is queued")
		var message slacktest.Message
		eventually(t, "the channel shows that it failed", func() bool {
			all := w.slack.Messages()
			if len(all) == 1 {
				message = all[0]
			}
			return len(all) == 1 && strings.Contains(message.Text, "failed: exit 4")
		})
		if len(message.Mentions) != 0 || message.Channel != slacktest.Channel {
			t.Errorf("message %+v", message)
		}
		b := w.builds("")[0]
		if b.TriggerType != "chat" || b.SHA != w.head {
			t.Errorf("build %+v", b)
		}
		w.hears("status", "#1: *failed*")
		w.hears("logs latest", "built")

		reply, err := w.slack.Send(w.url+"/v1/slack/interactions", w.slack.Press(message, "oore.retry", b.ID))
		if err != nil || reply.Status != http.StatusOK {
			t.Fatalf("the button: %d, %v", reply.Status, err)
		}
		eventually(t, "the button runs it again", func() bool {
			list := w.builds("")
			return len(list) == 2 && list[0].SourceBuildID == b.ID && list[0].Status == "failed"
		})
	})
}

func TestAChannelHearsOfWhatBreaksAndIsMended(t *testing.T) {
	w := newWorkspace(t, "", "test -e /nowhere")
	w.link()
	w.hears("subscribe shop events=fixed", "hears of builds of Shop")
	pipelines := w.builds("")
	if len(pipelines) != 0 {
		t.Fatal("there are builds already")
	}
	project := w.projects()[0]
	w.must("POST", "/v1/projects/"+project+"/builds", map[string]any{"pipeline_id": w.pipelines(project)[0]}, nil)
	eventually(t, "the channel hears that it broke", func() bool { return len(w.slack.Messages()) == 1 })
	w.must("POST", "/v1/projects/"+project+"/builds", map[string]any{"pipeline_id": w.pipelines(project)[0]}, nil)
	eventually(t, "the second has failed as well", func() bool { return w.builds("")[0].Status == "failed" && len(w.builds("")) == 2 })
	w.hears("unsubscribe shop", "hears no more")
	if n := len(w.slack.Messages()); n != 1 {
		t.Errorf("%d messages, want one: the second failure broke nothing", n)
	}
}

func (p *program) projects() (ids []string) {
	p.t.Helper()
	var list struct{ Projects []projectView }
	p.must("GET", "/v1/projects", nil, &list)
	for _, one := range list.Projects {
		ids = append(ids, one.ID)
	}
	return ids
}

func (p *program) pipelines(project string) (ids []string) {
	p.t.Helper()
	var list struct{ Pipelines []pipelineView }
	p.must("GET", "/v1/projects/"+project+"/pipelines", nil, &list)
	for _, one := range list.Pipelines {
		ids = append(ids, one.ID)
	}
	return ids
}

// TestSlackIsAnsweredInTimeWhateverHangs gives the program an API that takes calls and
// never answers.
func TestSlackIsAnsweredInTimeWhateverHangs(t *testing.T) {
	double := slacktest.New(t)
	hole, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer hole.Close()
	w := &workspace{slack: double, program: newProgram(t, "", nil,
		"OORE_SLACK_SIGNING_SECRET="+slacktest.SigningSecret, "OORE_SLACK_BOT_TOKEN="+slacktest.BotToken, "OORE_SLACK_API_URL=http://"+hole.Addr().String()+"/api/")}
	w.start()
	var slowest time.Duration
	fastest := time.Hour // of 30: a busy machine may be late with some, who waits for the API with all
	for range 30 {
		reply, err := double.Send(w.url+"/v1/slack/commands", double.Command("status"))
		if err != nil || reply.Status != http.StatusOK {
			t.Fatalf("%d, %v", reply.Status, err)
		}
		fastest, slowest = min(fastest, reply.Took), max(slowest, reply.Took)
	}
	t.Logf("the slowest answer took %s", slowest)
	if fastest > slacktest.Patience {
		t.Errorf("Slack waits %s, and the fastest answer took %s", slacktest.Patience, fastest)
	}
	for what, change := range map[string]func(*http.Request){
		"unsigned": func(r *http.Request) { r.Header.Del("X-Slack-Signature") },
		"tampered": func(r *http.Request) { r.Header.Set("X-Slack-Signature", "v0="+strings.Repeat("0", 64)) },
	} {
		body := url.Values{"text": {"build"}, "trigger_id": {"1"}, "team_id": {"T"}}.Encode()
		r, err := http.NewRequest("POST", w.url+"/v1/slack/commands?text=build", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		slacktest.Sign(r, body, slacktest.SigningSecret, time.Now())
		change(r)
		resp, err := http.DefaultClient.Do(r)
		if err != nil || resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %v, %v", what, resp, err)
		}
	}
	stale := double.Command("build")
	if reply, err := double.SendAt(w.url+"/v1/slack/commands", stale, time.Now().Add(-6*time.Minute)); err != nil || reply.Status != http.StatusUnauthorized {
		t.Errorf("stale: %d, %v", reply.Status, err)
	}
	var list deliveriesView
	if w.must("GET", "/v1/deliveries", nil, &list); list.Total != 30 {
		t.Errorf("%d deliveries, want the 30 that were signed", list.Total)
	}
}
