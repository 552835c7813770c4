package store

import (
	"context"
	"math"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// candidate is a queued build as the choice sees it.
type candidate struct {
	ID              string
	ProjectID       string
	PipelineID      string
	QueueRank       int64
	QueuedAt        int64
	Labels          []string `gorm:"serializer:json"`
	MaxConcurrent   int      // of its pipeline
	QuotaConcurrent int      // of its project
}

// The first look is at few, since the oldest mostly fits.
const (
	claimLook    = 16
	claimLookMax = 1024
)

// listCandidates leaves out the pipelines and projects that are full now, so that a long
// queue of one of them costs the others nothing. SQLite takes a CROSS JOIN in the order in
// which it is written, here that of the queue.
const listCandidates = `
	SELECT b.id, b.project_id, b.pipeline_id, b.queue_rank, b.queued_at, b.labels, p.max_concurrent, o.quota_concurrent
	FROM builds b CROSS JOIN pipelines p CROSS JOIN projects o
	WHERE p.id = b.pipeline_id AND o.id = b.project_id AND b.status = 'queued' AND (b.queue_rank, b.queued_at, b.id) > (?, ?, ?)
	AND NOT EXISTS (SELECT 1 FROM queue_pauses)
	AND (p.max_concurrent = 0 OR p.max_concurrent > (
		SELECT count(*) FROM builds a WHERE a.pipeline_id = p.id AND a.status IN ('assigned', 'running')))
	AND (o.quota_concurrent = 0 OR o.quota_concurrent > (
		SELECT count(*) FROM builds a WHERE a.project_id = o.id AND a.status IN ('assigned', 'running')))
	ORDER BY b.queue_rank, b.queued_at, b.id LIMIT ?`

// ClaimBuild is core.BuildStore's. It looks before it writes: a queue with nothing
// for this runner costs one read. In the transaction it looks again, so that of many
// who claim at once each finds a build of its own.
func (s *Store) ClaimBuild(ctx context.Context, r core.Runner, lease string, now, expires time.Time) (core.Build, error) {
	var row buildRow
	taken := false
	err := s.read(ctx).eachCandidate(r.Labels, func(candidate) (bool, error) {
		taken = true
		return true, nil
	})
	if err == nil && taken {
		err = s.write(ctx, func(q session) (err error) {
			row, taken = buildRow{}, false
			return q.eachCandidate(r.Labels, func(c candidate) (bool, error) {
				row, taken, err = q.claim(c, s.db.dialect, r, lease, now, expires)
				return taken, err
			})
		})
	}
	if err == nil && !taken {
		err = core.Errorf(core.KindNotFound, "No build waits for this runner")
	}
	return row.toCore(), failed(err, "claim a build for %s", r.Name)
}

// eachCandidate calls f with the queued builds that the labels allow, in the queue's order,
// until f wants no more.
func (s session) eachCandidate(labels []string, f func(candidate) (stop bool, err error)) error {
	after := candidate{QueueRank: math.MinInt64, QueuedAt: math.MinInt64}
	for look := claimLook; ; look = min(4*look, claimLookMax) {
		var page []candidate
		if err := s.db().Raw(listCandidates, after.QueueRank, after.QueuedAt, after.ID, look).Scan(&page).Error; err != nil {
			return err
		}
		for _, c := range page {
			if !core.Takes(labels, c.Labels) {
				continue
			}
			if stop, err := f(c); stop || err != nil {
				return err
			}
		}
		if len(page) < look {
			return nil
		}
		after = page[len(page)-1]
	}
}

// claim takes the candidate if it is still there and its project and pipeline have room.
// One that somebody else is taking is passed over without waiting for him.
func (s session) claim(c candidate, d dialect, r core.Runner, lease string, now, expires time.Time) (row buildRow, taken bool, err error) {
	if c.QuotaConcurrent > 0 { // first the project, as whoever stores a build does
		if room, err := s.hasRoom("projects", "quota_concurrent", "project_id", c.ProjectID, d.lock); err != nil || !room {
			return row, false, err
		}
	}
	if c.MaxConcurrent > 0 {
		if room, err := s.hasRoom("pipelines", "max_concurrent", "pipeline_id", c.PipelineID, d.lock); err != nil || !room {
			return row, false, err
		}
	}
	result := s.db().Raw(`
		UPDATE builds SET status = 'assigned', runner_id = ?, runner_name = ?, lease_token = ?, lease_expires_at = ?, assigned_at = ?, updated_at = ?
		WHERE id = (SELECT id FROM builds WHERE id = ? AND status = 'queued'`+d.skipLocked+`) RETURNING *`,
		r.ID, r.Name, lease, micros(expires), micros(now), micros(now), c.ID).Scan(&row)
	if result.Error != nil || result.RowsAffected == 0 {
		return row, false, result.Error
	}
	return row, true, s.addEvent(core.BuildEvent{BuildID: c.ID, From: core.BuildQueued, To: core.BuildAssigned, Actor: r.Name, At: now})
}

// hasRoom keeps others from claiming in a pipeline or project while it counts and until the
// transaction ends.
func (s session) hasRoom(table, bound, key, id, lock string) (bool, error) {
	var most int
	if err := s.db().Raw("SELECT "+bound+" FROM "+table+" WHERE id = ?"+lock, id).Scan(&most).Error; err != nil {
		return false, err
	}
	var active int
	err := s.db().Raw("SELECT count(*) FROM builds WHERE "+key+" = ? AND status IN ('assigned', 'running')", id).Scan(&active).Error
	return most == 0 || active < most, err
}

// RenewLease is core.BuildStore's.
func (s *Store) RenewLease(ctx context.Context, l core.Lease, expires time.Time) (core.Build, error) {
	var row buildRow
	err := s.writeOne(ctx, func(q session) error {
		result := q.db().Raw("UPDATE builds SET lease_expires_at = ? WHERE id = ? AND runner_id = ? AND lease_token = ? AND lease_token <> '' RETURNING *",
			micros(expires), l.BuildID, l.RunnerID, l.Token).Scan(&row)
		if result.Error == nil && result.RowsAffected == 0 {
			return leaseLost(l.BuildID)
		}
		return result.Error
	})
	return row.toCore(), failed(err, "renew the lease of build %s", l.BuildID)
}

// ExtendLeases is core.BuildStore's.
func (s *Store) ExtendLeases(ctx context.Context, t time.Time) error {
	err := s.writeOne(ctx, func(q session) error {
		_, err := q.exec("UPDATE builds SET lease_expires_at = $1 WHERE lease_token <> '' AND lease_expires_at < $1", micros(t))
		return err
	})
	return failed(err, "extend leases")
}

func leaseLost(buildID string) error {
	return core.Codef(core.KindConflict, core.CodeLeaseLost, "The runner no longer holds build %s; it stops", buildID)
}
