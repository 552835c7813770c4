package store_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/storetest"
)

// crashVariable tells the test program to be the one that is killed.
const crashVariable = "OORE_TEST_CRASH_CHILD"

// crashChild stores deliveries and prints the id of each that was acknowledged,
// until it is killed.
func crashChild(url string) {
	ctx := context.Background()
	s, err := store.Open(ctx, url, store.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	err = inParallel(8, func(worker int) error {
		for i := 0; ; i++ {
			id := fmt.Sprintf("%d-%d-%d", os.Getpid(), worker, i)
			d := newDelivery(id)
			d.ID = id
			if _, _, err := s.ReceiveDelivery(ctx, d); err != nil {
				return err
			}
			fmt.Println(id)
		}
	})
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// A process that is killed while it commits loses nothing that it acknowledged.
func TestCrash(t *testing.T) {
	url := storetest.SQLite(t)
	var acknowledged []string
	for kill := range 20 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), crashVariable+"="+url)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		ok(t, err)
		ok(t, child.Start())
		lines := bufio.NewReader(out)
		for n := 0; ; n++ {
			line, err := lines.ReadString('\n')
			if err != nil {
				break // killed; half a line was not acknowledged
			}
			acknowledged = append(acknowledged, strings.TrimSpace(line))
			if n == 20+kill*13 {
				ok(t, child.Process.Kill())
			}
		}
		if err := child.Wait(); err == nil || child.ProcessState.Exited() {
			t.Fatalf("the child ended by itself: %v", err)
		}
	}
	s := open(t, url)
	for _, id := range acknowledged {
		if _, err := s.FindDelivery(t.Context(), id); err != nil {
			t.Fatalf("delivery %s was acknowledged and is lost: %v", id, err)
		}
	}
	t.Logf("%d acknowledged deliveries, none lost", len(acknowledged))
	db, err := sql.Open("sqlite", strings.TrimPrefix(url, "sqlite:"))
	ok(t, err)
	defer func() { ok(t, db.Close()) }()
	var verdict string
	ok(t, db.QueryRow("PRAGMA integrity_check").Scan(&verdict))
	equal(t, verdict, "ok")
}

// A PostgreSQL that is killed takes the store with it only as long as it is away.
func TestPostgresOutage(t *testing.T) {
	server := storetest.NewServer(t)
	s, ctx := open(t, server.Database(t, "outage")), t.Context()
	acknowledged := make([][]string, 8)
	ids := make(chan string, 1000)
	killed := make(chan struct{})
	go func() {
		defer close(killed)
		for range 100 {
			<-ids
		}
		server.Kill(t)
	}()
	ok(t, inParallel(len(acknowledged), func(worker int) error {
		for i := 0; ; i++ {
			d := newDelivery(fmt.Sprintf("%d-%d", worker, i))
			_, _, err := s.ReceiveDelivery(ctx, d)
			if err != nil {
				if core.KindOf(err) != core.KindUnavailable {
					return fmt.Errorf("an outage is not told as one: %w", err)
				}
				return nil
			}
			acknowledged[worker] = append(acknowledged[worker], d.ID)
			select {
			case ids <- d.ID:
			default:
			}
		}
	}))
	<-killed
	refused(t, s.Ready(ctx), core.KindUnavailable, core.CodeUnavailable)
	_, err := s.FindDelivery(ctx, "x")
	refused(t, err, core.KindUnavailable, core.CodeUnavailable)
	err = s.InTx(ctx, func(core.Store) error { return nil })
	refused(t, err, core.KindUnavailable, core.CodeUnavailable)

	server.Start(t)
	ok(t, s.Ready(ctx))
	for _, ids := range acknowledged {
		for _, id := range ids {
			if _, err := s.FindDelivery(ctx, id); err != nil {
				t.Fatalf("delivery %s was acknowledged and is lost: %v", id, err)
			}
		}
	}
	server.Stop(t)
	refused(t, s.Ready(ctx), core.KindUnavailable, core.CodeUnavailable)
}
