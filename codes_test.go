package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"html"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/handlers/github/githubtest"
	"github.com/oore-ci/oore/store"
)

// codedView is a delivery with all that the API says of it.
type codedView struct {
	ID       string
	Status   string
	SHA      string
	Reason   struct{ Code, Text string }
	Attempts int
	Verdicts []struct {
		Code, Reason string
		BuildID      string `json:"build_id"`
	}
}

// codeRow makes a delivery that ends with one code.
type codeRow struct {
	project  map[string]any
	pipeline map[string]any // nil: the project has none
	// make returns the delivery's id.
	make func(f *fixture) string
	// of says where the code stands: "" is the delivery's own reason, "verdict" that of its
	// pipeline, whose outcome the delivery sums up.
	of string
	// noCommit: it is about none, so that nobody can ask why one was not built.
	noCommit bool
	// answer is the comment with commands that was answered with the reason.
	answer *githubtest.Comment
}

// fixture is a repository of its own, so that what one row does is no other's.
type fixture struct {
	*site
	row     *codeRow
	project projectView
	android string // its pipeline
	login   string // may write there
	pull    githubtest.Pull
}

func (w *codeWorld) fixture(t *testing.T, row *codeRow) *fixture {
	w.made++
	p := *w.program
	p.t = t
	name := fmt.Sprintf("acme-%d/shop", w.made) // an installation of its own, with what GitHub lets one write
	git := githubtest.NewGitRepo(t)
	s := &site{program: &p, gh: w.gh, git: git, head: git.Commit("main", workflow("echo ok"), "First commit")}
	s.repo = w.gh.AddRepository(name, true, git.Dir)
	f := &fixture{site: s, row: row, login: fmt.Sprint("wes-", w.made)}
	f.project = s.githubProject(name, row.project)
	if row.pipeline != nil {
		f.android = s.program.pipeline(f.project.ID, "Android", row.pipeline).ID
	}
	s.gh.SetPermissionOf(s.repo, f.login, int64(5000+w.made), "write")
	f.pull = githubtest.Pull{Number: 90, HeadBranch: "talk", HeadSHA: s.head, Author: "ana"}
	return f
}

type codeWorld struct {
	*program
	gh   *githubtest.Server
	made int
}

func (f *fixture) push(branch, message string) string {
	sha := f.git.Commit(branch, map[string]string{"lib/" + branch: message}, message)
	return f.deliver("push", f.gh.PushPayload(f.repo, branch, f.head, sha))
}

// pullRequest opens one from a branch with a new commit.
func (f *fixture) pullRequest(action string, change func(*githubtest.Pull)) string {
	p := githubtest.Pull{Number: 7, HeadBranch: "feature", Author: "ana"}
	if change != nil {
		change(&p)
	}
	p.HeadSHA = f.git.PullCommit(7, map[string]string{"a": "1"}, "A feature")
	return f.deliver("pull_request", f.gh.PullRequestPayload(action, f.repo, p))
}

// changed is a recorded payload with other fields in it.
func changed(payload []byte, fields map[string]any) []byte {
	var p map[string]any
	if err := json.Unmarshal(payload, &p); err != nil {
		panic(err) // one of ours
	}
	for path, value := range fields {
		at := p
		names := strings.Split(path, ".")
		for _, name := range names[:len(names)-1] {
			at = at[name].(map[string]any)
		}
		if at[names[len(names)-1]] = value; value == nil {
			delete(at, names[len(names)-1])
		}
	}
	out, err := json.Marshal(p)
	if err != nil {
		panic(err)
	}
	return out
}

// plain is a payload that says no more than where it is from.
func (f *fixture) plain(fields map[string]any) []byte {
	p := map[string]any{
		"repository":   map[string]any{"id": f.repo.ID, "full_name": f.repo.FullName},
		"installation": map[string]any{"id": f.repo.InstallationID, "account": map[string]any{"login": strings.TrimSuffix(f.repo.FullName, "/shop")}},
		"sender":       map[string]any{"login": "sam"},
	}
	for name, value := range fields {
		p[name] = value
	}
	out, err := json.Marshal(p)
	if err != nil {
		panic(err)
	}
	return out
}

