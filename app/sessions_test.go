package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func TestASessionEndsWhenNobodyUsesItAndInTheEndAnyway(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	ada := h.invite(t, "ada", core.RoleViewer)
	idle := h.open(t, h.newLink(t, ada.ID))
	for range 15 { // used twice a day, for a week
		h.clock.forward(11 * time.Hour)
		h.actor(t, ada.session)
	}
	_, err := h.Authenticate(ctx, idle)
	wantCode(t, err, core.KindUnauthorized, core.CodeInvalidSession)
	h.clock.forward(11 * time.Hour)
	_, err = h.Authenticate(ctx, ada.session)
	wantCode(t, err, core.KindUnauthorized, core.CodeInvalidSession)
}

func (h *house) newLink(t *testing.T, userID string) string {
	t.Helper()
	_, link, err := h.RenewSignInLink(t.Context(), h.owner, userID)
	if err != nil {
		t.Fatal(err)
	}
	return link.URL
}

func TestSessionsAreListedAndEnded(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	ada, bob := h.invite(t, "ada", core.RoleDeveloper), h.invite(t, "bob", core.RoleAdmin)
	agent := strings.Repeat("Mozilla\x00", 50)
	s, err := h.SignIn(ctx, app.Visitor{Address: "2001:db8::7", UserAgent: agent}, linkSecret(t, h.newLink(t, ada.ID)))
	if err != nil {
		t.Fatal(err)
	}
	as, admin := h.actor(t, ada.session), h.actor(t, bob.session)
	own, err := h.ListSessions(ctx, as, "")
	if err != nil || len(own) != 2 || own[0].ID != as.CredentialID || own[0].Address != "192.0.2.7" || own[1].Address != "2001:db8::7" {
		t.Fatalf("%+v, %v", own, err)
	}
	if got := own[1].UserAgent; len(got) > core.MaxUserAgent || !strings.HasPrefix(got, "Mozilla Mozilla") || strings.ContainsRune(got, 0) {
		t.Errorf("agent %q", got)
	}
	all, err := h.ListSessions(ctx, admin, ada.ID)
	if err != nil || len(all) != 2 {
		t.Errorf("an admin sees %d, %v", len(all), err)
	}
	_, err = h.ListSessions(ctx, as, bob.ID)
	wantCode(t, err, core.KindForbidden, core.CodePermissionDenied)
	wantCode(t, h.DeleteSession(ctx, as, admin.CredentialID), core.KindNotFound, core.CodeNotFound)
	wantCode(t, h.DeleteSession(ctx, as, uuid.NewString()), core.KindNotFound, core.CodeNotFound)
	token, c, err := h.CreateAPIToken(ctx, as, app.CreateAPIToken{Name: "viewer", Role: core.RoleViewer})
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, h.DeleteSession(ctx, as, c.ID), core.KindNotFound, core.CodeNotFound)
	wantCode(t, h.DeleteSession(ctx, h.actor(t, token), own[1].ID), core.KindNotFound, core.CodeNotFound)

	_, bell := h.AccessChanged(h.actor(t, s.Secret))
	if err := h.DeleteSession(ctx, as, own[1].ID); err != nil {
		t.Fatal(err)
	}
	select {
	case <-bell:
	default:
		t.Error("its streams are not told")
	}
	_, err = h.Authenticate(ctx, s.Secret)
	wantCode(t, err, core.KindUnauthorized, core.CodeInvalidSession)
	if err := h.DeleteSession(ctx, admin, as.CredentialID); err != nil {
		t.Errorf("an admin: %v", err)
	}
}

// Whoever puts a session of theirs into somebody's browser gains nothing when that person
// signs in.
func TestASignInEndsTheSessionThatTheBrowserHad(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	mallory, ada := h.invite(t, "mallory", core.RoleViewer), h.invite(t, "ada", core.RoleAdmin)
	s, err := h.SignIn(ctx, app.Visitor{Session: mallory.session}, linkSecret(t, h.newLink(t, ada.ID)))
	if err != nil || s.Secret == mallory.session {
		t.Fatal(err)
	}
	_, err = h.Authenticate(ctx, mallory.session)
	wantCode(t, err, core.KindUnauthorized, core.CodeInvalidSession)
	if actor := h.actor(t, s.Secret); actor.UserID != ada.ID {
		t.Errorf("%+v", actor)
	}
}

func TestFailedSignInsAreNotedWithoutWhatWasTriedAndNotWithoutEnd(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	for range 100 {
		_, err := h.SignIn(ctx, app.Visitor{Door: core.ViaWeb, Address: "192.0.2.66"}, "oorel_guessed")
		wantCode(t, err, core.KindUnauthorized, core.CodeInvalidSession)
	}
	entries := h.audit(t, core.AuditFilter{Action: core.AuditSignInRefused})
	if len(entries) != 30 {
		t.Errorf("%d entries", len(entries))
	}
	e := entries[0]
	if e.ActorKind != core.ActorStranger || e.Address != "192.0.2.66" || e.Door != core.ViaWeb || e.ActorID != "" {
		t.Errorf("%+v", e)
	}
	h.clock.forward(time.Minute)
	_, err := h.SignIn(ctx, app.Visitor{}, "oorel_guessed")
	wantCode(t, err, core.KindUnauthorized, core.CodeInvalidSession)
	if n := len(h.audit(t, core.AuditFilter{Action: core.AuditSignInRefused})); n != 31 {
		t.Errorf("a minute later: %d entries", n)
	}
}
