package app_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// audit lists the audit log, newest first.
func (h *house) audit(t *testing.T, f core.AuditFilter) []core.AuditEntry {
	t.Helper()
	entries, _, err := h.store.ListAudit(t.Context(), f, core.Page{})
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func TestAnEntrySaysWhoDidWhatFromWhereAndHowItWas(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	p := h.project(t)
	ada := h.actor(t, h.invite(t, "ada", core.RoleAdmin).session)
	ada.Door, ada.Address = core.ViaWeb, "192.0.2.7"
	if _, err := h.UpdateProject(ctx, ada, p.ID, app.UpdateProject{Name: ptr("Store"), Visibility: ptr(core.VisibleMembers), Description: ptr(strings.Repeat("é", 500))}); err != nil {
		t.Fatal(err)
	}
	e := h.audit(t, core.AuditFilter{})[0]
	if e.ID == "" || e.ActorKind != core.ActorUser || e.ActorID != ada.UserID || e.Actor != "ada" || e.CredentialID != ada.CredentialID || e.Door != core.ViaWeb ||
		e.Address != "192.0.2.7" || e.Action != core.AuditProjectUpdate || e.TargetKind != core.TargetProject || e.TargetID != p.ID || e.Target != "Store" || e.ProjectID != p.ID {
		t.Errorf("%+v", e)
	}
	long := strings.Repeat("é", 199) + "…"
	if want := (core.AuditChanges{
		{Field: "name", From: "Shop", To: "Store"}, {Field: "description", To: long}, {Field: "visibility", From: "instance", To: "members"},
	}); !slices.Equal(e.Changes, want) {
		t.Errorf("changes %+v", e.Changes)
	}
}

func TestWhatFailsIsNotInTheLog(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	p := h.project(t)
	h.pipeline(t, p.ID, "Android")
	before := len(h.audit(t, core.AuditFilter{}))
	for _, err := range []error{
		func() error {
			_, err := h.CreatePipeline(ctx, h.owner, p.ID, app.PipelineInput{Name: ptr("Android")})
			return err
		}(),
		func() error {
			_, err := h.UpdateProject(ctx, h.owner, p.ID, app.UpdateProject{Name: ptr("")})
			return err
		}(),
		func() error { _, err := h.CancelBuild(ctx, h.owner, "none"); return err }(),
		h.DeleteSecret(ctx, h.owner, p.ID, "NONE"),
	} {
		if err == nil {
			t.Error("it did not fail")
		}
	}
	if n := len(h.audit(t, core.AuditFilter{})); n != before {
		t.Errorf("%d entries more", n-before)
	}
}

func TestNoSecretIsInTheLog(t *testing.T) {
	h, ctx := newVaultHouse(t), t.Context()
	p := h.project(t)
	const canary = "c4n4ry-secret-value"
	h.secret(t, p.ID, app.SetSecret{Name: "TOKEN", Value: canary})
	name := "Android"
	if _, err := h.CreatePipeline(ctx, h.owner, p.ID, app.PipelineInput{
		Name: &name, Execution: &core.ExecutionConfig{Env: []core.EnvVar{{Key: "KEY", Value: canary}}},
	}); err != nil {
		t.Fatal(err)
	}
	token, _, err := h.CreateAPIToken(ctx, h.owner, app.CreateAPIToken{Name: "laptop"})
	if err != nil {
		t.Fatal(err)
	}
	_, link, err := h.InviteUser(ctx, h.owner, app.InviteUser{Email: "ada@example.com", Role: core.RoleViewer})
	if err != nil {
		t.Fatal(err)
	}
	session := h.open(t, link.URL)
	if _, _, err := h.RegisterRunner(ctx, h.owner, app.RegisterRunner{Name: "mac", Platform: "macos/arm64"}); err != nil {
		t.Fatal(err)
	}
	entries := h.audit(t, core.AuditFilter{})
	if len(entries) < 7 {
		t.Errorf("%d entries", len(entries))
	}
	text, err := json.Marshal(entries)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{canary, token, session, linkSecret(t, link.URL), "oore_", "oores_", "oorel_", "oorer_"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("the log holds %s", secret)
		}
	}
	if !strings.Contains(string(text), `"KEY"`) {
		t.Error("nobody sees which variables were set")
	}
}

