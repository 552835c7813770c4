package templates

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
)

func TestCheckSummaryGolden(t *testing.T) {
	failed := pipelineReport("Android release", 142, core.BuildFailed, 61*time.Second, core.Step{Name: "build-2", Status: core.StepFailed})
	failed.Tail = []string{"Building…", "\x1b[31mNo such file\x1b[0m"}
	failed.FirstError = &core.Annotation{Path: "lib/main.dart", Line: 12, Level: core.LevelError, Message: "Expected ';' after this."}
	failed.FirstErrorURL = "https://github.com/acme/shop/blob/abc/lib/main.dart#L12"
	failed.Build.Tests = &core.TestSummary{Passed: 3, Skipped: 2}
	skipped := core.Report{
		Build: core.Build{SHA: failed.Build.SHA}, Pipeline: core.Pipeline{Name: "iOS"}, State: core.ReportSkipped,
		Description: "Skipped: the branch feature/x does not match release/*.", TargetURL: "https://ci.example.com/deliveries/1",
	}
	for name, r := range map[string]core.Report{
		"running": pipelineReport("Android release", 142, core.BuildRunning, 0), "failed": failed, "skipped": skipped, "hostile": hostileReport(),
	} {
		got := CheckSummary(r)
		golden := filepath.Join("testdata", "check_"+name+".golden")
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s differs from %s; go test -update, then look at the difference:\n%s", name, golden, got)
		}
	}
}

func TestCheckSummaryCannotBeBrokenOutOf(t *testing.T) {
	checkInert(t, CheckSummary(hostileReport()), 1)
}

// What came last is what people look for.
func TestCheckSummaryFitsIntoALimit(t *testing.T) {
	r := hostileReport()
	r.Tail = append(slices.Repeat([]string{strings.Repeat("€", 16<<10)}, 300), "the last")
	got := CheckSummary(r)
	if len(got) > 65_535 || len(got) < 50_000 || !strings.Contains(got, "\nthe last\n") || !strings.Contains(got, "</details>") {
		t.Errorf("%d bytes, ending with %.200q", len(got), got[max(0, len(got)-200):])
	}
}
