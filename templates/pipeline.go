package templates

import (
	"io"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// Input is a field of a form with its words.
type Input struct {
	Name, Label, Hint string
	Kind              InputKind
	Rows              int // of a text area
	Optional          bool
	Field
}

// InputKind says how a field is filled in.
type InputKind string

// The kinds of fields.
const (
	InputText  InputKind = "text"
	InputLines InputKind = "lines" // one item a line
	InputCode  InputKind = "code"  // the same, in the letters of code
	InputTick  InputKind = "tick"  // Value "true" or empty
)

// Tick is one of several boxes.
type Tick struct {
	Value, Label string
	On           bool
}

// InputGroup is fields that belong together.
type InputGroup struct {
	Legend string
	Inputs []*Input
	Open   bool // something in it is set, or wrong
}

// PipelineFormView is the form of a pipeline: a new one, or one that is there.
type PipelineFormView struct {
	Page
	Project   core.Project
	Pipeline  core.Pipeline // ID empty: a new one
	Main      []*Input
	Events    []Tick
	Platforms []Tick
	Groups    []InputGroup
	Wrong     Field // what is wrong with the events or platforms
}

// PipelineForm writes the form of a pipeline.
func (s *Set) PipelineForm(w io.Writer, v PipelineFormView) error {
	return s.render(w, "pipeline_form", "layout", v)
}

// TrialRow is what a pipeline would make of something that has happened.
type TrialRow struct {
	Delivery core.Delivery
	Branch   string
	Tag      string
	core.Verdict
}

// PipelineView is a pipeline's own page.
type PipelineView struct {
	Page
	Project  core.Project
	Pipeline core.Pipeline
	Text     string // what it says, as a .oore.yaml
	Bars     []Bar
	Recent   []BuildRow
	Trials   []TrialRow
	Usual    time.Duration // 0: not known
	Fit      int           // runners that may run it
	Runners  int
	MayRun   bool
	MayEdit  bool
	Manages  bool
}

// Pipeline writes a pipeline's page.
func (s *Set) Pipeline(w io.Writer, v PipelineView) error {
	return s.render(w, "pipeline", "layout", v)
}

// DeletePipelineView asks whether a pipeline is really to be deleted.
type DeletePipelineView struct {
	Page
	Project  core.Project
	Pipeline core.Pipeline
	Builds   int
}

// DeletePipeline writes the page that asks.
func (s *Set) DeletePipeline(w io.Writer, v DeletePipelineView) error {
	return s.render(w, "pipeline_delete", "layout", v)
}
