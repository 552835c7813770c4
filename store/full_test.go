package store

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
	"gorm.io/gorm"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

// When the disk is full SQLite undoes a whole transaction, and with it what others
// have put into the same commit. Nobody may be told that it is durable, and when
// there is space again all goes on.
func TestFullDisk(t *testing.T) {
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
	limit(200)
	const callers, rounds = 16, 20
	var outcomes [callers][rounds]error
	var g errgroup.Group
	for caller := range callers {
		g.Go(func() error {
			for round := range rounds {
				outcomes[caller][round] = fill(t.Context(), s, caller, round)
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
			_, err := s.FindDelivery(t.Context(), fmt.Sprintf("%d-%d", caller, round))
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
	if err := fill(t.Context(), s, callers, 0); err != nil {
		t.Fatalf("there is space again: %v", err)
	}
}

// fill stores a delivery, alone or in a transaction with more.
func fill(ctx context.Context, s *Store, caller, round int) error {
	id := fmt.Sprintf("%d-%d", caller, round)
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