func (f *fixture) says(body string) string {
	c := f.gh.AddComment(f.repo, f.pull.Number, f.login, body)
	f.row.answer = &c
	return f.deliver("issue_comment", f.gh.CommentPayload("created", f.repo, f.pull, c))
}

// buttons presses a button of a build's check run.
func (f *fixture) presses(button string, b buildView) string {
	run := f.gh.AddCheckRun(f.repo, githubtest.CheckRun{Name: "oore/android", SHA: b.SHA, ExternalID: b.ID, AppID: f.gh.AppID})
	return f.deliver("check_run", f.gh.CheckRunPayload("requested_action", f.repo, run, button))
}

// built is the build of a push.
func (f *fixture) built() buildView {
	d := f.decided(f.push("main", "A change"))
	return f.build(d.Verdicts[0].BuildID)
}

func (f *fixture) onlyOn(events string, more map[string]any) map[string]any {
	trigger := map[string]any{"events": strings.Fields(events)}
	for name, value := range more {
		trigger[name] = value
	}
	return map[string]any{"trigger_config": trigger}
}

// codeRows has a row for each code in app/core/event.go.
func codeRows() map[string]*codeRow {
	f := (*fixture)(nil)
	anyEvent := map[string]any{}
	onMain := f.onlyOn("push pull_request", map[string]any{"branches": []string{"main", "release/*"}})
	zero := strings.Repeat("0", 40)
	return map[string]*codeRow{
		"matched": {pipeline: anyEvent, of: "verdict", make: func(f *fixture) string { return f.push("main", "A change") }},
		"shared_build": {pipeline: anyEvent, of: "verdict", make: func(f *fixture) string {
			sha := f.git.Commit("feature", map[string]string{"a": "1"}, "A feature")
			f.decided(f.deliver("push", f.gh.PushPayload(f.repo, "feature", f.head, sha)))
			return f.deliver("pull_request", f.gh.PullRequestPayload("opened", f.repo, githubtest.Pull{Number: 7, HeadBranch: "feature", HeadSHA: sha}))
		}},
		"builds_started":     {pipeline: anyEvent, make: func(f *fixture) string { return f.push("main", "A change") }},
		"repo_unknown":       {make: func(f *fixture) string { return f.push("main", "A change") }},
		"pipeline_disabled":  {pipeline: map[string]any{"enabled": false}, make: func(f *fixture) string { return f.push("main", "A change") }},
		"event_not_listened": {pipeline: f.onlyOn("pull_request", nil), make: func(f *fixture) string { return f.push("main", "A change") }},
		"action_ignored":     {pipeline: anyEvent, make: func(f *fixture) string { return f.pullRequest("labeled", nil) }},
		"branch_no_match":    {pipeline: onMain, make: func(f *fixture) string { return f.push("docs/<b>typo</b>", "A change") }},
		"target_no_match": {
			pipeline: f.onlyOn("pull_request", map[string]any{"target_branches": []string{"main"}}),
			make: func(f *fixture) string {
				return f.pullRequest("opened", func(p *githubtest.Pull) { p.BaseBranch = "next" })
			},
		},
		"tag_no_match": {pipeline: f.onlyOn("tag", map[string]any{"tags": []string{"v*"}}), make: func(f *fixture) string {
			f.git.Tag("nightly", f.head, "Nightly")
			return f.deliver("push", f.gh.TagPayload(f.repo, "nightly"))
		}},
		"path_no_match": {pipeline: f.onlyOn("push", map[string]any{"paths": []string{"app/**"}}), make: func(f *fixture) string { return f.push("main", "A change") }},
		"draft_pr": {pipeline: anyEvent, make: func(f *fixture) string {
			return f.pullRequest("opened", func(p *githubtest.Pull) { p.Draft = true })
		}},
		"concurrency": {project: map[string]any{"quota": map[string]any{"max_queued": 1}}, pipeline: anyEvent, make: func(f *fixture) string {
			f.built()
			return f.push("dev", "Another change")
		}},
		"rate_limited": {project: map[string]any{"quota": map[string]any{"minutes_per_day": 60}}, pipeline: anyEvent, make: func(f *fixture) string {
			f.hasRun(f.built().ID, 2*time.Hour)
			return f.push("dev", "Another change")
		}},
		"skip_mark": {pipeline: anyEvent, make: func(f *fixture) string { return f.push("main", "Docs [skip ci]") }},
		"fork_blocked": {pipeline: anyEvent, make: func(f *fixture) string {
			return f.pullRequest("opened", func(p *githubtest.Pull) { p.Fork, p.Author = true, "mallory" })
		}},
		"fork_ignored": {project: map[string]any{"forks": "ignore"}, pipeline: anyEvent, make: func(f *fixture) string {
			return f.pullRequest("opened", func(p *githubtest.Pull) { p.Fork, p.Author = true, "mallory" })
		}},
		"branch_deleted": {noCommit: true, pipeline: anyEvent, make: func(f *fixture) string {
			return f.deliver("push", f.gh.DeletedPayload(f.repo, "refs/heads/old", f.head))
		}},
		"empty_push": {noCommit: true, pipeline: anyEvent, make: func(f *fixture) string {
			return f.deliver("push", changed(f.gh.PushPayload(f.repo, "main", "", f.head), map[string]any{"after": zero}))
		}},
		"merge_queue_branch": {noCommit: true, pipeline: anyEvent, make: func(f *fixture) string { return f.push("gh-readonly-queue/main/pr-1-"+f.head, "A change") }},
		"ref_unknown": {noCommit: true, pipeline: anyEvent, make: func(f *fixture) string {
			return f.deliver("push", changed(f.gh.PushPayload(f.repo, "main", "", f.head), map[string]any{"ref": "refs/notes/commits"}))
		}},
		"event_unknown": {noCommit: true, pipeline: anyEvent, make: func(f *fixture) string { return f.deliver("watch", f.plain(map[string]any{"action": "started"})) }},
		"ping":          {noCommit: true, pipeline: anyEvent, make: func(f *fixture) string { return f.deliver("ping", f.plain(map[string]any{"zen": "Calm"})) }},
		"payload_invalid": {noCommit: true, pipeline: anyEvent, make: func(f *fixture) string {
			return f.deliver("push", changed(f.gh.PushPayload(f.repo, "main", "", f.head), map[string]any{"after": nil}))
		}},
		"no_build": {pipeline: onMain, make: func(f *fixture) string {
			f.site.program.pipeline(f.project.ID, "Web", f.onlyOn("tag", nil))
			return f.push("docs", "A change")
		}},
		"bookkeeping": {noCommit: true, pipeline: anyEvent, make: func(f *fixture) string {
			return f.deliver("repository", f.plain(map[string]any{"action": "publicized"}))
		}},
		"rerun": {pipeline: anyEvent, of: "verdict", make: func(f *fixture) string {
			b := f.built()
			f.must("POST", "/v1/builds/"+b.ID+"/cancel", nil, nil)
			return f.presses("retry", b)
		}},
		"nothing_to_rerun": {pipeline: anyEvent, make: func(f *fixture) string {
			return f.deliver("check_suite", f.plain(map[string]any{"action": "rerequested", "check_suite": map[string]any{"head_sha": f.head}}))
		}},
		"canceled": {pipeline: anyEvent, make: func(f *fixture) string { return f.presses("cancel", f.built()) }},
		"nothing_to_cancel": {pipeline: anyEvent, make: func(f *fixture) string {
			b := f.built()
			f.must("POST", "/v1/builds/"+b.ID+"/cancel", nil, nil)
			return f.presses("cancel", b)
		}},
		"command":    {pipeline: anyEvent, of: "verdict", make: func(f *fixture) string { return f.deliver("issue_comment", f.comments("/oore build all branch=main")) }},
		"no_command": {noCommit: true, pipeline: anyEvent, make: func(f *fixture) string { return f.deliver("issue_comment", f.comments("Fine.")) }},
		"bot_comment": {noCommit: true, pipeline: anyEvent, make: func(f *fixture) string {
			return f.deliver("issue_comment", changed(f.comments("/oore build"), map[string]any{"comment.user.type": "Bot"}))
		}},
		"internal": {noCommit: true, pipeline: anyEvent, make: func(f *fixture) string {
			f.gh.Fail(func(r *http.Request) *githubtest.Failure {
				if strings.Contains(r.URL.Path, f.login) {
					failure := githubtest.ServerError(http.StatusBadGateway)
					return &failure
				}
				return nil
			})
			f.t.Cleanup(f.gh.Heal)
			return f.deliver("issue_comment", f.comments("/oore build"))
		}},

		// What commands are refused with: the answer is the sentence.
		"unknown_command": {noCommit: true, pipeline: anyEvent, make: func(f *fixture) string { return f.says("/oore biuld") }},
		"forbidden": {noCommit: true, pipeline: anyEvent, make: func(f *fixture) string {
			f.gh.SetPermissionOf(f.repo, f.login, 4000, "read")
			return f.says("/oore build")
		}},
	}
}

