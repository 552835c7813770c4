package github_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/github/githubtest"
	"github.com/oore-ci/oore/templates"
)

func report(sha string, state core.ReportState) core.Report {
	return core.Report{
		Build: core.Build{Number: 7, SHA: sha, Status: core.BuildSucceeded}, Pipeline: core.Pipeline{Name: "Android"},
		State: state, Context: "oore/android", Description: "Passed in 3m 12s", TargetURL: "https://ci.example.com/builds/1", Duration: 192 * time.Second,
	}
}

func sticky(sha string, number int) core.Comment {
	return core.Comment{Number: number, SHA: sha, Reports: []core.Report{report(sha, core.ReportSuccess)}, UpdatedAt: time.Unix(1_763_800_000, 0)}
}

func TestSetStatus(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	for state, want := range map[core.ReportState]string{
		core.ReportPending: "pending", core.ReportRunning: "pending", core.ReportSuccess: "success",
		core.ReportFailure: "failure", core.ReportError: "error", core.ReportSkipped: "success",
	} {
		if err := f.SetStatus(t.Context(), w.coreRepository(), report(w.head, state)); err != nil {
			t.Fatal(err)
		}
		got := w.WaitStatus(t, w.head, "oore/android", want, time.Minute)
		if got.Description != "Passed in 3m 12s" || got.TargetURL != "https://ci.example.com/builds/1" {
			t.Errorf("%s: %+v", state, got)
		}
	}
}

func TestSetStatusCutsTheDescription(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	for _, n := range []int{139, 140, 141, 500} {
		r := report(w.head, core.ReportFailure)
		r.Description = strings.Repeat("é", n)
		if err := f.SetStatus(t.Context(), w.coreRepository(), r); err != nil {
			t.Fatalf("%d characters: %v", n, err)
		}
		got := w.LastStatus(w.head, "oore/android").Description
		if want := min(n, 140); utf8.RuneCountInString(got) != want || n > 140 && !strings.HasSuffix(got, "…") {
			t.Errorf("%d characters became %d: %s", n, utf8.RuneCountInString(got), got)
		}
	}
}

func TestSetStatusThatGitHubWillNeverTake(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	err := f.SetStatus(t.Context(), w.coreRepository(), report(strings.Repeat("a", 40), core.ReportSuccess))
	wantError(t, "unknown commit", err, core.KindInvalid, core.CodeInvalidInput)
	if !strings.Contains(err.Error(), "No commit found for SHA") {
		t.Errorf("the error does not say why: %v", err)
	}
	w.SetPermission(w.repo.InstallationID, "statuses", "")
	err = newForge(t, w).SetStatus(t.Context(), w.coreRepository(), report(w.head, core.ReportSuccess))
	wantError(t, "no permission", err, core.KindForbidden, core.CodePermissionDenied)
	repo := w.coreRepository()
	repo.FullName = "acme/renamed"
	err = newForge(t, w).SetStatus(t.Context(), repo, report(w.head, core.ReportSuccess))
	wantError(t, "unknown repository", err, core.KindNotFound, core.CodeNotFound)
}

func TestSetStatusAtTheMaximum(t *testing.T) {
	w := newWorld(t)
	c := &clock{now: time.Now()}
	f := newForgeAt(t, w, c)
	for i := range 1000 {
		c.Advance(time.Second)
		if err := f.SetStatus(t.Context(), w.coreRepository(), report(w.head, core.ReportSuccess)); err != nil {
			t.Fatalf("status %d: %v", i, err)
		}
	}
	c.Advance(time.Second)
	r := report(w.head, core.ReportFailure)
	r.Context = "OORE/Android" // GitHub compares without case
	err := f.SetStatus(t.Context(), w.coreRepository(), r)
	wantError(t, "status 1001", err, core.KindInvalid, core.CodeInvalidInput)
	if !strings.Contains(err.Error(), "maximum number of statuses") {
		t.Errorf("the error does not say why: %v", err)
	}

	f = newForge(t, w) // after a restart we know what we sent from GitHub's refusal alone
	before := len(w.Requests())
	for range 2 {
		if err := f.SetStatus(t.Context(), w.coreRepository(), report(w.head, core.ReportPending)); err != nil {
			t.Errorf("progress that nobody can show is done: %v", err)
		}
	}
	if n := len(w.Requests()) - before; n != 2 { // a token and one try
		t.Errorf("%d requests", n)
	}
	err = f.SetStatus(t.Context(), w.coreRepository(), r)
	wantError(t, "a result", err, core.KindInvalid, core.CodeInvalidInput)
}

// The last hundred of GitHub's thousand statuses are kept for results.
func TestProgressLeavesRoomForResults(t *testing.T) {
	w := newWorld(t)
	c := &clock{now: time.Now()}
	f := newForgeAt(t, w, c)
	set := func(state core.ReportState, context string) error {
		t.Helper()
		c.Advance(time.Second)
		r := report(w.head, state)
		r.Context = context
		return f.SetStatus(t.Context(), w.coreRepository(), r)
	}
	for i := range 950 {
		state := core.ReportPending
		if i%2 == 1 {
			state = core.ReportSuccess
		}
		if err := set(state, "oore/android"); err != nil {
			t.Fatalf("status %d: %v", i, err)
		}
	}
	if n := len(w.Statuses(w.head)); n != 925 {
		t.Errorf("%d statuses, want 900 and 25 results", n)
	}
	if err := set(core.ReportRunning, "OORE/Android"); err != nil || len(w.Statuses(w.head)) != 925 {
		t.Errorf("GitHub compares contexts without case: %v", err)
	}
	if err := set(core.ReportPending, "oore/ios"); err != nil || w.LastStatus(w.head, "oore/ios").State != "pending" {
		t.Errorf("another context: %v", err)
	}
	if last := w.LastStatus(w.head, "oore/android"); last.State != "success" {
		t.Errorf("the last is %+v", last)
	}
}

