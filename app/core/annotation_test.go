package core

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func failedBuild(message string, problems ...Annotation) Build {
	start := time.Unix(1000, 0)
	end := start.Add(64 * time.Second)
	return Build{
		Status: BuildFailed, StatusReason: ReasonCommandFailed, StatusMessage: message, StartedAt: &start, FinishedAt: &end, Problems: problems,
	}
}

func TestTheDescriptionOfAFailureNamesItsFirstError(t *testing.T) {
	const command = "build-2 failed: exit 1"
	missing := Annotation{Path: "lib/main.dart", Line: 12, Column: 5, Level: LevelError, Message: "Expected ';'\n\tafter this."}
	unused := Annotation{Path: "lib/a.dart", Line: 1, Level: LevelWarning, Message: "Unused import"}
	tested := failedBuild(command, unused)
	tested.Tests = &TestSummary{Failed: 1, Failures: []TestFailure{{Name: "adds", Message: "Expected: <2>\n  Actual: <1>", Path: "test/a_test.dart", Line: 7}}}
	elsewhere := failedBuild(command, missing)
	elsewhere.StatusReason = ReasonRunnerShutdown
	passed := failedBuild("", missing)
	passed.Status = BuildSucceeded
	room := 140 - utf8.RuneCountInString(command+" · 1m 04s · a.dart:1: ")
	fits := strings.Repeat("ö", room)
	for _, c := range []struct {
		name  string
		build Build
		says  string
		first string
	}{
		{"an error", failedBuild(command, unused, missing), command + " · 1m 04s · lib/main.dart:12: Expected ';' after this.", "lib/main.dart:12: Expected ';' after this."},
		{"a problem without a place", failedBuild(command, Annotation{Level: LevelError, Message: "No profiles"}), command + " · 1m 04s · No profiles", "No profiles"},
		{"a failed test", tested, command + " · 1m 04s · test/a_test.dart:7: adds: Expected: <2> Actual: <1>", "test/a_test.dart:7: adds: Expected: <2> Actual: <1>"},
		{"warnings alone", failedBuild(command, unused), command + " · 1m 04s", ""},
		{"nothing", failedBuild(command), command + " · 1m 04s", ""},
		{"what just fits", failedBuild(command, Annotation{Path: "a.dart", Line: 1, Level: LevelError, Message: fits}), command + " · 1m 04s · a.dart:1: " + fits, "a.dart:1: " + fits},
		{"what does not fit", failedBuild(command, Annotation{Path: "a.dart", Line: 1, Level: LevelError, Message: fits + "x"}), command + " · 1m 04s", "a.dart:1: " + fits + "x"},
		{"a build that no command ended", elsewhere, command + " · 1m 04s", "lib/main.dart:12: Expected ';' after this."},
		{"a build that passed", passed, "Passed in 1m 04s", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := ReportOf(c.build, Pipeline{}, nil, "")
			first := ""
			if r.FirstError != nil {
				first = r.FirstError.String()
			}
			if r.Description != c.says || first != c.first {
				t.Errorf("says %q, first error %q", r.Description, first)
			}
		})
	}
	r := ReportOf(tested, Pipeline{}, nil, "")
	if len(r.Annotations) != 2 || r.Annotations[0] != unused || r.Annotations[1].Where() != "test/a_test.dart:7" || len(tested.Problems) != 1 {
		t.Errorf("annotations %+v", r.Annotations)
	}
}

func TestFindingsAreBounded(t *testing.T) {
	long := strings.Repeat("é", 2000)
	r := Result{Tests: &TestSummary{Passed: 3, Failed: 60}}
	for range 60 {
		r.Problems = append(r.Problems, Annotation{Path: "a", Title: long, Message: long})
		r.Tests.Failures = append(r.Tests.Failures, TestFailure{Suite: long, Name: long, Message: long, Path: long, Line: 3})
	}
	got := r.Bounded()
	if len(got.Problems) != MaxFindings || len(got.Tests.Failures) != MaxFindings || got.Tests.Failed != 60 || got.Tests.Passed != 3 {
		t.Fatalf("%d problems, tests %s with %d failures", len(got.Problems), got.Tests, len(got.Tests.Failures))
	}
	p, f := got.Problems[0], got.Tests.Failures[0]
	lengths := []int{}
	for _, text := range []string{p.Title, p.Message, f.Suite, f.Name, f.Message, f.Path} {
		lengths = append(lengths, utf8.RuneCountInString(text))
	}
	if !slices.Equal(lengths, []int{200, 1000, 200, 200, 1000, 0}) || p.Path != "a" || f.Line != 0 {
		t.Errorf("lengths %v", lengths)
	}
	if len(r.Tests.Failures) != 60 || utf8.RuneCountInString(r.Problems[0].Title) != 2000 {
		t.Error("the original was changed")
	}
	if got := (Result{Status: BuildSucceeded}).Bounded(); got.Problems != nil || got.Tests != nil {
		t.Errorf("of nothing came %+v", got)
	}
}

