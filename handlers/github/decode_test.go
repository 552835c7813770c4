package github_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/github"
	"github.com/oore-ci/oore/handlers/github/githubtest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// eventOf is the event that a recorded payload's file is named after.
func eventOf(file string) string {
	event, _, _ := strings.Cut(filepath.Base(file), ".")
	return event
}

func recorded(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/payloads/*.json")
	if err != nil || len(files) < 100 {
		t.Fatalf("%d payloads, %v", len(files), err)
	}
	return files
}

// Every recorded payload decodes, to what the golden file says.
func TestRecordedPayloads(t *testing.T) {
	var table strings.Builder
	for _, file := range recorded(t) {
		payload, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		e, err := github.Decoder{}.Decode(eventOf(file), payload)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		fmt.Fprintf(&table, "%s: repository=%s installation=%d actor=%s ", filepath.Base(file), e.RepositoryID, e.InstallationID, e.Actor)
		if e.Ignored != nil {
			if e.Closed {
				fmt.Fprintf(&table, "closed=%d ", e.PullRequest.Number)
			}
			fmt.Fprintf(&table, "ignored=%s %s\n", e.Ignored.Code, e.Ignored.Text)
			if (e.Kind != core.EventNone) != e.Closed {
				t.Errorf("%s: ignored, and of kind %s", file, e.Kind)
			}
			continue
		}
		if c := e.Change; c != nil {
			fmt.Fprintf(&table, "change=%s account=%s", c.Kind, c.Account)
			for _, r := range c.Repositories {
				fmt.Fprintf(&table, " %s(%s branch=%q private=%v web=%s clone=%s)", r.FullName, r.ExternalID, r.DefaultBranch, r.Private, r.WebURL, r.CloneURL)
			}
			fmt.Fprintln(&table)
			continue
		}
		if e.Cancel != nil {
			fmt.Fprintf(&table, "cancel=%q\n", e.Cancel.BuildID)
			continue
		}
		if c := e.Chat; c != nil {
			fmt.Fprintf(&table, "ref=%s chat=%+v\n", e.Ref, *c)
			continue
		}
		if e.Rerun != nil {
			fmt.Fprintf(&table, "rerun=%s build=%q\n", e.Rerun.SHA, e.Rerun.BuildID)
			continue
		}
		fmt.Fprintf(&table, "kind=%s action=%s ref=%s branch=%s target=%s tag=%s sha=%s before=%s author=%q draft=%v paths=%v,%v pull=%+v\n",
			e.Kind, e.Action, e.Ref, e.Branch, e.TargetBranch, e.Tag, e.SHA, e.Before, e.Author, e.Draft, e.Paths, e.PathsComplete, e.PullRequest)
	}
	golden := "testdata/decoded.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(table.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if table.String() != string(want) {
		t.Errorf("differs from %s; go test -update, then look at the difference:\n%s", golden, table.String())
	}
}

// world is a double with one repository that has a history.
type world struct {
	*githubtest.Server
	git  *githubtest.GitRepo
	repo githubtest.Repo
	base string // first commit of main
	head string // second commit of main
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Server: githubtest.New(t), git: githubtest.NewGitRepo(t)}
	t.Cleanup(func() { checkRequests(t, w.Requests()) })
	w.base = w.git.Commit("main", map[string]string{"README.md": "hello"}, "First")
	w.head = w.git.Commit("main", map[string]string{"lib/main.dart": "main", "README.md": "again"}, "Second\n\nWith a body")
	w.repo = w.AddRepository("acme/shop", true, w.git.Dir)
	return w
}

func decode(t *testing.T, event string, payload []byte) core.Event {
	t.Helper()
	e, err := github.Decoder{}.Decode(event, payload)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestPullRequest(t *testing.T) {
	w := newWorld(t)
	pull := githubtest.Pull{Number: 7, Title: "Add a cart", Author: "mona", HeadBranch: "feature/cart", HeadSHA: w.head, BaseBranch: "main"}
	for _, action := range []string{"opened", "reopened", "synchronize", "ready_for_review"} {
		e := decode(t, "pull_request", w.PullRequestPayload(action, w.repo, pull))
		want := core.PullRequest{Number: 7, Title: "Add a cart", URL: w.URL() + "/acme/shop/pull/7"}
		if e.Kind != core.EventPullRequest || e.Action != action || e.Branch != "feature/cart" || e.TargetBranch != "main" || e.SHA != w.head ||
			e.Ref != "refs/pull/7/head" || e.Actor != "mona" || e.Draft || e.Ignored != nil || *e.PullRequest != want {
			t.Errorf("%s: %+v %+v", action, e, e.PullRequest)
		}
	}
	pushed := edit(t, w.PullRequestPayload("synchronize", w.repo, pull), func(p map[string]any) { p["before"] = w.base })
	if e := decode(t, "pull_request", pushed); e.Before != w.base {
		t.Errorf("it stood at %q before", e.Before)
	}
	for _, action := range []string{"labeled", "edited", "converted_to_draft", "enqueued", "something_new"} {
		e := decode(t, "pull_request", w.PullRequestPayload(action, w.repo, pull))
		if e.Ignored == nil || e.Ignored.Code != core.WhyAction || !strings.Contains(e.Ignored.Text, action) || e.SHA != w.head {
			t.Errorf("%s: %+v", action, e)
		}
	}
}

func TestAClosedPullRequestIsToldAndNeverBuilt(t *testing.T) {
	w := newWorld(t)
	e := decode(t, "pull_request", w.PullRequestPayload("closed", w.repo, githubtest.Pull{Number: 7, HeadBranch: "x", HeadSHA: w.head}))
	if !e.Closed || e.Kind != core.EventPullRequest || e.PullRequest == nil || e.PullRequest.Number != 7 || e.RepositoryID == "" || e.SHA != w.head ||
		e.Ignored == nil || e.Ignored.Code != core.WhyAction || !strings.Contains(e.Ignored.Text, "closed") {
		t.Errorf("got %+v %+v", e, e.Ignored)
	}
}

func TestAPullRequestWithAnotherTarget(t *testing.T) {
	w := newWorld(t)
	payload := w.PullRequestPayload("edited", w.repo, githubtest.Pull{Number: 7, HeadBranch: "x", HeadSHA: w.head, BaseBranch: "release"})
	from := map[string]any{"from": "main"}
	for name, tt := range map[string]struct {
		changes any
		builds  bool
	}{
		"another target": {map[string]any{"base": map[string]any{"ref": from, "sha": from}}, true},
		"another title":  {map[string]any{"title": from}, false},
		"nothing":        {nil, false},
	} {
		e := decode(t, "pull_request", edit(t, payload, func(p map[string]any) { p["changes"] = tt.changes }))
		if builds := e.Kind == core.EventPullRequest && e.Ignored == nil; builds != tt.builds || e.Action != "edited" || e.TargetBranch != "release" || e.Closed {
			t.Errorf("%s: %+v %+v", name, e, e.Ignored)
		}
	}
}

func TestForksAndDrafts(t *testing.T) {
	w := newWorld(t)
	pull := githubtest.Pull{Number: 7, HeadBranch: "main", HeadSHA: w.head}
	tests := []struct {
		name        string
		change      func(*githubtest.Pull)
		fork, draft bool
	}{
		{"the same repository", func(*githubtest.Pull) {}, false, false},
		{"a fork", func(p *githubtest.Pull) { p.Fork = true }, true, false},
		{"a fork that is gone", func(p *githubtest.Pull) { p.ForkGone = true }, true, false},
		{"a draft", func(p *githubtest.Pull) { p.Draft = true }, false, true},
	}
	for _, tt := range tests {
		p := pull
		tt.change(&p)
		e := decode(t, "pull_request", w.PullRequestPayload("opened", w.repo, p))
		if e.PullRequest.Fork != tt.fork || e.Draft != tt.draft {
			t.Errorf("%s: fork %v, draft %v", tt.name, e.PullRequest.Fork, e.Draft)
		}
	}
}

func TestMergeGroup(t *testing.T) {
	w := newWorld(t)
	payload := w.MergeGroupPayload(w.repo, "main", w.head)
	e := decode(t, "merge_group", payload)
	if e.Kind != core.EventMergeGroup || e.Branch != "main" || e.TargetBranch != "main" || e.SHA != w.head || !strings.HasPrefix(e.Ref, "refs/heads/gh-readonly-queue/") {
		t.Errorf("got %+v", e)
	}
	e = decode(t, "merge_group", edit(t, payload, func(p map[string]any) { p["action"] = "destroyed" }))
	if e.Ignored == nil || e.Ignored.Code != core.WhyAction {
		t.Errorf("destroyed: %+v", e)
	}
}

func TestEventsWithoutMeaning(t *testing.T) {
	tests := []struct{ event, payload, code, text string }{
		{"ping", `{"zen":"x","hook_id":1}`, core.WhyPing, "GitHub"},
		{"github_app_authorization", `{"action":"revoked","sender":{"login":"mona"}}`, core.WhyAction, "mona"},
		{"issues", `{"action":"opened","repository":{"id":5,"full_name":"a/b"}}`, core.WhyEventUnknown, "issues.opened"},
		{"event_of_2040", `{}`, core.WhyEventUnknown, "event_of_2040"},
		{"event_of_2040", `{"action":17,"repository":"a/b"}`, core.WhyEventUnknown, "event_of_2040"},
	}
	for _, tt := range tests {
		e := decode(t, tt.event, []byte(tt.payload))
		if e.Ignored == nil || e.Ignored.Code != tt.code || !strings.Contains(e.Ignored.Text, tt.text) {
			t.Errorf("%s %s: %+v", tt.event, tt.payload, e.Ignored)
		}
	}
}

func TestPayloadsThatNobodyDocuments(t *testing.T) {
	w := newWorld(t)
	push := w.PushPayload(w.repo, "main", w.base, w.head)
	pull := w.PullRequestPayload("opened", w.repo, githubtest.Pull{Number: 1, HeadBranch: "x", HeadSHA: w.head})
	group := w.MergeGroupPayload(w.repo, "main", w.head)
	said := w.AddComment(w.repo, 1, "mona", "/oore build")
	comment := w.CommentPayload("created", w.repo, githubtest.Pull{Number: 1}, said)
	review := w.ReviewPayload("submitted", w.repo, githubtest.Pull{Number: 1, HeadBranch: "x", HeadSHA: w.head}, said)
	without := func(payload []byte, path ...string) string {
		return string(edit(t, payload, func(p map[string]any) {
			for _, field := range path[:len(path)-1] {
				p = p[field].(map[string]any)
			}
			delete(p, path[len(path)-1])
		}))
	}
	tests := []struct{ event, payload string }{
		{"push", `null`},
		{"push", `[]`},
		{"push", `"x"`},
		{"push", `{}`},
		{"push", `{"ref":1}`},
		{"push", ``},
		{"push", `{`},
		{"push", without(push, "repository")},
		{"push", without(push, "after")},
		{"push", without(push, "ref")},
		{"push", string(edit(t, push, func(p map[string]any) { p["after"] = "--upload-pack=touch /tmp/x" }))},
		{"push", string(edit(t, push, func(p map[string]any) { p["after"] = w.head[:12] }))},
		{"pull_request", `{}`},
		{"pull_request", without(pull, "pull_request")},
		{"pull_request", without(pull, "pull_request", "number")},
		{"pull_request", without(pull, "pull_request", "head")},
		{"pull_request", without(pull, "pull_request", "base")},
		{"pull_request", without(pull, "repository", "id")},
		{"merge_group", `{}`},
		{"merge_group", without(group, "merge_group", "head_sha")},
		{"merge_group", without(group, "merge_group", "base_ref")},
		{"issue_comment", `{"action":"created","comment":[]}`},
		{"issue_comment", without(comment, "repository")},
		{"issue_comment", without(comment, "comment", "id")},
		{"issue_comment", without(comment, "comment", "user")},
		{"issue_comment", without(comment, "comment", "user", "id")},
		{"issue_comment", without(comment, "comment", "user", "login")},
		{"issue_comment", without(comment, "issue", "number")},
		{"pull_request_review", `{"action":"submitted","review":{"body":"/oore build"}}`},
		{"pull_request_review", without(review, "pull_request")},
		{"pull_request_review", without(review, "review", "user")},
		{"pull_request_review_comment", `[]`},
		{"check_run", `{}`},
		{"check_run", `{"action":"rerequested","repository":{"id":1},"check_run":{"head_sha":"main"}}`},
		{"check_run", `{"action":"rerequested","check_run":{"head_sha":"` + w.head + `"}}`},
		{"check_suite", `{}`},
		{"check_suite", `{"action":"rerequested","check_suite":{"head_sha":"` + w.head + `"}}`},
		{"installation", `{}`},
		{"installation", `{"action":"created","installation":{"id":3},"repositories":[{"id":0,"full_name":"a/b"}]}`},
		{"installation", `{"action":"created","installation":{"id":3},"repositories":[{"id":7}]}`},
		{"installation_repositories", `{"action":"added","repositories_added":[{"id":7,"full_name":"a/b"}]}`},
		{"installation_target", `{"action":"renamed","installation":{"id":3}}`},
		{"repository", `{"action":"renamed"}`},
		{"repository", `{"action":"renamed","repository":{"id":7}}`},
		{"github_app_authorization", `[]`},
		{"ping", `null`},
		{"ping", `[]`},
		{"event_of_2040", `[]`},
		{"event_of_2040", `{`},
	}
	for _, tt := range tests {
		_, err := github.Decoder{}.Decode(tt.event, []byte(tt.payload))
		if err == nil || core.KindOf(err) != core.KindInvalid {
			t.Errorf("%s %.80s: %v", tt.event, tt.payload, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, file := range recorded(f) {
		payload, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(eventOf(file), payload)
	}
	f.Add("issue_comment", []byte(`{"action":"created","repository":{"id":1},"issue":{"number":2,"pull_request":{}},"comment":{"id":3,"user":{"id":4,"login":"mona"}}}`))
	sha := regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)
	f.Fuzz(func(t *testing.T, event string, payload []byte) {
		e, err := github.Decoder{}.Decode(event, payload)
		switch {
		case err != nil:
			if core.KindOf(err) != core.KindInvalid {
				t.Errorf("error of another kind: %v", err)
			}
		case e.Ignored != nil:
			if (e.Kind != core.EventNone) != e.Closed || e.Ignored.Code == "" || e.Ignored.Text == "" {
				t.Errorf("ignored without a reason: %+v", e)
			}
		case e.Change != nil:
			if e.Kind != core.EventNone || e.Change.Kind == "" || e.Rerun != nil || slices.ContainsFunc(e.Change.Repositories, func(r core.Repository) bool {
				return r.ExternalID == "" || r.FullName == "" || r.InstallationID != e.InstallationID
			}) {
				t.Errorf("a change of nothing: %+v %+v", e, e.Change)
			}
		case e.Cancel != nil:
			if e.Kind != core.EventNone || e.RepositoryID == "" || e.Cancel.BuildID == "" || e.Rerun != nil {
				t.Errorf("an end of nothing: %+v %+v", e, e.Cancel)
			}
		case e.Chat != nil:
			if e.Kind != core.EventNone || e.RepositoryID == "" || e.Chat.Number <= 0 || e.Chat.ID == "" || e.Chat.AuthorID == "" || e.Chat.Author == "" {
				t.Errorf("a word of nobody: %+v %+v", e, e.Chat)
			}
		case e.Rerun != nil:
			if e.Kind != core.EventNone || e.RepositoryID == "" || !sha.MatchString(e.Rerun.SHA) {
				t.Errorf("a rerun of nothing: %+v %+v", e, e.Rerun)
			}
		case e.Kind == core.EventNone || e.RepositoryID == "" || !sha.MatchString(e.SHA) || (e.Branch == "") == (e.Tag == ""):
			t.Errorf("an event that cannot be built: %+v", e)
		}
	})
}
