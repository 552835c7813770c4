package templates

import (
	"io"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// RunChoiceView asks in which project a build is to start.
type RunChoiceView struct {
	Page
	Projects  []core.Project // in which the reader may start one
	MayCreate bool
}

// RunChoice writes the page that asks for a project.
func (s *Set) RunChoice(w io.Writer, v RunChoiceView) error {
	return s.render(w, "run_choice", "layout", v)
}

// RunPipeline is a pipeline to choose, with what to expect of its build.
type RunPipeline struct {
	core.Pipeline
	Usual     time.Duration // 0: not known
	Fit       int           // runners that may run it
	Runners   int
	Platforms []Tick // to choose from; none: there is no choice
}

// RunView is the form that starts a build.
type RunView struct {
	Page
	Project                        core.Project
	Pipelines                      []RunPipeline
	Pipeline, Branch, Commit, Note Field
	Platforms                      []string // chosen ones
	Branches                       []string // suggestions
	Key                            string   // of this form: sent twice, it starts one build
	Resolved                       *Resolved
	MayEdit                        bool
	APIURL                         string // where a script asks for the same
}

// Resolved is the commit that a form would build, or why there is none.
type Resolved struct {
	Commit core.Commit
	Error  string
}

// Run writes the form that starts a build.
func (s *Set) Run(w io.Writer, v RunView) error { return s.render(w, "run", "layout", v) }

// RunResolved writes the commit alone, for the script.
func (s *Set) RunResolved(w io.Writer, v Resolved) error { return s.render(w, "run", "resolved", v) }