// hasRun makes a build one that runs for so long.
func (f *fixture) hasRun(id string, long time.Duration) {
	f.t.Helper()
	db, err := store.Open(f.t.Context(), f.database(), store.Options{})
	if err != nil {
		f.t.Fatal(err)
	}
	defer db.Close()
	b, err := db.FindBuild(f.t.Context(), id)
	if err != nil {
		f.t.Fatal(err)
	}
	since := time.Now().Add(-long)
	b.StartedAt = &since
	if err := db.UpdateBuild(f.t.Context(), b, b.Status, b.LeaseToken, nil); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) comments(body string) []byte {
	return f.gh.CommentPayload("created", f.repo, f.pull, f.gh.AddComment(f.repo, f.pull.Number, f.login, body))
}

// codes are the constants of the code in which a delivery's or a pipeline's decision is told.
func codes(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "app/core/event.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(v.Names[0].Name, "Why") {
			return true
		}
		value, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		found[value] = v.Names[0].Name
		return true
	})
	if len(found) < 30 {
		t.Fatalf("only %d codes in app/core/event.go", len(found))
	}
	return found
}

func TestEveryCodeHasARow(t *testing.T) {
	rows := codeRows()
	for value, name := range codes(t) {
		if rows[value] == nil {
			t.Errorf("%s (%s) has no row in codeRows: which delivery ends with it?", name, value)
		}
	}
}

