package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// FindTries is core.TryStore's.
func (s *Store) FindTries(ctx context.Context, key string) (core.Tries, error) {
	var count int
	var last int64
	err := s.read(ctx).pool.QueryRowContext(ctx, "SELECT count, last_at FROM tries WHERE key = $1", key).Scan(&count, &last)
	if errors.Is(err, sql.ErrNoRows) {
		return core.Tries{}, nil
	}
	return core.Tries{Count: count, Last: instant(last)}, failed(err, "find what was tried")
}

// SwapTries is core.TryStore's.
func (s *Store) SwapTries(ctx context.Context, key string, old, next core.Tries) (bool, error) {
	var n int64
	err := s.writeOne(ctx, func(q session) (err error) {
		n, err = q.exec(`INSERT INTO tries (key, count, last_at) VALUES ($1, $2, $3)
			ON CONFLICT (key) DO UPDATE SET count = excluded.count, last_at = excluded.last_at WHERE tries.count = $4 AND tries.last_at = $5`,
			key, next.Count, micros(next.Last), old.Count, micros(old.Last))
		return err
	})
	return n > 0, failed(err, "count a try")
}

// DeleteTries is core.TryStore's.
func (s *Store) DeleteTries(ctx context.Context, before time.Time) error {
	err := s.writeOne(ctx, func(q session) error {
		_, err := q.exec("DELETE FROM tries WHERE last_at < $1", micros(before))
		return err
	})
	return failed(err, "forget what was tried long ago")
}
