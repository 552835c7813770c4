package app_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/crypto/argon2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/storetest"
)

// openRoom vouches for whoever comes; the code is their name.
type openRoom struct{}

func (openRoom) Way() core.SignInWay {
	return core.SignInWay{ID: "oidc", Name: "Example", Provider: "oidc:https://id.example.com"}
}

func (openRoom) SignInURL(_ context.Context, r core.SignInRequest) (string, error) {
	return "https://id.example.com/?" + url.Values{"state": {r.State}}.Encode(), nil
}

func (openRoom) Identify(_ context.Context, _ core.SignInRequest, a core.SignInAnswer) (core.Person, error) {
	return core.Person{Subject: a.Code, Login: a.Code, Name: a.Code, Email: a.Code + "@example.com"}, nil
}

func (openRoom) StillAdmitted(context.Context, []byte) ([]byte, error) { return nil, nil }

func (openRoom) Examine(context.Context) core.Check { return core.Good("open") }

// entrance is a house that people sign in to, and its clock.
func entrance(t *testing.T) (*app.App, *fakeClock) {
	t.Helper()
	return entranceOn(t, func(db core.Store) core.Store { return db })
}

func entranceOn(t *testing.T, wrapped func(core.Store) core.Store) (*app.App, *fakeClock) {
	t.Helper()
	return entranceBy(t, openRoom{}, wrapped)
}

