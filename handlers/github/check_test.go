package github_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/github"
	"github.com/oore-ci/oore/handlers/github/githubtest"
)

var _ core.CheckReporter = (*github.Forge)(nil)

// checked is a report about a build with an id, started and, when its status is an
// end, ended.
func checked(sha, id string, status core.BuildStatus) core.Report {
	start, end := time.Unix(1_763_800_000, 999), time.Unix(1_763_800_192, 0)
	b := core.Build{ID: id, Number: 7, SHA: sha, Status: status, RunnerName: "built-in"}
	if status != core.BuildQueued && status != core.BuildAssigned {
		b.StartedAt = &start
	}
	if status.Terminal() {
		b.FinishedAt = &end
	}
	return core.ReportOf(b, core.Pipeline{Name: "Android", StatusContext: "oore/android"}, nil, "https://ci.example.com/builds/"+id)
}

func (w *world) check(t *testing.T, f *github.Forge, r core.Report, known string) string {
	t.Helper()
	id, err := f.SetCheck(t.Context(), w.coreRepository(), r, known)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// only is the one check run of the head.
func (w *world) only(t *testing.T) githubtest.CheckRun {
	t.Helper()
	runs := w.CheckRuns(w.head)
	if len(runs) != 1 {
		t.Fatalf("%d check runs: %+v", len(runs), runs)
	}
	return runs[0]
}

func TestACheckRunFollowsItsBuild(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	known := ""
	for _, tt := range []struct {
		status                           core.BuildStatus
		state, conclusion, button, title string
		started, ended                   bool
	}{
		{core.BuildQueued, "queued", "", "cancel", "Queued", false, false},
		{core.BuildAssigned, "queued", "", "cancel", "Starting on built-in", false, false},
		{core.BuildRunning, "in_progress", "", "cancel", "Running on built-in", true, false},
		{core.BuildSucceeded, "completed", "success", "retry", "Passed in 3m 11s", true, true},
	} {
		known = w.check(t, f, checked(w.head, "b1", tt.status), known)
		got := w.only(t)
		if known != fmt.Sprint(got.ID) || got.Name != "oore/android" || got.ExternalID != "b1" || got.DetailsURL != "https://ci.example.com/builds/b1" ||
			got.Status != tt.state || got.Conclusion != tt.conclusion || got.Title != tt.title || !strings.Contains(got.Summary, "| [Android #7](https://ci.example.com/builds/b1) |") ||
			len(got.Actions) != 1 || got.Actions[0].Identifier != tt.button {
			t.Errorf("%s: %+v", tt.status, got)
		}
		if tt.started && !got.StartedAt.Equal(time.Unix(1_763_800_000, 0)) || (got.CompletedAt != nil) != tt.ended || tt.ended && !got.CompletedAt.Equal(time.Unix(1_763_800_192, 0)) {
			t.Errorf("%s: from %v to %v", tt.status, got.StartedAt, got.CompletedAt)
		}
	}
}

func TestConclusions(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	skipped := report(w.head, core.ReportSkipped)
	skipped.Build = core.Build{SHA: w.head}
	waiting := skipped
	waiting.State = core.ReportPending
	for want, r := range map[string]core.Report{
		"success": checked(w.head, "b1", core.BuildSucceeded), "failure": checked(w.head, "b2", core.BuildFailed),
		"timed_out": checked(w.head, "b3", core.BuildTimedOut), "cancelled": checked(w.head, "b4", core.BuildCanceled),
		"skipped": skipped, "action_required": waiting,
	} {
		r.Context = "oore/" + want
		w.check(t, f, r, "")
		got := w.WaitCheckRun(t, w.head, r.Context, "completed", time.Minute)
		if got.Conclusion != want || got.CompletedAt == nil || (len(got.Actions) == 1) != (r.Build.ID != "") {
			t.Errorf("%s: %+v", want, got)
		}
	}
	expired := checked(w.head, "b5", core.BuildExpired)
	expired.Context = "oore/expired"
	w.check(t, f, expired, "")
	w.WaitCheckRun(t, w.head, "oore/expired", "cancelled", time.Minute)
}

// However a repeat comes about, it makes no second check run.
func TestARepeatMakesNoSecondCheckRun(t *testing.T) {
	for name, known := range map[string]string{"the id got lost": "", "the id is nonsense": "x", "the id is of nothing": "1"} {
		w := newWorld(t)
		f := newForge(t, w)
		first := w.check(t, f, checked(w.head, "b1", core.BuildRunning), "")
		for range 2 { // as long as it runs, and after its end
			if id := w.check(t, f, checked(w.head, "b1", core.BuildFailed), known); id != first {
				t.Errorf("%s: check run %s, then %s", name, first, id)
			}
		}
		if got := w.only(t); got.Conclusion != "failure" || got.Updates != 2 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// An answer that got lost is no check run that got lost.
func TestAnAnswerThatBreaksOffMakesNoSecondCheckRun(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	spoiled := false
	w.Fail(func(r *http.Request) *githubtest.Failure {
		if spoiled || r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/check-runs") {
			return nil
		}
		spoiled = true
		return &githubtest.Failure{Truncate: true}
	})
	r := checked(w.head, "b1", core.BuildQueued)
	if _, err := f.SetCheck(t.Context(), w.coreRepository(), r, ""); core.KindOf(err) != core.KindUnavailable {
		t.Fatalf("half an answer: %v", err)
	}
	w.check(t, f, r, "")
	w.only(t)
}

func TestARerunGetsACheckRunOfItsOwn(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	first := w.check(t, f, checked(w.head, "b1", core.BuildFailed), "")
	second := w.check(t, f, checked(w.head, "b2", core.BuildQueued), first)
	again := w.check(t, f, checked(w.head, "b2", core.BuildSucceeded), first)
	runs := w.CheckRuns(w.head)
	if first == second || again != second || len(runs) != 2 || runs[0].Conclusion != "failure" || runs[0].ExternalID != "b1" ||
		runs[1].Conclusion != "success" || runs[1].ExternalID != "b2" {
		t.Errorf("check runs %s, %s, %s: %+v", first, second, again, runs)
	}
	// One that never ended is nobody's history: the next build takes it over.
	third := w.check(t, f, checked(w.head, "b3", core.BuildRunning), second)
	fourth := w.check(t, f, checked(w.head, "b4", core.BuildQueued), third)
	runs = w.CheckRuns(w.head)
	if third != fourth || len(runs) != 3 || runs[2].ExternalID != "b4" || runs[2].Status != "queued" {
		t.Errorf("check runs %s, %s: %+v", third, fourth, runs)
	}
}

func TestASkippedCheckGivesWayToABuild(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	skipped := report(w.head, core.ReportSkipped)
	skipped.Build = core.Build{SHA: w.head}
	first := w.check(t, f, skipped, "")
	if again := w.check(t, f, skipped, ""); again != first {
		t.Errorf("check run %s, then %s", first, again)
	}
	if id := w.check(t, f, checked(w.head, "b1", core.BuildQueued), first); id == first || len(w.CheckRuns(w.head)) != 2 {
		t.Errorf("got %+v", w.CheckRuns(w.head))
	}
}

// Others may use the name, and other names and commits are not ours to write.
func TestOthersCheckRunsAreLeftAlone(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	theirs := w.AddCheckRun(w.repo, githubtest.CheckRun{AppID: w.AppID + 1, Name: "oore/android", SHA: w.head, ExternalID: "b1", Status: "queued"})
	other := w.AddCheckRun(w.repo, githubtest.CheckRun{AppID: w.AppID, Name: "oore/ios", SHA: w.head, ExternalID: "b1", Status: "queued"})
	before := w.AddCheckRun(w.repo, githubtest.CheckRun{AppID: w.AppID, Name: "oore/android", SHA: w.base, ExternalID: "b1", Status: "queued"})
	for i, known := range []githubtest.CheckRun{theirs, other, before} {
		w.check(t, f, checked(w.head, "b1", core.BuildSucceeded), fmt.Sprint(known.ID))
		runs := w.CheckRuns(w.head)
		if len(runs) != 3 || runs[0].Updates+runs[1].Updates+w.CheckRuns(w.base)[0].Updates != 0 || runs[2].AppID != w.AppID || runs[2].Updates != i {
			t.Errorf("with the id of %+v: %+v", known, runs)
		}
	}
}

func TestAnnotations(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	r := checked(w.head, "b1", core.BuildFailed)
	for i := range 120 {
		r.Annotations = append(r.Annotations, core.Annotation{Path: "lib/main.dart", Line: i, Level: core.LevelError, Title: "t", Message: fmt.Sprint(i)})
	}
	r.Annotations = append(r.Annotations, core.Annotation{Path: "lib/main.dart", Line: 1}, core.Annotation{Message: "nowhere"})
	r.Annotations[1].Level = core.LevelWarning
	r.Annotations[2].Title = strings.Repeat("é", 300)
	r.Annotations[3].Message = strings.Repeat("é", 64<<10)
	id := w.check(t, f, r, "")
	w.check(t, f, r, id) // a repeat adds none
	w.check(t, f, r, "")
	got := w.only(t)
	if len(got.Annotations) != 120 || got.Updates != 4 {
		t.Fatalf("%d annotations, %d updates", len(got.Annotations), got.Updates)
	}
	a := got.Annotations
	if a[0] != (githubtest.Annotation{Path: "lib/main.dart", StartLine: 1, EndLine: 1, Level: "failure", Title: "t", Message: "0"}) ||
		a[1].Level != "warning" || a[119].StartLine != 119 || a[119].Message != "119" || !strings.HasPrefix(a[3].Message, "éé") {
		t.Errorf("got %+v, %+v, %+v", a[0], a[1], a[119])
	}
}

// What was sent before something failed is not sent again.
func TestAnnotationsGoOnWhereTheyStopped(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	r := checked(w.head, "b1", core.BuildFailed)
	for i := range 700 {
		r.Annotations = append(r.Annotations, core.Annotation{Path: "a", Line: i + 1, Message: fmt.Sprint(i)})
	}
	calls := 0
	w.Fail(func(r *http.Request) *githubtest.Failure {
		if r.Method != http.MethodPatch {
			return nil
		}
		if calls++; calls == 4 {
			return &githubtest.Failure{Status: 500}
		}
		return nil
	})
	if _, err := f.SetCheck(t.Context(), w.coreRepository(), r, ""); core.KindOf(err) != core.KindUnavailable {
		t.Fatalf("the fourth update fails: %v", err)
	}
	if n := len(w.only(t).Annotations); n != 200 {
		t.Fatalf("%d annotations before it", n)
	}
	w.check(t, f, r, "")
	got := w.only(t)
	if len(got.Annotations) != 500 || !slices.IsSortedFunc(got.Annotations, func(a, b githubtest.Annotation) int { return a.StartLine - b.StartLine }) {
		t.Errorf("%d annotations", len(got.Annotations))
	}
}

func TestCheckRunsThatGitHubWillNeverTake(t *testing.T) {
	w := newWorld(t)
	_, err := newForge(t, w).SetCheck(t.Context(), w.coreRepository(), checked(strings.Repeat("a", 40), "b1", core.BuildQueued), "")
	wantError(t, "unknown commit", err, core.KindInvalid, core.CodeInvalidInput)
	w.SetPermission(w.repo.InstallationID, "checks", "")
	_, err = newForge(t, w).SetCheck(t.Context(), w.coreRepository(), checked(w.head, "b1", core.BuildQueued), "")
	wantError(t, "no permission", err, core.KindForbidden, core.CodePermissionDenied)
	if len(w.CheckRuns(w.head)) != 0 {
		t.Error("a check run all the same")
	}
}

// The buttons and GitHub's own "Re-run" come back as what they say.
func TestButtonsComeBack(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	w.check(t, f, checked(w.head, "b1", core.BuildRunning), "")
	running := w.only(t)
	e := decode(t, "check_run", w.CheckRunPayload("requested_action", w.repo, running, running.Actions[0].Identifier))
	if e.Cancel == nil || e.Cancel.BuildID != "b1" || e.Rerun != nil || e.Ignored != nil || e.Kind != core.EventNone || e.RepositoryID == "" || e.SHA != w.head {
		t.Errorf("Cancel: %+v", e)
	}
	w.check(t, f, checked(w.head, "b1", core.BuildFailed), "")
	failed := w.only(t)
	for name, payload := range map[string][]byte{
		"our button": w.CheckRunPayload("requested_action", w.repo, failed, failed.Actions[0].Identifier),
		"GitHub's":   w.CheckRunPayload("rerequested", w.repo, failed, ""),
	} {
		if e := decode(t, "check_run", payload); e.Rerun == nil || *e.Rerun != (core.Rerun{SHA: w.head, BuildID: "b1"}) || e.Cancel != nil || e.Ignored != nil {
			t.Errorf("%s: %+v", name, e)
		}
	}
}
