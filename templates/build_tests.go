package templates

import (
	"fmt"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// TestsView is a page of a build's single tests.
type TestsView struct {
	URL    string // of the tab
	Kept   bool   // some are, whatever the filter
	Away   bool   // where they lie is down
	Filter core.TestFilter
	Rows   []core.TestCase
	Pager  Pager
}

// Statuses are the choices of the filter.
func (v TestsView) Statuses() []core.TestStatus { return core.TestStatuses() }

// Orders are the choices of the order.
func (v TestsView) Orders() []Option {
	return []Option{
		{Value: string(core.TestsWorst), Label: "Failed first"}, {Value: string(core.TestsSlowest), Label: "Slowest first"}, {Value: string(core.TestsNamed), Label: "By file and name"},
	}
}

// Filtered tells whether a filter is set.
func (v TestsView) Filtered() bool { return v.Filter != core.TestFilter{} }

// Most is how many tests of a build are kept.
func (v TestsView) Most() int { return core.MaxTestCases }

// testState is the shape of a test's result.
func testState(s core.TestStatus) string {
	if s == core.TestPassed {
		return "succeeded"
	}
	return string(s)
}

// testTook is shorter than what is said of builds: most tests take milliseconds.
func testTook(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", max(d.Milliseconds(), 1))
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return core.HumanDuration(d)
}
