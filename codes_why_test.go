package main

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/oore-ci/oore/handlers/github/githubtest"
)

// whyRow brings a repository and a commit into a state, and says what /why answers.
type whyRow struct {
	code string
	says string
	mute bool // no command is read there
	make func(f *fixture) (repo, sha string)
}

func whyRows() map[string]whyRow {
	here := func(f *fixture) (repo, sha string) { return f.repo.FullName, f.head }
	return map[string]whyRow{
		"nothing arrived": {code: "never_sent", says: "The forge never sent it. ", make: here},
		"the App is suspended": {code: "never_sent", says: "The App is suspended on acme-", mute: true, make: func(f *fixture) (string, string) {
			f.gh.Suspend(f.repo.InstallationID)
			f.decided(f.deliver("installation", f.plain(map[string]any{"action": "suspend"})))
			return here(f)
		}},
		"it was lost": {code: "unreachable", says: "The forge tried to tell us of acme-", make: func(f *fixture) (string, string) {
			f.gh.Lose(1)
			_, err := f.gh.Deliver(f.url, "push", f.gh.PushPayload(f.repo, "main", "", f.head), githubtest.Delivery{})
			if !errors.Is(err, githubtest.ErrLost) {
				f.t.Fatal(err)
			}
			return here(f)
		}},
		"no such repository": {code: "repo_unknown", says: "acme/other is not linked to a project that you can see.", mute: true, make: func(f *fixture) (string, string) {
			return "acme/other", f.head
		}},
		"filtered": {code: "not_built", says: "It arrived and was not built. The commit message contains [skip ci].", make: func(f *fixture) (string, string) {
			sha := f.git.Commit("docs", map[string]string{"a": "1"}, "Docs [skip ci]")
			f.decided(f.deliver("push", f.gh.PushPayload(f.repo, "docs", f.head, sha)))
			return f.repo.FullName, sha
		}},
		"by hand": {code: "built", says: "It was built by hand: build #1 is succeeded.", make: func(f *fixture) (string, string) {
			var b buildView
			f.must("POST", "/v1/projects/"+f.project.ID+"/builds", body{"pipeline_id": f.android, "branch": "main"}, &b)
			f.ended(b.ID)
			return here(f)
		}},
		"replaced": {code: "built", says: "build #1 is canceled. Replaced by #2.", make: func(f *fixture) (string, string) {
			first := f.git.Commit("main", workflow("sleep 60"), "First")
			f.decided(f.deliver("push", f.gh.PushPayload(f.repo, "main", f.head, first)))
			second := f.git.Commit("main", workflow("echo ok"), "Second")
			f.decided(f.deliver("push", f.gh.PushPayload(f.repo, "main", first, second)))
			f.ended(f.builds("commit_sha=" + first)[0].ID)
			return f.repo.FullName, first
		}},
		"a broken file": {code: "built", says: "build #1 is failed. .oore.yaml line 1, column 10: version must be 1.", make: func(f *fixture) (string, string) {
			sha := f.git.Commit("main", map[string]string{".oore.yaml": "version: one\n"}, "Broken")
			d := f.decided(f.deliver("push", f.gh.PushPayload(f.repo, "main", f.head, sha)))
			f.ended(d.Verdicts[0].BuildID)
			return f.repo.FullName, sha
		}},
	}
}

// TestEveryAnswerToWhyIsTheSameEverywhere asks the API, the page and a command.
func TestEveryAnswerToWhyIsTheSameEverywhere(t *testing.T) {
	t.Parallel()
	rows := whyRows()
	file, err := parser.ParseFile(token.NewFileSet(), "app/why.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(v.Names[0].Name, "WhyCode") {
			return true
		}
		known := false
		for _, row := range rows {
			known = known || `"`+row.code+`"` == v.Values[0].(*ast.BasicLit).Value
		}
		if !known {
			t.Errorf("%s has no row in whyRows", v.Names[0].Name)
		}
		return true
	})
	onBoth(t, func(t *testing.T, database string) {
		gh := githubtest.New(t)
		w := &codeWorld{program: newProgram(t, database, gh, "OORE_RUNNERS=1").start(), gh: gh}
		for name, row := range rows {
			t.Run(name, func(t *testing.T) {
				f := w.fixture(t, &codeRow{pipeline: map[string]any{"concurrency": map[string]any{"cancel_previous": true}}})
				repo, sha := row.make(f)
				if why := f.asks(t, repo, sha, !row.mute); why.Code != row.code || !strings.Contains(why.Sentence, row.says) {
					t.Errorf("it answers %s, %q; want %s, %q", why.Code, why.Sentence, row.code, row.says)
				}
			})
		}
	})
}
