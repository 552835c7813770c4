package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/oore-ci/oore/handlers/github/githubtest"
	"github.com/oore-ci/oore/handlers/gitlab/gitlabtest"
	"github.com/oore-ci/oore/handlers/slack/slacktest"
)

// spoiler puts hostile values into what would be right, by chance that is the same each
// time.
type spoiler struct {
	*rand.Rand
	values []any
}

func newSpoiler() spoiler { return spoiler{rand.New(rand.NewPCG(3, 5)), hostile()} }

func (s spoiler) any() any { return s.values[s.IntN(len(s.values))] }

// text is a hostile text, which a form or a header may hold.
func (s spoiler) text() string {
	text := fmt.Sprint(s.any())
	return text[:min(len(text), 2000)]
}

// spoil replaces about one leaf in so many.
func (s spoiler) spoil(value any, oneIn int) any {
	switch v := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			v[key] = s.spoil(v[key], oneIn)
		}
		return v
	case []any:
		for i := range v {
			v[i] = s.spoil(v[i], oneIn)
		}
		return v
	}
	if s.IntN(oneIn) == 0 {
		return s.any()
	}
	return value
}

// body is a payload with something wrong in it; what is no JSON then is as it comes.
func (s spoiler) body(payload []byte, oneIn int) []byte {
	var value any
	if err := json.Unmarshal(payload, &value); err != nil {
		return payload
	}
	data, err := json.Marshal(s.spoil(value, oneIn))
	if err != nil {
		return append([]byte("\xff\x00{"), payload...)
	}
	return data
}

// TestHostileMessagesOfForgesAndSlackAreNoFaultOfOurs sends what is signed as it should be
// and holds whatever nobody expects. Each is answered, understood or given up, and none
// keeps the others from their turn.
func TestHostileMessagesOfForgesAndSlackAreNoFaultOfOurs(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		slack, gl := slacktest.New(t), gitlabtest.New(t)
		s := newSite(t, database, workflow("echo ok"), "OORE_RUNNERS=0", "OORE_SLACK_SIGNING_SECRET="+slacktest.SigningSecret, "OORE_SLACK_BOT_TOKEN="+slacktest.BotToken, "OORE_SLACK_API_URL="+slack.APIURL(),
			"OORE_GITLAB_URL="+gl.URL(), "OORE_GITLAB_TOKEN="+gl.Token, "OORE_GITLAB_WEBHOOK_SECRET="+labSecret)
		s.program.pipeline(s.githubProject("acme/shop", nil).ID, "Android", nil)
		spoiled := newSpoiler()
		lab := gl.AddProject("acme/lab", false, s.git.Dir)
		pull := githubtest.Pull{Number: 7, HeadBranch: "main", HeadSHA: s.head}
		comment := s.gh.AddComment(s.repo, 7, "alice", "/oore build")
		events := map[string][]byte{
			"push": s.gh.PushPayload(s.repo, "main", "", s.head), "pull_request": s.gh.PullRequestPayload("opened", s.repo, pull), "issue_comment": s.gh.CommentPayload("created", s.repo, pull, comment),
		}
		sane := func(what string, resp *http.Response, err error) {
			t.Helper()
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			defer resp.Body.Close()
			if answer, _ := io.ReadAll(resp.Body); resp.StatusCode >= 500 {
				t.Errorf("%s is answered %d: %s", what, resp.StatusCode, answer)
			}
		}
		raw := [][]byte{nil, []byte("null"), []byte("[]"), []byte("{}"), []byte("\x00"), []byte("{\"ref\":\"a\\u0000b\"}"), []byte("\xff\xfe"), []byte(strings.Repeat("[", 20_000)), []byte(`{"repository":` + strings.Repeat(`{"a":`, 9_000) + "1" + strings.Repeat("}", 9_000) + "}")}
		for _, event := range slices.Sorted(maps.Keys(events)) {
			bodies := slices.Clone(raw)
			for i := range 12 {
				bodies = append(bodies, spoiled.body(events[event], 1+i*3))
			}
			for _, body := range bodies {
				resp, err := s.gh.Deliver(s.url+"/v1/webhooks/github", event, body, githubtest.Delivery{})
				sane(fmt.Sprintf("%s %.300q", event, body), resp, err)
			}
		}
		for _, header := range []map[string]string{{"X-Github-Event": "\xff\xfe"}, {"X-Github-Delivery": "\xff'; --"}, {"X-Github-Delivery": strings.Repeat("9", 3000)}, {"X-Github-Event": strings.Repeat("e", 3000)}} {
			resp, err := s.gh.Deliver(s.url+"/v1/webhooks/github", "push", events["push"], githubtest.Delivery{Header: header})
			sane(fmt.Sprintf("%.100q", header), resp, err)
		}
		push := gl.PushPayload(lab, "main", "", s.head)
		for i := range 20 {
			for _, body := range [][]byte{spoiled.body(push, 1+i*2), raw[i%len(raw)]} {
				resp, err := gl.Deliver(s.url+"/v1/webhooks/gitlab", gitlabtest.PushHook, body, gitlabtest.Delivery{Token: labSecret, Key: []string{"", "\xff", strings.Repeat("k", 3000)}[i%3]})
				sane(fmt.Sprintf("GitLab's %.300q", body), resp, err)
			}
			for door, form := range map[string]url.Values{"/v1/slack/commands": slack.Command("build"), "/v1/slack/interactions": slack.Press(slacktest.Message{Channel: slacktest.Channel, TS: "1.1"}, "oore.retry", spoiled.text())} {
				for _, name := range slices.Sorted(maps.Keys(form)) {
					if spoiled.IntN(3) == 0 {
						form.Set(name, spoiled.text())
					}
				}
				reply, err := slack.Send(s.url+door, form)
				if err != nil || reply.Status >= 500 {
					t.Errorf("Slack's %.300q is answered %d %s, %v", form.Encode(), reply.Status, reply.Body, err)
				}
			}
		}
		eventually(t, "all is understood or given up", func() bool {
			var waiting deliveriesView
			s.must("GET", "/v1/deliveries?status=received", nil, &waiting)
			return waiting.Total == 0
		})
		s.decided(s.deliver("push", events["push"]))
		if log := s.output.String(); strings.Contains(log, "panic") || strings.Contains(log, "SQLSTATE 22") {
			t.Error("the log tells of faults of ours")
		}
		s.ready()
	})
}

