package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/oore-ci/oore/handlers/github/githubtest"
	"github.com/oore-ci/oore/handlers/gitlab/gitlabtest"
	"github.com/oore-ci/oore/handlers/slack/slacktest"
)

// listen reads a stream of pages as the owner until the server ends, and returns what gives
// all of it then.
func (a *aviary) listen(address string) func() string {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), http.MethodGet, a.url+address, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	req.Header.Set("Cookie", "oore_session="+a.owner.session())
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		a.t.Fatal(resp, err)
	}
	all := make(chan string, 1)
	go func() {
		defer resp.Body.Close()
		data, _ := io.ReadAll(resp.Body) // it ends with the server
		all <- string(data)
	}()
	return func() string {
		text := <-all
		if len(text) < 100 {
			a.t.Errorf("the stream said nothing: %q", text)
		}
		return text
	}
}

// work builds whatever can be built, and what cannot.
func (a *aviary) work() {
	a.gh.Fail(func(r *http.Request) *githubtest.Failure {
		if strings.Contains(r.URL.Path, "git-upload-pack") {
			return &githubtest.Failure{Delay: 150 * time.Millisecond} // so that git is seen at its work
		}
		return nil
	})
	d := a.decided(a.deliver("push", a.gh.PushPayload(a.repo, "main", "", a.head)))
	id := d.Verdicts[0].BuildID
	var streamed strings.Builder
	if err := a.stream(a.t.Context(), id, "", func(e logEvent) { streamed.Write(e.Data) }); err != nil {
		a.t.Fatal(err)
	}
	a.look("the stream of a log", streamed.String())
	if b := a.build(id); b.Status != "succeeded" || strings.Count(a.rawLog(id), "***") < 10 {
		a.t.Fatalf("build %+v:\n%s", b, a.rawLog(id))
	}
	a.things["build"], a.things["delivery"] = id, d.ID
	a.fails()
	a.forks()
	a.elsewhere()
	a.shares()
}

func (a *aviary) fails() {
	broken := a.git.Commit("feature", map[string]string{"broken": "yes"}, "Break it")
	a.gh.FailNext(githubtest.ServerError(500), githubtest.ServerError(502))
	a.deliver("push", a.gh.PushPayload(a.repo, "feature", "", broken))
	a.deliver("pull_request", a.gh.PullRequestPayload("opened", a.repo, githubtest.Pull{Number: 12, HeadBranch: "feature", HeadSHA: broken}))
	a.gh.WaitStatus(a.t, broken, "oore/android", "failure", patience)
	eventually(a.t, "the comment, the letter and the messages tell of the failure", func() bool {
		comments := a.gh.Comments(a.repo, 12)
		return len(comments) == 1 && strings.Contains(comments[0].Body, "failing with ***") && len(a.mail.Letters()) > 0 && len(a.slack.Messages()) > 1 && len(a.hooks.at("/hook")) > 1
	})
}

func (a *aviary) forks() {
	fork := a.git.PullCommit(7, map[string]string{".oore.yaml": "version: 1\nplatforms: []\ncommands: {build: ['env; cat /proc/self/environ /proc/$PPID/environ | tr \"\\\\0\" \"\\\\n\"; tr \"\\\\0\" \" \" < /proc/$PPID/cmdline; cat .git/config']}\n"}, "From outside")
	d := a.decided(a.deliver("pull_request", a.gh.PullRequestPayload("opened", a.repo, githubtest.Pull{Number: 7, HeadBranch: "patch", HeadSHA: fork, Author: "mallory", Fork: true})))
	a.mustBy(a.owner.session(), "POST", "/v1/deliveries/"+d.ID+"/approve", body{"sha": fork}, nil)
	eventually(a.t, "the fork's commit is built", func() bool {
		list := a.builds("commit_sha=" + fork)
		return len(list) == 1 && list[0].Status == "succeeded"
	})
}

// elsewhere builds at GitLab's and on the remote runner, and gives a command in Slack.
func (a *aviary) elsewhere() {
	head := a.labGit.Commit("main", map[string]string{"x": "1"}, "Second commit")
	if statuses := a.gl.Fire(a.lab, gitlabtest.PushHook, a.gl.PushPayload(a.lab, "main", "", head)); len(statuses) != 1 || statuses[0] != http.StatusOK {
		a.t.Fatalf("the webhooks answered %v", statuses)
	}
	a.gl.WaitStatus(a.t, a.lab, head, "oore/android", "success", patience)
	far := a.program.pipeline(a.project.ID, "Far", map[string]any{"labels": []string{"far"}, "trigger_config": map[string]any{"events": []string{"merge_group"}}})
	if b := a.runs(a.project, far, "succeeded"); !strings.Contains(a.rawLog(b.ID), "plain ***") {
		a.t.Errorf("the remote runner printed\n%s", a.rawLog(b.ID))
	}
	form := a.slack.Command("link")
	if reply, err := a.slack.Send(a.url+"/v1/slack/commands", form); err != nil || reply.Status != http.StatusOK {
		a.t.Fatalf("%+v %v", reply, err)
	}
	eventually(a.t, "Slack is told of a link", func() bool {
		for _, m := range a.slack.Responses(form.Get("response_url")) {
			if _, secret, ok := strings.Cut(m.Text, "/settings/slack/link/"); ok {
				a.keep("link of Slack", strings.FieldsFunc(secret, func(r rune) bool {
					return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", r)
				})[0])
				return true
			}
		}
		return false
	})
}

