package store

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
	"gorm.io/gorm"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

// When the disk is full SQLite undoes a whole transaction, and with it what others
// have put into the same commit. Nobody may be told that it is durable, and when
// there is space again all goes on. OORE_TEST_FULL is how often it fills.
func TestFullDisk(t *testing.T) {
	cycles := 2
	if value := os.Getenv("OORE_TEST_FULL"); value != "" {
		n, err := strconv.Atoi(value)
		if err != nil {
			t.Fatal(err)
		}
		cycles = n
	}
	s, err := Open(t.Context(), storetest.SQLite(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	limit := func(pages int) {
		err := s.db.writer.transact(t.Context(), func(tx gorm.ConnPool) error {
			_, err := tx.ExecContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", pages))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for cycle := range cycles {
		fillUp(t, s, cycle, limit)
	}
	var verdict string
	if err := s.db.reader.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("after all that the file is %s, %v", verdict, err)
	}
}

// fillUp lets the disk be full in the midst of it, and then no more.
func fillUp(t *testing.T, s *Store, cycle int, limit func(pages int)) {
	t.Helper()
	var pages int
	if err := s.db.reader.QueryRowContext(t.Context(), "PRAGMA page_count").Scan(&pages); err != nil {
		t.Fatal(err)
	}
	limit(pages + 100)
	const callers, rounds = 16, 20
	var outcomes [callers][rounds]error
	var g errgroup.Group
	for caller := range callers {
		g.Go(func() error {
			for round := range rounds {
				outcomes[caller][round] = fill(t.Context(), s, cycle, caller, round)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	kept, refused := 0, 0
	for caller, rounds := range outcomes {
		for round, outcome := range rounds {
			_, err := s.FindDelivery(t.Context(), fmt.Sprintf("%d-%d-%d", cycle, caller, round))
			switch {
			case outcome == nil && err == nil:
				kept++
			case core.KindOf(outcome) == core.KindUnavailable && core.KindOf(err) == core.KindNotFound:
				refused++
			default:
				t.Errorf("answered %v, found %v", outcome, err)
			}
		}
	}
	if kept == 0 || refused == 0 {
		t.Fatalf("%d kept and %d refused: the disk was not full in the middle", kept, refused)
	}
	limit(1 << 20)
	if err := fill(t.Context(), s, cycle, callers, 0); err != nil {
		t.Fatalf("there is space again: %v", err)
	}
}

// fill stores a delivery, alone or in a transaction with more.
func fill(ctx context.Context, s *Store, cycle, caller, round int) error {
	id := fmt.Sprintf("%d-%d-%d", cycle, caller, round)
	d := core.Delivery{
		ID: id, Provider: core.ProviderGitHub, DeliveryID: id, Status: core.DeliveryReceived, Payload: []byte(strings.Repeat("x", 7000)),
	}
	if caller%2 == 0 {
		_, _, err := s.ReceiveDelivery(ctx, d)
		return err
	}
	return s.InTx(ctx, func(tx core.Store) error {
		if err := tx.WantEffect(ctx, core.Effect{Key: id}); err != nil {
			return err
		}
		_, _, err := tx.ReceiveDelivery(ctx, d)
		return err
	})
}
