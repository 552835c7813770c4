package store

import (
	"context"
	"slices"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// candidate is a queued build as the choice sees it.
type candidate struct {
	ID            string
	PipelineID    string
	QueuedAt      int64
	Labels        []string `gorm:"serializer:json"`
	MaxConcurrent int
}

const claimPage = 64

// listCandidates leaves out the pipelines that are full now, so that a long queue of
// one of them costs the others nothing.
const listCandidates = `
	SELECT b.id, b.pipeline_id, b.queued_at, b.labels, p.max_concurrent
	FROM builds b JOIN pipelines p ON p.id = b.pipeline_id
	WHERE b.status = 'queued' AND (b.queued_at, b.id) > (?, ?)
	AND (p.max_concurrent = 0 OR p.max_concurrent > (
		SELECT count(*) FROM builds a WHERE a.pipeline_id = p.id AND a.status IN ('assigned', 'running')))
	ORDER BY b.queued_at, b.id LIMIT ?`

// ClaimBuild is core.BuildStore's. It looks before it writes: an empty queue costs
// one read. Whoever loses a build to another goes on to the next.
func (s *Store) ClaimBuild(ctx context.Context, r core.Runner, lease string, now, expires time.Time) (core.Build, error) {
	after := candidate{QueuedAt: -1}
	for {
		var page []candidate
		if err := s.read(ctx).db().Raw(listCandidates, after.QueuedAt, after.ID, claimPage).Scan(&page).Error; err != nil {
			return core.Build{}, failed(err, "look into the queue")
		}
		for _, c := range page {
			if !subset(c.Labels, r.Labels) {
				continue
			}
			b, ok, err := s.claim(ctx, c, r, lease, now, expires)
			if err != nil || ok {
				return b, failed(err, "claim build %s", c.ID)
			}
		}
		if len(page) < claimPage {
			return core.Build{}, core.Errorf(core.KindNotFound, "No build waits for this runner")
		}
		after = page[len(page)-1]
	}
}

func subset(wanted, have []string) bool {
	return !slices.ContainsFunc(wanted, func(label string) bool { return !slices.Contains(have, label) })
}

// claim takes the candidate if it is still there and its pipeline has room.
func (s *Store) claim(ctx context.Context, c candidate, r core.Runner, lease string, now, expires time.Time) (core.Build, bool, error) {
	var row buildRow
	taken := false
	err := s.write(ctx, func(q session) error {
		if c.MaxConcurrent > 0 {
			room, err := q.hasRoom(c.PipelineID, s.db.dialect.lock)
			if err != nil || !room {
				return err
			}
		}
		result := q.db().Raw(`
			UPDATE builds SET status = 'assigned', runner_id = ?, runner_name = ?, lease_token = ?, lease_expires_at = ?, assigned_at = ?, updated_at = ?
			WHERE id = ? AND status = 'queued' RETURNING *`,
			r.ID, r.Name, lease, micros(expires), micros(now), micros(now), c.ID).Scan(&row)
		if taken = result.Error == nil && result.RowsAffected > 0; !taken {
			return result.Error
		}
		return q.addEvent(core.BuildEvent{BuildID: c.ID, From: core.BuildQueued, To: core.BuildAssigned, Actor: r.Name, At: now})
	})
	return row.toCore(), taken, err
}

// hasRoom keeps others from claiming in the pipeline while it counts and until the
// transaction ends.
func (s session) hasRoom(pipelineID, lock string) (bool, error) {
	var most int
	if err := s.db().Raw("SELECT max_concurrent FROM pipelines WHERE id = ?"+lock, pipelineID).Scan(&most).Error; err != nil {
		return false, err
	}
	var active int
	err := s.db().Raw("SELECT count(*) FROM builds WHERE pipeline_id = ? AND status IN ('assigned', 'running')", pipelineID).Scan(&active).Error
	return most == 0 || active < most, err
}

// RenewLease is core.BuildStore's.
func (s *Store) RenewLease(ctx context.Context, l core.Lease, expires time.Time) (core.Build, error) {
	var row buildRow
	err := s.writeOne(ctx, func(q session) error {
		result := q.db().Raw("UPDATE builds SET lease_expires_at = ? WHERE id = ? AND lease_token = ? AND lease_token <> '' RETURNING *",
			micros(expires), l.BuildID, l.Token).Scan(&row)
		if result.Error == nil && result.RowsAffected == 0 {
			return leaseLost(l.BuildID)
		}
		return result.Error
	})
	return row.toCore(), failed(err, "renew the lease of build %s", l.BuildID)
}

func leaseLost(buildID string) error {
	return core.Codef(core.KindConflict, core.CodeLeaseLost, "The runner no longer holds build %s; it stops", buildID)
}
