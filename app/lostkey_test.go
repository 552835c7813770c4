package app_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/google/uuid"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// breakingStore breaks when the first row is to go.
type breakingStore struct {
	core.Store
	broken *bool
}

func (s breakingStore) InTx(ctx context.Context, f func(core.Store) error) error {
	return s.Store.InTx(ctx, func(tx core.Store) error { return f(breakingStore{tx, s.broken}) })
}

func (s breakingStore) DropSealed(ctx context.Context, place string) error {
	if *s.broken {
		return errors.New("the disk is full")
	}
	return s.Store.DropSealed(ctx, place)
}

// About whom a service can be asked no more, they are shut out until they sign in there;
// and what fails on its way has changed nothing.
func TestALostKeyShutsOutThoseWhoCannotBeAskedAbout(t *testing.T) {
	broken := true
	var db core.Store
	room := &listRoom{asked: func() {}}
	a, clock := entranceBy(t, room, func(s core.Store) core.Store {
		db = breakingStore{s, &broken}
		return db
	})
	operator := core.Actor{Kind: core.ActorSystem, Name: "command line", Role: core.RoleOwner}
	if err := enter(t, a); err != nil {
		t.Fatal(err)
	}
	if _, err := a.ReplaceLostKey(t.Context(), operator); core.KindOf(err) != core.KindConflict {
		t.Fatalf("with the key that fits: %v", err)
	}
	vault, err := app.NewVault(bytes.Repeat([]byte{8}, 32))
	if err != nil {
		t.Fatal(err)
	}
	other, err := app.New(app.Deps{
		Store: db, Blobs: newBlobs(t), Archive: newArchive(t, newBlobs(t)), Vault: vault, Clock: clock.now, NewID: uuid.NewString, Log: slog.New(slog.DiscardHandler),
		PublicURL: "https://ci.example.com", LogLimit: 1 << 20, SignIn: app.SignIn{Rooms: []core.SignInRoom{room}, Domains: []string{"example.com"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	stands := func() (enabled bool, sealed int) {
		t.Helper()
		users, err := other.ListUsers(t.Context(), operator)
		if err != nil || len(users) != 1 {
			t.Fatalf("%+v, %v", users, err)
		}
		all, err := db.ListSealed(t.Context(), "", 100)
		if err != nil {
			t.Fatal(err)
		}
		return users[0].Enabled, len(all)
	}
	_, before := stands()
	if _, err := other.ReplaceLostKey(t.Context(), operator); err == nil {
		t.Fatal("the disk was full")
	}
	if enabled, sealed := stands(); !enabled || sealed != before {
		t.Errorf("half of it was done: enabled %v, %d of %d sealed", enabled, sealed, before)
	}
	broken = false
	lost, err := other.ReplaceLostKey(t.Context(), operator)
	if err != nil || len(lost) != 1 {
		t.Fatalf("%+v, %v", lost, err)
	}
	if enabled, sealed := stands(); enabled || sealed != 0 {
		t.Errorf("enabled %v, %d sealed", enabled, sealed)
	}
	if err := enter(t, other); err != nil {
		t.Errorf("they sign in there: %v", err)
	}
	if _, err := other.ReplaceLostKey(t.Context(), core.Actor{Kind: core.ActorUser, Role: core.RoleDeveloper}); core.KindOf(err) != core.KindForbidden {
		t.Errorf("a developer: %v", err)
	}
}

// Whose session had ended was not shut out, and came in by their password for ever after,
// about whom no service could be asked.
func TestALostKeyShutsOutWhoHasNoSession(t *testing.T) {
	var db core.Store
	room := &listRoom{asked: func() {}}
	a, clock := entranceBy(t, room, func(s core.Store) core.Store { db = s; return s })
	operator := core.Actor{Kind: core.ActorSystem, Name: "command line", Role: core.RoleOwner}
	if err := enter(t, a); err != nil {
		t.Fatal(err)
	}
	if err := db.DeleteExpiredCredentials(t.Context(), clock.now().Add(2*core.SessionLife)); err != nil {
		t.Fatal(err)
	}
	vault, err := app.NewVault(bytes.Repeat([]byte{8}, 32))
	if err != nil {
		t.Fatal(err)
	}
	other, err := app.New(app.Deps{
		Store: db, Blobs: newBlobs(t), Archive: newArchive(t, newBlobs(t)), Vault: vault, Clock: clock.now, NewID: uuid.NewString, Log: slog.New(slog.DiscardHandler),
		PublicURL: "https://ci.example.com", LogLimit: 1 << 20, SignIn: app.SignIn{Rooms: []core.SignInRoom{room}, Domains: []string{"example.com"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if lost, err := other.ReplaceLostKey(t.Context(), operator); err != nil || len(lost) != 1 {
		t.Fatalf("%+v, %v", lost, err)
	}
	users, err := other.ListUsers(t.Context(), operator)
	if err != nil || len(users) != 1 || users[0].Enabled || users[0].Departed == "" {
		t.Errorf("%+v, %v", users, err)
	}
}
