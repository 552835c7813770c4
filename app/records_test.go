package app_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
)

func TestSingleTestsAndWhatRanAreKept(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t, func(in *app.CreateProject) { in.Visibility = core.VisibleMembers }).ID, "Android")
	h.deliver(t, push("main", shaA))
	job := h.running(t)
	ran := core.Ran{Source: ".oore.yaml", Env: []string{"FLAVOR"}, Timeout: time.Hour}
	if err := h.Record(t.Context(), job.Lease, core.Record{Ran: &ran}); err != nil {
		t.Fatal(err)
	}
	var cases []core.TestCase
	for i := range 300 {
		cases = append(cases, core.TestCase{Name: fmt.Sprintf("case %03d", i), Status: core.TestPassed, Duration: time.Duration(i) * time.Millisecond})
	}
	cases[7].Status = core.TestFailed
	for range 2 { // an answer may be lost
		if err := h.Record(t.Context(), job.Lease, core.Record{Tests: cases}); err != nil {
			t.Fatal(err)
		}
	}
	stranger := job.Lease
	stranger.Token = "other"
	wantCode(t, h.Record(t.Context(), stranger, core.Record{Tests: cases[:1]}), core.KindConflict, core.CodeLeaseLost)
	if err := h.Finish(t.Context(), job.Lease, core.Result{Status: core.BuildSucceeded}); err != nil {
		t.Fatal(err)
	}

	page, total, err := h.ListTests(t.Context(), h.owner, job.Build.ID, core.TestFilter{}, core.Page{Limit: 2})
	if err != nil || total != 300 || len(page) != 2 || page[0].Name != "case 007" || page[1].Name != "case 299" {
		t.Errorf("%d: %+v, %v", total, page, err)
	}
	page, total, err = h.ListTests(t.Context(), h.owner, job.Build.ID, core.TestFilter{Status: core.TestPassed, Order: core.TestsNamed}, core.Page{Limit: 50, Offset: 290})
	if err != nil || total != 299 || len(page) != 9 || page[8].Name != "case 299" {
		t.Errorf("%d: %+v, %v", total, page, err)
	}
	got, err := h.BuildRan(t.Context(), h.owner, job.Build.ID)
	if err != nil || got == nil || got.Source != ran.Source || got.Env[0] != "FLAVOR" || got.Timeout != time.Hour {
		t.Errorf("%+v, %v", got, err)
	}
	viewer := core.Actor{Kind: core.ActorUser, Role: core.RoleViewer}
	_, _, err = h.ListTests(t.Context(), viewer, job.Build.ID, core.TestFilter{}, core.Page{Limit: 1})
	wantCode(t, err, core.KindNotFound, core.CodeNotFound)
	_, err = h.BuildRan(t.Context(), viewer, job.Build.ID)
	wantCode(t, err, core.KindNotFound, core.CodeNotFound)
}

func TestABuildWithoutARecordHasNoTests(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	h.deliver(t, push("main", shaA))
	id := h.builds(t)[0].ID
	if page, total, err := h.ListTests(t.Context(), h.owner, id, core.TestFilter{}, core.Page{Limit: 5}); err != nil || total != 0 || len(page) != 0 {
		t.Errorf("%d: %+v, %v", total, page, err)
	}
	if ran, err := h.BuildRan(t.Context(), h.owner, id); err != nil || ran != nil {
		t.Errorf("%+v, %v", ran, err)
	}
}

// TestABuildsLimitIsTheOneThatItsFileSays: oore verify called a healthy build with a
// longer timeout in .oore.yaml broken, and did not see one that hung beyond a shorter one.
func TestABuildsLimitIsTheOneThatItsFileSays(t *testing.T) {
	for limit, late := range map[time.Duration]bool{3 * time.Hour: false, 10 * time.Minute: true} {
		h := newHouse(t)
		h.pipeline(t, h.project(t).ID, "Android")
		h.deliver(t, push("main", shaA))
		job := h.running(t)
		if err := h.Record(t.Context(), job.Lease, core.Record{Ran: &core.Ran{Timeout: limit}}); err != nil {
			t.Fatal(err)
		}
		passed := limit/2 + 5*time.Minute // 1 h 35 min of three hours, ten of ten
		h.clock.forward(passed)
		if late {
			h.clock.forward(core.LeaseTTL + time.Minute)
		}
		if _, err := h.Renew(t.Context(), job.Lease, 0); err != nil {
			t.Fatal(err)
		}
		h.deliver(t, push("docs/typo", shaB)) // a sign of life
		if found := h.breaches(t, "I4"); (len(found) > 0) != late {
			t.Errorf("after %s of %s: %v", passed, limit, found)
		}
	}
}

// breaches are those that oore verify finds of one promise.
func (h *house) breaches(t *testing.T, id string) (found []string) {
	t.Helper()
	err := h.store.Snapshot(t.Context(), func(v *store.Snapshot) error {
		findings, err := v.Verify()
		for _, f := range findings {
			if f.ID == id {
				found = f.Broken
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestWhatARunnerShippedIsComparedWithWhatIsKept: a lost tail looked like a whole log.
func TestWhatARunnerShippedIsComparedWithWhatIsKept(t *testing.T) {
	for name, lost := range map[string]bool{"whole": false, "without its tail": true} {
		h := newHouse(t)
		h.queued(t)
		job := h.claim(t)
		if err := h.Finish(t.Context(), job.Lease, core.Result{Status: core.BuildFailed, Reason: core.ReasonRunnerShutdown, Log: &core.LogTally{Next: 9}}); err != nil {
			t.Fatal(err) // it is given back, and its log goes on
		}
		job = h.running(t)
		first := core.EncodeLog(job.Lease.BuildID, []core.LogRecord{line(0, "hello")})
		second := core.EncodeLog(job.Lease.BuildID, []core.LogRecord{line(1, "world")})
		var shipped core.LogTally
		shipped.Add(first)
		if lost {
			shipped.Add(second)
		}
		if err := h.AppendLog(t.Context(), job.Lease, []core.LogChunk{first}); err != nil {
			t.Fatal(err)
		}
		if found := h.breaches(t, "I6"); len(found) != 0 {
			t.Errorf("while it runs: %v", found)
		}
		if err := h.Finish(t.Context(), job.Lease, core.Result{Status: core.BuildSucceeded, Log: &shipped}); err != nil {
			t.Fatal(err)
		}
		if found := h.breaches(t, "I6"); (len(found) != 0) != lost {
			t.Errorf("%s: %v", name, found)
		}
		h.clock.forward(time.Minute)
		if _, err := h.ArchiveNext(t.Context()); err != nil {
			t.Fatal(err)
		}
		if found := h.breaches(t, "I6"); (len(found) != 0) != lost {
			t.Errorf("%s, archived: %v", name, found)
		}
	}
}
