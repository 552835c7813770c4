package store

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app/core"
)

type runnerRow struct {
	ID         string `gorm:"primaryKey"`
	Name       string
	Labels     []string `gorm:"serializer:json"`
	Embedded   bool
	Enabled    bool
	Platform   string
	Version    string
	Slots      int
	Draining   bool
	Session    string
	SessionAt  int64
	LastSeenAt int64
	Created    int64 `gorm:"column:created_at"`
	Updated    int64 `gorm:"column:updated_at"`
}

// TableName is gorm's.
func (runnerRow) TableName() string { return "runners" }

func newRunnerRow(r core.Runner) runnerRow {
	return runnerRow{
		ID: r.ID, Name: r.Name, Labels: append([]string{}, r.Labels...), Embedded: r.Embedded, Enabled: r.Enabled, Platform: r.Platform, Version: r.Version,
		Slots: r.Slots, Draining: r.Draining, Session: r.Session, SessionAt: micros(r.SessionAt), LastSeenAt: micros(r.LastSeenAt), Created: micros(r.CreatedAt), Updated: micros(r.UpdatedAt),
	}
}

func (r runnerRow) toCore() core.Runner {
	return core.Runner{
		ID: r.ID, Name: r.Name, Labels: r.Labels, Embedded: r.Embedded, Enabled: r.Enabled, Platform: r.Platform, Version: r.Version,
		Slots: r.Slots, Draining: r.Draining, Session: r.Session, SessionAt: instant(r.SessionAt), LastSeenAt: instant(r.LastSeenAt), CreatedAt: instant(r.Created), UpdatedAt: instant(r.Updated),
	}
}

// CreateRunner is core.RunnerStore's.
func (s *Store) CreateRunner(ctx context.Context, r core.Runner) error {
	row := newRunnerRow(r)
	err := s.writeOne(ctx, func(q session) error { return q.db().Create(&row).Error })
	if duplicate(err) {
		return core.Errorf(core.KindConflict, "There is a runner with the id %s already", r.ID)
	}
	return failed(err, "create runner %s", r.ID)
}

// FindRunner is core.RunnerStore's.
func (s *Store) FindRunner(ctx context.Context, id string) (core.Runner, error) {
	var row runnerRow
	err := s.read(ctx).db().Take(&row, "id = ?", id).Error
	return row.toCore(), found(err, "Runner", "find runner %s", id)
}

// ListRunners is core.RunnerStore's.
func (s *Store) ListRunners(ctx context.Context) ([]core.Runner, error) {
	var rows []runnerRow
	err := s.read(ctx).db().Order("name, id").Find(&rows).Error
	return toCores(rows), failed(err, "list runners")
}

// UpdateRunner is core.RunnerStore's.
func (s *Store) UpdateRunner(ctx context.Context, r core.Runner) error {
	row := newRunnerRow(r)
	return s.writeOne(ctx, func(q session) error {
		result := q.db().Model(&runnerRow{}).Where("id = ?", r.ID).Select("Name", "Labels", "Enabled", "Updated").Updates(row)
		return changed(result, "Runner", "update runner %s", r.ID)
	})
}

// SaveBeat is core.RunnerStore's.
func (s *Store) SaveBeat(ctx context.Context, b core.RunnerBeat, at time.Time) (core.Runner, error) {
	var row runnerRow
	err := s.writeOne(ctx, func(q session) error {
		result := q.db().Raw(`UPDATE runners SET platform = ?, version = ?, slots = ?, draining = ?,
			session_at = CASE WHEN session = ? THEN session_at ELSE ? END, session = ?, last_seen_at = ?
			WHERE id = ? AND (session = ? OR ?) RETURNING *`,
			b.Platform, b.Version, b.Slots, b.Draining, b.Session, micros(at), b.Session, micros(at), b.RunnerID, b.Session, b.First).Scan(&row)
		return changed(result, "Runner", "note a beat of runner %s", b.RunnerID)
	})
	return row.toCore(), err
}

// DeleteRunner is core.RunnerStore's.
func (s *Store) DeleteRunner(ctx context.Context, id string) error {
	return s.writeOne(ctx, func(q session) error {
		return changed(q.db().Delete(&runnerRow{}, "id = ?", id), "Runner", "delete runner %s", id)
	})
}
