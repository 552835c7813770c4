package core

import (
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

// ReportState is a build's state as a forge shows it; each room translates it into
// its provider's word (contract section 5).
type ReportState string

// The states of a report.
const (
	ReportPending ReportState = "pending"
	ReportRunning ReportState = "running"
	ReportSuccess ReportState = "success"
	ReportFailure ReportState = "failure"
	ReportError   ReportState = "error"   // canceled or expired
	ReportSkipped ReportState = "skipped" // a filter kept it from being built
)

// Report is what is to be said about a build, in no provider's markup.
type Report struct {
	Build       Build
	Pipeline    Pipeline
	State       ReportState
	Context     string
	Description string // one sentence worth reading, at most 140 characters
	TargetURL   string
	FailedStep  string
	RerunNumber int // of the newest build that ran it again; 0: none
	Duration    time.Duration
	Tail        []string // last lines of the failed step
	Annotations []Annotation
	Artifacts   []ArtifactLink
	// FirstError is the problem to look at first, and FirstErrorURL its line at the
	// forge; nil and empty: not known.
	FirstError    *Annotation
	FirstErrorURL string
}

// Comment is what the sticky comment of a pull request says: one report for each
// pipeline, the newest build each.
type Comment struct {
	Number    int
	SHA       string
	Reports   []Report
	UpdatedAt time.Time
}

// State of the whole comment: the worst of its reports.
func (c Comment) State() ReportState {
	rank := map[ReportState]int{ReportSkipped: 0, ReportSuccess: 0, ReportPending: 1, ReportRunning: 2, ReportError: 3, ReportFailure: 4}
	worst := ReportSuccess
	for _, r := range c.Reports {
		if rank[r.State] > rank[worst] {
			worst = r.State
		}
	}
	return worst
}

func stateOf(s BuildStatus) ReportState {
	switch s {
	case BuildQueued, BuildAssigned:
		return ReportPending
	case BuildRunning:
		return ReportRunning
	case BuildSucceeded:
		return ReportSuccess
	case BuildFailed, BuildTimedOut:
		return ReportFailure
	case BuildCanceled, BuildExpired:
		return ReportError
	}
	return ReportError
}

// ReportOf says what is to be said about a build as it is now.
func ReportOf(b Build, p Pipeline, steps []Step, targetURL string) Report {
	r := Report{Build: b, Pipeline: p, State: stateOf(b.Status), Context: p.StatusContext, TargetURL: targetURL}
	if b.FinishedAt != nil {
		r.Duration = b.Duration(*b.FinishedAt)
	}
	for _, s := range steps {
		if s.Status == StepFailed {
			r.FailedStep = s.Name
		}
	}
	r.Annotations, r.FirstError = b.Annotations(), b.FirstError()
	r.Description = truncate(describe(b, r), maxStatusText)
	if r.FirstError != nil && b.StatusReason == ReasonCommandFailed {
		// What does not fit would hide the command that failed, or be half a sentence.
		if more := r.Description + " · " + r.FirstError.String(); utf8.RuneCountInString(more) <= maxStatusText {
			r.Description = more
		}
	}
	return r
}

// maxStatusText is what GitHub takes for a status, in characters.
const maxStatusText = 140

func describe(b Build, r Report) string {
	took := HumanDuration(r.Duration)
	switch b.Status {
	case BuildQueued:
		return "Queued"
	case BuildAssigned:
		return "Starting on " + orElse(b.RunnerName, "a runner")
	case BuildRunning:
		return "Running on " + orElse(b.RunnerName, "a runner")
	case BuildSucceeded:
		return "Passed in " + took
	case BuildFailed:
		if b.StartedAt == nil {
			return orElse(b.StatusMessage, "Failed")
		}
		return orElse(b.StatusMessage, "Failed") + " · " + took
	case BuildTimedOut:
		return "Timed out after " + took
	case BuildCanceled:
		return orElse(b.StatusMessage, "Canceled")
	case BuildExpired:
		return "No runner took it in time"
	}
	return string(b.Status)
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// truncate cuts s to at most n characters, in whole runes.
func truncate(s string, n int) string {
	runes := []rune(s)
	if len(runes) <= n {
		return s
	}
	return string(runes[:n-1]) + "…"
}

// HumanDuration prints a duration as people read it: 0.4s, 12s, 3m 12s, 1h 04m.
func HumanDuration(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		// Cut, not rounded, so that 9.97 s does not read 10.0s; a clock set back reads 0.0s.
		return strconv.FormatFloat(max(d, 0).Truncate(100*time.Millisecond).Seconds(), 'f', 1, 64) + "s"
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm %02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh %02dm", int(d.Hours()), int(d.Minutes())%60)
}
