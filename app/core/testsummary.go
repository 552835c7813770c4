package core

import (
	"fmt"
	"strings"
	"time"
)

// TestSummary is what the tests of a build came to.
type TestSummary struct {
	Passed   int           `json:"passed"`
	Failed   int           `json:"failed"`
	Skipped  int           `json:"skipped"`
	Duration time.Duration `json:"duration_ns"`
	Failures []TestFailure `json:"failures,omitempty"` // the first, at most MaxFindings
}

// TestFailure is a test that did not pass.
type TestFailure struct {
	Suite   string `json:"suite,omitempty"`
	Name    string `json:"name"`
	Message string `json:"message,omitempty"`
	Path    string `json:"path,omitempty"` // within the repository; empty: not known
	Line    int    `json:"line,omitempty"` // from 1; 0: not known
}

// Total is how many tests there were.
func (s TestSummary) Total() int { return s.Passed + s.Failed + s.Skipped }

// Add counts the tests of another report too.
func (s *TestSummary) Add(more TestSummary) {
	s.Passed += more.Passed
	s.Failed += more.Failed
	s.Skipped += more.Skipped
	s.Duration += more.Duration
	s.Failures = append(s.Failures, more.Failures[:min(len(more.Failures), MaxFindings-len(s.Failures))]...)
}

// String is one phrase: "12 passed, 1 failed".
func (s TestSummary) String() string {
	var parts []string
	for _, part := range []struct {
		n    int
		what string
	}{{s.Passed, "passed"}, {s.Failed, "failed"}, {s.Skipped, "skipped"}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	return orElse(strings.Join(parts, ", "), "no tests")
}

// annotation says the failure where the test stands.
func (f TestFailure) annotation() Annotation {
	message := f.Name
	if f.Message != "" {
		message += ": " + f.Message
	}
	return Annotation{Path: f.Path, Line: f.Line, Level: LevelError, Title: "Test failed", Message: message}
}