func (a *aviary) shares() {
	var made struct{ Artifacts []artifactView }
	a.must("GET", "/v1/builds/"+a.things["build"]+"/artifacts", nil, &made)
	a.things["artifact"] = made.Artifacts[0].ID
	var link, share struct{ ID, URL string }
	a.must("POST", "/v1/artifacts/"+a.things["artifact"]+"/download-link", nil, &link)
	a.must("POST", "/v1/artifacts/"+a.things["artifact"]+"/share-links", nil, &share)
	a.things["share"] = share.ID
	var ticket struct{ Token string }
	a.must("POST", "/v1/builds/"+a.things["build"]+"/stream-token", nil, &ticket)
	for name, address := range map[string]string{"download link": link.URL, "share link": share.URL} {
		a.keep(name, address[strings.LastIndexByte(address, '/')+1:])
		if resp, _ := a.ask("GET", address); resp.StatusCode != http.StatusOK {
			a.t.Errorf("the %s: %d", name, resp.StatusCode)
		}
	}
	a.keep("stream token", ticket.Token)
	if resp, _ := a.ask("GET", a.url+"/v1/builds/"+a.things["build"]+"/logs/stream?token="+ticket.Token); resp.StatusCode != http.StatusOK {
		a.t.Errorf("the stream token: %d", resp.StatusCode)
	}
}

// mistakes shows every secret at doors where it is of no use: no refusal says it again.
func (a *aviary) mistakes() {
	project := "/v1/projects/" + a.project.ID
	for name, secret := range a.secrets {
		if name == "encryption key" {
			secret = base64.StdEncoding.EncodeToString([]byte(secret))
		}
		quoted, err := json.Marshal(secret)
		if err != nil {
			a.t.Fatal(err)
		}
		for _, ask := range []struct{ method, path, text string }{
			{"POST", "/v1/auth/local/login", `{"email": "nobody@example.com", "password": ` + string(quoted) + `}`},
			{"POST", "/v1/auth/local/login", `{"password": ` + string(quoted)},
			{"PUT", project + "/secrets/9WRONG", `{"value": ` + string(quoted) + `}`},
			{"PUT", project + "/secrets/TOKEN", `{"value": [` + string(quoted) + `]}`},
			{"PUT", "/v1/users/me/password", `{"new_password": ` + string(quoted) + `, "old": 1}`},
			{"POST", "/v1/integrations/gitlab", `{"web_url": "http://127.0.0.1:9", "token": ` + string(quoted) + `}`},
			{"POST", project + "/notifications", `{"kind": "webhook", "target": "nowhere", "secret": ` + string(quoted) + `}`},
		} {
			got := a.request(ask.method, ask.path, adminToken, []byte(ask.text))
			if got.status < 400 {
				a.t.Fatalf("%s %s %s is answered %d: %s", ask.method, ask.path, ask.text, got.status, got.body)
			}
			a.look(fmt.Sprintf("the refusal of the %s by %s %s", name, ask.method, ask.path), string(got.body))
		}
		for _, header := range []string{"Authorization: Bearer " + secret + "x", "Cookie: oore_session=" + secret + "x", "X-Gitlab-Token: " + secret + "x"} {
			if strings.ContainsAny(header, "\n\x00") {
				continue
			}
			for _, door := range []string{"/v1/builds", "/builds", "/v1/webhooks/gitlab"} {
				method := map[bool]string{true: "POST", false: "GET"}[strings.HasSuffix(door, "gitlab")]
				got := a.request(method, door, "", []byte("{}"), header)
				a.look(fmt.Sprintf("%s by the %s", door, name), string(got.body))
			}
		}
	}
	a.mail.Refuse(550)
	a.slack.FailNext(slacktest.APIError("channel_not_found"))
	a.must("POST", "/v1/builds/"+a.things["build"]+"/rerun", nil, nil)
	eventually(a.t, "the letter is refused", func() bool {
		for _, n := range a.notifications(a.project) {
			if n.LastError != "" {
				return true
			}
		}
		return false
	})
}