// TestAHostileRunnerIsNoFaultOfOurs lets a runner that has a build say anything about it.
func TestAHostileRunnerIsNoFaultOfOurs(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		p := newProgram(t, database, nil, "OORE_RUNNERS=0").start()
		git, project, pipeline := p.shopWith(t, "echo ok")
		head := git.Commit("other", map[string]string{"a": "1"}, "Another")
		var made struct {
			Runner idView
			Token  string
		}
		p.must("POST", "/v1/runners/register", body{"name": "mac", "platform": "macos/arm64"}, &made)
		runner := "/v1/runners/" + made.Runner.ID
		c, spoiled := contract{matrixWorld: &matrixWorld{program: p}}, newSpoiler()
		right := map[string]string{
			"secrets": `{"names": ["TOKEN"]}`, "start": `{"commit_sha": "` + head + `"}`, "artifacts/parts": "bytes",
			"logs":      `{"chunks": [{"FirstSequence": 0, "Lines": 1, "Data": "eyJzIjowfQ=="}]}`,
			"steps":     `{"Name": "build-1", "Status": "running", "FirstSequence": 0, "StartedAt": "2026-01-02T03:04:05Z"}`,
			"artifacts": `{"artifact": {"Name": "a.txt", "Kind": "file", "Size": 5, "SHA256": "` + strings.Repeat("a", 64) + `", "Metadata": {"a": "b"}}, "parts": ["` + strings.Repeat("a", 64) + `"]}`,
			"finish":    `{"Status": "failed", "Reason": "x", "Message": "y", "ExitCode": 3, "Annotations": [{"File": "a", "Line": 1, "Message": "m"}], "Tests": {"Passed": 1}}`,
			"checkout":  "", "renew?wait=0": "",
		}
		beats := `{"Platform": "macos/arm64", "Version": "1", "Labels": ["a"], "Tools": {"git": "2"}, "Slots": 1}`
		taken := 0
		ask := func(path string, text []byte, headers ...string) {
			t.Helper()
			a := c.request(http.MethodPost, path, made.Token, text, headers...)
			if a.status < 300 {
				taken++
			}
			if a.status >= 500 {
				t.Errorf("%s with %.300q is answered %d %s", path, text, a.status, a.body)
			}
		}
		for round := range 8 {
			var b idView
			p.must("POST", "/v1/projects/"+project.ID+"/builds", body{"pipeline_id": pipeline.ID}, &b)
			ask(runner+"/heartbeat", spoiled.body([]byte(beats), 1+round))
			var job struct{ Lease struct{ Token string } }
			a := c.request(http.MethodPost, runner+"/claim?wait=5", made.Token, nil)
			if err := json.Unmarshal(a.body, &job); err != nil || job.Lease.Token == "" {
				t.Fatalf("the claim: %d %s", a.status, a.body)
			}
			for _, what := range []string{"checkout", "secrets", "renew?wait=0", "start", "logs", "steps", "artifacts/parts", "artifacts", "finish"} {
				for range 6 {
					ask(runner+"/jobs/"+b.ID+"/"+what, spoiled.body([]byte(right[what]), 1+round), "X-Oore-Lease: "+job.Lease.Token)
				}
				ask(runner+"/jobs/%00/"+what, []byte(right[what]), "X-Oore-Lease: \xff")
			}
			_ = p.call("POST", "/v1/builds/"+b.ID+"/cancel", nil, nil) // it may have ended
			for _, page := range []string{"/builds/" + b.ID, "/v1/builds/" + b.ID, "/v1/builds/" + b.ID + "/logs"} {
				if resp, text := p.ask("GET", p.url+page, "Authorization: Bearer "+adminToken); resp.StatusCode != http.StatusOK {
					t.Errorf("%s afterwards: %d %.300s", page, resp.StatusCode, text)
				}
			}
		}
		if taken < 50 {
			t.Errorf("only %d calls were taken", taken)
		}
	})
}
