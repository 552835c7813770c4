package store

import (
	"context"
	"database/sql"
	"math/rand/v2"
	"time"

	"gorm.io/gorm"

	"github.com/oore-ci/oore/app/core"
)

// txWriter is PostgreSQL's writer: ordinary transactions.
type txWriter struct {
	db    *sql.DB
	meter core.Meter
}

// txAttempts bounds how often a transaction that lost against another starts again.
const txAttempts = 10

func (w txWriter) transact(ctx context.Context, f func(gorm.ConnPool) error) error {
	return w.retry(ctx, func() error { return w.once(ctx, f) })
}

func (w txWriter) single(ctx context.Context, f func(gorm.ConnPool) error) error {
	return w.retry(ctx, func() error { return f(conn{ConnPool: w.db, meter: w.meter}) })
}

func (w txWriter) once(ctx context.Context, f func(gorm.ConnPool) error) error {
	c := conn{meter: w.meter}
	tx, err := w.db.BeginTx(ctx, nil)
	if err != nil {
		return c.saw(err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	c.ConnPool = tx
	if err := f(c); err != nil {
		return err
	}
	return c.saw(tx.Commit())
}

func (w txWriter) retry(ctx context.Context, f func() error) error {
	for try := 1; ; try++ {
		err := f()
		if !lostRace(err) && !outdated(err) || try == txAttempts {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(rand.N(time.Duration(try) * 10 * time.Millisecond)):
		}
	}
}

// lostRace tells whether the database undid a transaction in another's favor.
func lostRace(err error) bool {
	state := sqlState(err)
	return state == "40001" || state == "40P01" // serialization failure, deadlock
}
