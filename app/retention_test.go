package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func TestALogThatRetentionDeletedSaysSo(t *testing.T) {
	h := newHouse(t)
	p := h.project(t)
	h.pipeline(t, p.ID, "Android")
	h.deliver(t, push("main", shaA))
	job := h.running(t)
	if err := h.AppendLog(t.Context(), job.Lease, []core.LogChunk{core.EncodeLog(job.Lease.BuildID, []core.LogRecord{line(0, "hello")})}); err != nil {
		t.Fatal(err)
	}
	if err := h.Finish(t.Context(), job.Lease, core.Result{Status: core.BuildFailed}); err != nil {
		t.Fatal(err)
	}
	h.deliver(t, push("main", shaB))
	if err := h.Finish(t.Context(), h.running(t).Lease, core.Result{Status: core.BuildFailed}); err != nil {
		t.Fatal(err)
	}
	h.clock.forward(time.Minute)
	for more := true; more; {
		var err error
		if more, err = h.ArchiveNext(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	h.clock.forward(31 * 24 * time.Hour)
	h.work(t, func() bool {
		_, err := h.ReadLog(t.Context(), h.owner, job.Lease.BuildID, -1, 10)
		return core.CodeOf(err) == core.CodeLogGone
	})
	_, err := h.ReadLog(t.Context(), h.owner, job.Lease.BuildID, -1, 10)
	if core.KindOf(err) != core.KindGone || !strings.Contains(core.MessageOf(err), "deleted by retention on 2026-12-25") {
		t.Errorf("%v", err)
	}
	if _, err := h.FindBuildDetail(t.Context(), h.owner, job.Lease.BuildID); err != nil {
		t.Errorf("the build itself: %v", err)
	}
}

func TestRetentionIsForThoseWhoManageTheInstance(t *testing.T) {
	h := newHouse(t)
	days, few := 120, 1
	if _, err := h.UpdateRetention(t.Context(), core.Actor{Kind: core.ActorUser, Role: core.RoleDeveloper}, app.RetentionInput{BuildsDays: &days}); core.KindOf(err) != core.KindForbidden {
		t.Errorf("a developer: %v", err)
	}
	if _, err := h.UpdateRetention(t.Context(), h.owner, app.RetentionInput{AuditDays: &few}); core.KindOf(err) != core.KindInvalid || !strings.HasPrefix(core.MessageOf(err), "audit_days") {
		t.Errorf("too few: %v", err)
	}
	if _, err := h.UpdateRetention(t.Context(), h.owner, app.RetentionInput{BuildsDays: &days}); err != nil {
		t.Fatal(err)
	}
	want := core.DefaultRetention()
	want.BuildsDays = days
	if r, err := h.FindRetention(t.Context(), h.owner); err != nil || r != want {
		t.Errorf("%+v, %v", r, err)
	}
}
