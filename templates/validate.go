package templates

import (
	"io"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// ValidateView is a .oore.yaml that somebody wants checked, and what came of it.
type ValidateView struct {
	Page
	Content   string
	Projects  []core.Project
	Project   string // the chosen one's id; empty: none
	Pipelines []core.Pipeline
	Pipeline  core.Pipeline // whose labels and triggers count; ID empty: the file's own
	Ref       Field         // of the repository's file; empty: the project's branch
	Path, SHA string        // of the file that Content was read from; empty: it was typed
	Result    *ValidateResult
}

// ValidateResult is what a file comes to.
type ValidateResult struct {
	Problems []core.Problem
	Plan     core.Plan
	Labels   []string
	Fit      int // runners that would take its build
	Runners  int
	Tried    bool // a project was chosen, whose events it was tried with
	Trials   []TrialRow
}

// Line is a line of the file, from 1.
func (v ValidateView) Line(n int) string {
	lines := strings.Split(v.Content, "\n")
	if n < 1 || n > len(lines) {
		return ""
	}
	return strings.TrimRight(lines[n-1], "\r")
}

// Validate writes the page that checks a .oore.yaml.
func (s *Set) Validate(w io.Writer, v ValidateView) error {
	return s.render(w, "validate", "layout", v)
}
