package app_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func TestAMembersProjectIsForItsMembers(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	p := h.project(t, func(in *app.CreateProject) { in.Visibility = core.VisibleMembers })
	pl := h.pipeline(t, p.ID, "Android")
	ada, bob := h.invite(t, "ada", core.RoleViewer), h.invite(t, "bob", core.RoleDeveloper)
	find := func(who person) error {
		_, err := h.FindProject(ctx, h.actor(t, who.session), p.ID)
		return err
	}
	wantCode(t, find(ada), core.KindNotFound, core.CodeNotFound)
	if _, err := h.SetMemberByEmail(ctx, h.owner, p.ID, "ADA@example.com", core.RoleMaintainer); err != nil {
		t.Fatal(err)
	}
	if err := find(ada); err != nil {
		t.Errorf("a member: %v", err)
	}
	wantCode(t, find(bob), core.KindNotFound, core.CodeNotFound)

	// A viewer of the instance who maintains the project does what maintainers do there,
	as := h.actor(t, ada.session)
	if _, err := h.SetMember(ctx, as, p.ID, bob.ID, core.RoleDeveloper); err != nil {
		t.Errorf("a maintainer lets somebody in: %v", err)
	}
	if _, err := h.UpdateProject(ctx, as, p.ID, app.UpdateProject{TriggerRole: ptr(core.RoleMaintainer)}); err != nil {
		t.Error(err)
	}
	// a developer what developers do,
	dev := h.actor(t, bob.session)
	if _, err := h.UpdatePipeline(ctx, dev, pl.ID, app.PipelineInput{Labels: &[]string{"mac"}}); err != nil {
		t.Error(err)
	}
	if _, err := h.UpdateProject(ctx, dev, p.ID, app.UpdateProject{Description: ptr("Ours"), Forks: ptr(p.Forks)}); err != nil {
		t.Errorf("what stays is no change: %v", err)
	}
	for what, err := range map[string]error{
		"trigger": func() error {
			_, err := h.TriggerBuild(ctx, dev, app.TriggerBuild{ProjectID: p.ID, PipelineID: pl.ID})
			return err
		}(),
		"forks": func() error {
			_, err := h.UpdateProject(ctx, dev, p.ID, app.UpdateProject{Forks: ptr(core.ForksBuild)})
			return err
		}(),
		"visibility": func() error {
			_, err := h.UpdateProject(ctx, dev, p.ID, app.UpdateProject{Visibility: ptr(core.VisibleInstance)})
			return err
		}(),
		"members": func() error { _, err := h.ListMembers(ctx, dev, p.ID); return err }(),
		"member":  func() error { _, err := h.SetMember(ctx, dev, p.ID, bob.ID, core.RoleMaintainer); return err }(),
		"remove":  h.DeleteMember(ctx, dev, p.ID, ada.ID),
		"delete":  h.DeleteProject(ctx, dev, p.ID),
		"drop":    h.DeletePipeline(ctx, dev, pl.ID),
		"audit": func() error {
			_, _, err := h.ListAudit(ctx, dev, core.AuditFilter{ProjectID: p.ID}, core.Page{Limit: 1})
			return err
		}(),
	} {
		if core.KindOf(err) != core.KindForbidden || err == nil {
			t.Errorf("a developer: %s: %v", what, err)
		}
	}
	// and nobody of them manages the instance.
	_, err := h.CreateProject(ctx, as, app.CreateProject{Name: "x"})
	wantCode(t, err, core.KindForbidden, core.CodePermissionDenied)

	members, err := h.ListMembers(ctx, as, p.ID)
	if err != nil || len(members) != 2 || members[0].User.Name != "ada" || members[1].Role != core.RoleDeveloper {
		t.Errorf("%+v, %v", members, err)
	}
	if err := h.DeleteMember(ctx, as, p.ID, bob.ID); err != nil {
		t.Fatal(err)
	}
	wantCode(t, find(bob), core.KindNotFound, core.CodeNotFound)
	wantCode(t, h.DeleteMember(ctx, as, p.ID, bob.ID), core.KindNotFound, core.CodeNotFound)
	if err := h.DeletePipeline(ctx, as, pl.ID); err != nil {
		t.Error(err)
	}
	if err := h.DeleteProject(ctx, as, p.ID); err != nil {
		t.Error(err)
	}
}

