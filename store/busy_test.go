package store

import (
	"context"
	"database/sql"
	"sync/atomic"
	"testing"

	"github.com/libtnb/sqlite"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

// busyMeter counts what the database refused.
type busyMeter struct{ atomic.Int64 }

// Note is core.Meter's.
func (m *busyMeter) Note(metric string, value float64, _ ...string) {
	if metric == core.MetricBusy {
		m.Add(int64(value))
	}
}

func TestALockThatDoesNotComeFreeIsCounted(t *testing.T) {
	url, ctx := storetest.SQLite(t), t.Context()
	var meter busyMeter
	s, err := Open(ctx, url, Options{Meter: &meter})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.db.writer.(*groupWriter).exec("PRAGMA busy_timeout = 10"); err != nil {
		t.Fatal(err)
	}
	path, _ := SQLitePath(url)
	other, err := sql.Open(sqlite.DriverName, sqliteDSN(path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	tx, err := other.BeginTx(ctx, nil) // takes the lock at once
	if err != nil {
		t.Fatal(err)
	}
	write := func() error { return s.InTx(ctx, func(core.Store) error { return nil }) }
	if err := write(); core.KindOf(err) != core.KindUnavailable || meter.Load() != 1 {
		t.Errorf("while another program writes: %v, counted %d times", err, meter.Load())
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := write(); err != nil || meter.Load() != 1 {
		t.Errorf("afterwards: %v, counted %d times", err, meter.Load())
	}
}

// What is refused for another reason, or by nobody, does not count.
func TestOnlyContentionIsCounted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		var meter busyMeter
		s, err := Open(t.Context(), url, Options{Meter: &meter})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		_, _ = s.read(t.Context()).exec("SELECT wrong")
		_, _ = s.read(ended).exec("SELECT 1")
		if meter.Load() != 0 {
			t.Errorf("counted %d times", meter.Load())
		}
	})
}
