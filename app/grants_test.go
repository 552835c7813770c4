package app_test

import (
	"context"
	"log/slog"
	"net/url"
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

// grants is what the room's host knows of tokens: each refresh token works once.
type grants struct {
	mu       sync.Mutex
	n        int           // the newest pair of tokens
	life     time.Duration // of access tokens; 0: without end
	now      func() time.Time
	renewals int
	spoiled  int   // times that a used refresh token came
	fail     error // of Renew
	before   func()
}

func (g *grants) pair(s core.Secrets) core.Secrets {
	g.n++
	s.Token, s.RefreshToken, s.TokenExpires = "access-"+string(rune('0'+g.n)), "refresh-"+string(rune('0'+g.n)), time.Time{}
	if g.life > 0 {
		s.TokenExpires = g.now().Add(g.life)
	}
	return s
}

func (r *fakeRoom) GrantURL(in core.GrantRequest) (string, error) {
	return in.WebURL + "oauth/authorize?" + url.Values{"client_id": {in.ClientID}, "state": {in.State}, "redirect_uri": {in.RedirectURL}}.Encode(), nil
}

func (r *fakeRoom) Grant(_ context.Context, in core.GrantRequest, code string) (core.Secrets, error) {
	r.grants.mu.Lock()
	defer r.grants.mu.Unlock()
	if code != "code" || len(in.Verifier) < 43 || in.ClientSecret != "the-client-secret" {
		return core.Secrets{}, core.Errorf(core.KindInvalid, "GitLab does not know this code")
	}
	return r.grants.pair(core.Secrets{ClientID: in.ClientID, ClientSecret: in.ClientSecret}), nil
}

func (r *fakeRoom) Renew(_ context.Context, c core.Connection) (core.Secrets, error) {
	if r.grants.before != nil {
		r.grants.before()
	}
	r.grants.mu.Lock()
	defer r.grants.mu.Unlock()
	r.grants.renewals++
	if r.grants.fail != nil {
		return c.Secrets, r.grants.fail
	}
	if c.Secrets.RefreshToken != "refresh-"+string(rune('0'+r.grants.n)) {
		r.grants.spoiled++
		return c.Secrets, core.Errorf(core.KindInvalid, "GitLab does not renew it; connect it again")
	}
	return r.grants.pair(c.Secrets), nil
}

// storeWith is a store of which a test changes some methods.
type storeWith struct {
	core.Store
	save func(core.Integration) error
}

func (s storeWith) SaveIntegration(ctx context.Context, i core.Integration) error {
	if s.save != nil {
		if err := s.save(i); err != nil {
			return err
		}
	}
	return s.Store.SaveIntegration(ctx, i)
}

func (s storeWith) InTx(ctx context.Context, f func(core.Store) error) error {
	return s.Store.InTx(ctx, func(tx core.Store) error { return f(storeWith{tx, s.save}) })
}

// replica is another server on the house's database, with a room that asks the same host.
func (h *house) replica(t *testing.T, s core.Store, g *grants) (*house, *fakeRoom) {
	t.Helper()
	room := &fakeRoom{fakeForge: &fakeForge{}, grants: g}
	other := &house{store: h.store, forge: room.fakeForge, clock: h.clock, owner: h.owner}
	var err error
	other.App, err = app.New(app.Deps{
		Store: s, Blobs: newBlobs(t), Archive: newArchive(t, newBlobs(t)), Vault: vaultOf(t, 1),
		Forges: map[core.Provider]core.Forge{core.ProviderGitLab: labRoom{room}},
		Clock:  h.clock.now, NewID: uuid.NewString, Log: slog.New(slog.DiscardHandler), PublicURL: "https://ci.example.com", LogLimit: 1 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	return other, room
}

func grantHouse(t *testing.T) (*house, *fakeRoom) {
	t.Helper()
	db, err := store.Open(t.Context(), storetest.SQLite(t), store.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	h := &house{
		store: db, clock: &fakeClock{at: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)},
		owner: core.Actor{Kind: core.ActorUser, UserID: "o", Name: "olga", Role: core.RoleOwner},
	}
	return h.replica(t, db, &grants{life: 2 * time.Hour, now: h.clock.now})
}

func oauthApp() app.StartGitLabGrant {
	return app.StartGitLabGrant{WebURL: "https://git.example.com/lab", ApplicationID: " app-1 ", Secret: "the-client-secret"}
}

// granted goes the way to GitLab and back.
func (h *house) granted(t *testing.T, in app.StartGitLabGrant) app.IntegrationDetail {
	t.Helper()
	d, err := h.CompleteGitLabGrant(t.Context(), h.owner, "code", h.asked(t, in))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// asked begins the way and returns the state.
func (h *house) asked(t *testing.T, in app.StartGitLabGrant) string {
	t.Helper()
	address, err := h.StartGitLabGrant(t.Context(), h.owner, in)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil || u.Query().Get("redirect_uri") != "https://ci.example.com/settings/sources/gitlab/callback" || u.Query().Get("client_id") != "app-1" ||
		!strings.HasPrefix(address, "https://git.example.com/lab/oauth/authorize?") {
		t.Fatalf("%s, %v", address, err)
	}
	return u.Query().Get("state")
}

// tokens is the room's source for its one connection.
func (r *fakeRoom) tokens(t *testing.T) core.TokenSource {
	t.Helper()
	all := r.connections()
	if len(all) != 1 || all[0].Tokens == nil {
		t.Fatalf("the room knows %+v", all)
	}
	return all[0].Tokens
}

func wantToken(t *testing.T, source core.TokenSource, refused, want string) {
	t.Helper()
	if got, err := source.Token(t.Context(), refused); err != nil || got != want {
		t.Errorf("token %q, %v; want %q", got, err, want)
	}
}

func TestGitLabIsConnectedByAnApplicationAndWhoseAgreementItIs(t *testing.T) {
	h, room := grantHouse(t)
	ctx := t.Context()
	_, err := h.StartGitLabGrant(ctx, core.Actor{Role: core.RoleDeveloper}, oauthApp())
	wantCode(t, err, core.KindForbidden, core.CodePermissionDenied)
	for _, change := range []func(*app.StartGitLabGrant){
		func(in *app.StartGitLabGrant) { in.WebURL = "git.example.com" }, func(in *app.StartGitLabGrant) { in.ApplicationID = " " },
		func(in *app.StartGitLabGrant) { in.Secret = "" }, func(in *app.StartGitLabGrant) { in.Secret = "a\nb" },
	} {
		in := oauthApp()
		change(&in)
		_, err := h.StartGitLabGrant(ctx, h.owner, in)
		wantCode(t, err, core.KindInvalid, core.CodeInvalidInput)
	}
	state := h.asked(t, oauthApp())
	waiting, err := h.store.ListCredentials(ctx, core.CredentialGrantState, "")
	if err != nil || len(waiting) != 1 || len(waiting[0].Sealed) == 0 || strings.Contains(string(waiting[0].Sealed), "client-secret") {
		t.Fatalf("%+v, %v", waiting, err)
	}
	other := core.Actor{Kind: core.ActorUser, UserID: "p", Name: "paul", Role: core.RoleAdmin}
	_, err = h.CompleteGitLabGrant(ctx, other, "code", state)
	wantCode(t, err, core.KindInvalid, core.CodeInvalidState)
	d, err := h.CompleteGitLabGrant(ctx, h.owner, "code", state)
	if err != nil || d.ApplicationID != "app-1" || d.Trouble != "" {
		t.Fatalf("%+v, %v", d, err)
	}
	_, err = h.CompleteGitLabGrant(ctx, h.owner, "code", state)
	wantCode(t, err, core.KindInvalid, core.CodeInvalidState)
	wantToken(t, room.tokens(t), "", "access-1")
	stored, err := h.store.FindIntegration(ctx, d.ID)
	if err != nil || strings.Contains(string(stored.Sealed), "access-1") || strings.Contains(string(stored.Sealed), "client-secret") {
		t.Errorf("stored %q, %v", stored.Sealed, err)
	}
	_, err = h.CompleteGitLabGrant(ctx, h.owner, "stale", h.asked(t, oauthApp()))
	wantCode(t, err, core.KindInvalid, core.CodeInvalidInput)
	late := h.asked(t, oauthApp())
	h.clock.forward(2 * time.Hour)
	_, err = h.CompleteGitLabGrant(ctx, h.owner, "code", late)
	wantCode(t, err, core.KindInvalid, core.CodeInvalidState)
	// The same user again, by an application that is known.
	if again := h.granted(t, app.StartGitLabGrant{IntegrationID: d.ID}); again.ID != d.ID {
		t.Errorf("connected again as %s", again.ID)
	}
	wantToken(t, room.tokens(t), "", "access-2")
}

func TestAStateIsGoodForItsOwnWayAlone(t *testing.T) {
	h, _ := newRoomHouse(t)
	form, err := h.StartGitHubApp(t.Context(), h.owner, app.StartGitHubApp{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.CompleteGitLabGrant(t.Context(), h.owner, "code", state(t, form))
	wantCode(t, err, core.KindInvalid, core.CodeInvalidState)
	_, err = h.CompleteGitHubApp(t.Context(), h.owner, "code", h.asked(t, oauthApp()))
	wantCode(t, err, core.KindInvalid, core.CodeInvalidState)
	d, err := h.ConnectGitLab(t.Context(), h.owner, app.ConnectGitLab{WebURL: "https://git.example.com", Token: "glpat-x"})
	if err != nil || d.ApplicationID != "" {
		t.Fatalf("%+v, %v", d, err)
	}
	_, err = h.StartGitLabGrant(t.Context(), h.owner, app.StartGitLabGrant{IntegrationID: d.ID})
	wantCode(t, err, core.KindInvalid, core.CodeInvalidInput)
}

func TestWhatWasGrantedAndCannotBeStoredSaysConnectAgain(t *testing.T) {
	h, _ := grantHouse(t)
	down := storeWith{Store: testTime{h.store, h.clock}, save: func(core.Integration) error { return core.Errorf(core.KindUnavailable, "The database is away") }}
	broken, _ := h.replica(t, down, &grants{life: 2 * time.Hour, now: h.clock.now})
	state := broken.asked(t, oauthApp())
	_, err := broken.CompleteGitLabGrant(t.Context(), h.owner, "code", state)
	if core.KindOf(err) != core.KindUnavailable || !strings.Contains(core.MessageOf(err), "connect it again") {
		t.Errorf("%v", err)
	}
	_, err = broken.CompleteGitLabGrant(t.Context(), h.owner, "code", state) // the person loads the page again
	wantCode(t, err, core.KindInvalid, core.CodeInvalidState)
}

func TestATokenIsRenewedOnceBeforeItEndsWhoeverAsks(t *testing.T) {
	h, room := grantHouse(t)
	h.granted(t, oauthApp())
	_, second := h.replica(t, h.store, room.grants) // another server on the same database
	sources := []core.TokenSource{room.tokens(t), second.tokens(t)}
	wantToken(t, sources[0], "", "access-1")
	for round, want := range []string{"access-2", "access-3"} {
		h.clock.forward(2*time.Hour - 4*time.Minute)
		var all sync.WaitGroup
		for i := range 40 {
			all.Go(func() { wantToken(t, sources[i%2], "", want) })
		}
		all.Wait()
		if room.grants.renewals != round+1 || room.grants.spoiled != 0 {
			t.Errorf("%d renewals, %d by a used token", room.grants.renewals, room.grants.spoiled)
		}
	}
	// A token is refused though it should be good: renewed once, for all who were refused.
	h.clock.forward(2 * time.Minute)
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() { wantToken(t, sources[i%2], "access-3", "access-4") })
	}
	all.Wait()
	wantToken(t, sources[0], "access-4", "access-4") // just renewed: another would be refused too
	if room.grants.renewals != 3 || room.grants.spoiled != 0 {
		t.Errorf("%d renewals, %d by a used token", room.grants.renewals, room.grants.spoiled)
	}
}

func TestTokensThatSayNothingOfTheirEndAreRenewedWhenRefused(t *testing.T) {
	h, room := grantHouse(t)
	room.grants.life = 0
	h.granted(t, oauthApp())
	h.clock.forward(1000 * time.Hour)
	wantToken(t, room.tokens(t), "", "access-1")
	wantToken(t, room.tokens(t), "access-1", "access-2")
}

func TestAGrantThatWasTakenBackIsShownAndConnectedAgain(t *testing.T) {
	h, room := grantHouse(t)
	d := h.granted(t, oauthApp())
	room.grants.fail = core.Errorf(core.KindInvalid, "git.example.com does not renew it: connect it again")
	refused := func() {
		t.Helper()
		if _, err := room.tokens(t).Token(t.Context(), "access-1"); core.KindOf(err) != core.KindUnavailable || !strings.Contains(core.MessageOf(err), "connect it again") {
			t.Errorf("%v", err)
		}
	}
	for range 5 {
		refused()
	}
	if room.grants.renewals != 1 {
		t.Errorf("the host was asked %d times", room.grants.renewals)
	}
	shown, err := h.FindIntegration(t.Context(), h.owner, d.ID)
	if err != nil || !strings.Contains(shown.Trouble, "connect it again") || shown.ApplicationID != "app-1" {
		t.Errorf("%+v, %v", shown, err)
	}
	h.clock.forward(2 * time.Hour)
	refused()
	if room.grants.renewals != 2 {
		t.Errorf("the host was asked %d times, want once more after a rest", room.grants.renewals)
	}
	room.grants.fail = nil
	if again := h.granted(t, app.StartGitLabGrant{IntegrationID: d.ID}); again.ID != d.ID || again.Trouble != "" {
		t.Errorf("%+v", again)
	}
	wantToken(t, room.tokens(t), "access-1", "access-2")
}

func TestAHostThatIsAwayIsAskedAgain(t *testing.T) {
	h, room := grantHouse(t)
	h.granted(t, oauthApp())
	h.clock.forward(3 * time.Hour)
	room.grants.fail = core.Errorf(core.KindUnavailable, "GitLab does not answer just now")
	for range 3 {
		if _, err := room.tokens(t).Token(t.Context(), ""); core.KindOf(err) != core.KindUnavailable {
			t.Errorf("%v", err)
		}
	}
	room.grants.fail = nil
	wantToken(t, room.tokens(t), "", "access-2")
}

// A server that was killed while it renewed holds nobody up for long, and if the refresh
// token was used that is said.
func TestARenewalThatWasInterrupted(t *testing.T) {
	for name, used := range map[string]bool{"before the host had the token": false, "after the host had used it": true} {
		h, room := grantHouse(t)
		d := h.granted(t, oauthApp())
		h.clock.forward(3 * time.Hour)
		dead, killed := make(chan struct{}), make(chan struct{})
		room.grants.before = func() {
			room.grants.before = nil
			if used {
				room.grants.mu.Lock()
				room.grants.n++
				room.grants.mu.Unlock()
			}
			close(dead)
			<-killed
		}
		go func() { _, _ = room.tokens(t).Token(context.Background(), "") }()
		<-dead
		_, second := h.replica(t, h.store, &grants{n: room.grants.n, life: 2 * time.Hour, now: h.clock.now})
		impatient, stop := context.WithTimeout(t.Context(), 250*time.Millisecond)
		if token, err := second.tokens(t).Token(impatient, ""); err == nil {
			t.Errorf("%s: got %q while another renews", name, token)
		}
		stop()
		h.clock.forward(time.Minute)
		token, err := second.tokens(t).Token(t.Context(), "")
		if used {
			shown, findErr := h.store.FindIntegration(t.Context(), d.ID)
			if core.KindOf(err) != core.KindUnavailable || findErr != nil || !strings.Contains(shown.Trouble, "connect it again") {
				t.Errorf("%s: %q, %v, trouble %q", name, token, err, shown.Trouble)
			}
		} else if err != nil || token != "access-2" {
			t.Errorf("%s: %q, %v", name, token, err)
		}
		close(killed)
	}
}

// An inventory that began before a renewal must not put the old keys back.
func TestBookkeepingTakesNoKeysBack(t *testing.T) {
	h, room := grantHouse(t)
	d := h.granted(t, oauthApp())
	room.inspecting = func() { wantToken(t, room.tokens(t), "access-1", "access-2") }
	room.slug = "another"
	if _, err := h.SyncIntegration(t.Context(), h.owner, d.ID); err != nil {
		t.Fatal(err)
	}
	wantToken(t, room.tokens(t), "", "access-2")
	if stored, err := h.store.FindIntegration(t.Context(), d.ID); err != nil || stored.Slug != "another" {
		t.Errorf("%+v, %v", stored, err)
	}
}