// What the house does by itself, on an event, is not what somebody did.
func TestWebhooksLeaveNoEntryAndPeopleBehindThemDo(t *testing.T) {
	h := chatHouse(t, true)
	before := len(h.audit(t, core.AuditFilter{}))
	h.deliver(t, push("main", shaA))
	h.deliver(t, pullRequest(5, "dev", shaB))
	if n := len(h.audit(t, core.AuditFilter{})); n != before {
		t.Errorf("webhooks left %d entries", n-before)
	}
	h.say(t, "wes", "/oore approve "+shaB)
	h.say(t, "wes", "/oore approve "+shaB) // which changes nothing
	h.say(t, "wes", "/oore cancel")
	h.say(t, "wes", "/oore retry all")
	h.say(t, "wes", "/oore revoke")
	again := push("dev", shaB)
	again.Kind, again.Rerun = core.EventNone, &core.Rerun{SHA: shaA}
	var got []string
	for _, e := range h.audit(t, core.AuditFilter{}) {
		if e.Door == core.ViaGitHub {
			got = append(got, fmt.Sprint(e.Actor, " ", e.Action))
			if e.Delivery == "" || e.ActorKind != core.ActorForge {
				t.Errorf("%+v", e)
			}
		}
	}
	slices.Reverse(got)
	if want := []string{"wes fork.approve", "wes build.cancel", "wes build.rerun", "wes fork.revoke"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestAButtonOfTheForgeIsAPersonsAct(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	h.deliver(t, push("main", shaA))
	b := h.builds(t)[0]
	stop := push("main", shaA)
	stop.Kind, stop.Cancel = core.EventNone, &core.Cancel{BuildID: b.ID}
	h.deliver(t, stop)
	again := push("main", shaA)
	again.Kind, again.Rerun = core.EventNone, &core.Rerun{SHA: shaA}
	h.deliver(t, again)
	var got []string
	for _, e := range h.audit(t, core.AuditFilter{}) {
		if e.Door == core.ViaGitHub {
			got = append(got, fmt.Sprint(e.Actor, " ", e.Action, " ", e.Target))
		}
	}
	if want := []string{"sam build.rerun #2", "sam build.cancel #1"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestWhoReadsTheLog(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	p := h.project(t)
	other := h.project(t, func(in *app.CreateProject) { in.Name = "Other" })
	ada := h.invite(t, "ada", core.RoleDeveloper)
	if _, err := h.SetMember(ctx, h.owner, p.ID, ada.ID, core.RoleMaintainer); err != nil {
		t.Fatal(err)
	}
	as := h.actor(t, ada.session)
	_, _, err := h.ListAudit(ctx, as, core.AuditFilter{}, core.Page{Limit: 10})
	wantCode(t, err, core.KindForbidden, core.CodePermissionDenied)
	_, _, err = h.ListAudit(ctx, as, core.AuditFilter{ProjectID: other.ID}, core.Page{Limit: 10})
	wantCode(t, err, core.KindForbidden, core.CodePermissionDenied)
	entries, total, err := h.ListAudit(ctx, as, core.AuditFilter{ProjectID: p.ID}, core.Page{Limit: 10})
	if err != nil || total != 2 || entries[0].Action != core.AuditMemberSet || entries[1].Action != core.AuditProjectCreate {
		t.Errorf("%d %+v, %v", total, entries, err)
	}
	if err := h.DeleteProject(ctx, h.owner, p.ID); err != nil {
		t.Fatal(err)
	}
	entries, _, err = h.ListAudit(ctx, h.owner, core.AuditFilter{ProjectID: p.ID}, core.Page{Limit: 10})
	if err != nil || len(entries) != 3 {
		t.Errorf("after the project: %d, %v", len(entries), err)
	}
}
