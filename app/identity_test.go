package app_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func (h *house) link(t *testing.T) string {
	t.Helper()
	link, err := h.CreateSignInLink(t.Context(), core.Actor{Kind: core.ActorSystem, Role: core.RoleOwner, Door: core.ViaCLI})
	if err != nil {
		t.Fatal(err)
	}
	secret, ok := strings.CutPrefix(link, "https://ci.example.com/sign-in/")
	if !ok {
		t.Fatalf("link %q", link)
	}
	return secret
}

func TestASignInLinkWorksOnceAndForAnHour(t *testing.T) {
	h := newHouse(t)
	link := h.link(t)
	var won atomic.Int32
	var session atomic.Value
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if s, err := h.SignIn(t.Context(), app.Visitor{}, link); err == nil {
				won.Add(1)
				session.Store(s.Secret)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Fatalf("the link worked %d times", won.Load())
	}
	actor, err := h.Authenticate(t.Context(), session.Load().(string))
	if err != nil || actor.Role != core.RoleOwner || actor.Kind != core.ActorUser {
		t.Errorf("actor %+v, %v", actor, err)
	}
	if err := h.SignOut(t.Context(), app.Visitor{}, session.Load().(string)); err != nil {
		t.Fatal(err)
	}
	_, err = h.Authenticate(t.Context(), session.Load().(string))
	wantCode(t, err, core.KindUnauthorized, core.CodeInvalidSession)

	late := h.link(t)
	h.clock.forward(61 * time.Minute)
	_, err = h.SignIn(t.Context(), app.Visitor{}, late)
	wantCode(t, err, core.KindUnauthorized, core.CodeInvalidSession)
}

func TestTheFirstStartMakesAnOwnerAndTheSecondNone(t *testing.T) {
	h := newHouse(t)
	first, err := h.EnsureOwner(t.Context())
	if err != nil || first == "" {
		t.Fatalf("first start: %q, %v", first, err)
	}
	second, err := h.EnsureOwner(t.Context())
	if err != nil || second != "" {
		t.Errorf("second start: %q, %v", second, err)
	}
}

func TestTokensAuthenticateWithTheirRoleAndNoMore(t *testing.T) {
	h := newHouse(t)
	actor, err := h.Authenticate(t.Context(), "admin-token-of-32-characters-long")
	if err != nil || actor.Role != core.RoleOwner {
		t.Errorf("admin token: %+v, %v", actor, err)
	}
	developer := core.Actor{Kind: core.ActorUser, Name: "dev", Role: core.RoleDeveloper}
	_, _, err = h.CreateAPIToken(t.Context(), developer, app.CreateAPIToken{Name: "x", Role: core.RoleAdmin})
	wantCode(t, err, core.KindForbidden, core.CodePermissionDenied)
	secret, c, err := h.CreateAPIToken(t.Context(), developer, app.CreateAPIToken{Name: "laptop"})
	if err != nil || c.Role != core.RoleDeveloper || strings.Contains(c.Hash, secret) {
		t.Fatalf("token %+v, %v", c, err)
	}
	if actor, err = h.Authenticate(t.Context(), secret); err != nil || actor.Name != "laptop" || actor.Role != core.RoleDeveloper {
		t.Errorf("actor %+v, %v", actor, err)
	}
	for _, wrong := range []string{"", secret + "x", "oores_nothing", "admin-token"} {
		_, err := h.Authenticate(t.Context(), wrong)
		wantCode(t, err, core.KindUnauthorized, core.CodeInvalidSession)
	}
}

func TestAStreamTokenReadsOneLogAndNothingElse(t *testing.T) {
	h := newHouse(t)
	b, other := h.queued(t), h.queued(t)
	token, _, err := h.CreateStreamToken(t.Context(), h.owner, b.ID)
	if err != nil {
		t.Fatal(err)
	}
	actor, err := h.AuthenticateStream(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.ReadLog(t.Context(), actor, b.ID, -1, 0); err != nil {
		t.Errorf("its own log: %v", err)
	}
	_, err = h.ReadLog(t.Context(), actor, other.ID, -1, 0)
	wantCode(t, err, core.KindNotFound, core.CodeNotFound)
	_, _, err = h.ListBuilds(t.Context(), actor, core.BuildFilter{}, core.Page{Limit: 1})
	wantCode(t, err, core.KindNotFound, core.CodeNotFound)
	_, err = h.CancelBuild(t.Context(), actor, b.ID)
	wantCode(t, err, core.KindNotFound, core.CodeNotFound)
	if _, err = h.Authenticate(t.Context(), token); err == nil {
		t.Error("a stream token opened the API")
	}
	h.clock.forward(6 * time.Minute)
	_, err = h.AuthenticateStream(t.Context(), token)
	wantCode(t, err, core.KindUnauthorized, core.CodeInvalidSession)
}

// The operator has taken the proxy out of the settings, and with it went the way in.
func TestAProxyThatIsGoneIsNoWayIn(t *testing.T) {
	var db core.Store
	a, _ := entranceBy(t, openRoom{}, func(s core.Store) core.Store { db = s; return s })
	if err := enter(t, a); err != nil {
		t.Fatal(err)
	}
	owner := core.Actor{Kind: core.ActorUser, Role: core.RoleOwner}
	users, err := a.ListUsers(t.Context(), owner)
	if err != nil || len(users) != 1 {
		t.Fatalf("%+v, %v", users, err)
	}
	if err := db.SaveIdentity(t.Context(), core.Identity{Provider: "proxy:", Subject: "ann@example.com", UserID: users[0].ID, CreatedAt: a.Now()}); err != nil {
		t.Fatal(err)
	}
	ann := core.Actor{Kind: core.ActorUser, UserID: users[0].ID, Role: core.RoleViewer}
	wantCode(t, a.DisconnectIdentity(t.Context(), ann, openRoom{}.Way().Provider, "ann"), core.KindConflict, core.CodeLastSignIn)
	if err := a.DisconnectIdentity(t.Context(), ann, "proxy:", "ann@example.com"); err != nil {
		t.Errorf("what leads nowhere: %v", err)
	}
}
