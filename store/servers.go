package store

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app/core"
)

type serverRow struct {
	ID        string `gorm:"primaryKey"`
	Name      string
	Version   string
	PublicURL string
	KeyID     string
	Blobs     string
	Sources   string
	Started   int64 `gorm:"column:started_at"`
	SeenAt    int64
	Now       int64 `gorm:"->"`
}

// TableName is gorm's.
func (serverRow) TableName() string { return "servers" }

func (r serverRow) toCore() core.Server {
	return core.Server{
		ID: r.ID, Name: r.Name, Version: r.Version, PublicURL: r.PublicURL, KeyID: r.KeyID, Blobs: r.Blobs, Sources: r.Sources,
		StartedAt: instant(r.Started), SeenAt: instant(r.SeenAt),
	}
}

// forgetAfter is how long a server is remembered that did not say that it leaves.
const forgetAfter = 24 * time.Hour

// BeatServer is core.ServerStore's.
func (s *Store) BeatServer(ctx context.Context, server core.Server, life time.Duration) ([]core.Server, time.Time, error) {
	if s.db.dialect.clock == "" {
		return nil, time.Time{}, nil
	}
	err := s.writeOne(ctx, func(q session) error {
		_, err := q.exec(`
			INSERT INTO servers (id, name, version, public_url, key_id, blobs, sources, started_at, seen_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, `+s.db.dialect.clock+`)
			ON CONFLICT (id) DO UPDATE SET name = excluded.name, version = excluded.version, public_url = excluded.public_url, key_id = excluded.key_id,
			blobs = excluded.blobs, sources = excluded.sources, started_at = excluded.started_at, seen_at = excluded.seen_at`,
			server.ID, server.Name, server.Version, server.PublicURL, server.KeyID, server.Blobs, server.Sources, micros(server.StartedAt))
		return err
	})
	if err != nil {
		return nil, time.Time{}, failed(err, "note that server %s is there", server.ID)
	}
	rows, err := s.servers(ctx, life)
	var others []serverRow
	var now time.Time
	for _, row := range rows {
		now = instant(row.Now)
		if row.ID != server.ID {
			others = append(others, row)
		}
	}
	return toCores(others), now, failed(err, "list the servers")
}

// ListServers is core.ServerStore's.
func (s *Store) ListServers(ctx context.Context, life time.Duration) ([]core.Server, error) {
	if s.db.dialect.clock == "" {
		return nil, nil
	}
	rows, err := s.servers(ctx, life)
	return toCores(rows), failed(err, "list the servers")
}

func (s *Store) servers(ctx context.Context, life time.Duration) (rows []serverRow, err error) {
	clock := s.db.dialect.clock
	err = s.read(ctx).db().Raw("SELECT *, "+clock+" AS now FROM servers WHERE seen_at > "+clock+" - ? ORDER BY started_at, id", life.Microseconds()).Scan(&rows).Error
	return rows, err
}

// LeaveServer is core.ServerStore's.
func (s *Store) LeaveServer(ctx context.Context, id string) error {
	if s.db.dialect.clock == "" {
		return nil
	}
	err := s.write(ctx, func(q session) error {
		// Others that were killed left turns at joins that nobody asks for again.
		if _, err := q.exec("DELETE FROM turns WHERE holder = $1 OR name LIKE 'join %' AND until < "+s.db.dialect.clock, id); err != nil {
			return err
		}
		_, err := q.exec("DELETE FROM servers WHERE id = $1 OR seen_at < "+s.db.dialect.clock+" - $2", id, forgetAfter.Microseconds())
		return err
	})
	return failed(err, "forget server %s", id)
}

// TakeTurn is core.ServerStore's.
func (s *Store) TakeTurn(ctx context.Context, name, holder string, life time.Duration) (mine bool, err error) {
	clock := s.db.dialect.clock
	if clock == "" {
		return true, nil
	}
	err = s.writeOne(ctx, func(q session) error {
		n, err := q.exec(`
			INSERT INTO turns (name, holder, until) VALUES ($1, $2, `+clock+` + $3)
			ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
			WHERE turns.holder = excluded.holder OR turns.until < `+clock, name, holder, life.Microseconds())
		mine = n > 0
		return err
	})
	return mine, failed(err, "take the turn %s", name)
}

// EndTurn is core.ServerStore's.
func (s *Store) EndTurn(ctx context.Context, name, holder string) error {
	if s.db.dialect.clock == "" {
		return nil
	}
	err := s.writeOne(ctx, func(q session) error {
		_, err := q.exec("DELETE FROM turns WHERE name = $1 AND holder = $2", name, holder)
		return err
	})
	return failed(err, "end the turn %s", name)
}
