package templates

import (
	"io"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// CheckRow is a check as a row.
type CheckRow struct{ core.Check }

// Chip is the check's state as a chip.
func (r CheckRow) Chip() Chip {
	return map[core.CheckState]Chip{
		core.CheckOK: {"succeeded", "OK"}, core.CheckSkipped: {"skipped", "Skipped"},
		core.CheckWarning: {"timed_out", "Warning"}, core.CheckFailed: {"failed", "Failed"},
	}[r.State]
}

// CheckGroup is the checks of an area.
type CheckGroup struct {
	Area   core.CheckArea
	Checks []CheckRow
}

// Title is the area's name for people.
func (g CheckGroup) Title() string {
	return map[core.CheckArea]string{
		core.AreaSettings: "Settings", core.AreaMachine: "This machine", core.AreaStorage: "Storage",
		core.AreaNetwork: "Network", core.AreaSources: "Sources", core.AreaRunners: "Runners",
	}[g.Area]
}

// GroupChecks puts checks, which come area by area, into groups.
func GroupChecks(checks []core.Check) []CheckGroup {
	var groups []CheckGroup
	for _, c := range checks {
		if len(groups) == 0 || groups[len(groups)-1].Area != c.Area {
			groups = append(groups, CheckGroup{Area: c.Area})
		}
		last := &groups[len(groups)-1]
		last.Checks = append(last.Checks, CheckRow{c})
	}
	return groups
}

// SystemView is the state of the server and of all that it stands on.
type SystemView struct {
	Page
	At     time.Time
	Groups []CheckGroup
}

// Count is how many checks have the state.
func (v SystemView) Count(state core.CheckState) (n int) {
	for _, g := range v.Groups {
		for _, c := range g.Checks {
			if c.State == state {
				n++
			}
		}
	}
	return n
}

// System writes it.
func (s *Set) System(w io.Writer, v SystemView) error { return s.render(w, "system", "layout", v) }

// GeneralView is what the server is, and how it is set.
type GeneralView struct {
	Page
	Version, PublicURL string
	Facts              []core.Fact
}

// General writes it.
func (s *Set) General(w io.Writer, v GeneralView) error { return s.render(w, "general", "layout", v) }

// StorageView is what the server's files take.
type StorageView struct {
	Page
	Kept core.Storage
}

// Sum is what all parts take.
func (v StorageView) Sum() (bytes int64) {
	for _, p := range v.Kept.Parts {
		bytes += p.Bytes
	}
	return bytes
}

// Share is a part's percentage of the largest, for its bar.
func (v StorageView) Share(p core.Usage) int64 {
	largest := int64(1)
	for _, other := range v.Kept.Parts {
		largest = max(largest, other.Bytes)
	}
	return 100 * p.Bytes / largest
}

// Storage writes it.
func (s *Set) Storage(w io.Writer, v StorageView) error { return s.render(w, "storage", "layout", v) }
