package runner

import (
	"fmt"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

func TestFailedTestsPushOthersOut(t *testing.T) {
	var s tally
	for i := range core.MaxTestCases + 5 {
		s.count(core.TestCase{Name: fmt.Sprint("passed ", i), Status: core.TestPassed})
	}
	for i := range 3 {
		s.count(core.TestCase{Name: fmt.Sprint("failed ", i), Status: core.TestFailed})
	}
	failed := core.TestFilter{Status: core.TestFailed, Order: core.TestsNamed}.Of(s.cases)
	if s.Passed != core.MaxTestCases+5 || s.Failed != 3 || len(s.cases) != core.MaxTestCases || len(failed) != 3 || failed[2].Name != "failed 2" {
		t.Errorf("%s, %d kept, failed %+v", s, len(s.cases), failed)
	}
	var all tally
	for i := range core.MaxTestCases + 1000 {
		all.count(core.TestCase{Name: fmt.Sprint(i), Status: core.TestFailed})
	}
	all.add(tally{TestSummary: core.TestSummary{Failed: 1}, cases: []core.TestCase{{Name: "one more", Status: core.TestFailed}}})
	if all.Failed != core.MaxTestCases+1001 || len(all.cases) != core.MaxTestCases || all.cases[core.MaxTestCases-1].Name != fmt.Sprint(core.MaxTestCases-1) {
		t.Errorf("%d failed, %d kept", all.Failed, len(all.cases))
	}
}