func entranceBy(t *testing.T, room core.SignInRoom, wrapped func(core.Store) core.Store) (*app.App, *fakeClock) {
	t.Helper()
	db, err := store.Open(t.Context(), storetest.SQLite(t), store.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	vault, err := app.NewVault(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	clock := &fakeClock{at: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)}
	a, err := app.New(app.Deps{
		Store: wrapped(db), Blobs: newBlobs(t), Archive: newArchive(t, newBlobs(t)), Vault: vault, Clock: clock.now, NewID: uuid.NewString, Log: slog.New(slog.DiscardHandler),
		PublicURL: "https://ci.example.com", LogLimit: 1 << 20, SignIn: app.SignIn{Rooms: []core.SignInRoom{room}, Domains: []string{"example.com"}, Passwords: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	return a, clock
}

// All of an office come from one address, and so do all behind a proxy: the sixty-first
// who signed in there was told that there had been too many tries.
func TestAnOfficeSignsInFromOneAddress(t *testing.T) {
	a, clock := entrance(t)
	office := app.Visitor{Door: core.ViaWeb, Address: "192.0.2.1"}
	for n := range 70 {
		clock.forward(time.Minute)
		d, err := a.Depart(t.Context(), office, "oidc", "/")
		if err != nil {
			t.Fatalf("person %d: %v", n, err)
		}
		u, err := url.Parse(d.URL)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Arrive(t.Context(), office, app.Return{Way: "oidc", Browser: d.Browser, State: u.Query().Get("state"), Code: fmt.Sprint("person", n)}); err != nil {
			t.Fatalf("person %d: %v", n, err)
		}
	}
	for n := range 61 { // who begins and never comes back
		if _, err := a.Depart(t.Context(), office, "oidc", "/"); (core.KindOf(err) == core.KindLimited && err != nil) != (n == 60) {
			t.Fatalf("journey %d: %v", n, err)
		}
	}
}

// PostgreSQL takes no such text, so a stranger's try was a fault of ours; nor is it another
// account, with tries of its own.
func TestANULInAnEMailAddressIsNoOtherAccount(t *testing.T) {
	a, _ := entrance(t)
	var answers []string
	for n := range 6 {
		_, err := a.SignInWithPassword(t.Context(), app.Visitor{Address: "192.0.2.1"}, "ada"+strings.Repeat("\x00", n)+"@example.com", "wrong horse battery")
		answers = append(answers, core.CodeOf(err))
	}
	if got := strings.Join(answers, " "); got != strings.Repeat(core.CodeBadCredentials+" ", 5)+core.CodeOf(core.Errorf(core.KindLimited, "")) {
		t.Errorf("%s", got)
	}
}

// brokenUsers is a store that finds no user just now.
type brokenUsers struct {
	core.Store
	broken bool
}

func (s *brokenUsers) FindUserByEmail(ctx context.Context, email string) (core.User, error) {
	if s.broken {
		return core.User{}, core.Errorf(core.KindUnavailable, "The database does not answer")
	}
	return s.Store.FindUserByEmail(ctx, email)
}

// An hour without a database shut everybody out who had tried meanwhile.
func TestOurOwnFaultsAreNoWrongPasswords(t *testing.T) {
	var s *brokenUsers
	a, _ := entranceOn(t, func(db core.Store) core.Store { s = &brokenUsers{Store: db}; return s })
	v := app.Visitor{Address: "192.0.2.1"}
	s.broken = true
	for n := range 40 {
		if _, err := a.SignInWithPassword(t.Context(), v, "ada@example.com", "a wrong password"); core.KindOf(err) != core.KindUnavailable {
			t.Fatalf("try %d: %v", n, err)
		}
	}
	s.broken = false
	for n := range 6 {
		_, err := a.SignInWithPassword(t.Context(), v, "ada@example.com", "a wrong password")
		if limited := core.KindOf(err) == core.KindLimited; limited != (n == 5) {
			t.Fatalf("try %d afterwards: %v", n, err)
		}
	}
}

func TestAWeakHashIsRenewedWhenItsPasswordIsKnown(t *testing.T) {
	var s core.Store
	a, clock := entranceOn(t, func(db core.Store) core.Store { s = db; return db })
	salt := []byte("sixteen bytes ok")
	old := fmt.Sprintf("$argon2id$v=19$m=8192,t=1,p=1$%s$%s", base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(argon2.IDKey([]byte("correct horse"), salt, 1, 8192, 1, 32)))
	ada := core.User{ID: uuid.NewString(), Name: "Ada", Email: "ada@example.com", Role: core.RoleViewer, Enabled: true, Password: old, CreatedAt: clock.now(), UpdatedAt: clock.now()}
	if err := s.CreateUser(t.Context(), ada); err != nil {
		t.Fatal(err)
	}
	hash := func() string {
		t.Helper()
		u, err := s.FindUser(t.Context(), ada.ID)
		if err != nil {
			t.Fatal(err)
		}
		return u.Password
	}
	if _, err := a.SignInWithPassword(t.Context(), app.Visitor{}, ada.Email, "wrong horse"); core.KindOf(err) != core.KindUnauthorized || hash() != old {
		t.Errorf("a wrong password: %v, %s", err, hash())
	}
	var after string
	for range 2 {
		if _, err := a.SignInWithPassword(t.Context(), app.Visitor{}, ada.Email, "correct horse"); err != nil {
			t.Fatal(err)
		}
		if now := hash(); !strings.HasPrefix(now, "$argon2id$v=19$m=19456,t=2,p=1$") || after != "" && now != after {
			t.Errorf("it is %s", now)
		}
		after = hash()
	}
}

// Many at once are no way around: a try is counted before it is made.
func TestManyTriesAtOnceAreCountedOneByOne(t *testing.T) {
	a, _ := entrance(t)
	var wrong, limited atomic.Int64
	var g sync.WaitGroup
	for i := range 40 {
		g.Go(func() {
			v := app.Visitor{Door: core.ViaAPI, Address: fmt.Sprintf("192.0.2.%d", i)}
			switch _, err := a.SignInWithPassword(t.Context(), v, "ann@example.com", "a guess"); core.KindOf(err) {
			case core.KindUnauthorized:
				wrong.Add(1)
			case core.KindLimited:
				limited.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	g.Wait()
	if wrong.Load() != 5 || limited.Load() != 35 {
		t.Errorf("%d were tried, %d refused", wrong.Load(), limited.Load())
	}
}
