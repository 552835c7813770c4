package store

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// Two rows of signs: when a server last was there, and up to when it was told that none was.
const (
	signServed   = "served"
	signUnserved = "unserved"
)

// lastSigns asks for what an index or a small table knows. What a start in doubt told of is
// no sign that a server was there, with no other sign either.
const lastSigns = `SELECT coalesce((SELECT at FROM signs WHERE id = '` + signServed + `'), max(t), 0) AS served,
	coalesce(max(t), 0) AS stamped, coalesce((SELECT max(at) FROM signs), 0) AS signed FROM (
	SELECT max(last_seen_at) AS t FROM runners UNION ALL SELECT max(created_at) FROM builds UNION ALL SELECT max(finished_at) FROM builds
	UNION ALL SELECT max(received_at) FROM deliveries) AS known`

// LastSigns is core.ClockStore's.
func (s *Store) LastSigns(ctx context.Context) (core.LastSigns, error) {
	var row struct{ Served, Stamped, Signed int64 }
	err := s.read(ctx).db().Raw(lastSigns).Scan(&row).Error
	newest := max(row.Stamped, row.Signed)
	if err != nil || newest == 0 {
		return core.LastSigns{}, failed(err, "find the last signs of life")
	}
	return core.LastSigns{Served: instant(row.Served), Newest: instant(newest)}, nil
}

// NoteSign is core.ClockStore's.
func (s *Store) NoteSign(ctx context.Context, at time.Time) error {
	err := s.write(ctx, func(q session) error { return q.sign(signServed, micros(at)) })
	return failed(err, "note that a server is there")
}

func (s session) sign(id string, at int64) error {
	_, err := s.exec("INSERT INTO signs (id, at) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET at = CASE WHEN signs.at < excluded.at THEN excluded.at ELSE signs.at END", id, at)
	return err
}

// Unserved is core.ClockStore's.
func (s *Store) Unserved(ctx context.Context, since, at time.Time) error {
	from, until := micros(since), micros(at)
	err := s.write(ctx, func(q session) error {
		if err := q.sign(signUnserved, from); err != nil { // from here on others that tell of it wait
			return err
		}
		var known int64
		if err := q.db().Raw("SELECT coalesce(max(at), 0) FROM signs WHERE at <= ?", until).Scan(&known).Error; err != nil {
			return err
		}
		if err := q.sign(signUnserved, until); err != nil {
			return err
		}
		return q.hold(max(from, known), until)
	})
	return failed(err, "hold what waits")
}

// PullBack is core.ClockStore's.
func (s *Store) PullBack(ctx context.Context, now, leases time.Time) error {
	err := s.write(ctx, func(q session) error {
		for statement, most := range map[string]time.Time{
			"UPDATE builds SET lease_expires_at = $1 WHERE lease_token <> '' AND lease_expires_at > $1":  leases,
			"UPDATE builds SET queued_at = $1 WHERE status IN ('queued', 'assigned') AND queued_at > $1": now,
			// Nothing is held to beyond now: in either order with the statement before.
			"UPDATE builds SET held = CASE WHEN queued_at < $1 THEN $1 - queued_at ELSE 0 END WHERE status IN ('queued', 'assigned') AND queued_at + held > $1": now,
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
