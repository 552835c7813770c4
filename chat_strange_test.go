package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/oore-ci/oore/handlers/github/githubtest"
	"github.com/oore-ci/oore/handlers/slack/slacktest"
)

// What a stranger found who tried to break the commands of the built binary; each test is
// named after what went wrong.

// chatSite has the pipeline Android, the writer wes and pull request 12, whose commits run
// the command.
func chatSite(t *testing.T, database, command string) (*site, githubtest.Pull) {
	t.Helper()
	s := newSite(t, database, workflow(command))
	s.program.pipeline(s.githubProject("acme/shop", nil).ID, "Android", nil)
	s.gh.SetPermissionOf(s.repo, "wes", 501, "write")
	head := s.git.Commit("feature", map[string]string{"a": "1"}, "Feature")
	pull := githubtest.Pull{Number: 12, HeadBranch: "feature", HeadSHA: head, Author: "ana"}
	s.decided(s.deliver("pull_request", s.gh.PullRequestPayload("opened", s.repo, pull)))
	return s, pull
}

// stands tells how all builds stand, oldest first, when none of them waits any more.
func (p *program) stands() string {
	p.t.Helper()
	var all []string
	for _, b := range slices.Backward(p.builds("")) {
		all = append(all, b.Status)
	}
	return strings.Join(all, " ")
}

func TestCancelAllLeavesNoBuildOfAnOldHeadRunning(t *testing.T) {
	s, pull := chatSite(t, "", "sleep 60")
	pull.HeadSHA = s.git.Commit("feature", map[string]string{"a": "2"}, "Moved on")
	s.decided(s.deliver("pull_request", s.gh.PullRequestPayload("synchronize", s.repo, pull)))
	s.comment(pull, "wes", "/oore build fresh=true")
	if _, d := s.comment(pull, "wes", "/oore cancel all"); d.Status != "processed" || s.stands() != "canceled canceled canceled" {
		t.Errorf("%+v, %s", d.Reason, s.stands())
	}
	if _, d := s.comment(pull, "wes", "/oore cancel all"); d.Reason.Code != "nothing_to_cancel" {
		t.Errorf("again: %+v", d.Reason)
	}
}

func TestATryThatFailedHalfwayDoesNotRunItsFirstLineAgain(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s, pull := chatSite(t, database, "sleep 60")
		var failed atomic.Int32
		s.gh.Fail(func(r *http.Request) *githubtest.Failure {
			if strings.HasSuffix(r.URL.Path, "/commits/main") && failed.CompareAndSwap(0, 1) {
				f := githubtest.ServerError(http.StatusBadGateway)
				return &f
			}
			return nil
		})
		c, d := s.comment(pull, "wes", "/oore cancel\n/oore build branch=main")
		if failed.Load() != 1 || d.Status != "processed" || d.Reason.Code != "command" {
			t.Fatalf("%d failures, %+v", failed.Load(), d)
		}
		if list := s.builds(""); len(list) != 2 || list[0].Branch != "main" || list[1].Status != "canceled" {
			t.Errorf("builds %+v", list)
		}
		eventually(t, "it has its reaction", func() bool { return slices.Contains(s.gh.Reactions(c.ID), "rocket") })
		if answer := s.reply(12, c); answer != "" || slices.Contains(s.gh.Reactions(c.ID), "-1") {
			t.Errorf("it was answered %q, %v", answer, s.gh.Reactions(c.ID))
		}
	})
}

func TestAnAnswerStaysWhenItsCommentComesTwice(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s, pull := chatSite(t, database, "exit 3")
		s.ended(s.next(1).ID)
		c := s.gh.AddComment(s.repo, 12, "wes", "/oore retry\n/oore status")
		first := s.decided(s.deliver("issue_comment", s.gh.CommentPayload("created", s.repo, pull, c)))
		s.ended(s.next(2).ID)
		eventually(t, "it is answered", func() bool { return s.reply(12, c) != "" })
		answer := s.reply(12, c)
		again := s.decided(s.deliver("issue_comment", s.gh.CommentPayload("created", s.repo, pull, c)))
		s.must("POST", "/v1/deliveries/"+first.ID+"/redeliver", nil, nil)
		for _, d := range []deliveryView{again, s.decided(first.ID)} {
			if d.Status != "processed" || d.Reason != first.Reason {
				t.Errorf("%+v, not %+v", d.Reason, first.Reason)
			}
		}
		if n := len(s.builds("")); n != 2 || s.reply(12, c) != answer || !slices.Equal(s.gh.Reactions(c.ID), []string{"rocket"}) {
			t.Errorf("%d builds, %q, %v", n, s.reply(12, c), s.gh.Reactions(c.ID))
		}
	})
}

