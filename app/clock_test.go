package app_test

import (
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/storetest"
)

// machine is a machine whose clock can be set.
type machine struct {
	wall fakeClock
	on   atomic.Int64
}

func (m *machine) steady() time.Duration { return time.Duration(m.on.Add(int64(time.Millisecond))) }

// pass lets time go by.
func (m *machine) pass(d time.Duration) {
	m.on.Add(int64(d))
	m.wall.forward(d)
}

// newMachine has a house on it, as a server makes it.
func newMachine(t *testing.T, database string, at time.Time, said *strings.Builder) (*house, *machine) {
	t.Helper()
	db, err := store.Open(t.Context(), database, store.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	m := &machine{wall: fakeClock{at: at}}
	h := &house{store: db, blobs: newBlobs(t), forge: &fakeForge{}, clock: &m.wall, owner: core.Actor{Kind: core.ActorUser, Name: "olga", Role: core.RoleOwner}}
	h.App, err = app.New(app.Deps{
		Store: db, Blobs: h.blobs, Archive: newArchive(t, h.blobs), Clock: m.wall.now, Steady: m.steady, NewID: uuid.NewString, Log: slog.New(slog.NewTextHandler(said, nil)),
		Forges: map[core.Provider]core.Forge{core.ProviderGitHub: h.forge}, Reporters: map[core.Provider]core.Reporter{core.ProviderGitHub: h.forge},
		Decoders:  map[core.Provider]core.Decoder{core.ProviderGitHub: jsonDecoder{}},
		PublicURL: "https://ci.example.com", LogLimit: 1 << 20,
	})
	if err == nil {
		err = h.Join(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	h.embed(t)
	return h, m
}

// stand lets d go by, in which the server looks at the clock and at the leases.
func (m *machine) stand(t *testing.T, h *house, d time.Duration) {
	t.Helper()
	for range d / (20 * time.Second) {
		m.pass(20 * time.Second)
		if err := h.Beat(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.round(t)
	}
}

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// near tells whether the server's time is about what is wanted.
func (h *house) near(want time.Time) bool { return h.Now().Sub(want).Abs() < time.Minute }

func TestAClockThatIsSetWhileTheServerRunsChangesNothing(t *testing.T) {
	for _, by := range []time.Duration{time.Hour, 24 * time.Hour, 400 * 24 * time.Hour, -time.Hour, -24 * time.Hour} {
		said := &strings.Builder{}
		h, m := newMachine(t, storetest.SQLite(t), noon, said)
		h.pipeline(t, h.project(t).ID, "Android")
		h.deliver(t, push("main", shaA))
		lease := h.running(t).Lease
		h.deliver(t, push("dev", shaB))
		m.wall.forward(by)
		m.stand(t, h, 2*time.Minute)
		if !h.near(noon.Add(2 * time.Minute)) {
			t.Errorf("set by %s: the server's time is %s", by, h.Now())
		}
		if !strings.Contains(said.String(), "this machine's clock was set") {
			t.Errorf("set by %s: the log says %s", by, said)
		}
		m.wall.forward(-by)
		m.stand(t, h, time.Minute)
		if err := h.Finish(t.Context(), lease, core.Result{Status: core.BuildSucceeded}); err != nil {
			t.Errorf("set by %s: a build that lived: %v", by, err)
		}
		if n := h.count(t, core.BuildQueued); n != 1 {
			t.Errorf("set by %s: %d builds wait, want one", by, n)
		}
	}
}

// The server goes by a clock that was put right; nothing is lost or stands still for it.
func TestAClockThatIsSetAndStandsIsFollowed(t *testing.T) {
	h, m := newMachine(t, storetest.SQLite(t), noon, &strings.Builder{})
	h.pipeline(t, h.project(t).ID, "Android")
	h.deliver(t, push("main", shaA))
	lease := h.running(t).Lease
	h.deliver(t, push("dev", shaB))
	waits := h.claimable(t)
	renew := func() {
		if _, err := h.Renew(t.Context(), lease, 0); err != nil {
			t.Fatalf("a build that lives: %v", err)
		}
	}
	live := func(d time.Duration) {
		for ; d > 0; d -= time.Minute {
			m.stand(t, h, time.Minute)
			renew()
		}
	}
	m.wall.forward(25 * time.Hour)
	live(12 * time.Minute)
	if !h.near(noon.Add(25*time.Hour + 12*time.Minute)) {
		t.Fatalf("the server's time is %s", h.Now())
	}
	if b := h.find(t, waits); b.Status != core.BuildQueued {
		t.Errorf("just after the clock was set, what waits is %s", b.Status)
	}
	live(12 * time.Minute)
	if b := h.find(t, waits); b.Status != core.BuildQueued {
		t.Errorf("what waits for a day by the clock, and for minutes in truth, is %s", b.Status)
	}
	m.wall.forward(-25 * time.Hour)
	live(12 * time.Minute)
	if !h.near(noon.Add(36 * time.Minute)) {
		t.Fatalf("the server's time is %s", h.Now())
	}
	if err := h.Finish(t.Context(), lease, core.Result{Status: core.BuildSucceeded}); err != nil {
		t.Fatal(err)
	}
	h.told(t, core.ReportSuccess)
}

// claimable is the build that waits.
func (h *house) claimable(t *testing.T) string {
	t.Helper()
	for _, b := range h.builds(t) {
		if b.Status == core.BuildQueued {
			return b.ID
		}
	}
	t.Fatal("no build waits")
	return ""
}

// told lets workers tell the forge.
func (h *house) told(t *testing.T, want core.ReportState) {
	t.Helper()
	h.work(t, func() bool { return slices.Contains(h.forge.states(), want) })
}

// Statuses of keys that were told before stood still until the clock had come as far again.
func TestAServerThatStartsWithItsClockSetBackTellsAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		h, _ := newMachine(t, database, time.Now().Add(5*time.Hour), &strings.Builder{})
		h.pipeline(t, h.project(t).ID, "Android")
		h.deliver(t, push("main", shaA))
		lease := h.running(t).Lease
		h.told(t, core.ReportRunning)
		said := &strings.Builder{}
		again, _ := newMachine(t, database, time.Now(), said)
		if err := again.Finish(t.Context(), lease, core.Result{Status: core.BuildSucceeded}); err != nil {
			t.Fatal(err)
		}
		again.told(t, core.ReportSuccess)
		if _, sqlite := store.SQLitePath(database); sqlite && !strings.Contains(said.String(), "the newest that is stored lies ahead") {
			t.Errorf("the log says %s", said)
		}
	})
}

func TestAServerThatStartsInAWrongYearDeletesNothingAtOnce(t *testing.T) {
	database := storetest.SQLite(t)
	h, _ := newMachine(t, database, noon, &strings.Builder{})
	h.pipeline(t, h.project(t).ID, "Android")
	h.deliver(t, push("main", shaA))
	waits := h.claimable(t)
	credential := core.Credential{ID: "c", Kind: core.CredentialAPIToken, Hash: strings.Repeat("a", 64), Name: "c", CreatedAt: noon, ExpiresAt: ptr(noon.Add(time.Hour))}
	if err := h.store.CreateCredential(t.Context(), credential); err != nil {
		t.Fatal(err)
	}
	kept := func() bool {
		list, err := h.store.ListCredentials(t.Context(), core.CredentialAPIToken, "")
		if err != nil {
			t.Fatal(err)
		}
		return len(list) > 0
	}
	said := &strings.Builder{}
	h, m := newMachine(t, database, noon.AddDate(4, 0, 0), said)
	m.stand(t, h, 5*time.Minute)
	if b := h.find(t, waits); b.Status != core.BuildQueued || !kept() {
		t.Errorf("what waits is %s, the credential is there: %v", b.Status, kept())
	}
	if !strings.Contains(said.String(), "nothing happened here for long") {
		t.Errorf("the log says %s", said)
	}
	m.stand(t, h, 6*time.Minute)
	if b := h.find(t, waits); b.Status != core.BuildQueued || kept() {
		t.Errorf("where the clock was right, what waits is %s, the credential is there: %v", b.Status, kept())
	}
	h, m = newMachine(t, database, noon.AddDate(4, 0, 0).Add(12*time.Minute), said) // by a clock that the last sign agrees with
	m.stand(t, h, 5*time.Minute)
	if b := h.find(t, waits); b.Status != core.BuildQueued {
		t.Errorf("after another start what waited while no server was there is %s", b.Status)
	}
	m.live(t, h, core.QueueLife+time.Hour)
	if b := h.find(t, waits); b.Status != core.BuildExpired {
		t.Errorf("what waited for a day is %s", b.Status)
	}
}

// What waited was held for as long as a clock had been ahead at a start, for years.
func TestAClockThatWasAYearAheadAtAStartHoldsNothing(t *testing.T) {
	database := storetest.SQLite(t)
	h, _ := newMachine(t, database, noon, &strings.Builder{})
	h.pipeline(t, h.project(t).ID, "Android")
	h.deliver(t, push("main", shaA))
	waits := h.claimable(t)
	h, m := newMachine(t, database, noon.AddDate(1, 0, 0), &strings.Builder{})
	m.stand(t, h, 12*time.Minute)
	h, m = newMachine(t, database, noon.Add(time.Hour), &strings.Builder{})
	m.stand(t, h, 2*time.Minute)
	if b := h.find(t, waits); b.Status != core.BuildQueued {
		t.Errorf("once the clock was put right, what waits is %s", b.Status)
	}
	m.live(t, h, core.QueueLife+time.Hour)
	if b := h.find(t, waits); b.Status != core.BuildExpired {
		t.Errorf("what waited for a day is %s", b.Status)
	}
}

// What waited was ended by a clock that had been as far ahead once before: what was done by
// it then made it look right.
func TestAClockThatIsAheadTwiceEndsNothing(t *testing.T) {
	database := storetest.SQLite(t)
	h, m := newMachine(t, database, noon, &strings.Builder{})
	m.stand(t, h, time.Minute)
	h, m = newMachine(t, database, noon.Add(24*time.Hour), &strings.Builder{})
	h.pipeline(t, h.project(t).ID, "Android")
	h.deliver(t, push("main", shaA))
	m.stand(t, h, time.Minute)
	h, m = newMachine(t, database, noon.Add(2*time.Minute), &strings.Builder{})
	m.stand(t, h, time.Minute)
	h, m = newMachine(t, database, noon.Add(24*time.Hour+20*time.Minute), &strings.Builder{})
	m.stand(t, h, 2*time.Minute)
	wantStates(t, h, "queued")
}

// A time in which the machine slept, or the server was away while nothing else happened,
// counts for nothing that waits; one in which it ran does.
func TestOnlyTimeWithoutAServerCountsForNothing(t *testing.T) {
	database := storetest.SQLite(t)
	h, m := newMachine(t, database, noon, &strings.Builder{})
	h.pipeline(t, h.project(t).ID, "Android")
	h.deliver(t, push("main", shaA))
	waits := h.claimable(t)
	m.stand(t, h, time.Minute)
	m.pass(25 * time.Hour)
	m.stand(t, h, 20*time.Minute)
	if b := h.find(t, waits); b.Status != core.BuildQueued {
		t.Errorf("after a sleep, what waits is %s", b.Status)
	}
	m.live(t, h, core.QueueLife-2*time.Hour)
	h, m = newMachine(t, database, m.wall.now(), &strings.Builder{}) // at once, and no runner has been heard of
	m.stand(t, h, 20*time.Minute)
	if b := h.find(t, waits); b.Status != core.BuildQueued {
		t.Errorf("two hours before its day is over, what waits is %s", b.Status)
	}
	m.live(t, h, 3*time.Hour)
	if b := h.find(t, waits); b.Status != core.BuildExpired {
		t.Errorf("what waited for a day is %s", b.Status)
	}
}

// live lets long pass in steps that no server is away for.
func (m *machine) live(t *testing.T, h *house, long time.Duration) {
	t.Helper()
	for range long / (30 * time.Minute) {
		m.pass(30*time.Minute - 20*time.Second)
		h.round(t)
		m.stand(t, h, 20*time.Second)
	}
}

// The builds of a server's own pool live as long as it does, whatever the clock says.
func TestAServerTakesNoBuildFromItsOwnPool(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	h.deliver(t, push("main", shaA))
	lease := h.running(t).Lease
	holds := true
	h.KeepOwn("r1", func(id string) bool { return holds && id == lease.BuildID })
	h.lapse(t, core.LeaseTTL)
	if b := h.find(t, lease.BuildID); b.Status != core.BuildRunning {
		t.Fatalf("it is %s %s", b.Status, b.StatusReason)
	}
	holds = false
	h.lapse(t, core.LeaseTTL)
	if b := h.find(t, lease.BuildID); b.StatusReason != core.ReasonRunnerLost {
		t.Errorf("what the pool does not hold any more is %s %s", b.Status, b.StatusReason)
	}
}

// What a clock that was ahead put off is due again by the right one.
func TestAClockThatWasAheadSilencesNoSchedule(t *testing.T) {
	database := storetest.SQLite(t)
	h, m := newMachine(t, database, noon, &strings.Builder{})
	s := h.schedule(t, h.pipeline(t, h.project(t).ID, "Android"), "0 * * * *")
	m.stand(t, h, time.Minute)
	h, _ = newMachine(t, database, noon.Add(30*24*time.Hour), &strings.Builder{})
	h.turn(t)
	if ahead := h.findSchedule(t, s.ID); !ahead.DueAt.After(noon.Add(29 * 24 * time.Hour)) {
		t.Fatalf("the clock was not ahead: %+v", ahead)
	}
	h, m = newMachine(t, database, noon.Add(2*time.Minute), &strings.Builder{})
	m.stand(t, h, time.Minute)
	if again := h.findSchedule(t, s.ID); !again.DueAt.Equal(s.DueAt) || !again.NotBefore.Equal(s.DueAt) {
		t.Errorf("due at %s, was %s", again.DueAt, s.DueAt)
	}
}
