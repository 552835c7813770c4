package app_test

import (
	"context"
	"net/url"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// listRoom lets in whoever comes, and says afterwards that they have left; meanwhile
// something happens.
type listRoom struct {
	openRoom
	asked func()
}

func (r *listRoom) Identify(ctx context.Context, in core.SignInRequest, a core.SignInAnswer) (core.Person, error) {
	p, err := r.openRoom.Identify(ctx, in, a)
	p.Admitted, p.Standing = true, []byte("token")
	return p, err
}

func (r *listRoom) StillAdmitted(context.Context, []byte) ([]byte, error) {
	r.asked()
	return nil, core.Errorf(core.KindForbidden, "They have left")
}

func enter(t *testing.T, a *app.App) error {
	t.Helper()
	v := app.Visitor{Door: core.ViaWeb, Address: "192.0.2.1"}
	d, err := a.Depart(t.Context(), v, "oidc", "/")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(d.URL)
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.Arrive(t.Context(), v, app.Return{Way: "oidc", Browser: d.Browser, State: u.Query().Get("state"), Code: "ann"})
	return err
}

// Whom an admin disabled while the service was asked had left, said the house: so they
// were let in again when they came back. Who came back meanwhile was shut out.
func TestWhatHappensWhileAServiceIsAskedCounts(t *testing.T) {
	for name, disabled := range map[string]bool{"an admin disables them": true, "they sign in anew": false} {
		t.Run(name, func(t *testing.T) {
			room := &listRoom{}
			a, clock := entranceBy(t, room, func(db core.Store) core.Store { return db })
			owner := core.Actor{Kind: core.ActorUser, Name: "olga", Role: core.RoleOwner}
			if err := enter(t, a); err != nil {
				t.Fatal(err)
			}
			users, err := a.ListUsers(t.Context(), owner)
			if err != nil || len(users) != 1 {
				t.Fatalf("%+v, %v", users, err)
			}
			noes := 0
			room.asked = func() {
				if noes++; noes < 2 {
					return
				}
				if disabled {
					err = a.DisableUser(t.Context(), owner, users[0].ID)
				} else {
					err = enter(t, a)
				}
				if err != nil {
					t.Error(err)
				}
			}
			for noes < 2 {
				clock.forward(11 * time.Minute)
				if _, err := a.CheckStandings(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if u, err := a.FindUser(t.Context(), owner, users[0].ID); err != nil || u.Enabled == disabled || u.Departed != "" {
				t.Errorf("%+v, %v", u, err)
			}
			if err := enter(t, a); (err != nil) != disabled {
				t.Errorf("they sign in: %v", err)
			}
		})
	}
}