func TestSlackStopsAllBuildsOfAProject(t *testing.T) {
	w := newWorkspace(t, "", "sleep 60")
	w.link()
	for range 3 {
		w.hears("build android fresh=true", "is queued")
	}
	w.hears("cancel", "Say which")
	w.hears("cancel all project=shop", "Build #1 of Android is canceled.")
	if w.stands() != "canceled canceled canceled" {
		t.Error(w.stands())
	}
	w.hears("cancel all project=shop", "No build is running.")
}

func TestATriggerRefIsNoAddress(t *testing.T) {
	w := newWorkspace(t, "", "exit 4")
	w.slack.AddChannel("C0SECRET", true)
	project := w.projects()[0]
	w.must("POST", "/v1/projects/"+project+"/builds", map[string]any{"pipeline_id": w.pipelines(project)[0], "trigger_ref": "slack:T0OTHER/C0SECRET/x"}, nil)
	w.ended(w.next(1).ID)
	w.link()
	w.hears(`build android note="for <you>"`, "is queued")
	eventually(t, "the other build's message is there", func() bool {
		all := w.slack.Messages()
		return len(all) > 0 && strings.Contains(all[0].Text, "failed: exit 4") && strings.Contains(string(all[0].Blocks), "note: for")
	})
	if all := w.slack.Messages(); len(all) != 1 || all[0].Channel != slacktest.Channel {
		t.Errorf("messages %+v", all)
	}
}

func TestRunAgainPressedThriceIsOneBuild(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		w := newWorkspace(t, database, "sleep 2; exit 1")
		w.link()
		w.hears("build android", "is queued")
		var message slacktest.Message
		eventually(t, "it failed", func() bool {
			if all := w.slack.Messages(); len(all) > 0 {
				message = all[0]
			}
			return strings.Contains(string(message.Blocks), "oore.retry")
		})
		id := w.builds("")[0].ID
		var answers []string
		for range 3 {
			form := w.slack.Press(message, "oore.retry", id)
			if reply, err := w.slack.Send(w.url+"/v1/slack/interactions", form); err != nil || reply.Status != http.StatusOK {
				t.Fatalf("the button: %d, %v", reply.Status, err)
			}
		}
		eventually(t, "the old message has lost its button", func() bool {
			for _, m := range w.slack.Messages() {
				if m.TS == message.TS {
					return !strings.Contains(string(m.Blocks), "oore.retry") && strings.Contains(string(m.Blocks), "run again as #2")
				}
			}
			return false
		})
		if n := len(w.builds("")); n != 2 {
			t.Errorf("%d builds, %q", n, answers)
		}
	})
}

func TestSlackAnswersASlipOnceAndLinksAfterManyOfThem(t *testing.T) {
	w := newWorkspace(t, "", "true")
	for range 12 {
		if now, _ := w.say("biuld"); !strings.Contains(now, "Did you mean") {
			t.Fatalf("at once: %q", now)
		}
	}
	_, slip := w.say("biuld")
	w.hears("link", "/settings/slack/link/")
	if all := w.slack.Responses(slip); len(all) != 0 {
		t.Errorf("answered again: %+v", all)
	}
}

func TestSlackShowsGlobsWithTheirStars(t *testing.T) {
	w := newWorkspace(t, "", "echo 'a ** b **** c'; exit 1")
	w.link()
	project := w.projects()[0]
	w.pipeline(project, "Web", map[string]any{"trigger_config": map[string]any{"branches": []string{"release/**", "hot**fix"}}})
	w.hears("list", "*web* (Web): any event on `release/** hot**fix`")
	w.hears("build android", "is queued")
	w.ended(w.next(1).ID)
	w.hears("logs 1", "a ** b **** c")
}

func TestWhyKnowsTwoFoldersOfOneNameApart(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		p := newProgram(t, database, nil).start()
		base := t.TempDir()
		for _, team := range []string{"a", "b"} {
			repo := githubtest.NewGitRepo(t)
			head := repo.Commit("main", workflow("true"), "First of "+team)
			folder := filepath.Join(base, team, "app")
			if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command("git", "clone", "--quiet", "--bare", repo.Dir, folder).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			var project projectView
			p.must("POST", "/v1/projects", map[string]any{"name": "Team " + team, "local_repository_path": folder}, &project)
			pipeline := p.pipeline(project.ID, "Android", nil)
			var b buildView
			p.must("POST", "/v1/projects/"+project.ID+"/builds", map[string]any{"pipeline_id": pipeline.ID}, &b)
			var w struct{ Code, Sentence string }
			if p.must("GET", "/v1/why?repo=app&sha="+head, nil, &w); w.Code != "built" || !strings.Contains(w.Sentence, "build #1") {
				t.Errorf("team %s: %+v", team, w)
			}
		}
	})
}
