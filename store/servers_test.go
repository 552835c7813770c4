package store_test

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

func TestServersKnowEachOther(t *testing.T) {
	url := storetest.Postgres(t)
	s, ctx := open(t, url), t.Context()
	a := core.Server{ID: "a", Name: "one", Version: "v1", PublicURL: "https://ci", KeyID: "k", Blobs: "s3", Sources: "x y", StartedAt: at(1)}
	b := core.Server{ID: "b", Name: "two", StartedAt: at(0)}
	others, now, err := s.BeatServer(ctx, a, time.Hour)
	ok(t, err)
	equal(t, len(others), 0)
	if age := time.Since(now).Abs(); age > time.Hour {
		t.Errorf("the database's clock is %s away", age)
	}
	others, _, err = s.BeatServer(ctx, b, time.Hour)
	ok(t, err)
	a.SeenAt = others[0].SeenAt
	equal(t, others, []core.Server{a})
	all, err := s.ListServers(ctx, time.Hour)
	ok(t, err)
	equal(t, len(all), 2)
	equal(t, all[0].ID, "b") // the older
	all, err = s.ListServers(ctx, 0)
	ok(t, err)
	equal(t, len(all), 0)

	mine, err := s.TakeTurn(ctx, "house", "a", time.Hour)
	ok(t, err)
	equal(t, mine, true)
	for name, life := range map[string]time.Duration{"join left": -time.Second, "join goes on": time.Hour} {
		_, err = s.TakeTurn(ctx, name, "killed", life)
		ok(t, err)
	}
	ok(t, s.LeaveServer(ctx, "a"))
	db, err := sql.Open("pgx", url)
	ok(t, err)
	defer db.Close()
	var joins string // nobody asks again for what a killed server left
	ok(t, db.QueryRowContext(ctx, "SELECT string_agg(name, ', ') FROM turns WHERE name LIKE 'join %'").Scan(&joins))
	equal(t, joins, "join goes on")
	mine, err = s.TakeTurn(ctx, "house", "b", time.Hour)
	ok(t, err)
	equal(t, mine, true)
	all, err = s.ListServers(ctx, time.Hour)
	ok(t, err)
	equal(t, len(all), 1)
}

func TestATurnHasOneHolder(t *testing.T) {
	s, ctx := open(t, storetest.Postgres(t)), t.Context()
	take := func(holder string, life time.Duration) bool {
		mine, err := s.TakeTurn(ctx, "house", holder, life)
		ok(t, err)
		return mine
	}
	equal(t, take("a", time.Hour), true)
	equal(t, take("b", time.Hour), false)
	equal(t, take("a", time.Hour), true) // once more
	ok(t, s.EndTurn(ctx, "house", "b"))  // not his
	equal(t, take("b", time.Hour), false)
	ok(t, s.EndTurn(ctx, "house", "a"))
	equal(t, take("b", -time.Second), true) // over at once, by the database's clock
	equal(t, take("a", time.Hour), true)

	ok(t, s.EndTurn(ctx, "house", "a"))
	winners := make(chan int, 16)
	ok(t, inParallel(16, func(n int) error {
		mine, err := s.TakeTurn(ctx, "house", strings.Repeat("x", n+1), time.Hour)
		if mine {
			winners <- n
		}
		return err
	}))
	equal(t, len(winners), 1)
}

func TestSQLiteHasOneServerWhoseTurnItIs(t *testing.T) {
	s, ctx := open(t, storetest.SQLite(t)), t.Context()
	others, now, err := s.BeatServer(ctx, core.Server{ID: "a"}, time.Hour)
	ok(t, err)
	equal(t, len(others), 0)
	equal(t, now.IsZero(), true)
	for range 2 {
		mine, err := s.TakeTurn(ctx, "house", newID("server"), time.Hour)
		ok(t, err)
		equal(t, mine, true)
	}
	ok(t, s.EndTurn(ctx, "house", "a"))
	ok(t, s.LeaveServer(ctx, "a"))
	all, err := s.ListServers(ctx, time.Hour)
	ok(t, err)
	equal(t, len(all), 0)
}

// A server that was halted while it decided wakes up when another has decided.
func TestADeliveryIsDecidedOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		d, _, err := s.ReceiveDelivery(ctx, newDelivery("guid"))
		ok(t, err)
		d.Status, d.Attempts = core.DeliveryProcessed, 1
		ok(t, s.UpdateDelivery(ctx, d, core.DeliveryReceived))
		late := d
		late.Status, late.Attempts = core.DeliveryIgnored, 2
		refused(t, s.UpdateDelivery(ctx, late, core.DeliveryReceived), core.KindConflict, core.CodeAlreadyDecided)
		found, err := s.FindDelivery(ctx, d.ID)
		ok(t, err)
		equal(t, found.Status, core.DeliveryProcessed)
		ok(t, s.UpdateDelivery(ctx, late, "")) // a person may
	})
}

// Two senders of one key do not know whose call came last, so that it is made once more,
// by whoever holds it now.
func TestAnEffectThatTwoSendIsSentOnceMore(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		ok(t, s.WantEffect(ctx, newEffect("k")))
		take := func(now, until int) core.Effect {
			taken, err := s.TakeEffects(ctx, at(now), at(until), 1)
			ok(t, err)
			equal(t, len(taken), 1)
			return taken[0]
		}
		save := func(e core.Effect, now int) error {
			held := e.NotBefore
			e.Done, e.Sent, e.NotBefore, e.UpdatedAt = e.Wanted, "said", at(now), at(now)
			return s.SaveEffect(ctx, e, held)
		}
		halted := take(0, 5)
		other := take(6, 11)
		refused(t, save(halted, 7), core.KindConflict, "conflict")
		ok(t, s.DoubtEffect(ctx, "k", at(7)))
		refused(t, save(other, 8), core.KindConflict, "conflict") // he is told too
		ok(t, s.DoubtEffect(ctx, "k", at(8)))
		last := take(12, 17)
		equal(t, last.Sent, "")
		ok(t, save(last, 13))

		// One who comes late when nobody sends makes it due at once.
		ok(t, s.DoubtEffect(ctx, "k", at(14)))
		equal(t, take(14, 20).Sent, "")
	})
}