// TestEverySentenceIsTheSameEverywhere makes a delivery for each code and asks every door
// why: the delivery's page, the API, /why and a command.
func TestEverySentenceIsTheSameEverywhere(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		gh := githubtest.New(t)
		w := &codeWorld{program: newProgram(t, database, gh, "OORE_RUNNERS=0").start(), gh: gh}
		for code, row := range codeRows() {
			t.Run(code, func(t *testing.T) {
				f := w.fixture(t, row)
				id := row.make(f)
				d := f.coded(id, code)
				told := f.tells(t, d, code)
				f.answers(t, d, told)
				f.evaluates(t, d)
			})
		}
	})
}

// coded waits for the decision. What failed on our side is tried again and stays received.
func (f *fixture) coded(id, code string) (d codedView) {
	eventually(f.t, "delivery "+id+" is decided", func() bool {
		f.must("GET", "/v1/deliveries/"+id, nil, &d)
		return d.Status != "received" || d.Reason.Code == code
	})
	return d
}

// tells checks the delivery's page, and returns the sentence of the delivery.
func (f *fixture) tells(t *testing.T, d codedView, code string) string {
	t.Helper()
	got, sentence := d.Reason.Code, d.Reason.Text
	if f.row.of == "verdict" {
		got, sentence = "", ""
		for _, v := range d.Verdicts {
			if v.Code == code {
				got, sentence = v.Code, v.Reason
			}
		}
	}
	if got != code || sentence == "" || d.Reason.Text == "" {
		t.Fatalf("the delivery is %+v, want the code %s with a sentence", d, code)
	}
	page := f.page("/deliveries/" + d.ID)
	if !strings.Contains(page, sentence) || !strings.Contains(page, d.Reason.Text) {
		t.Errorf("the page of the delivery does not say %q", sentence)
	}
	return d.Reason.Text
}

// page is a page as a person reads it.
func (f *fixture) page(path string) string {
	f.t.Helper()
	status, body := f.by(adminToken, "GET", path, nil)
	if status != http.StatusOK {
		f.t.Fatalf("GET %s answered %d", path, status)
	}
	return html.UnescapeString(string(body))
}

