package templates

import (
	"io"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// QueueView is what waits and what is worked on.
type QueueView struct {
	Page
	Waiting []BuildRow // the next one first, all with their place
	Running []RunningRow
	Hidden  int // that wait or are worked on, and that the reader may not see
	Pager   Pager
	Paused  *core.QueuePause
	Manages bool // may put builds first, and pause
}

// RunningRow is a build that a runner works on.
type RunningRow struct {
	BuildRow
	EstimatedEnd *time.Time // nil: nobody can tell
}

// Active tells whether something on the page will change by itself.
func (v QueueView) Active() bool { return len(v.Waiting)+len(v.Running)+v.Hidden > 0 }

// Queue writes what waits and why.
func (s *Set) Queue(w io.Writer, v QueueView) error { return s.render(w, "queue", "layout", v) }
