package templates

import (
	"io"

	"github.com/oore-ci/oore/app/core"
)

// RunnerRow is a runner with what it works on, as far as the reader may see that.
type RunnerRow struct {
	core.Runner
	State  core.RunnerState
	Builds []core.Build
}

// Chip is the runner's state as a chip.
func (r RunnerRow) Chip() Chip {
	return map[core.RunnerState]Chip{
		core.RunnerOnline: {"succeeded", "Online"}, core.RunnerDraining: {"skipped", "Draining"},
		core.RunnerPaused: {"canceled", "Paused"}, core.RunnerFull: {"timed_out", "Disk full"}, core.RunnerOffline: {"expired", "Offline"},
	}[r.State]
}

// MayGo tells whether it can be deleted: a server's own pool comes back by itself.
func (r RunnerRow) MayGo() bool { return !r.Embedded || r.State == core.RunnerOffline }

// RunnersView is the list of runners.
type RunnersView struct {
	Page
	Rows      []RunnerRow
	PublicURL string
}

// Runners writes the list of runners.
func (s *Set) Runners(w io.Writer, v RunnersView) error { return s.render(w, "runners", "layout", v) }
