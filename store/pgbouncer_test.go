package store_test

import (
	"database/sql"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/storetest"
)

// TestTheKeyIsHeldBehindPgBouncer: in transaction mode a lock of the session was another
// client's as soon as its backend was, and stayed when its holder was gone.
func TestTheKeyIsHeldBehindPgBouncer(t *testing.T) {
	direct := storetest.Postgres(t)
	via, ctx := storetest.PgBouncer(t, direct), t.Context()
	line, cut := newLine(t, via)
	s := open(t, line)
	other := open(t, via)
	hold, err := s.HoldKey(ctx, false)
	ok(t, err)
	work(t, s)
	for range 20 {
		if _, err := other.HoldKey(ctx, true); core.KindOf(err) != core.KindConflict {
			t.Fatalf("the key is another's alone while a server holds it: %v", err)
		}
	}
	lost, err := hold.Renew(ctx)
	ok(t, err)
	equal(t, lost, false)
	db, err := sql.Open("pgx", direct)
	ok(t, err)
	defer db.Close()
	var keepsRows int
	ok(t, db.QueryRowContext(ctx, "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND backend_xmin IS NOT NULL").Scan(&keepsRows))
	equal(t, keepsRows, 0)

	cut() // as when the process dies: nobody lets go
	var alone *store.KeyHold
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if alone, err = other.HoldKey(ctx, true); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the hold of a server that is gone stays: %v", err)
		}
	}
	work(t, other)
	third := open(t, via)
	_, err = third.HoldKey(ctx, false)
	refused(t, err, core.KindConflict, "conflict")
	alone.Close()
	together, err := third.HoldKey(ctx, false)
	ok(t, err)
	together.Close()
}

// newLine is another address of the same, whose connections cut ends.
func newLine(t *testing.T, address string) (line string, cut func()) {
	t.Helper()
	u, err := url.Parse(address)
	ok(t, err)
	to := u.Host
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	var mu sync.Mutex
	var ends []net.Conn
	cut = func() {
		_ = ln.Close()
		mu.Lock()
		defer mu.Unlock()
		for _, end := range ends {
			_ = end.Close()
		}
	}
	t.Cleanup(cut)
	go func() {
		for {
			here, err := ln.Accept()
			if err != nil {
				return
			}
			there, err := net.Dial("tcp", to)
			if err != nil {
				_ = here.Close()
				continue
			}
			mu.Lock()
			ends = append(ends, here, there)
			mu.Unlock()
			go func() { _, _ = io.Copy(there, here) }()
			go func() { _, _ = io.Copy(here, there) }()
		}
	}()
	u.Host = ln.Addr().String()
	return u.String(), cut
}

// work uses many connections at once.
func work(t *testing.T, s *store.Store) {
	t.Helper()
	var g errgroup.Group
	for range 30 {
		g.Go(func() error { return s.SaveRetention(t.Context(), core.DefaultRetention(), at(1)) })
		g.Go(func() error { return s.Ready(t.Context()) })
	}
	ok(t, g.Wait())
}

// TestBuildsAreQueuedAndRunBehindPgBouncer: with default_query_exec_mode=cache_describe, which
// any PgBouncer takes.
func TestBuildsAreQueuedAndRunBehindPgBouncer(t *testing.T) {
	h := furnish(t, storetest.PgBouncer(t, storetest.Postgres(t)))
	h.queue(t, h.newBuild())
	b := h.claim(t, "lease")
	equal(t, b.Status, core.BuildAssigned)
	mine, err := h.TakeTurn(t.Context(), "house", "one", time.Minute)
	ok(t, err)
	equal(t, mine, true)
	mine, err = h.TakeTurn(t.Context(), "house", "two", time.Minute)
	ok(t, err)
	equal(t, mine, false)
}
