package store

import (
	"context"
	"time"
)

// lastSeen asks for what an index or a small table knows.
const lastSeen = `SELECT coalesce(max(t), 0) FROM (
	SELECT max(last_seen_at) AS t FROM runners UNION ALL SELECT max(created_at) FROM builds UNION ALL SELECT max(finished_at) FROM builds
	UNION ALL SELECT max(received_at) FROM deliveries) AS signs`

// LastSign is core.ClockStore's.
func (s *Store) LastSign(ctx context.Context) (time.Time, error) {
	var last int64
	err := s.read(ctx).db().Raw(lastSeen).Scan(&last).Error
	if err != nil || last == 0 {
		return time.Time{}, failed(err, "find the last sign of life")
	}
	return instant(last), nil
}

// Unserved is core.ClockStore's.
func (s *Store) Unserved(ctx context.Context, since, at time.Time) error {
	err := s.write(ctx, func(q session) error { return q.hold(micros(since), micros(at)) })
	return failed(err, "hold what waits")
}

// PullBack is core.ClockStore's.
func (s *Store) PullBack(ctx context.Context, now, leases time.Time) error {
	err := s.write(ctx, func(q session) error {
		for statement, most := range map[string]time.Time{
			"UPDATE builds SET lease_expires_at = $1 WHERE lease_token <> '' AND lease_expires_at > $1": leases,
			"UPDATE builds SET queued_at = $1 WHERE status = 'queued' AND queued_at > $1":               now,
			"UPDATE effects SET not_before = $1 WHERE not_before > $1":                                  now,
			"UPDATE deliveries SET not_before = $1 WHERE status = 'received' AND not_before > $1":       now,
			"UPDATE schedules SET not_before = $1 WHERE not_before > $1 AND due_at <= $1":               now,
		} {
			if _, err := q.exec(statement, micros(most)); err != nil {
				return err
			}
		}
		return nil
	})
	return failed(err, "pull back what waits")
}
