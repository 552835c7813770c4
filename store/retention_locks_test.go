package store

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

// TestRetentionThatFindsNothingLocksNothing: the search for old deliveries took seconds
// where many of forks waited, and kept everybody else from writing.
func TestRetentionThatFindsNothingLocksNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, db := openBoth(t, url)
		now := time.Now()
		_, _, err := s.ReceiveDelivery(t.Context(), core.Delivery{
			ID: "waits", Provider: core.ProviderGitHub, DeliveryID: "waits", Event: "pull_request", Action: "opened", Repository: "acme/shop", Ref: "refs/pull/1/head", SHA: "a",
			Status: core.DeliveryIgnored, Verdicts: []core.DeliveryVerdict{{Code: core.WhyFork}}, ReceivedAt: now.AddDate(0, 0, -60),
		})
		if err != nil {
			t.Fatal(err)
		}
		beside, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer beside.Close()
		for _, statement := range map[bool][]string{
			true:  {"BEGIN IMMEDIATE"},
			false: {"BEGIN", "LOCK TABLE deliveries, approvals, audit_entries IN EXCLUSIVE MODE"}, // which lets others read
		}[s.db.file != ""] {
			if _, err := beside.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if _, more, err := s.ApplyRetention(ctx, core.DefaultRetention(), now, 10); more || err != nil {
			t.Errorf("beside somebody who writes: %v, %v", more, err)
		}
		if _, err := beside.ExecContext(t.Context(), "ROLLBACK"); err != nil {
			t.Fatal(err)
		}
	})
}

// TestRetentionReadsOfAForkOnlyWhatCameForItsRef: it read all that came later to the
// repository, for each pull request that waits.
func TestRetentionReadsOfAForkOnlyWhatCameForItsRef(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, db := openBoth(t, url)
		explain := "EXPLAIN QUERY PLAN "
		if s.db.file == "" {
			explain = "EXPLAIN "
			if _, err := db.ExecContext(t.Context(), "SET enable_seqscan = off"); err != nil { // it reads few rows as they lie
				t.Fatal(err)
			}
		}
		plan := lastColumn(t, db, explain+"SELECT id FROM deliveries WHERE "+strings.Replace(oldDelivery, "?", "1", 1))
		if !strings.Contains(plan, "deliveries_ref") {
			t.Errorf("the index is not used: %s", plan)
		}
	})
}

// openBoth opens a store, and one connection beside it.
func openBoth(t *testing.T, url string) (*Store, *sql.DB) {
	t.Helper()
	s, err := Open(t.Context(), url, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	driver, address := "sqlite", strings.TrimPrefix(url, "sqlite:")
	if address == url {
		driver = "pgx"
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	return s, db
}