// answers checks what a command says, and /why where a commit can be asked for.
func (f *fixture) answers(t *testing.T, d codedView, sentence string) {
	t.Helper()
	if c := f.row.answer; c != nil {
		eventually(t, "the command is answered", func() bool { return strings.Contains(f.replies(*c), sentence) })
	}
	if (d.SHA == "") != f.row.noCommit {
		t.Errorf("the delivery's commit is %q", d.SHA)
	}
	if d.SHA == "" {
		return
	}
	why := f.asks(t, f.repo.FullName, d.SHA, f.row.pipeline != nil)
	if want := "It arrived and was not built. " + sentence; len(why.Builds) == 0 && (why.Code != "not_built" || why.Sentence != want) {
		t.Errorf("the API answers %s, %q; want %q", why.Code, why.Sentence, want)
	}
	if len(why.Builds) > 0 && (why.Code != "built" || !strings.HasPrefix(why.Sentence, "It arrived and was built: build #")) {
		t.Errorf("of what was built the API answers %s, %q", why.Code, why.Sentence)
	}
}

// replies are what the bot has answered since a comment.
func (f *fixture) replies(since githubtest.Comment) string {
	var all string
	for _, c := range f.gh.Comments(f.repo, f.pull.Number) {
		if c.ID > since.ID && strings.HasPrefix(c.Body, "<!-- oore:reply") {
			all += c.Body
		}
	}
	return all
}

// whyView is the answer of GET /v1/why.
type whyView struct {
	Code, Sentence string
	Builds         []struct{ ID string }
}

// asks asks why by the API, by the page, and by a command where one is read; the three must agree.
func (f *fixture) asks(t *testing.T, repo, sha string, byCommand bool) (why whyView) {
	t.Helper()
	query := "?" + url.Values{"repo": {repo}, "sha": {sha}}.Encode()
	f.must("GET", "/v1/why"+query, nil, &why)
	if page := f.page("/why" + query); !strings.Contains(page, why.Sentence) {
		t.Errorf("the page /why does not say %q", why.Sentence)
	}
	if !byCommand {
		return why
	}
	c := f.gh.AddComment(f.repo, f.pull.Number, f.login, "/oore why "+sha)
	f.deliver("issue_comment", f.gh.CommentPayload("created", f.repo, f.pull, c))
	eventually(t, "/oore why is answered", func() bool { return f.replies(c) != "" })
	if said := f.replies(c); !strings.Contains(said, withoutMarkup(why.Sentence)) {
		t.Errorf("/oore why answers %q, the page %q", said, why.Sentence)
	}
	return why
}

// withoutMarkup is a sentence as it stands in a comment, where nothing in it may act.
func withoutMarkup(s string) string {
	return strings.NewReplacer("[", "(", "]", ")", "*", "∗", "<", "‹", ">", "›").Replace(s)
}

// evaluates checks that "Evaluate again" tells the same at the page and the API, and that
// nothing comes of it.
func (f *fixture) evaluates(t *testing.T, d codedView) {
	t.Helper()
	before := f.everything(d)
	var again codedView
	f.must("POST", "/v1/deliveries/"+d.ID+"/evaluate", nil, &again)
	if page := f.page("/deliveries/" + d.ID + "?evaluate=1"); d.Status != "received" && !strings.Contains(page, again.Reason.Text+" Nothing was started.") {
		t.Errorf("the page does not say %q of today's settings", again.Reason.Text)
	}
	if d.Status == "ignored" && again.Reason != d.Reason {
		t.Errorf("by the same settings it is %+v, and was %+v", again.Reason, d.Reason)
	}
	if after := f.everything(d); d.Status != "received" && !reflect.DeepEqual(before, after) {
		t.Errorf("it changed something: %+v, before %+v", after, before)
	}
}

// everything is what an evaluation might touch.
func (f *fixture) everything(d codedView) []any {
	var now codedView
	f.must("GET", "/v1/deliveries/"+d.ID, nil, &now)
	states := []any{now}
	for _, b := range f.builds("project_id=" + f.project.ID) {
		states = append(states, b)
	}
	return states
}
