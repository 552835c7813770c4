package app_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// embed makes r1 a runner, for which tests claim.
func (h *house) embed(t *testing.T) {
	t.Helper()
	if err := h.EmbedRunner(t.Context(), core.Runner{ID: "r1", Name: "mini", Platform: "linux/x64", Slots: 2}); err != nil {
		t.Fatal(err)
	}
}

func (h *house) register(t *testing.T, name string, labels ...string) (core.Runner, string) {
	t.Helper()
	r, token, err := h.RegisterRunner(t.Context(), h.owner, app.RegisterRunner{Name: name, Labels: labels, Platform: "linux/x64", Slots: 2})
	if err != nil {
		t.Fatal(err)
	}
	return r.Runner, token
}

func (h *house) claimFor(t *testing.T, id string) *core.Job {
	t.Helper()
	job, err := h.Claim(t.Context(), core.Runner{ID: id}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return job
}

func beatOf(r core.Runner, session string, first bool) core.RunnerBeat {
	return core.RunnerBeat{RunnerID: r.ID, Session: session, First: first, Platform: "linux/x64", Version: "1", Slots: 2}
}

func TestARunnersTokenIsGoodForItsRunnerAlone(t *testing.T) {
	h := newHouse(t)
	r, token := h.register(t, "mini", "fast")
	got, err := h.AuthenticateRunner(t.Context(), app.Visitor{Door: core.ViaAPI, Address: "192.0.2.9"}, token)
	if err != nil || got.ID != r.ID || !slices.Equal(got.AllLabels(), []string{"fast", "linux", "x64"}) {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = h.Authenticate(t.Context(), token)
	wantCode(t, err, core.KindUnauthorized, core.CodeInvalidSession)
	admin, _, err := h.CreateAPIToken(t.Context(), h.owner, app.CreateAPIToken{Name: "a", Role: core.RoleAdmin})
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.AuthenticateRunner(t.Context(), app.Visitor{Door: core.ViaAPI, Address: "192.0.2.9"}, admin)
	wantCode(t, err, core.KindUnauthorized, core.CodeInvalidSession)

	developer := core.Actor{Kind: core.ActorUser, Name: "dev", Role: core.RoleDeveloper}
	_, _, err = h.RegisterRunner(t.Context(), developer, app.RegisterRunner{Name: "x", Platform: "linux/x64"})
	wantCode(t, err, core.KindForbidden, core.CodePermissionDenied)
	_, err = h.UpdateRunner(t.Context(), developer, r.ID, app.UpdateRunner{})
	wantCode(t, err, core.KindForbidden, core.CodePermissionDenied)
	wantCode(t, h.DeleteRunner(t.Context(), developer, r.ID), core.KindForbidden, core.CodePermissionDenied)
	if list, err := h.ListRunners(t.Context(), developer); err != nil || len(list) != 2 {
		t.Errorf("a developer sees %d runners, %v", len(list), err)
	}
	_, _, err = h.RegisterRunner(t.Context(), h.owner, app.RegisterRunner{Name: "x", Platform: "linux"})
	wantCode(t, err, core.KindInvalid, core.CodeInvalidInput)
}

func TestABuildGoesToARunnerWithItsLabels(t *testing.T) {
	h := newHouse(t)
	r, _ := h.register(t, "mini")
	labels := []string{"linux", "fast"}
	p := h.pipeline(t, h.project(t).ID, "Android", func(in *app.PipelineInput) { in.Labels = &labels })
	b, err := h.TriggerBuild(t.Context(), h.owner, app.TriggerBuild{ProjectID: p.ProjectID, PipelineID: p.ID})
	if err != nil {
		t.Fatal(err)
	}
	if job := h.claimFor(t, r.ID); job != nil {
		t.Fatal("it was claimed without the label fast")
	}
	if _, err := h.UpdateRunner(t.Context(), h.owner, r.ID, app.UpdateRunner{Labels: &labels}); err != nil {
		t.Fatal(err)
	}
	enabled := false
	if _, err := h.UpdateRunner(t.Context(), h.owner, r.ID, app.UpdateRunner{Enabled: &enabled}); err != nil {
		t.Fatal(err)
	}
	if job := h.claimFor(t, r.ID); job != nil {
		t.Fatal("a paused runner claimed")
	}
	enabled = true
	if _, err := h.UpdateRunner(t.Context(), h.owner, r.ID, app.UpdateRunner{Enabled: &enabled}); err != nil {
		t.Fatal(err)
	}
	job := h.claimFor(t, r.ID)
	if job == nil || job.Build.ID != b.ID || job.Build.RunnerName != "mini" || job.LeaseTTL != core.LeaseTTL {
		t.Fatalf("job %+v", job)
	}
	detail, err := h.FindRunner(t.Context(), h.owner, r.ID)
	if err != nil || len(detail.Builds) != 1 || detail.Builds[0].ID != b.ID {
		t.Errorf("it holds %+v, %v", detail.Builds, err)
	}
	_, err = h.Claim(t.Context(), core.Runner{ID: "unknown"}, 0)
	wantCode(t, err, core.KindNotFound, core.CodeNotFound)
}

func TestWhatARunnerHeldIsTakenBackWhenItStartsAnewOrIsDeleted(t *testing.T) {
	h := newHouse(t)
	r, token := h.register(t, "mini")
	first := beatOf(r, "one", true)
	if err := h.Heartbeat(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	b := h.queued(t)
	old := h.claimFor(t, r.ID)
	if err := h.Heartbeat(t.Context(), beatOf(r, "one", false)); err != nil || h.find(t, b.ID).Status != core.BuildAssigned {
		t.Errorf("a beat took something back: %v", err)
	}
	if err := h.Heartbeat(t.Context(), beatOf(r, "two", true)); err != nil || h.find(t, b.ID).Status != core.BuildQueued {
		t.Errorf("a new process: the build is %s, %v", h.find(t, b.ID).Status, err)
	}
	wantCode(t, h.Start(t.Context(), old.Lease, ""), core.KindConflict, core.CodeLeaseLost)
	wantCode(t, h.Heartbeat(t.Context(), beatOf(r, "one", false)), core.KindConflict, core.CodeRunnerReplaced)

	job := h.claimFor(t, r.ID)
	if err := h.Start(t.Context(), job.Lease, ""); err != nil {
		t.Fatal(err)
	}
	if err := h.DeleteRunner(t.Context(), h.owner, r.ID); err != nil {
		t.Fatal(err)
	}
	builds := h.builds(t)
	if len(builds) != 2 || builds[0].StatusReason != core.ReasonRunnerLost || builds[1].Status != core.BuildQueued {
		t.Errorf("after the deletion: %+v", builds)
	}
	_, err := h.AuthenticateRunner(t.Context(), app.Visitor{Door: core.ViaAPI, Address: "192.0.2.9"}, token)
	wantCode(t, err, core.KindUnauthorized, core.CodeInvalidSession)
	wantCode(t, h.Heartbeat(t.Context(), beatOf(r, "two", false)), core.KindNotFound, core.CodeNotFound)
}

// A first beat lay at a server that stood still: the runner repeated it, and has claimed since.
func TestAFirstBeatThatComesAgainLeavesWhatWasClaimedSince(t *testing.T) {
	h := newHouse(t)
	r, _ := h.register(t, "mini")
	beat := func(session string) {
		t.Helper()
		if err := h.Heartbeat(t.Context(), beatOf(r, session, true)); err != nil {
			t.Fatal(err)
		}
	}
	beat("one")
	b := h.queued(t)
	job := h.claimFor(t, r.ID)
	if err := h.Start(t.Context(), job.Lease, ""); err != nil {
		t.Fatal(err)
	}
	beat("one")
	if got := h.find(t, b.ID); got.Status != core.BuildRunning {
		t.Errorf("the build is %s (%s)", got.Status, got.StatusReason)
	}
	// A server that dies between the two leaves what the process before held to a repeat.
	if _, err := h.store.SaveBeat(t.Context(), beatOf(r, "two", true), h.clock.now()); err != nil {
		t.Fatal(err)
	}
	beat("two")
	if got := h.find(t, b.ID); got.StatusReason != core.ReasonRunnerLost {
		t.Errorf("what the process before held is %s (%s)", got.Status, got.StatusReason)
	}
}

func TestTheEmbeddedPoolIsInTheListWhileItHasSlots(t *testing.T) {
	h := newHouse(t)
	pool := core.Runner{ID: "r1", Name: "built-in", Platform: "linux/x64", Slots: 2}
	if err := h.EmbedRunner(t.Context(), pool); err != nil { // r1 is there: the operator's changes stay
		t.Fatal(err)
	}
	if err := h.Heartbeat(t.Context(), beatOf(pool, "s", true)); err != nil {
		t.Fatal(err)
	}
	list, err := h.ListRunners(t.Context(), h.owner)
	if err != nil || len(list) != 1 || !list[0].Embedded || list[0].Name != "mini" || !slices.Contains(list[0].AllLabels(), "built-in") {
		t.Errorf("listed %+v, %v", list, err)
	}
	wantCode(t, h.DeleteRunner(t.Context(), h.owner, "r1"), core.KindConflict, "conflict")
	pool.Slots = 0
	for range 2 {
		if err := h.EmbedRunner(t.Context(), pool); err != nil {
			t.Fatal(err)
		}
	}
	if list, err := h.ListRunners(t.Context(), h.owner); err != nil || len(list) != 0 {
		t.Errorf("without slots: %+v, %v", list, err)
	}
}

func TestAClaimThatNobodyHeardOfGoesBackSoon(t *testing.T) {
	h := newHouse(t)
	b := h.queued(t)
	h.claim(t)
	h.clock.forward(core.ClaimTTL(core.LeaseTTL) + time.Second)
	h.work(t, func() bool { return h.find(t, b.ID).Status == core.BuildQueued })
	job := h.running(t) // its start makes the lease a whole one
	if left := h.find(t, b.ID).LeaseExpiresAt.Sub(h.clock.now()); left < core.LeaseTTL-time.Second {
		t.Errorf("after the start the lease lives %s", left)
	}
	if err := h.Start(t.Context(), job.Lease, ""); err != nil {
		t.Errorf("the start that was told twice: %v", err)
	}
}

func TestAStartedServerGivesRunnersTimeToBeHeardOf(t *testing.T) {
	h := newHouse(t)
	b := h.queued(t)
	h.running(t)
	h.clock.forward(2 * core.LeaseTTL) // nobody was there
	if err := h.AwaitRunners(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := h.find(t, b.ID).LeaseExpiresAt.Sub(h.clock.now()); left < core.LeaseTTL/4 {
		t.Errorf("the lease lives %s", left)
	}
}

func TestALeaseIsOfOneRunner(t *testing.T) {
	h := newHouse(t)
	h.queued(t)
	job := h.running(t)
	stolen := job.Lease
	stolen.RunnerID = "another"
	_, err := h.Checkout(t.Context(), stolen)
	wantCode(t, err, core.KindConflict, core.CodeLeaseLost)
	_, err = h.Renew(t.Context(), stolen, 0)
	wantCode(t, err, core.KindConflict, core.CodeLeaseLost)
	wantCode(t, h.Finish(t.Context(), stolen, core.Result{Status: core.BuildSucceeded}), core.KindConflict, core.CodeLeaseLost)
}

func TestAnArtifactIsPutTogetherOfItsParts(t *testing.T) {
	h := newHouse(t)
	b := h.queued(t)
	job := h.running(t)
	var parts []string
	for _, part := range []string{"one ", "two ", "one "} {
		sum, err := h.PutArtifactPart(t.Context(), job.Lease, strings.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, sum)
	}
	file := core.Artifact{Name: "app.apk", Kind: core.ArtifactAPK}
	missing := append(slices.Clone(parts), strings.Repeat("0", 64))
	wantCode(t, h.JoinArtifact(t.Context(), job.Lease, file, missing), core.KindConflict, core.CodePartMissing)
	wantCode(t, h.JoinArtifact(t.Context(), job.Lease, file, []string{"../x"}), core.KindInvalid, core.CodeInvalidInput)
	wantCode(t, h.JoinArtifact(t.Context(), job.Lease, file, make([]string, 513)), core.KindTooLarge, core.CodeTooLarge)
	for range 2 { // again is free
		if err := h.JoinArtifact(t.Context(), job.Lease, file, parts); err != nil {
			t.Fatal(err)
		}
	}
	list, err := h.ListArtifacts(t.Context(), h.owner, b.ID)
	if err != nil || len(list) != 1 || list[0].Size != 12 {
		t.Fatalf("artifacts %+v, %v", list, err)
	}
	_, opened, err := h.OpenArtifact(t.Context(), h.owner, list[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	var got bytes.Buffer
	if _, err := got.ReadFrom(opened); err != nil || got.String() != "one two one " {
		t.Errorf("it holds %q, %v", got.String(), err)
	}
	lost := job.Lease
	lost.Token = "lost"
	_, err = h.PutArtifactPart(t.Context(), lost, strings.NewReader("x"))
	wantCode(t, err, core.KindConflict, core.CodeLeaseLost)
}
