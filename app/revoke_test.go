package app_test

import (
	"testing"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func TestARevokedTokenIsRefusedAtOnce(t *testing.T) {
	h := newHouse(t)
	secret, c, err := h.CreateAPIToken(t.Context(), h.owner, app.CreateAPIToken{Name: "laptop"})
	if err != nil {
		t.Fatal(err)
	}
	stranger := core.Actor{Kind: core.ActorUser, UserID: "somebody", Role: core.RoleDeveloper}
	wantCode(t, h.DeleteAPIToken(t.Context(), stranger, c.ID), core.KindNotFound, core.CodeNotFound)
	if _, err := h.Authenticate(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	wantCode(t, h.SignOut(t.Context(), app.Visitor{}, secret), core.KindInvalid, core.CodeInvalidInput)
	if err := h.DeleteAPIToken(t.Context(), h.owner, c.ID); err != nil {
		t.Fatal(err)
	}
	_, err = h.Authenticate(t.Context(), secret)
	wantCode(t, err, core.KindUnauthorized, core.CodeInvalidSession)
}

func TestNamesAndReferencesCanBeRead(t *testing.T) {
	h := newHouse(t)
	p := h.project(t)
	pl := h.pipeline(t, p.ID, "Android")
	_, _, err := h.CreateAPIToken(t.Context(), h.owner, app.CreateAPIToken{Name: "a\x00b"})
	wantCode(t, err, core.KindInvalid, core.CodeInvalidInput)
	_, err = h.TriggerBuild(t.Context(), h.owner, app.TriggerBuild{ProjectID: p.ID, PipelineID: pl.ID, TriggerRef: "a\nb"})
	wantCode(t, err, core.KindInvalid, core.CodeInvalidInput)
}

func TestWhoDoesNotSeeAProjectDoesNotRedeliverItsDeliveries(t *testing.T) {
	h := newHouse(t)
	p := h.project(t, func(in *app.CreateProject) { in.Visibility = core.VisibleMembers })
	pl := h.pipeline(t, p.ID, "Android")
	d := h.deliver(t, push("main", shaA))
	developer := core.Actor{Kind: core.ActorUser, Role: core.RoleDeveloper}
	_, err := h.RedeliverDelivery(t.Context(), developer, d.ID)
	wantCode(t, err, core.KindForbidden, core.CodePermissionDenied)
	hidden := func(id string) string {
		_, err := h.FindPipeline(t.Context(), developer, id)
		return err.Error()
	}
	if a, b := hidden(pl.ID), hidden("00000000-0000-0000-0000-000000000000"); a != b {
		t.Errorf("a hidden pipeline says %q, one that is not there %q", a, b)
	}
}
