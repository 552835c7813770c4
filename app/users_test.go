package app_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/storetest"
)

// person is a user who has signed in.
type person struct {
	core.User
	session string
}

func (h *house) invite(t *testing.T, name string, role core.Role) person {
	t.Helper()
	u, link, err := h.InviteUser(t.Context(), h.owner, app.InviteUser{Email: name + "@example.com", Role: role})
	if err != nil {
		t.Fatal(err)
	}
	return person{u, h.open(t, link.URL)}
}

// open signs in with a link.
func (h *house) open(t *testing.T, url string) (session string) {
	t.Helper()
	s, err := h.SignIn(t.Context(), app.Visitor{Door: core.ViaWeb, Address: "192.0.2.7", UserAgent: "Firefox"}, linkSecret(t, url))
	if err != nil {
		t.Fatal(err)
	}
	return s.Secret
}

func linkSecret(t *testing.T, url string) string {
	t.Helper()
	secret, ok := strings.CutPrefix(url, "https://ci.example.com/sign-in/")
	if !ok {
		t.Fatalf("link %q", url)
	}
	return secret
}

// actor is who a secret stands for now.
func (h *house) actor(t *testing.T, secret string) core.Actor {
	t.Helper()
	actor, err := h.Authenticate(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	return actor
}

func TestAnInvitedPersonSignsInOnce(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	u, link, err := h.InviteUser(ctx, h.owner, app.InviteUser{Email: " Ada@example.com ", Role: core.RoleDeveloper})
	if err != nil || u.Name != "Ada" || u.Email != "Ada@example.com" || !u.Invited || !u.Enabled || u.LastSeenAt != nil {
		t.Fatalf("%+v, %v", u, err)
	}
	_, _, err = h.InviteUser(ctx, h.owner, app.InviteUser{Email: "ada@EXAMPLE.com", Role: core.RoleViewer})
	wantCode(t, err, core.KindConflict, core.CodeEmailExists)
	for _, in := range []app.InviteUser{
		{Role: core.RoleViewer},
		{Email: "no address", Role: core.RoleViewer},
		{Email: "Ada <x@example.com>", Role: core.RoleViewer},
		{Email: "x@example.com", Role: core.RoleMaintainer},
		{Email: "x@example.com"},
		{Email: "x@example.com", Name: "a\nb", Role: core.RoleViewer},
	} {
		_, _, err := h.InviteUser(ctx, h.owner, in)
		wantCode(t, err, core.KindInvalid, core.CodeInvalidInput)
	}
	session := h.open(t, link.URL)
	_, err = h.SignIn(ctx, app.Visitor{}, linkSecret(t, link.URL))
	wantCode(t, err, core.KindUnauthorized, core.CodeInvalidSession)
	actor := h.actor(t, session)
	if actor.UserID != u.ID || actor.Role != core.RoleDeveloper || actor.Kind != core.ActorUser {
		t.Errorf("%+v", actor)
	}
	u, err = h.FindUser(ctx, actor, u.ID)
	if err != nil || u.Invited || u.LastSeenAt == nil {
		t.Errorf("%+v, %v", u, err)
	}
	_, err = h.FindUser(ctx, actor, uuid.NewString())
	wantCode(t, err, core.KindForbidden, core.CodePermissionDenied)
	_, err = h.ListUsers(ctx, actor)
	wantCode(t, err, core.KindForbidden, core.CodePermissionDenied)
}

func TestASentLinkLivesThreeDaysAndANewOneReplacesIt(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	u, first, err := h.InviteUser(ctx, h.owner, app.InviteUser{Email: "ada@example.com", Role: core.RoleViewer})
	if err != nil {
		t.Fatal(err)
	}
	_, second, err := h.RenewSignInLink(ctx, h.owner, u.ID)
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.SignIn(ctx, app.Visitor{}, linkSecret(t, first.URL))
	wantCode(t, err, core.KindUnauthorized, core.CodeInvalidSession)
	h.clock.forward(71 * time.Hour)
	h.open(t, second.URL)
	_, third, err := h.RenewSignInLink(ctx, h.owner, u.ID)
	if err != nil {
		t.Fatal(err)
	}
	h.clock.forward(73 * time.Hour)
	_, err = h.SignIn(ctx, app.Visitor{}, linkSecret(t, third.URL))
	wantCode(t, err, core.KindUnauthorized, core.CodeInvalidSession)
}

func TestALinkIsNoWayUp(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	owner, admin := h.invite(t, "olga", core.RoleOwner), h.invite(t, "adam", core.RoleAdmin)
	asAdmin := h.actor(t, admin.session)
	_, _, err := h.RenewSignInLink(ctx, asAdmin, owner.ID) // whoever has it is the owner
	wantCode(t, err, core.KindForbidden, core.CodeCannotChangeOwner)
	if _, _, err = h.RenewSignInLink(ctx, asAdmin, admin.ID); err != nil {
		t.Errorf("one's own: %v", err)
	}
	secret, _, err := h.CreateAPIToken(ctx, h.actor(t, owner.session), app.CreateAPIToken{Name: "small", Role: core.RoleAdmin})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = h.RenewSignInLink(ctx, h.actor(t, secret), owner.ID)
	wantCode(t, err, core.KindForbidden, core.CodePermissionDenied)
	_, _, err = h.RenewSignInLink(ctx, h.actor(t, h.invite(t, "dev", core.RoleDeveloper).session), admin.ID)
	wantCode(t, err, core.KindForbidden, core.CodePermissionDenied)
}

func TestADisabledUserIsOutWithAllThatTheyHad(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	b := h.queued(t)
	ada := h.invite(t, "ada", core.RoleDeveloper)
	as := h.actor(t, ada.session)
	token, _, err := h.CreateAPIToken(ctx, as, app.CreateAPIToken{Name: "laptop"})
	if err != nil {
		t.Fatal(err)
	}
	stream, _, err := h.CreateStreamToken(ctx, as, b.ID)
	if err != nil {
		t.Fatal(err)
	}
	tokenStream, _, err := h.CreateStreamToken(ctx, h.actor(t, token), b.ID)
	if err != nil {
		t.Fatal(err)
	}
	_, link, err := h.RenewSignInLink(ctx, h.owner, ada.ID)
	if err != nil {
		t.Fatal(err)
	}
	user, _ := h.AccessChanged(as)
	if err := h.DisableUser(ctx, h.owner, ada.ID); err != nil {
		t.Fatal(err)
	}
	select {
	case <-user:
	default:
		t.Error("open streams are not told")
	}
	refused := func() {
		t.Helper()
		for _, secret := range []string{ada.session, token} {
			_, err := h.Authenticate(ctx, secret)
			wantCode(t, err, core.KindUnauthorized, core.CodeInvalidSession)
		}
		for _, secret := range []string{stream, tokenStream} {
			_, err := h.AuthenticateStream(ctx, secret)
			wantCode(t, err, core.KindUnauthorized, core.CodeInvalidSession)
		}
		_, err = h.SignIn(ctx, app.Visitor{}, linkSecret(t, link.URL))
		wantCode(t, err, core.KindUnauthorized, core.CodeInvalidSession)
		_, err = h.Recheck(ctx, as)
		wantCode(t, err, core.KindUnauthorized, core.CodeInvalidSession)
	}
	refused()
	_, _, err = h.RenewSignInLink(ctx, h.owner, ada.ID)
	wantCode(t, err, core.KindConflict, core.CodeUserDisabled)
	if err := h.DisableUser(ctx, h.owner, ada.ID); err != nil {
		t.Errorf("twice: %v", err)
	}
	if _, err := h.EnableUser(ctx, h.owner, ada.ID); err != nil {
		t.Fatal(err)
	}
	if actor := h.actor(t, token); actor.UserID != ada.ID {
		t.Errorf("enabled again, the token is %+v", actor)
	}
	if _, err := h.Authenticate(ctx, ada.session); err == nil {
		t.Error("the session came back")
	}
}

func TestNobodyShutsThemselvesOutAndOnlyOwnersTouchOwners(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	olga, otto, adam := h.invite(t, "olga", core.RoleOwner), h.invite(t, "otto", core.RoleOwner), h.invite(t, "adam", core.RoleAdmin)
	asOlga, asAdam := h.actor(t, olga.session), h.actor(t, adam.session)
	role := func(actor core.Actor, id string, to core.Role) error {
		_, err := h.SetUserRole(ctx, actor, id, to)
		return err
	}
	wantCode(t, h.DisableUser(ctx, asOlga, olga.ID), core.KindForbidden, core.CodeCannotDeleteSelf)
	wantCode(t, role(asOlga, olga.ID, core.RoleAdmin), core.KindForbidden, core.CodeCannotChangeSelf)
	wantCode(t, role(asAdam, adam.ID, core.RoleOwner), core.KindForbidden, core.CodeCannotChangeSelf)
	wantCode(t, h.DisableUser(ctx, asAdam, olga.ID), core.KindForbidden, core.CodeCannotDeleteOwner)
	wantCode(t, role(asAdam, olga.ID, core.RoleViewer), core.KindForbidden, core.CodeCannotChangeOwner)
	_, _, err := h.InviteUser(ctx, asAdam, app.InviteUser{Email: "new@example.com", Role: core.RoleOwner})
	wantCode(t, err, core.KindForbidden, core.CodeCannotChangeOwner)
	wantCode(t, role(asOlga, otto.ID, "root"), core.KindInvalid, core.CodeInvalidInput)
	wantCode(t, role(asOlga, otto.ID, core.RoleMaintainer), core.KindInvalid, core.CodeInvalidInput)
	wantCode(t, role(asOlga, uuid.NewString(), core.RoleViewer), core.KindNotFound, core.CodeNotFound)
	if err := h.DisableUser(ctx, asOlga, otto.ID); err != nil {
		t.Fatal(err)
	}
	_, err = h.EnableUser(ctx, asAdam, otto.ID)
	wantCode(t, err, core.KindForbidden, core.CodeCannotChangeOwner)
	// The operator's token is nobody, and so might take the last one.
	wantCode(t, h.DisableUser(ctx, h.owner, olga.ID), core.KindConflict, core.CodeLastOwner)
	wantCode(t, role(h.owner, olga.ID, core.RoleAdmin), core.KindConflict, core.CodeLastOwner)
	if err := role(asOlga, adam.ID, core.RoleViewer); err != nil {
		t.Error(err)
	}
	if actor := h.actor(t, adam.session); actor.Role != core.RoleViewer {
		t.Errorf("the session is still %s", actor.Role)
	}
}

// Owners who take each other's role away at the same moment leave one.
func TestTheLastOwnerStaysWhoeverRaces(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		ctx := t.Context()
		db, err := store.Open(ctx, url, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		a, err := app.New(app.Deps{
			Store: db, Blobs: newBlobs(t), Archive: newArchive(t, newBlobs(t)), Clock: time.Now, NewID: uuid.NewString, Log: slog.New(slog.DiscardHandler), PublicURL: "https://ci.example.com", LogLimit: 1 << 20,
		})
		if err != nil {
			t.Fatal(err)
		}
		operator := core.Actor{Kind: core.ActorToken, Name: "admin token", Role: core.RoleOwner}
		const owners = 4
		for round := range 5 {
			var all []core.User
			for range owners {
				u, _, err := a.InviteUser(ctx, operator, app.InviteUser{Email: uuid.NewString() + "@example.com", Role: core.RoleOwner})
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, u)
			}
			var wg sync.WaitGroup
			for i, u := range all {
				wg.Go(func() {
					err := race(ctx, a, operator, u.ID, i)
					if err != nil && core.CodeOf(err) != core.CodeLastOwner {
						t.Errorf("round %d: %v", round, err)
					}
				})
			}
			wg.Wait()
			left := 0
			users, err := a.ListUsers(ctx, operator)
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range users {
				if u.Role == core.RoleOwner && u.Enabled {
					left++
				}
			}
			if left != 1 {
				t.Fatalf("round %d: %d owners are left", round, left)
			}
		}
	})
}

func race(ctx context.Context, a *app.App, actor core.Actor, id string, i int) error {
	if i%2 == 0 {
		return a.DisableUser(ctx, actor, id)
	}
	_, err := a.SetUserRole(ctx, actor, id, core.RoleAdmin)
	return err
}
