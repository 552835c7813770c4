package app_test

import (
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

var errTokenRefused = core.Errorf(core.KindUnavailable, "GitLab refuses the token")

// waiting is a house with a GitLab project and a build of which GitLab was to be told, and
// refused with err, so that the status waits for minutes or was given up.
func waiting(t *testing.T, err error) (h *house, room *fakeRoom, gitlab app.IntegrationDetail, b core.Build) {
	t.Helper()
	h, room = newRoomHouse(t)
	lab := core.Repository{Provider: core.ProviderGitLab, Host: "git.example.com", ExternalID: "8", FullName: "acme/lab", DefaultBranch: "main"}
	room.inventory = []core.Inventory{{Repositories: []core.Repository{lab}}}
	gitlab = h.connectGitLab(t)
	repos, listed := h.ListIntegrationRepositories(t.Context(), h.owner, gitlab.ID)
	if listed != nil || len(repos) != 1 {
		t.Fatalf("%+v, %v", repos, listed)
	}
	p := h.project(t, func(in *app.CreateProject) { *in = app.CreateProject{Name: "Lab", RepositoryID: repos[0].ID} })
	pipeline := h.pipeline(t, p.ID, "Android")
	h.forge.setFail(err)
	b, triggered := h.TriggerBuild(t.Context(), h.owner, app.TriggerBuild{ProjectID: p.ID, PipelineID: pipeline.ID})
	if triggered != nil {
		t.Fatal(triggered)
	}
	h.work(t, func() bool { return h.statusEffect(t, b).LastError != "" })
	if e := h.statusEffect(t, b); !e.Parked {
		h.pause(t, e)
	}
	return h, room, gitlab, b
}

// pause lets an effect wait as one that has failed often.
func (h *house) pause(t *testing.T, e core.Effect) {
	t.Helper()
	held := e.NotBefore
	e.NotBefore, e.Attempts = h.clock.now().Add(10*time.Hour), 9
	if err := h.store.SaveEffect(t.Context(), e, held); err != nil {
		t.Fatal(err)
	}
}

func (h *house) connectGitLab(t *testing.T) app.IntegrationDetail {
	t.Helper()
	d, err := h.ConnectGitLab(t.Context(), h.owner, app.ConnectGitLab{WebURL: "https://git.example.com/", Token: "token"})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// wantTold: the status goes without the clock's help.
func (h *house) wantTold(t *testing.T, b core.Build) {
	t.Helper()
	if e := h.statusEffect(t, b); e.Parked || e.Done < e.Wanted && e.NotBefore.After(h.clock.now()) {
		t.Fatalf("it waits until %v, given up %v", e.NotBefore, e.Parked)
	}
	h.work(t, h.settled(t, b))
}

// What waited for a connection went on waiting once it was there: for minutes, or for ever.
func TestWhatWaitedForAConnectionIsToldOnceItIsThere(t *testing.T) {
	for name, refusal := range map[string]error{
		"a token that has expired":    errTokenRefused,
		"a token that may too little": core.Errorf(core.KindForbidden, "GitLab forbids it"),
		"a limit":                     core.Errorf(core.KindLimited, "later"),
	} {
		for how, mend := range map[string]func(*house, *fakeRoom, app.IntegrationDetail){
			"connected anew": func(h *house, _ *fakeRoom, _ app.IntegrationDetail) { h.connectGitLab(t) },
			"synced": func(h *house, _ *fakeRoom, d app.IntegrationDetail) {
				if _, err := h.SyncIntegration(t.Context(), h.owner, d.ID); err != nil {
					t.Fatal(err)
				}
			},
			"found to work again": func(h *house, room *fakeRoom, _ app.IntegrationDetail) {
				for _, refuse := range []error{core.Errorf(core.KindUnauthorized, "expired"), nil} {
					room.refuse = refuse
					if _, err := h.TakeInventories(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
			},
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				h, room, gitlab, b := waiting(t, refusal)
				h.forge.setFail(nil)
				mend(h, room, gitlab)
				h.wantTold(t, b)
			})
		}
	}
}

// A call that began with the old token, and fails, must not make the status wait again:
// it is made again at once, or when its hold ends.
func TestACallThatBeganBeforeTheConnectionWasMendedIsMadeAgain(t *testing.T) {
	h, _, _, b := waiting(t, errTokenRefused)
	h.clock.forward(11 * time.Hour)
	mended := make(chan struct{})
	h.forge.telling = sync.OnceFunc(func() {
		h.connectGitLab(t)
		h.forge.setFail(nil)
		waitFor(t, func() bool { return h.statusEffect(t, b).NotBefore.After(h.clock.now()) }) // taken anew, though it is under way
		close(mended)
	})
	const hold = 15 * time.Second
	h.work(t, func() bool {
		h.clock.forward(20 * time.Millisecond)
		select {
		case <-mended:
		default:
			return false
		}
		e := h.statusEffect(t, b)
		if wait := e.NotBefore.Sub(h.clock.now()); wait > hold && !t.Failed() {
			t.Errorf("it waits for %s", wait)
		}
		return t.Failed() || e.Done == e.Wanted
	})
}

// Settings have a new token only after a restart.
func TestAStartTriesWhatWaitedAndLeavesWhatWasGivenUp(t *testing.T) {
	path, env := filepath.Join(t.TempDir(), "oore.db"), environment("github.com")
	h, room := roomHouse(t, path, 1, env)
	room.inventory = []core.Inventory{{Installation: core.Installation{ExternalID: 3, Account: "acme"}, Repositories: []core.Repository{shop()}}}
	if _, err := h.SyncIntegration(t.Context(), h.owner, env.ID); err != nil {
		t.Fatal(err)
	}
	repo, err := h.store.FindRepositoryByExternalID(t.Context(), core.ProviderGitHub, "github.com", "7")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"waits", "given up"} {
		want := core.Effect{Key: key, Kind: core.EffectStatus, RepositoryID: repo.ID, NotBefore: h.clock.now(), UpdatedAt: h.clock.now()}
		if err := h.store.WantEffect(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		e, err := h.store.FindEffect(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		e.Parked = key == "given up"
		h.pause(t, e)
	}
	again, _ := roomHouse(t, path, 1, env)
	due, err := again.store.TakeEffects(t.Context(), h.clock.now(), h.clock.now().Add(time.Hour), 10)
	if err != nil || len(due) != 1 || due[0].Key != "waits" || due[0].Attempts != 0 {
		t.Errorf("due %+v, %v", due, err)
	}
}

// Whoever keeps house tells what waited, whichever server is told of the new token.
func TestAConnectionMadeAtOneServerLetsAnotherTellWhatWaited(t *testing.T) {
	database := storetest.Postgres(t)
	keeper, _ := roomHouseAt(t, database, 1)
	other, room := roomHouseAt(t, database, 1)
	lab := core.Repository{Provider: core.ProviderGitLab, Host: "git.example.com", ExternalID: "8", FullName: "acme/lab", DefaultBranch: "main"}
	room.inventory = []core.Inventory{{Repositories: []core.Repository{lab}}}
	gitlab := other.connectGitLab(t)
	repos, err := other.ListIntegrationRepositories(t.Context(), other.owner, gitlab.ID)
	if err != nil || len(repos) != 1 {
		t.Fatalf("%+v, %v", repos, err)
	}
	p := other.project(t, func(in *app.CreateProject) { *in = app.CreateProject{Name: "Lab", RepositoryID: repos[0].ID} })
	b, err := other.TriggerBuild(t.Context(), other.owner, app.TriggerBuild{ProjectID: p.ID, PipelineID: other.pipeline(t, p.ID, "Android").ID})
	if err != nil {
		t.Fatal(err)
	}
	other.pause(t, other.statusEffect(t, b))
	var again sync.Once
	keeper.work(t, func() bool {
		again.Do(func() { other.connectGitLab(t) })
		return keeper.settled(t, b)()
	})
}
