package templates

import (
	"io"

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