func (w *world) open(t *testing.T, number int) {
	t.Helper()
	w.PullRequestPayload("opened", w.repo, githubtest.Pull{Number: number, HeadBranch: "main", HeadSHA: w.head})
}

func TestUpsertCommentEditsInPlace(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	w.open(t, 3)
	known := ""
	for i := range 3 {
		c := sticky(w.head, 3)
		c.Reports[0].Build.Number = 10 + i
		id, err := f.UpsertComment(t.Context(), w.coreRepository(), c, known)
		if err != nil {
			t.Fatal(err)
		}
		if known != "" && id != known {
			t.Errorf("another comment: %s, then %s", known, id)
		}
		known = id
	}
	got := w.Comments(w.repo, 3)
	if len(got) != 1 || got[0].Edits != 2 || !strings.HasPrefix(got[0].Body, templates.CommentMarker+"\n") || !strings.Contains(got[0].Body, "#12") {
		t.Errorf("got %+v", got)
	}
}

func TestUpsertCommentFindsItsOwn(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	w.open(t, 3)
	// Others may quote the marker; more than a page of them.
	for i := range 150 {
		w.AddComment(w.repo, 3, "mona", fmt.Sprintf("%s\n%d", templates.CommentMarker, i))
	}
	w.AddComment(w.repo, 3, "other-app[bot]", templates.CommentMarker)
	w.AddComment(w.repo, 3, w.Slug+"[bot]", "<!-- oore:reply -->\nan answer")
	first, err := f.UpsertComment(t.Context(), w.coreRepository(), sticky(w.head, 3), "")
	if err != nil {
		t.Fatal(err)
	}
	for name, known := range map[string]string{"the id got lost": "", "the id is nonsense": "x", "the id is of nothing": "1"} {
		id, err := f.UpsertComment(t.Context(), w.coreRepository(), sticky(w.head, 3), known)
		if err != nil || id != first {
			t.Errorf("%s: %s, %v; want %s", name, id, err, first)
		}
	}
	mine := 0
	for _, c := range w.Comments(w.repo, 3) {
		if c.Edits > 0 && fmt.Sprint(c.ID) != first {
			t.Errorf("edited a comment of %s", c.Login)
		}
		if fmt.Sprint(c.ID) == first {
			mine++
		}
	}
	if n := len(w.Comments(w.repo, 3)); n != 153 || mine != 1 {
		t.Errorf("%d comments, %d of ours", n, mine)
	}
}

func TestUpsertCommentThatWasDeleted(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	w.open(t, 3)
	first, err := f.UpsertComment(t.Context(), w.coreRepository(), sticky(w.head, 3), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, status := range []int{404, 410} {
		w.DeleteComment(w.repo, w.Comments(w.repo, 3)[0].ID)
		w.Fail(func(r *http.Request) *githubtest.Failure {
			if r.Method == http.MethodPatch {
				return &githubtest.Failure{Status: status}
			}
			return nil
		})
		id, err := f.UpsertComment(t.Context(), w.coreRepository(), sticky(w.head, 3), first)
		if err != nil || id == first || len(w.Comments(w.repo, 3)) != 1 {
			t.Errorf("%d: %s, %v, %+v", status, id, err, w.Comments(w.repo, 3))
		}
		w.Heal()
	}
}

// An answer that got lost must not lead to a second comment.
func TestUpsertCommentAfterALostAnswer(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	w.open(t, 3)
	w.Fail(func(r *http.Request) *githubtest.Failure {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/comments") {
			return &githubtest.Failure{Truncate: true}
		}
		return nil
	})
	_, err := f.UpsertComment(t.Context(), w.coreRepository(), sticky(w.head, 3), "")
	wantError(t, "lost answer", err, core.KindUnavailable, core.CodeUnavailable)
	w.Heal()
	id, err := f.UpsertComment(t.Context(), w.coreRepository(), sticky(w.head, 3), "")
	if got := w.Comments(w.repo, 3); err != nil || len(got) != 1 || fmt.Sprint(got[0].ID) != id {
		t.Errorf("%s, %v, %+v", id, err, got)
	}
}

// Not knowing who we are must not lead to a second comment either.
func TestUpsertCommentWithoutKnowingOurName(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	w.open(t, 3)
	w.Fail(func(r *http.Request) *githubtest.Failure {
		if strings.HasSuffix(r.URL.Path, "/app") {
			return &githubtest.Failure{Status: 502}
		}
		return nil
	})
	_, err := f.UpsertComment(t.Context(), w.coreRepository(), sticky(w.head, 3), "")
	wantError(t, "GET /app fails", err, core.KindUnavailable, core.CodeUnavailable)
	if n := len(w.Comments(w.repo, 3)); n != 0 {
		t.Errorf("%d comments", n)
	}
}

func TestUpsertCommentOnNothing(t *testing.T) {
	w := newWorld(t)
	_, err := newForge(t, w).UpsertComment(t.Context(), w.coreRepository(), sticky(w.head, 99), "")
	wantError(t, "no such pull request", err, core.KindNotFound, core.CodeNotFound)
}
