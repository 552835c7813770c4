package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/oore-ci/oore/handlers/github/githubtest"
)

// comment writes a comment on a pull request and tells the server of it.
func (s *site) comment(pull githubtest.Pull, login, body string) (githubtest.Comment, deliveryView) {
	s.t.Helper()
	c := s.gh.AddComment(s.repo, pull.Number, login, body)
	return c, s.decided(s.deliver("issue_comment", s.gh.CommentPayload("created", s.repo, pull, c)))
}

// reply is what the bot answered to a comment; empty: nothing yet.
func (s *site) reply(number int, c githubtest.Comment) string {
	for _, one := range s.gh.Comments(s.repo, number) {
		if strings.HasPrefix(one.Body, "<!-- oore:reply c=") && one.ID > c.ID {
			return one.Body
		}
	}
	return ""
}

func TestACommentByAWriterBuildsAndByAStrangerDoesNot(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s := newSite(t, database, workflow("echo ok"))
		s.program.pipeline(s.githubProject("acme/shop", nil).ID, "Android", map[string]any{"trigger_config": map[string]any{"events": []string{"pull_request"}, "branches": []string{"never"}}})
		s.gh.SetPermissionOf(s.repo, "wes", 501, "write")
		s.gh.SetPermissionOf(s.repo, "rita", 502, "read")
		head := s.git.Commit("feature", map[string]string{"a": "1"}, "Feature [skip ci]")
		pull := githubtest.Pull{Number: 12, HeadBranch: "feature", HeadSHA: head, Author: "ana"}
		s.deliver("pull_request", s.gh.PullRequestPayload("opened", s.repo, pull))

		for _, body := range []string{"> /oore build all", "please /oore build all", "```\n/oore build all\n```"} {
			if _, d := s.comment(pull, "wes", body); d.Status != "ignored" || d.Reason.Code != "no_command" {
				t.Errorf("%q: %+v", body, d)
			}
		}
		c, d := s.comment(pull, "rita", "/oore build all")
		if d.Status != "ignored" || d.Reason.Code != "forbidden" {
			t.Errorf("a reader: %+v", d)
		}
		eventually(t, "the reader is answered", func() bool {
			return strings.Contains(s.reply(12, c), "@rita cannot run `build` here: it needs write access to this repository (you have read).") &&
				slices.Equal(s.gh.Reactions(c.ID), []string{"-1"})
		})
		if n := len(s.builds("")); n != 0 {
			t.Fatalf("%d builds before a writer has asked for one", n)
		}

		c = s.gh.AddComment(s.repo, 12, "wes", "Ship it.\r\n/oore build all\r\n")
		payload := s.gh.CommentPayload("created", s.repo, pull, c)
		for range 5 {
			resp := s.send("issue_comment", payload, "one-delivery")
			resp.Body.Close()
		}
		s.gh.WaitStatus(t, head, "oore/android", "success", patience)
		if list := s.builds(""); len(list) != 1 || list[0].TriggerType != "chat" || list[0].SHA != head {
			t.Errorf("builds %+v", list)
		}
		eventually(t, "the command has its reaction", func() bool { return slices.Equal(s.gh.Reactions(c.ID), []string{"rocket"}) })
		s.waitSaid(12, head[:7])
		edited := s.gh.CommentPayload("edited", s.repo, pull, c)
		if d := s.decided(s.deliver("issue_comment", edited)); d.Status != "ignored" || d.Reason.Code != "action_ignored" {
			t.Errorf("an edited comment: %+v", d)
		}
	})
}

// waitSaid waits until the sticky comment, beside replies, speaks of a passed commit.
func (s *site) waitSaid(number int, sha string) {
	s.t.Helper()
	eventually(s.t, "the comment speaks of "+sha, func() bool {
		said := 0
		for _, c := range s.gh.Comments(s.repo, number) {
			if strings.HasPrefix(c.Body, "<!-- oore:report -->") && strings.Contains(c.Body, sha) && strings.Contains(c.Body, "Succeeded") {
				said++
			}
		}
		return said == 1
	})
}

func TestAForksCommitIsApprovedByACommentThatNamesIt(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s := newSite(t, database, workflow("echo ok"))
		s.program.pipeline(s.githubProject("acme/shop", nil).ID, "Android", nil)
		s.gh.SetPermissionOf(s.repo, "wes", 501, "maintain")
		first := s.git.PullCommit(7, map[string]string{"a": "1"}, "From outside")
		pull := githubtest.Pull{Number: 7, HeadBranch: "patch", HeadSHA: first, Author: "stranger", Fork: true}
		s.deliver("pull_request", s.gh.PullRequestPayload("opened", s.repo, pull))
		s.gh.WaitStatus(t, first, "oore/android", "pending", patience)

		second := s.git.PullCommit(7, map[string]string{"a": "2"}, "Moved on")
		pull.HeadSHA = second
		s.deliver("pull_request", s.gh.PullRequestPayload("synchronize", s.repo, pull))
		for body, code := range map[string]string{
			"/oore approve": "sha_required", "/oore approve " + first: "sha_stale", "/oore build": "needs_approval",
		} {
			c, d := s.comment(pull, "wes", body)
			if d.Reason.Code != code {
				t.Errorf("%s: %+v", body, d.Reason)
			}
			eventually(t, body+" is answered", func() bool { return strings.Contains(s.reply(7, c), second[:7]) })
		}
		if n := len(s.builds("")); n != 0 {
			t.Fatalf("%d builds of an unapproved fork", n)
		}
		if _, d := s.comment(pull, "wes", "/oore approve "+second); d.Status != "processed" {
			t.Errorf("approved: %+v", d)
		}
		s.gh.WaitStatus(t, second, "oore/android", "success", patience)
		if list := s.builds(""); len(list) != 1 || list[0].SHA != second {
			t.Errorf("builds %+v", list)
		}
	})
}

func TestAProjectMayShowChecksWithButtons(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s := newSite(t, database, workflow("echo about to fail; exit 3"))
		project := s.githubProject("acme/shop", map[string]any{"checks": "check_run", "report_skipped": true})
		s.program.pipeline(project.ID, "Android", nil)
		s.program.pipeline(project.ID, "Web", map[string]any{"trigger_config": map[string]any{"branches": []string{"web/*"}}})
		s.deliver("push", s.gh.PushPayload(s.repo, "main", "", s.head))
		run := s.gh.WaitCheckRun(t, s.head, "oore/android", "failure", patience)
		if !strings.Contains(run.Summary, "about to fail") || len(run.Actions) != 1 || run.Actions[0].Identifier != "retry" {
			t.Errorf("check %+v", run)
		}
		s.gh.WaitCheckRun(t, s.head, "oore/web", "skipped", patience)
		d := s.decided(s.deliver("check_run", s.gh.CheckRunPayload("requested_action", s.repo, run, "retry")))
		if d.Status != "processed" || d.Reason.Code != "builds_started" {
			t.Errorf("the button: %+v", d)
		}
		eventually(t, "the button runs it again", func() bool {
			list := s.builds("")
			return len(list) == 2 && list[0].Status == "failed"
		})
		if n := len(s.gh.Statuses(s.head)); n != 0 {
			t.Errorf("%d statuses beside the checks", n)
		}
	})
}
