package app_test

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
)

// fakeRoom is a forge that also connects, registers Apps and sets webhooks up.
type fakeRoom struct {
	*fakeForge
	connected []core.Connection
	lab       []core.Connection // at GitLab
	inventory []core.Inventory
	refuse    error // of Inspect
	hooks     []string
	hookError error

	hookRepair core.HookRepair // what EnsureHook is to find
	hookOff    []string        // names of repositories whose hook does not work
	ensuring   func()          // called by EnsureHook

	grants     *grants
	inspecting func() // called by Inspect
	slug       string // that Inspect finds
}

func (r *fakeRoom) Connect(all []core.Connection) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.connected = all
	return nil
}

// labRoom is the same room for the other provider.
type labRoom struct{ *fakeRoom }

func (r labRoom) Connect(all []core.Connection) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lab = all
	return nil
}

func (r *fakeRoom) Inspect(_ context.Context, c core.Connection) (core.Connection, error) {
	if r.inspecting != nil {
		r.inspecting()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	c.Name, c.ExternalID, c.Slug, c.Trouble = "bot", "1", cmp.Or(r.slug, c.Slug), ""
	u, _ := url.Parse(c.WebURL)
	c.Host = u.Host
	return c, r.refuse
}

func (r *fakeRoom) Inventory(context.Context, string) ([]core.Inventory, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.inventory, nil
}

func (r *fakeRoom) AppForm(in core.AppRequest) (core.AppForm, error) {
	return core.AppForm{Action: in.WebURL + "settings/apps/new?state=" + in.State, Manifest: in.Name}, nil
}

func (r *fakeRoom) RegisterApp(_ context.Context, web, code string) (core.Connection, error) {
	if code != "code" {
		return core.Connection{}, core.Errorf(core.KindInvalid, "GitHub does not know this code")
	}
	return core.Connection{
		Integration: core.Integration{Provider: core.ProviderGitHub, Name: "bot", ExternalID: "1", Slug: "bot", Host: "github.com", WebURL: web},
		Secrets:     core.Secrets{PrivateKey: "the-private-key", WebhookSecret: "the-webhook-secret"},
	}, nil
}

func (r *fakeRoom) InstallURL(i core.Integration) string { return i.WebURL + "apps/" + i.Slug }

func (r *fakeRoom) EnsureHook(_ context.Context, repo core.Repository, address, secret string) (core.HookRepair, error) {
	if r.ensuring != nil {
		r.ensuring()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hooks = append(r.hooks, repo.FullName+" "+address+" "+secret)
	repair := r.hookRepair
	r.hookRepair = core.HookRepair{}
	if i := slices.Index(r.hookOff, repo.FullName); i >= 0 {
		r.hookOff, repair.Off = slices.Delete(r.hookOff, i, i+1), true
	}
	return repair, r.hookError
}

func (r *fakeRoom) HookWorks(_ context.Context, repo core.Repository, _ string) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.hookRepair.Off && !slices.Contains(r.hookOff, repo.FullName), nil
}

func (r *fakeRoom) connections() []core.Connection {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Concat(r.connected, r.lab)
}

func newRoomHouse(t *testing.T, environment ...core.Connection) (*house, *fakeRoom) {
	t.Helper()
	return roomHouse(t, filepath.Join(t.TempDir(), "oore.db"), 1, environment...)
}

func roomHouse(t *testing.T, path string, key byte, environment ...core.Connection) (*house, *fakeRoom) {
	t.Helper()
	return roomHouseAt(t, "sqlite:"+path, key, environment...)
}

func roomHouseAt(t *testing.T, database string, key byte, environment ...core.Connection) (*house, *fakeRoom) {
	t.Helper()
	db, err := store.Open(t.Context(), database, store.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return roomHouseOn(t, db, db, key, environment...)
}

// roomHouseOn asks the database by way.
func roomHouseOn(t *testing.T, db *store.Store, way core.Store, key byte, environment ...core.Connection) (*house, *fakeRoom) {
	t.Helper()
	room := &fakeRoom{fakeForge: &fakeForge{}, grants: &grants{now: time.Now}}
	h := &house{
		store: db, forge: room.fakeForge, clock: &fakeClock{at: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)},
		owner: core.Actor{Kind: core.ActorUser, UserID: "o", Name: "olga", Role: core.RoleOwner},
	}
	var err error
	h.App, err = app.New(app.Deps{
		Store: way, Relay: db.Relay(), Blobs: newBlobs(t), Archive: newArchive(t, newBlobs(t)), Vault: vaultOf(t, key), Environment: environment,
		Forges:    map[core.Provider]core.Forge{core.ProviderGitHub: room, core.ProviderGitLab: labRoom{room}},
		Reporters: map[core.Provider]core.Reporter{core.ProviderGitHub: room, core.ProviderGitLab: room},
		Decoders:  map[core.Provider]core.Decoder{core.ProviderGitHub: jsonDecoder{}},
		Clock:     h.clock.now, NewID: uuid.NewString, Log: slog.New(slog.DiscardHandler), PublicURL: "https://ci.example.com", LogLimit: 1 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	return h, room
}

// state is the state that a form carries.
func state(t *testing.T, form core.AppForm) string {
	t.Helper()
	u, err := url.Parse(form.Action)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("state")
}

func shop() core.Repository {
	return core.Repository{Provider: core.ProviderGitHub, ExternalID: "7", FullName: "acme/shop", DefaultBranch: "main", InstallationID: 3}
}

func TestAGitHubAppIsMadeByItsOwnersBrowserAndItsKeysAreSealed(t *testing.T) {
	h, room := newRoomHouse(t)
	ctx := t.Context()
	room.inventory = []core.Inventory{{Installation: core.Installation{ExternalID: 3, Account: "acme", All: true}, Repositories: []core.Repository{shop()}}}
	viewer := core.Actor{Kind: core.ActorUser, Role: core.RoleDeveloper}
	_, err := h.StartGitHubApp(ctx, viewer, app.StartGitHubApp{})
	wantCode(t, err, core.KindForbidden, core.CodePermissionDenied)
	_, err = h.StartGitHubApp(ctx, h.owner, app.StartGitHubApp{WebURL: "ftp://x"})
	wantCode(t, err, core.KindInvalid, core.CodeInvalidInput)

	form, err := h.StartGitHubApp(ctx, h.owner, app.StartGitHubApp{})
	if err != nil || !strings.HasPrefix(form.Action, "https://github.com/settings/apps/new?state=oorea_") || len(form.Manifest) > 34 {
		t.Fatalf("%+v, %v", form, err)
	}
	other := core.Actor{Kind: core.ActorUser, UserID: "p", Name: "paul", Role: core.RoleAdmin}
	_, err = h.CompleteGitHubApp(ctx, other, "code", state(t, form))
	wantCode(t, err, core.KindInvalid, core.CodeInvalidState)
	d, err := h.CompleteGitHubApp(ctx, h.owner, "code", state(t, form))
	if err != nil || d.Name != "bot" || d.Repositories != 1 || len(d.Installations) != 1 || d.InstallURL != "https://github.com/apps/bot" {
		t.Fatalf("%+v, %v", d, err)
	}
	_, err = h.CompleteGitHubApp(ctx, h.owner, "code", state(t, form))
	wantCode(t, err, core.KindInvalid, core.CodeInvalidState)

	if c := room.connections(); len(c) != 1 || c[0].Secrets.PrivateKey != "the-private-key" || c[0].ID != d.ID {
		t.Errorf("the room was told %+v", c)
	}
	stored, err := h.store.FindIntegration(ctx, d.ID)
	if err != nil || len(stored.Sealed) == 0 || strings.Contains(string(stored.Sealed), "private-key") {
		t.Errorf("stored %q, %v", stored.Sealed, err)
	}
	// Made again, the same App keeps its identity.
	form, _ = h.StartGitHubApp(ctx, h.owner, app.StartGitHubApp{})
	again, err := h.CompleteGitHubApp(ctx, h.owner, "code", state(t, form))
	if err != nil || again.ID != d.ID {
		t.Errorf("connected again as %s, %v", again.ID, err)
	}
	form, _ = h.StartGitHubApp(ctx, h.owner, app.StartGitHubApp{})
	h.clock.forward(2 * time.Hour)
	_, err = h.CompleteGitHubApp(ctx, h.owner, "code", state(t, form))
	wantCode(t, err, core.KindInvalid, core.CodeInvalidState)
}

func TestKeysOfAnotherEncryptionKeyAreNamedAndHoldUpNobody(t *testing.T) {
	path := filepath.Join(t.TempDir(), "oore.db")
	h, _ := roomHouse(t, path, 1)
	d, err := h.ConnectGitLab(t.Context(), h.owner, app.ConnectGitLab{WebURL: "https://git.example.com", Token: "glpat-x"})
	if err != nil || d.Host != "git.example.com" {
		t.Fatalf("%+v, %v", d, err)
	}
	h, room := roomHouse(t, path, 2)
	got, err := h.FindIntegration(t.Context(), h.owner, d.ID)
	if err != nil || !strings.Contains(got.Trouble, "another encryption key") || len(room.connections()) != 0 {
		t.Errorf("%+v, %v, room knows %d", got, err, len(room.connections()))
	}
	h, room = roomHouse(t, path, 1)
	if c := room.connections(); len(c) != 1 || c[0].Secrets.Token != "glpat-x" {
		t.Errorf("with the right key again the room knows %+v", c)
	}
	if err := h.DeleteIntegration(t.Context(), h.owner, d.ID); err != nil || len(room.connections()) != 0 {
		t.Errorf("after the end the room knows %+v, %v", room.connections(), err)
	}
}

func TestGitLabIsRefusedWithWhatIsWrong(t *testing.T) {
	h, room := newRoomHouse(t)
	for _, in := range []app.ConnectGitLab{{WebURL: "git.example.com", Token: "x"}, {WebURL: "https://u:p@git.example.com", Token: "x"}, {WebURL: "https://git.example.com"}} {
		_, err := h.ConnectGitLab(t.Context(), h.owner, in)
		wantCode(t, err, core.KindInvalid, core.CodeInvalidInput)
	}
	room.refuse = core.Errorf(core.KindInvalid, "The token lacks the scope api")
	_, err := h.ConnectGitLab(t.Context(), h.owner, app.ConnectGitLab{WebURL: "https://git.example.com", Token: "x"})
	wantCode(t, err, core.KindInvalid, core.CodeInvalidInput)
	if all, err := h.ListIntegrations(t.Context(), h.owner); err != nil || len(all) != 0 {
		t.Errorf("%d integrations, %v", len(all), err)
	}
}

func environment(host string) core.Connection {
	return core.Connection{
		Integration: core.Integration{
			ID: uuid.NewSHA1(uuid.NameSpaceURL, []byte(host)).String(), Provider: core.ProviderGitHub, Name: "App at " + host, Host: host,
			WebURL: "https://" + host + "/", ExternalID: "1", Origin: core.OriginEnvironment,
		},
		Secrets: core.Secrets{PrivateKey: "k", WebhookSecret: "s"},
	}
}

func TestTheBooksFollowTheForge(t *testing.T) {
	env := environment("github.com")
	h, room := newRoomHouse(t, env)
	ctx := t.Context()
	if stored, err := h.store.FindIntegration(ctx, env.ID); err != nil || len(stored.Sealed) != 0 {
		t.Fatalf("the environment's keys lie in the database: %+v, %v", stored, err)
	}
	sync := func(all ...core.Inventory) app.IntegrationDetail {
		t.Helper()
		room.mu.Lock()
		room.inventory = all
		room.mu.Unlock()
		d, err := h.SyncIntegration(ctx, h.owner, env.ID)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	acme := core.Installation{ExternalID: 3, Account: "acme"}
	shopWith := func(change func(*core.Repository)) core.Repository {
		r := shop()
		change(&r)
		return r
	}
	repo := func() core.Repository {
		t.Helper()
		r, err := h.store.FindRepositoryByExternalID(ctx, core.ProviderGitHub, "github.com", "7")
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	sync(core.Inventory{Installation: acme, Repositories: []core.Repository{shop()}})
	if r := repo(); r.Unavailable != "" || r.IntegrationID != env.ID || r.InstallationID != 3 {
		t.Errorf("listed: %+v", r)
	}
	sync(core.Inventory{Installation: acme, Repositories: []core.Repository{shopWith(func(r *core.Repository) { r.FullName = "acme/store" })}})
	if r := repo(); r.FullName != "acme/store" {
		t.Errorf("renamed: %+v", r)
	}
	acme.Suspended = true
	if d := sync(core.Inventory{Installation: acme}); !strings.Contains(repo().Unavailable, "suspended") || !d.Installations[0].Suspended {
		t.Errorf("suspended: %q, %+v", repo().Unavailable, d.Installations)
	}
	acme.Suspended = false
	sync(core.Inventory{Installation: acme, Repositories: []core.Repository{shop()}})
	if r := repo(); r.Unavailable != "" {
		t.Errorf("back: %q", r.Unavailable)
	}
	sync(core.Inventory{Installation: acme})
	if r := repo(); r.Unavailable == "" {
		t.Error("taken away, and still in reach")
	}
	moved := core.Installation{ExternalID: 9, Account: "other"}
	d := sync(core.Inventory{Installation: moved, Repositories: []core.Repository{shopWith(func(r *core.Repository) { r.InstallationID = 9 })}})
	if r := repo(); r.InstallationID != 9 || r.Unavailable != "" || len(d.Installations) != 1 || d.Installations[0].Account != "other" {
		t.Errorf("transferred: %+v, %+v", r, d.Installations)
	}
	err := h.DeleteIntegration(ctx, h.owner, env.ID)
	wantCode(t, err, core.KindConflict, "conflict")
}

func TestADeliveryIsBelievedAboutItsOwnHostAlone(t *testing.T) {
	ours, theirs := environment("github.com"), environment("ghe.example.com")
	h, room := newRoomHouse(t, ours, theirs)
	ctx := t.Context()
	room.inventory = []core.Inventory{{Installation: core.Installation{ExternalID: 3, Account: "acme"}, Repositories: []core.Repository{shop()}}}
	if _, err := h.SyncIntegration(ctx, h.owner, ours.ID); err != nil {
		t.Fatal(err)
	}
	repo, err := h.store.FindRepositoryByExternalID(ctx, core.ProviderGitHub, "github.com", "7")
	if err != nil {
		t.Fatal(err)
	}
	h.pipeline(t, h.project(t, func(in *app.CreateProject) {
		*in = app.CreateProject{Name: "Shop", RepositoryID: repo.ID}
	}).ID, "Android")
	from := func(c core.Connection) core.Delivery {
		t.Helper()
		payload, err := json.Marshal(push("main", shaA))
		if err != nil {
			t.Fatal(err)
		}
		id, _, err := h.ReceiveDelivery(ctx, app.ReceiveDelivery{
			Provider: core.ProviderGitHub, IntegrationID: c.ID, DeliveryID: uuid.NewString(), Event: "push", Payload: payload,
		})
		if err != nil {
			t.Fatal(err)
		}
		return h.decided(t, id)
	}
	if d := from(theirs); d.Reason.Code != core.WhyRepoUnknown || len(h.builds(t)) != 0 {
		t.Errorf("another host's repository 7 was taken for ours: %+v", d.Reason)
	}
	if d := from(ours); d.Status != core.DeliveryProcessed || len(h.builds(t)) != 1 {
		t.Errorf("our own push: %+v", d.Reason)
	}
}

func TestAGitLabProjectGetsItsWebhookAndAnotherSecretIsNotItsOwn(t *testing.T) {
	h, room := newRoomHouse(t)
	ctx := t.Context()
	room.hookError = core.Errorf(core.KindForbidden, "The token may not make webhooks; make it by hand")
	p, err := h.CreateProject(ctx, h.owner, app.CreateProject{Name: "Lab", Provider: core.ProviderGitLab, FullName: "acme/lab"})
	if err != nil {
		t.Fatal(err)
	}
	secrets, err := h.GitLabHookSecrets(ctx, "8")
	if err != nil || len(secrets) != 1 || secrets[0].RepositoryID != p.RepositoryID {
		t.Fatalf("%+v, %v", secrets, err)
	}
	if want := "acme/lab https://ci.example.com/v1/webhooks/gitlab " + secrets[0].Secret; !slices.Equal(room.hooks, []string{want}) {
		t.Errorf("the room was asked for %v", room.hooks)
	}
	repo, err := h.store.FindRepository(ctx, p.RepositoryID)
	if err != nil || !strings.Contains(repo.HookTrouble, "by hand") {
		t.Errorf("the trouble is not noted: %+v, %v", repo, err)
	}
	address, secret, err := h.RenewHookSecret(ctx, h.owner, p.RepositoryID)
	if err != nil || address != "https://ci.example.com/v1/webhooks/gitlab" || secret == secrets[0].Secret {
		t.Errorf("%s, %s, %v", address, secret, err)
	}
	if now, err := h.GitLabHookSecrets(ctx, "8"); err != nil || len(now) != 1 || now[0].Secret != secret {
		t.Errorf("after the renewal %+v, %v", now, err)
	}
	if none, err := h.GitLabHookSecrets(ctx, "9"); err != nil || len(none) != 0 {
		t.Errorf("another project's secrets: %+v, %v", none, err)
	}
	_, _, err = h.RenewHookSecret(ctx, core.Actor{Role: core.RoleDeveloper}, p.RepositoryID)
	wantCode(t, err, core.KindForbidden, core.CodePermissionDenied)
}

func TestAWebhookThatWasSwitchedOffIsMendedAndShown(t *testing.T) {
	h, room := newRoomHouse(t)
	ctx := t.Context()
	p, err := h.CreateProject(ctx, h.owner, app.CreateProject{Name: "Lab", Provider: core.ProviderGitLab, FullName: "acme/lab"})
	if err != nil {
		t.Fatal(err)
	}
	repository := func() core.Repository {
		t.Helper()
		r, err := h.store.FindRepository(ctx, p.RepositoryID)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, test := range []struct {
		repair  core.HookRepair
		trouble error
		note    string
	}{
		{core.HookRepair{Off: true, Tested: true}, nil, "It had been switched off because deliveries to this server failed. Oore switched it on again at 12:"},
		{core.HookRepair{Off: true, Until: time.Date(2026, 11, 25, 6, 30, 0, 0, time.UTC)}, nil, "failed, until 06:30 UTC on 25 November 2026. Oore switched it on"},
		{core.HookRepair{Off: true}, core.Errorf(core.KindUnavailable, "GitLab cannot deliver"), "switched off"},
	} {
		before := len(room.hooks)
		room.mu.Lock()
		room.hookRepair, room.hookError = test.repair, test.trouble
		room.mu.Unlock()
		h.work(t, func() bool {
			return strings.Contains(repository().HookNote, test.note) && (repository().HookTrouble == "") == (test.trouble == nil)
		})
		if note := repository().HookNote; strings.Contains(note, "a test arrived") != test.repair.Tested {
			t.Errorf("note %q", note)
		}
		if len(room.hooks) == before {
			t.Error("the room was not asked to mend it")
		}
	}
	if repository().HookTrouble != "GitLab cannot deliver" {
		t.Errorf("trouble %q", repository().HookTrouble)
	}
	counted := func() bool {
		all, err := h.Readings(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(all, func(r core.Reading) bool {
			return r.Metric == core.MetricHooksOff && r.Value == 1 && slices.Equal(r.Labels, []string{"gitlab"})
		})
	}
	h.work(t, counted) // the next look counts it
	if counted() {
		t.Error("a server that no longer keeps house counts it for ever")
	}
}
