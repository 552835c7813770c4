package core

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestAReportForEveryStatus(t *testing.T) {
	start := time.Unix(1000, 0)
	ended := func(status BuildStatus, message string, took time.Duration) Build {
		end := start.Add(took)
		return Build{Status: status, StatusMessage: message, StartedAt: &start, FinishedAt: &end}
	}
	end := start
	for _, c := range []struct {
		name  string
		build Build
		state ReportState
		says  string
	}{
		{"queued", Build{Status: BuildQueued}, ReportPending, "Queued"},
		{"assigned", Build{Status: BuildAssigned, RunnerName: "mac-1"}, ReportPending, "Starting on mac-1"},
		{"assigned to nobody known", Build{Status: BuildAssigned}, ReportPending, "Starting on a runner"},
		{"running", Build{Status: BuildRunning, StartedAt: &start, RunnerName: "mac-1"}, ReportRunning, "Running on mac-1"},
		{"succeeded", ended(BuildSucceeded, "", 192*time.Second), ReportSuccess, "Passed in 3m 12s"},
		{"failed", ended(BuildFailed, "build-2 failed: exit 1", 64*time.Second), ReportFailure, "build-2 failed: exit 1 · 1m 04s"},
		{"failed without a word", ended(BuildFailed, "", time.Second), ReportFailure, "Failed · 1.0s"},
		{"failed before it started", Build{Status: BuildFailed, StatusMessage: "The repository is gone", FinishedAt: &end}, ReportFailure, "The repository is gone"},
		{"timed out", ended(BuildTimedOut, "", time.Hour), ReportFailure, "Timed out after 1h 00m"},
		{"canceled", ended(BuildCanceled, "", time.Second), ReportError, "Canceled"},
		{"canceled by somebody", ended(BuildCanceled, "Canceled by ann", time.Second), ReportError, "Canceled by ann"},
		{"expired", Build{Status: BuildExpired, FinishedAt: &end}, ReportError, "No runner took it in time"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := ReportOf(c.build, Pipeline{StatusContext: "oore/android"}, nil, "https://ci/builds/1")
			if r.State != c.state || r.Description != c.says || r.Context != "oore/android" || r.TargetURL != "https://ci/builds/1" {
				t.Errorf("report %+v", r)
			}
		})
	}
}

func TestEveryStateHasAReport(t *testing.T) {
	for _, s := range BuildStatuses() {
		r := ReportOf(Build{Status: s, StatusMessage: strings.Repeat("ö", 500), RunnerName: strings.Repeat("日", 500)}, Pipeline{}, nil, "")
		if n := utf8.RuneCountInString(r.Description); r.State == "" || n == 0 || n > 140 {
			t.Errorf("%s: state %q, %d characters", s, r.State, n)
		}
		if !utf8.ValidString(r.Description) {
			t.Errorf("%s: %q is cut inside a character", s, r.Description)
		}
	}
	if got := stateOf("scheduled"); got != ReportError {
		t.Errorf("an unknown state reports %s", got)
	}
}

func TestAReportNamesTheFailedStep(t *testing.T) {
	steps := []Step{{Name: "checkout", Status: StepSucceeded}, {Name: "build-2", Status: StepFailed}, {Name: "post_build-1", Status: StepSkipped}}
	if r := ReportOf(Build{Status: BuildFailed}, Pipeline{}, steps, ""); r.FailedStep != "build-2" {
		t.Errorf("failed step %q", r.FailedStep)
	}
}

func TestHumanDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second:                          "0.0s",
		0:                                     "0.0s",
		449 * time.Millisecond:                "0.4s",
		9970 * time.Millisecond:               "9.9s",
		10 * time.Second:                      "10s",
		59*time.Second + 999*time.Millisecond: "59s",
		time.Minute:                           "1m 00s",
		192 * time.Second:                     "3m 12s",
		time.Hour - time.Second:               "59m 59s",
		64 * time.Minute:                      "1h 04m",
		25 * time.Hour:                        "25h 00m",
	} {
		if got := HumanDuration(d); got != want {
			t.Errorf("HumanDuration(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestACommentIsAsBadAsItsWorstReport(t *testing.T) {
	order := []ReportState{ReportSuccess, ReportPending, ReportRunning, ReportError, ReportFailure}
	for i, a := range order {
		for j, b := range order {
			c := Comment{Reports: []Report{{State: a}, {State: b}}}
			if got, want := c.State(), order[max(i, j)]; got != want {
				t.Errorf("%s and %s make %s, want %s", a, b, got, want)
			}
		}
	}
}