func TestWhoCannotBeAMember(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	p := h.project(t)
	ada := h.invite(t, "ada", core.RoleViewer)
	for _, role := range []core.Role{"", core.RoleAdmin, core.RoleOwner, "x"} {
		_, err := h.SetMember(ctx, h.owner, p.ID, ada.ID, role)
		wantCode(t, err, core.KindInvalid, core.CodeInvalidInput)
	}
	_, err := h.SetMember(ctx, h.owner, p.ID, uuid.NewString(), core.RoleViewer)
	wantCode(t, err, core.KindNotFound, core.CodeNotFound)
	_, err = h.SetMember(ctx, h.owner, uuid.NewString(), ada.ID, core.RoleViewer)
	wantCode(t, err, core.KindNotFound, core.CodeNotFound)
	_, err = h.SetMemberByEmail(ctx, h.owner, p.ID, "nobody@example.com", core.RoleViewer)
	wantCode(t, err, core.KindInvalid, core.CodeInvalidInput)
	first, err := h.SetMember(ctx, h.owner, p.ID, ada.ID, core.RoleViewer)
	if err != nil {
		t.Fatal(err)
	}
	again, err := h.SetMember(ctx, h.owner, p.ID, ada.ID, core.RoleDeveloper)
	if err != nil || !again.CreatedAt.Equal(first.CreatedAt) || again.Role != core.RoleDeveloper {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestALinkedPersonIsAtAForgeWhatTheyAreHere(t *testing.T) {
	h, ctx := chatHouse(t, false), t.Context()
	list, _, err := h.ListProjects(ctx, h.owner, core.Page{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	rita := h.invite(t, "rita", core.RoleViewer)
	if d := h.say(t, "rita", "/oore build"); d.Reason.Code != "forbidden" {
		t.Fatalf("a reader: %+v", d.Reason)
	}
	link := core.Identity{Provider: "github:", Subject: personID("rita"), UserID: rita.ID, Login: "rita", CreatedAt: h.clock.now()}
	if err := h.store.SaveIdentity(ctx, link); err != nil {
		t.Fatal(err)
	}
	if d := h.say(t, "rita", "/oore build"); d.Reason.Code != "forbidden" {
		t.Fatalf("a viewer of the instance: %+v", d.Reason)
	}
	if _, err := h.SetMember(ctx, h.owner, list[0].ID, rita.ID, core.RoleDeveloper); err != nil {
		t.Fatal(err)
	}
	if d := h.say(t, "rita", "/oore build"); d.Status != core.DeliveryProcessed {
		t.Fatalf("a developer of the project: %+v", d.Reason)
	}
	e := h.audit(t, core.AuditFilter{Action: core.AuditBuildTrigger})[0]
	if e.ActorID != rita.ID || e.ActorKind != core.ActorForge || e.Door != core.ViaGitHub || e.Delivery == "" || e.Actor != "rita" {
		t.Errorf("%+v", e)
	}
	if err := h.DisableUser(ctx, h.owner, rita.ID); err != nil {
		t.Fatal(err)
	}
	if d := h.say(t, "rita", "/oore build fresh=true"); d.Reason.Code != "forbidden" {
		t.Errorf("disabled: %+v", d.Reason)
	}
}

func TestTheAuthorIsKnownByTheNumberAtTheForgeToo(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	h.pipeline(t, h.project(t).ID, "Android")
	fork := forkPull(shaA)
	fork.OpenerID = "66"
	d := h.deliver(t, fork)
	h.forge.setHead(shaA)
	ada := h.invite(t, "ada", core.RoleAdmin)
	err := h.store.SaveIdentity(ctx, core.Identity{Provider: "github:", Subject: "66", UserID: ada.ID, Login: "renamed", CreatedAt: h.clock.now()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.ApproveDelivery(ctx, h.actor(t, ada.session), d.ID, shaA)
	wantCode(t, err, core.KindForbidden, core.CodeSelfApprove)

	// Who is called as the opener is, is refused as long as nothing better is known.
	namesake := h.invite(t, fork.Opener, core.RoleAdmin)
	_, err = h.ApproveDelivery(ctx, h.actor(t, namesake.session), d.ID, shaA)
	wantCode(t, err, core.KindForbidden, core.CodeSelfApprove)
	elsewhere := core.Identity{Provider: "gitlab:", Subject: "67", UserID: namesake.ID, CreatedAt: h.clock.now()}
	if err := h.store.SaveIdentity(ctx, elsewhere); err != nil {
		t.Fatal(err)
	}
	_, err = h.ApproveDelivery(ctx, h.actor(t, namesake.session), d.ID, shaA)
	wantCode(t, err, core.KindForbidden, core.CodeSelfApprove)
	elsewhere.Provider = "github:"
	if err := h.store.SaveIdentity(ctx, elsewhere); err != nil {
		t.Fatal(err)
	}
	if _, err := h.ApproveDelivery(ctx, h.actor(t, namesake.session), d.ID, shaA); err != nil {
		t.Errorf("somebody else by the number: %v", err)
	}
}

func TestAProjectsDeveloperApprovesAndRedelivers(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	p := h.project(t)
	h.pipeline(t, p.ID, "Android")
	d := h.deliver(t, forkPull(shaA))
	h.forge.setHead(shaA)
	ada := h.invite(t, "ada", core.RoleViewer)
	as := h.actor(t, ada.session)
	_, err := h.ApproveDelivery(ctx, as, d.ID, shaA)
	wantCode(t, err, core.KindForbidden, core.CodePermissionDenied)
	if seen, err := h.FindDelivery(ctx, as, d.ID); err != nil || seen.Payload != nil {
		t.Errorf("a viewer reads the payload, %v", err)
	}
	if _, err := h.SetMember(ctx, h.owner, p.ID, ada.ID, core.RoleDeveloper); err != nil {
		t.Fatal(err)
	}
	as = h.actor(t, ada.session)
	if seen, err := h.FindDelivery(ctx, as, d.ID); err != nil || seen.Payload == nil {
		t.Errorf("a developer of the project does not read the payload, %v", err)
	}
	if _, err := h.RedeliverDelivery(ctx, as, d.ID); err != nil {
		t.Error(err)
	}
	if _, err := h.ApproveDelivery(ctx, as, d.ID, shaA); err != nil {
		t.Error(err)
	}
}
