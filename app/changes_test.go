package app_test

import (
	"strings"
	"testing"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func change(kind core.ChangeKind, repos ...core.Repository) core.Event {
	return core.Event{Change: &core.Change{Kind: kind, InstallationID: 3, Account: "acme", Repositories: repos}}
}

func (h *house) repository(t *testing.T) core.Repository {
	t.Helper()
	r, err := h.store.FindRepositoryByExternalID(t.Context(), core.ProviderGitHub, "", "7")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestARenamedRepositoryIsKnownByItsNumber(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	d := h.deliver(t, change(core.ChangeRepository, core.Repository{ExternalID: "7", FullName: "acme/store", DefaultBranch: "trunk"}))
	if d.Status != core.DeliveryProcessed || d.Reason.Code != core.WhyBookkeeping || !strings.Contains(d.Reason.Text, "acme/store") {
		t.Errorf("delivery %+v", d)
	}
	if r := h.repository(t); r.FullName != "acme/store" || r.DefaultBranch != "trunk" || r.InstallationID != 3 {
		t.Errorf("repository %+v", r)
	}
	if d := h.deliver(t, push("main", shaA)); d.Status != core.DeliveryProcessed {
		t.Errorf("a push after the rename: %+v", d.Reason)
	}
}

func TestASuspendedInstallationParksItsReportsAndTheirReturnSendsThem(t *testing.T) {
	h := newHouse(t)
	p := h.project(t)
	pl := h.pipeline(t, p.ID, "Android")
	b := h.queued(t)
	h.deliver(t, change(core.ChangeSuspended))
	if got := h.find(t, b.ID); got.Status != core.BuildCanceled || got.StatusReason != core.ReasonRepositoryGone {
		t.Errorf("what was queued is %s, %s", got.Status, got.StatusReason)
	}
	_, err := h.TriggerBuild(t.Context(), h.owner, app.TriggerBuild{ProjectID: p.ID, PipelineID: pl.ID})
	wantCode(t, err, core.KindInvalid, core.CodeRepositoryUnknown)
	h.forge.setFail(core.Codef(core.KindForbidden, "installation_suspended", "The installation is suspended"))
	if err := h.store.WantEffect(t.Context(), core.Effect{
		Key: core.StatusKey(b.PipelineID, b.SHA), Kind: core.EffectStatus, RepositoryID: p.RepositoryID, PipelineID: b.PipelineID, SHA: b.SHA,
	}); err != nil {
		t.Fatal(err)
	}
	h.work(t, func() bool { e := h.statusEffect(t, b); return e.Parked || e.Done == e.Wanted })
	h.forge.setFail(nil)
	h.deliver(t, change(core.ChangeUnsuspended))
	h.work(t, h.settled(t, b))
	if r := h.repository(t); r.Unavailable != "" {
		t.Errorf("still out of reach: %s", r.Unavailable)
	}
}

func TestRepositoriesComeAndGoWithTheirInstallation(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	for _, c := range []struct {
		kind core.ChangeKind
		gone bool
	}{
		{core.ChangeRemoved, true},
		{core.ChangeAdded, false},
		{core.ChangeUninstalled, true},
		{core.ChangeInstalled, false},
		{core.ChangeDeleted, true},
		{core.ChangeRepository, false},
	} {
		h.deliver(t, change(c.kind, core.Repository{ExternalID: "7", FullName: "acme/shop"}))
		if r := h.repository(t); (r.Unavailable != "") != c.gone {
			t.Errorf("after %s: %q", c.kind, r.Unavailable)
		}
	}
	moved := change(core.ChangeAdded, core.Repository{ExternalID: "7", FullName: "other/shop"})
	moved.Change.InstallationID = 44
	h.deliver(t, moved)
	if r := h.repository(t); r.InstallationID != 44 || r.FullName != "other/shop" {
		t.Errorf("transferred: %+v", r)
	}
}

func TestAChangeOfAnAccountAloneIsNoted(t *testing.T) {
	h := newHouse(t)
	if d := h.deliver(t, change(core.ChangeInstalled)); d.Status != core.DeliveryProcessed || d.Reason.Text != "Noted for the account acme." {
		t.Errorf("%s: %s", d.Status, d.Reason.Text)
	}
}

func TestRerequestedChecksRunAgainWhatFailed(t *testing.T) {
	h := newHouse(t)
	p := h.project(t)
	h.pipeline(t, p.ID, "Android")
	h.pipeline(t, p.ID, "Checks")
	h.deliver(t, push("main", shaA))
	failed := h.running(t)
	if err := h.Finish(t.Context(), failed.Lease, core.Result{Status: core.BuildFailed, Reason: core.ReasonCommandFailed, Message: "no"}); err != nil {
		t.Fatal(err)
	}
	passed := h.running(t)
	if err := h.Finish(t.Context(), passed.Lease, core.Result{Status: core.BuildSucceeded}); err != nil {
		t.Fatal(err)
	}
	again := push("main", shaA)
	again.Kind, again.Actor, again.Rerun = core.EventNone, "ana", &core.Rerun{SHA: shaA}
	d := h.deliver(t, again)
	builds := h.builds(t)
	if len(builds) != 3 {
		t.Fatalf("%d builds, want one more", len(builds))
	}
	if b := builds[2]; b.SourceBuildID != failed.Build.ID || b.TriggerActor != "ana" || b.TriggerType != core.TriggerRerun {
		t.Errorf("rerun %+v", b)
	}
	if d.Status != core.DeliveryProcessed || len(d.Verdicts) != 2 {
		t.Errorf("delivery %+v", d)
	}
	one := again
	one.Rerun = &core.Rerun{SHA: shaA, BuildID: passed.Build.ID}
	h.deliver(t, one)
	if builds = h.builds(t); len(builds) != 4 || builds[3].SourceBuildID != passed.Build.ID {
		t.Errorf("a named build was not run again: %d builds", len(builds))
	}
	none := again
	none.Rerun = &core.Rerun{SHA: shaB}
	if d := h.deliver(t, none); d.Reason.Code != core.WhyNothingToRerun {
		t.Errorf("nothing to rerun: %+v", d.Reason)
	}
}
