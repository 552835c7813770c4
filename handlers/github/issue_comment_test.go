package github_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/github/githubtest"
)

func TestACommentInAPullRequest(t *testing.T) {
	w := newWorld(t)
	w.SetPermissionOf(w.repo, "mona", 17, "write")
	w.SetPermissionOf(w.repo, "hubot", 18, "read")
	pull := githubtest.Pull{Number: 7, Author: "hubot", HeadBranch: "x", HeadSHA: w.head}
	c := w.AddComment(w.repo, 7, "mona", "Nice!\r\n/oore build")
	e := decode(t, "issue_comment", w.CommentPayload("created", w.repo, pull, c))
	want := core.Chat{
		ID: fmt.Sprint(c.ID), Body: "Nice!\r\n/oore build", AuthorID: "17", Author: "mona", Number: 7, Open: true, OpenerID: "18", Reactable: true,
	}
	if e.Kind != core.EventNone || e.Ignored != nil || e.Chat == nil || *e.Chat != want {
		t.Fatalf("got %+v %+v, want %+v", e, e.Chat, want)
	}
	if e.Action != "created" || e.RepositoryID != fmt.Sprint(w.repo.ID) || e.RepositoryName != "acme/shop" || e.InstallationID != w.repo.InstallationID ||
		e.Actor != "mona" || e.Ref != "refs/pull/7/head" || e.SHA != "" {
		t.Errorf("got %+v", e)
	}
	pull.Closed = true
	if e = decode(t, "issue_comment", w.CommentPayload("created", w.repo, pull, c)); e.Chat == nil || e.Chat.Open {
		t.Errorf("of a closed pull request: %+v", e.Chat)
	}
}

func TestAReviewWithText(t *testing.T) {
	w := newWorld(t)
	w.SetPermissionOf(w.repo, "mona", 17, "write")
	w.SetPermissionOf(w.repo, "hubot", 18, "read")
	pull := githubtest.Pull{Number: 7, Author: "hubot", HeadBranch: "x", HeadSHA: w.head}
	r := githubtest.Comment{ID: 99, Login: "mona", Body: "/oore approve " + w.head}
	e := decode(t, "pull_request_review", w.ReviewPayload("submitted", w.repo, pull, r))
	// Its commit is not taken for the head, and it takes no reactions.
	want := core.Chat{ID: "99", Body: r.Body, AuthorID: "17", Author: "mona", Number: 7, Open: true, OpenerID: "18"}
	if e.Kind != core.EventNone || e.Ignored != nil || e.Chat == nil || *e.Chat != want || e.Actor != "mona" || e.Ref != "refs/pull/7/head" || e.SHA != "" {
		t.Errorf("got %+v %+v, want %+v", e, e.Chat, want)
	}
}

func TestTalkThatRunsNothing(t *testing.T) {
	w := newWorld(t)
	pull := githubtest.Pull{Number: 7, HeadBranch: "x", HeadSHA: w.head}
	c := w.AddComment(w.repo, 7, "mona", "/oore build")
	comment := func(action string) []byte { return w.CommentPayload(action, w.repo, pull, c) }
	review := func(action, body string) []byte {
		return w.ReviewPayload(action, w.repo, pull, githubtest.Comment{ID: 99, Login: "mona", Body: body})
	}
	plainIssue := func(p map[string]any) { delete(p["issue"].(map[string]any), "pull_request") }
	noBody := func(p map[string]any) { p["review"].(map[string]any)["body"] = nil }
	for name, tt := range map[string]struct {
		event   string
		payload []byte
		code    string
		text    string
	}{
		"edited":                   {"issue_comment", comment("edited"), core.WhyAction, `"edited"`},
		"deleted":                  {"issue_comment", comment("deleted"), core.WhyAction, `"deleted"`},
		"on an issue":              {"issue_comment", edit(t, comment("created"), plainIssue), core.WhyNoCommand, "issue"},
		"a review without text":    {"pull_request_review", review("submitted", " \r\n"), core.WhyNoCommand, "no text"},
		"a review with null":       {"pull_request_review", edit(t, review("submitted", "x"), noBody), core.WhyNoCommand, "no text"},
		"a review that was edited": {"pull_request_review", review("edited", "/oore build"), core.WhyAction, `"edited"`},
		"a dismissed review":       {"pull_request_review", review("dismissed", "/oore build"), core.WhyAction, `"dismissed"`},
		"on a line":                {"pull_request_review_comment", review("created", "/oore build"), core.WhyNoCommand, "lines of code"},
	} {
		e := decode(t, tt.event, tt.payload)
		if e.Chat != nil || e.Kind != core.EventNone || e.Ignored == nil || e.Ignored.Code != tt.code || !strings.Contains(e.Ignored.Text, tt.text) {
			t.Errorf("%s: %+v %+v", name, e, e.Ignored)
		}
		if e.RepositoryID != fmt.Sprint(w.repo.ID) || e.Actor != "mona" {
			t.Errorf("%s: of %s by %s", name, e.RepositoryID, e.Actor)
		}
	}
}

func TestProgramsAreToldFromPeople(t *testing.T) {
	w := newWorld(t)
	pull := githubtest.Pull{Number: 7, HeadBranch: "x", HeadSHA: w.head}
	payload := func(login string) []byte {
		return w.CommentPayload("created", w.repo, pull, w.AddComment(w.repo, 7, login, "/oore build"))
	}
	set := func(value any, path ...string) func(map[string]any) {
		return func(p map[string]any) {
			for _, field := range path[:len(path)-1] {
				p = p[field].(map[string]any)
			}
			p[path[len(path)-1]] = value
		}
	}
	for name, tt := range map[string]struct {
		payload []byte
		bot     bool
	}{
		"a person":         {payload("mona"), false},
		"our own":          {payload(w.Slug + "[bot]"), true},
		"another App":      {payload("linear[bot]"), true},
		"the author alone": {edit(t, payload("mona"), set("Bot", "comment", "user", "type")), true},
		"the sender alone": {edit(t, payload("mona"), set("Bot", "sender", "type")), true},
		"through an App":   {edit(t, payload("mona"), set(map[string]any{"id": 5}, "comment", "performed_via_github_app")), true},
	} {
		e := decode(t, "issue_comment", tt.payload)
		if e.Chat == nil || e.Ignored != nil || e.Chat.Bot != tt.bot {
			t.Errorf("%s: %+v %+v", name, e.Chat, e.Ignored)
		}
	}
}
