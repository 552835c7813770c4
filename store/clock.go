package store

import (
	"context"
	"time"
)

// lastSeen goes by what servers of before the table signs left, where there is no sign yet,
// as far as an index or a small table knows it. With one nothing else counts: what was done
// by a clock that was ahead would make the same clock look right.
const lastSeen = `SELECT coalesce((SELECT max(at) FROM signs), (SELECT max(t) FROM (
	SELECT max(last_seen_at) AS t FROM runners UNION ALL SELECT max(created_at) FROM builds UNION ALL SELECT max(finished_at) FROM builds
	UNION ALL SELECT max(received_at) FROM deliveries) AS known), 0)`

// LastSign is core.ClockStore's.
func (s *Store) LastSign(ctx context.Context) (time.Time, error) {
	var last int64
	err := s.read(ctx).db().Raw(lastSeen).Scan(&last).Error
	if err != nil || last == 0 {
		return time.Time{}, failed(err, "find the last sign of life")
	}
	return instant(last), nil
}

// saveSign takes the moment of a server's sign of life, and the newest that is to give way.
const saveSign = `INSERT INTO signs (id, at) VALUES ('server', $1) ON CONFLICT (id) DO UPDATE SET at = excluded.at WHERE signs.at <= $2`

// NoteSign is core.ClockStore's.
func (s *Store) NoteSign(ctx context.Context, at time.Time) error {
	err := s.write(ctx, func(q session) error {
		_, err := q.exec(saveSign, micros(at), micros(at))
		return err
	})
	return failed(err, "note that a server is there")
}

// Unserved is core.ClockStore's.
func (s *Store) Unserved(ctx context.Context, since, at time.Time) error {
	err := s.write(ctx, func(q session) error {
		n, err := q.exec(saveSign, micros(at), micros(since))
		if err != nil || n == 0 { // another that starts has told of it
			return err
		}
		return q.hold(micros(since), micros(at))
	})
	return failed(err, "hold what waits")
}

// PullBack is core.ClockStore's.
func (s *Store) PullBack(ctx context.Context, now, leases time.Time) error {
	err := s.write(ctx, func(q session) error {
		for statement, most := range map[string]time.Time{
			"UPDATE builds SET lease_expires_at = $1 WHERE lease_token <> '' AND lease_expires_at > $1": leases,
			"UPDATE builds SET queued_at = $1 WHERE status = 'queued' AND queued_at > $1":               now,
			// Nothing is held to beyond now: in either order with the statement before.
			"UPDATE builds SET held = CASE WHEN queued_at < $1 THEN $1 - queued_at ELSE 0 END WHERE status = 'queued' AND queued_at + held > $1": now,
			"UPDATE signs SET at = $1 WHERE at > $1":                                              now,
			"UPDATE effects SET not_before = $1 WHERE not_before > $1":                            now,
			"UPDATE deliveries SET not_before = $1 WHERE status = 'received' AND not_before > $1": now,
			"UPDATE schedules SET not_before = $1 WHERE not_before > $1 AND due_at <= $1":         now,
		} {
			if _, err := q.exec(statement, micros(most)); err != nil {
				return err
			}
		}
		return nil
	})
	return failed(err, "pull back what waits")
}
