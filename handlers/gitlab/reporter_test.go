package gitlab_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/gitlab/gitlabtest"
	"github.com/oore-ci/oore/templates"
)

func contextWithin(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

const statusName = "oore/android"

func report(sha string, state core.ReportState) core.Report {
	return core.Report{
		Build: core.Build{Number: 7, SHA: sha, Branch: "main", Status: core.BuildSucceeded}, Pipeline: core.Pipeline{Name: "Android"},
		State: state, Context: statusName, Description: "Passed in 3m 12s", TargetURL: "https://ci.example.com/builds/1", Duration: 192 * time.Second,
	}
}

func (w *world) set(t *testing.T, states ...core.ReportState) {
	t.Helper()
	for _, state := range states {
		if err := w.room.SetStatus(t.Context(), w.repo(), report(w.head, state)); err != nil {
			t.Fatalf("%s: %v", state, err)
		}
	}
}

func TestSetStatus(t *testing.T) {
	for state, want := range map[core.ReportState]string{
		core.ReportPending: "pending", core.ReportRunning: "running", core.ReportSuccess: "success",
		core.ReportFailure: "failed", core.ReportError: "canceled", core.ReportSkipped: "skipped",
	} {
		w := newWorld(t)
		w.set(t, state)
		got := w.LastStatus(w.project, w.head, statusName)
		if got.State != want || got.Description != "Passed in 3m 12s" || got.TargetURL != "https://ci.example.com/builds/1" || got.Ref != "main" {
			t.Errorf("%s: %+v", state, got)
		}
	}
}

// Whatever order reports come in, GitLab ends at the last of them, and what it refuses
// because it is done already is done.
func TestTransitions(t *testing.T) {
	pending, running, success, failure := core.ReportPending, core.ReportRunning, core.ReportSuccess, core.ReportFailure
	tests := []struct {
		name    string
		states  []core.ReportState
		history []string // of all statuses of the name
	}{
		{"a build", []core.ReportState{pending, running, success}, []string{"pending", "running", "success"}},
		{"each twice", []core.ReportState{pending, pending, running, running}, []string{"pending", "running"}},
		{"late pending", []core.ReportState{running, pending, running}, []string{"running"}},
		{"straight to the end", []core.ReportState{success}, []string{"success"}},
		{"run again", []core.ReportState{pending, running, failure, pending, running, success}, []string{"pending", "running", "failed", "pending", "running", "success"}},
	}
	for _, pedantic := range []bool{false, true} {
		for _, tt := range tests {
			w := newWorld(t)
			if pedantic {
				w.Pedantic()
			}
			w.set(t, tt.states...)
			var history []string
			pipelines := map[int]bool{}
			for _, s := range w.Statuses(w.project, w.head) {
				history = append(history, s.History...)
				pipelines[s.PipelineID] = true
			}
			if !slices.Equal(history, tt.history) || len(pipelines) != 1 {
				t.Errorf("%s: %v in %d pipelines, want %v", tt.name, history, len(pipelines), tt.history)
			}
		}
	}
}

func TestPendingToTheEndByWayOfRunning(t *testing.T) {
	for pedantic, want := range map[bool][]string{false: {"pending", "failed"}, true: {"pending", "running", "failed"}} {
		w := newWorld(t)
		if pedantic {
			w.Pedantic()
		}
		w.set(t, core.ReportPending, core.ReportFailure)
		if got := w.LastStatus(w.project, w.head, statusName); !slices.Equal(got.History, want) {
			t.Errorf("pedantic %v: %v", pedantic, got.History)
		}
	}
}

func refusal(via, from string) gitlabtest.Failure {
	return gitlabtest.Failure{Status: 400, Body: fmt.Sprintf(`{"message":"Cannot transition status via :%s from :%s (Reason(s): Status cannot transition via \"%s\")"}`, via, from, via)}
}

func TestRefusedTransitions(t *testing.T) {
	tests := []struct {
		state     core.ReportState
		via, from string
		fault     bool
	}{
		{core.ReportPending, "enqueue", "pending", false},
		{core.ReportPending, "enqueue", "running", false},
		{core.ReportPending, "enqueue", "success", false},
		{core.ReportRunning, "run", "running", false},
		{core.ReportRunning, "run", "failed", false},
		{core.ReportSuccess, "success", "success", false},
		{core.ReportSuccess, "success", "failed", true},
		{core.ReportFailure, "drop", "canceled", true},
		{core.ReportRunning, "run", "created", true},
	}
	for _, tt := range tests {
		w := newWorld(t)
		w.Fail(func(r *http.Request) *gitlabtest.Failure {
			if r.Method != http.MethodPost {
				return nil
			}
			f := refusal(tt.via, tt.from)
			return &f
		})
		err := w.room.SetStatus(t.Context(), w.repo(), report(w.head, tt.state))
		if !tt.fault && err != nil {
			t.Errorf("%s from %s: %v", tt.state, tt.from, err)
		}
		if tt.fault {
			wantError(t, tt.from, err, core.KindInvalid, "Cannot transition")
		}
	}
}

// A refusal is settled by what GitLab shows.
func TestARefusedEndThatIsThere(t *testing.T) {
	w := newWorld(t)
	w.set(t, core.ReportRunning, core.ReportSuccess)
	refused := false
	w.Fail(func(r *http.Request) *gitlabtest.Failure {
		if r.Method != http.MethodPost || refused {
			return nil
		}
		refused = true
		f := refusal("success", "canceled")
		return &f
	})
	w.set(t, core.ReportSuccess)
	if n := len(w.Statuses(w.project, w.head)); n != 1 || !refused {
		t.Errorf("%d statuses", n)
	}
}

func TestStatusesJoinThePipelineOfTheMergeRequest(t *testing.T) {
	w := newWorld(t)
	ours := w.AddPipeline(w.project, w.head, "refs/merge-requests/3/head", "merge_request_event")
	w.set(t, core.ReportPending, core.ReportRunning, core.ReportSuccess)
	if got := w.Statuses(w.project, w.head); len(got) != 1 || got[0].PipelineID != ours || got[0].Ref != "refs/merge-requests/3/head" {
		t.Errorf("got %+v", got)
	}
	reads := 0
	for _, r := range w.Requests() {
		if r.Method == http.MethodGet {
			reads++
		}
	}
	if reads != 1 {
		t.Errorf("the pipeline was looked for %d times", reads)
	}
}

func TestStatusesDoNotJoinAnotherBranchsPipeline(t *testing.T) {
	w := newWorld(t)
	other := w.AddPipeline(w.project, w.head, "release", "push")
	w.set(t, core.ReportRunning, core.ReportSuccess)
	if got := w.Statuses(w.project, w.head); len(got) != 1 || got[0].PipelineID == other || got[0].Ref != "main" {
		t.Errorf("got %+v", got)
	}
}

func TestAPipelineThatTakesNoMore(t *testing.T) {
	w := newWorld(t)
	w.set(t, core.ReportPending, core.ReportRunning)
	w.ArchivePipelines(w.project)
	w.set(t, core.ReportSuccess)
	w.set(t, core.ReportPending, core.ReportSuccess)
	got := w.Statuses(w.project, w.head)
	if len(got) != 3 || got[1].PipelineID == got[0].PipelineID || got[2].PipelineID != got[1].PipelineID || got[2].State != "success" {
		t.Errorf("got %+v", got)
	}
}

func TestStatusesOfTagsAndUnnamedRefs(t *testing.T) {
	w := newWorld(t)
	r := report(w.head, core.ReportSuccess)
	r.Build.Branch, r.Build.Tag = "", "v1"
	if err := w.room.SetStatus(t.Context(), w.repo(), r); err != nil {
		t.Fatal(err)
	}
	if got := w.LastStatus(w.project, w.head, statusName); got.Ref != "v1" {
		t.Errorf("got %+v", got)
	}
	r = report(w.base, core.ReportSuccess)
	r.Build.Branch = ""
	if err := w.room.SetStatus(t.Context(), w.repo(), r); err != nil {
		t.Fatal(err)
	}
	if got := w.LastStatus(w.project, w.base, statusName); got.Ref != "main" {
		t.Errorf("GitLab finds the branch itself: %+v", got)
	}
}

func TestStatusesOfForksAreTold(t *testing.T) {
	w := newWorld(t)
	sha := w.git.ForkCommit(5, map[string]string{"x": "1"}, "From a fork")
	r := report(sha, core.ReportSuccess)
	r.Build.Branch, r.Build.PullRequest = "main", &core.PullRequest{Number: 5, Fork: true}
	err := w.room.SetStatus(t.Context(), w.repo(), r)
	wantError(t, "a commit of a fork", err, core.KindNotFound, "fork")
	r.Build.SHA = strings.Repeat("a", 40)
	err = w.room.SetStatus(t.Context(), w.repo(), r)
	wantError(t, "a commit that only the fork has", err, core.KindNotFound, "fork")
	if len(w.Statuses(w.project, sha)) != 0 {
		t.Error("a fork's commit was reported as the project's own")
	}
}

func TestStatusesThatGitLabWillNeverTake(t *testing.T) {
	w := newWorld(t)
	err := w.room.SetStatus(t.Context(), w.repo(), report(strings.Repeat("a", 40), core.ReportSuccess))
	wantError(t, "unknown commit", err, core.KindNotFound, "no commit")
	w.SetAccess(w.project, w.User, gitlabtest.Reporter)
	err = w.room.SetStatus(t.Context(), w.repo(), report(w.head, core.ReportSuccess))
	wantError(t, "no permission", err, core.KindForbidden, "Developer")
	w.SetAccess(w.project, w.User, 0)
	err = w.room.SetStatus(t.Context(), w.repo(), report(w.base, core.ReportSuccess))
	wantError(t, "no access", err, core.KindNotFound, "")
}

func TestStatusesThatMayBeTriedAgain(t *testing.T) {
	w := newWorld(t)
	w.set(t, core.ReportPending)
	for what, f := range map[string]gitlabtest.Failure{
		"busy": {Status: 409, Body: `{"message":"409 Conflict"}`}, "broken": gitlabtest.ServerError(500), "gone": {Drop: true},
	} {
		w.FailNext(f)
		err := w.room.SetStatus(t.Context(), w.repo(), report(w.head, core.ReportRunning))
		wantError(t, what, err, core.KindUnavailable, "")
	}
	w.set(t, core.ReportRunning, core.ReportSuccess)
}

func TestStatusTexts(t *testing.T) {
	w := newWorld(t)
	for _, n := range []int{254, 255, 256, 900} {
		r := report(w.head, core.ReportFailure)
		r.Description, r.TargetURL = strings.Repeat("é", n), "https://ci.example.com/"+strings.Repeat("x", n)
		if err := w.room.SetStatus(t.Context(), w.repo(), r); err != nil {
			t.Fatalf("%d characters: %v", n, err)
		}
		got := w.LastStatus(w.project, w.head, statusName).Description
		if want := min(n, 255); utf8.RuneCountInString(got) != want || n > 255 && !strings.HasSuffix(got, "…") {
			t.Errorf("%d characters became %d", n, utf8.RuneCountInString(got))
		}
	}
}

func sticky(sha string, number int) core.Comment {
	return core.Comment{Number: number, SHA: sha, Reports: []core.Report{report(sha, core.ReportSuccess)}, UpdatedAt: time.Unix(1_763_800_000, 0)}
}

func (w *world) comment(t *testing.T, c core.Comment, known string) string {
	t.Helper()
	id, err := w.room.UpsertComment(t.Context(), w.repo(), c, known)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestNotesAreEditedInPlace(t *testing.T) {
	w := newWorld(t)
	w.Open(w.project, gitlabtest.MergeRequest{Number: 3, SHA: w.head})
	known := ""
	for i := range 3 {
		c := sticky(w.head, 3)
		c.Reports[0].Build.Number = 10 + i
		id := w.comment(t, c, known)
		if known != "" && id != known {
			t.Errorf("another note: %s, then %s", known, id)
		}
		known = id
	}
	got := w.Notes(w.project, 3)
	if len(got) != 1 || got[0].Edits != 2 || !strings.HasPrefix(got[0].Body, templates.CommentMarker+"\n") || !strings.Contains(got[0].Body, "#12") {
		t.Errorf("got %+v", got)
	}
	if id := w.comment(t, sticky(w.head, 3), ""); id != known || len(w.Notes(w.project, 3)) != 1 {
		t.Errorf("the id was lost and the note not found: %s", id)
	}
	w.DeleteNote(w.project, got[0].ID)
	if id := w.comment(t, sticky(w.head, 3), known); id == known || len(w.Notes(w.project, 3)) != 1 {
		t.Errorf("a deleted note is not made anew: %s", id)
	}
}

func TestNotesOfOthersAreLeftAlone(t *testing.T) {
	w := newWorld(t)
	w.Open(w.project, gitlabtest.MergeRequest{Number: 3, SHA: w.head})
	mallory := w.AddUser("mallory")
	copied := w.AddNote(w.project, 3, mallory, templates.CommentMarker+"\nAll is well")
	for i := range 150 {
		w.AddNote(w.project, 3, w.User, fmt.Sprintf("Talk %d about %s", i, templates.CommentMarker))
	}
	first := w.comment(t, sticky(w.head, 3), "")
	if again := w.comment(t, sticky(w.head, 3), ""); again != first || first == fmt.Sprint(copied.ID) {
		t.Errorf("%s, then %s", first, again)
	}
	_, err := w.room.UpsertComment(t.Context(), w.repo(), sticky(w.head, 3), fmt.Sprint(copied.ID))
	wantError(t, "the id of somebody else's note", err, core.KindForbidden, "")
	for _, n := range w.Notes(w.project, 3) {
		if n.Author == mallory && n.Edits != 0 {
			t.Error("somebody else's note was edited")
		}
	}
	_, err = w.room.UpsertComment(t.Context(), w.repo(), sticky(w.head, 4), "")
	wantError(t, "no such merge request", err, core.KindNotFound, "!4")
}

// GitLab runs lines that start with a slash with the rights of who writes them.
func TestNotesRunNoCommands(t *testing.T) {
	w := newWorld(t)
	w.Open(w.project, gitlabtest.MergeRequest{Number: 3, SHA: w.head})
	c := sticky(w.head, 3)
	r := &c.Reports[0]
	r.State, r.Build.Status = core.ReportFailure, core.BuildFailed
	r.Pipeline.Name, r.FailedStep, r.Description = "x\n/approve", "y\r\n/merge", "z\n/close"
	r.Tail = []string{"/approve", "a\n/merge", "\x1b[0m/close", "\r/unlabel", "\u200b/assign @root", "```", "/rebase", "a\u2028/lock"}
	w.comment(t, c, "")
	if ran := w.Commands(w.project); len(ran) != 0 {
		t.Errorf("GitLab ran %q", ran)
	}
	body := w.Notes(w.project, 3)[0].Body
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, "/") {
			t.Errorf("a line starts with a slash: %q", line)
		}
	}
	if !strings.Contains(body, "rebase") {
		t.Errorf("the log is missing, so this shows nothing:\n%s", body)
	}
}
