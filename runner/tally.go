package runner

import "github.com/oore-ci/oore/app/core"

// tally counts tests and keeps them one by one, core.MaxTestCases at most: then those that
// failed push others out.
type tally struct {
	core.TestSummary
	cases  []core.TestCase
	pushed int // out of cases
}

// count counts a test and keeps it.
func (t *tally) count(c core.TestCase) {
	switch c.Status {
	case core.TestFailed:
		t.Failed++
	case core.TestSkipped:
		t.Skipped++
	case core.TestPassed:
		t.Passed++
	}
	t.keep(c)
}

// add counts the tests of another report too.
func (t *tally) add(more tally) {
	t.Add(more.TestSummary)
	for _, c := range more.cases {
		t.keep(c)
	}
}

func (t *tally) keep(c core.TestCase) {
	if len(t.cases) < core.MaxTestCases {
		t.cases = append(t.cases, c.Bounded())
		return
	}
	if c.Status != core.TestFailed || t.pushed == core.MaxTestCases {
		return
	}
	for i := len(t.cases) - 1; i >= 0; i-- {
		if t.cases[i].Status != core.TestFailed {
			t.cases[i] = c.Bounded()
			t.pushed++
			return
		}
	}
	t.pushed = core.MaxTestCases // all that are kept have failed
}
