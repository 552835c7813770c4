package app_test

import (
	"testing"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// An orderly restart of a server was told as a broken build, and the next run as a mended one.
func TestABuildThatIsRunAgainByItselfAlarmsNobody(t *testing.T) {
	for _, reason := range []string{core.ReasonRunnerShutdown, core.ReasonRunnerLost} {
		for _, c := range []struct {
			ends        core.BuildStatus
			broken, all bool // who hears of the run that followed
		}{
			{core.BuildSucceeded, false, true},
			{core.BuildFailed, true, true},
		} {
			t.Run(reason+", then "+string(c.ends), func(t *testing.T) {
				h := newNotifyHouse(t)
				broken, fixed, all := h.notification(t, webhook()), h.notification(t, webhook(on(core.OnFixed))), h.notification(t, webhook(on(core.OnAll)))
				h.build(t, h.android, "main", core.BuildSucceeded)
				stopped, err := h.TriggerBuild(t.Context(), h.owner, app.TriggerBuild{ProjectID: h.shop.ID, PipelineID: h.android.ID, Branch: "main"})
				if err != nil {
					t.Fatal(err)
				}
				if err := h.Finish(t.Context(), h.running(t).Lease, core.Result{Status: core.BuildFailed, Reason: reason}); err != nil {
					t.Fatal(err)
				}
				again := h.running(t)
				if again.Build.SourceBuildID != stopped.ID {
					t.Fatalf("claimed %+v", again.Build)
				}
				if badge, err := h.FindBadge(t.Context(), h.owner, h.shop.ID, h.android.ID, ""); err != nil || badge.Status != core.BuildSucceeded {
					t.Errorf("meanwhile the badge is %s, %v", badge.Status, err)
				}
				result := core.Result{Status: c.ends}
				if c.ends == core.BuildFailed {
					result.Reason = core.ReasonCommandFailed
				}
				if err := h.Finish(t.Context(), again.Lease, result); err != nil {
					t.Fatal(err)
				}
				for _, n := range []core.Notification{broken, fixed, all} {
					if h.wanted(t, n, stopped) {
						t.Errorf("%s hears of the run that was stopped", n.On)
					}
				}
				got := []bool{h.wanted(t, broken, again.Build), h.wanted(t, fixed, again.Build), h.wanted(t, all, again.Build)}
				if want := []bool{c.broken, c.broken, c.all}; got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
					t.Errorf("broken, fixed, all hear of the run that followed: %v, want %v", got, want)
				}
			})
		}
	}
}

// The third loss is the last: nobody runs it again, so it is told.
func TestABuildThatWasLostForTheLastTimeIsTold(t *testing.T) {
	h := newNotifyHouse(t)
	n := h.notification(t, webhook())
	if _, err := h.TriggerBuild(t.Context(), h.owner, app.TriggerBuild{ProjectID: h.shop.ID, PipelineID: h.android.ID, Branch: "main"}); err != nil {
		t.Fatal(err)
	}
	for run := range 3 {
		job := h.running(t)
		if err := h.Finish(t.Context(), job.Lease, core.Result{Status: core.BuildFailed, Reason: core.ReasonRunnerLost}); err != nil {
			t.Fatal(err)
		}
		if told := h.wanted(t, n, job.Build); told != (run == 2) {
			t.Errorf("loss %d: told %v", run+1, told)
		}
	}
}