func TestARunnerCannotSayWhatItCannotHaveFound(t *testing.T) {
	for _, path := range []string{"/etc/passwd", "../secrets", "a/../../b", "a//b", "a\x00b", "a\nb", "\xff"} {
		r := Result{
			Problems: []Annotation{{Path: path, Line: 3, Column: -1, Level: "fatal", Title: "a\x1b[31mb", Message: "one\ntwo\x07\xff"}},
			Tests:    &TestSummary{Passed: -1, Failed: -1, Duration: -1, Failures: []TestFailure{{Name: "a", Path: path, Line: 3}}},
		}.Bounded()
		want := Annotation{Column: 0, Level: LevelError, Title: "a[31mb", Message: "one\ntwo\uFFFD"}
		if r.Problems[0] != want || r.Tests.Failures[0] != (TestFailure{Name: "a"}) || r.Tests.String() != "no tests" || r.Tests.Duration != 0 {
			t.Errorf("%q: %+v, tests %+v", path, r.Problems[0], r.Tests)
		}
	}
	r := Result{Problems: []Annotation{{Path: "lib/a b.dart", Line: -1, Level: LevelWarning}}}.Bounded()
	if r.Problems[0] != (Annotation{Path: "lib/a b.dart", Level: LevelWarning}) {
		t.Errorf("%+v", r.Problems[0])
	}
}

func TestTestsInWords(t *testing.T) {
	for want, s := range map[string]TestSummary{
		"12 passed, 1 failed": {Passed: 12, Failed: 1}, "1 passed": {Passed: 1}, "3 failed, 2 skipped": {Failed: 3, Skipped: 2}, "no tests": {},
	} {
		if s.String() != want {
			t.Errorf("%+v reads %q", s, s)
		}
	}
	all := TestSummary{Passed: 1, Duration: time.Second, Failures: make([]TestFailure, MaxFindings-1)}
	all.Add(TestSummary{Passed: 2, Failed: 3, Skipped: 4, Duration: time.Second, Failures: make([]TestFailure, 3)})
	if all.Passed != 3 || all.Total() != 10 || all.Duration != 2*time.Second || len(all.Failures) != MaxFindings {
		t.Errorf("together %+v", all)
	}
}

func TestThePageOfAFileAtACommit(t *testing.T) {
	github := Repository{Provider: ProviderGitHub, WebURL: "https://github.com/acme/shop"}
	gitlab := Repository{Provider: ProviderGitLab, WebURL: "https://git.example/x/shop"}
	for _, c := range []struct {
		repo      Repository
		sha, path string
		line      int
		want      string
	}{
		{github, "abc", "lib/main.dart", 12, "https://github.com/acme/shop/blob/abc/lib/main.dart#L12"},
		{github, "abc", "a b/#1?.dart", 0, "https://github.com/acme/shop/blob/abc/a%20b/%231%3F.dart"},
		{gitlab, "abc", "lib/main.dart", 12, "https://git.example/x/shop/-/blob/abc/lib/main.dart#L12"},
		{Repository{Provider: ProviderGit}, "abc", "lib/main.dart", 12, ""},
		{Repository{Provider: ProviderGitHub}, "abc", "a", 1, ""},
		{github, "", "a", 1, ""},
		{github, "abc", "", 1, ""},
	} {
		if got := c.repo.FileURL(c.sha, c.path, c.line); got != c.want {
			t.Errorf("%s %s:%d is at %q, want %q", c.repo.Provider, c.path, c.line, got, c.want)
		}
	}
}
