package store

import (
	"context"
	"time"

	"gorm.io/gorm/clause"

	"github.com/oore-ci/oore/app/core"
)

// CreateBuild is core.BuildStore's. The project's counter is raised first: its row
// keeps others from numbering builds of the project until the end.
func (s *Store) CreateBuild(ctx context.Context, b core.Build, e core.BuildEvent) (core.Build, bool, error) {
	var row buildRow
	created := false
	err := s.write(ctx, func(q session) (err error) {
		row = newBuildRow(b)
		if row.Number, err = q.count(b.ProjectID, +1); err != nil {
			return err
		}
		result := q.db().Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "dedupe_key"}}, DoNothing: true}).Create(&row)
		if result.Error != nil {
			return result.Error
		}
		if created = result.RowsAffected > 0; created {
			return q.addEvent(e)
		}
		if _, err := q.count(b.ProjectID, -1); err != nil {
			return err
		}
		row = buildRow{}
		return q.db().Take(&row, "dedupe_key = ?", b.DedupeKey).Error
	})
	if err != nil {
		return core.Build{}, false, failed(err, "create build %s", b.ID)
	}
	return row.toCore(), created, nil
}

// count moves a project's build counter and returns it.
func (s session) count(projectID string, by int) (int, error) {
	var number int
	result := s.db().Raw("UPDATE projects SET last_build_number = last_build_number + ? WHERE id = ? RETURNING last_build_number", by, projectID).Scan(&number)
	if result.Error == nil && result.RowsAffected == 0 {
		return 0, core.Errorf(core.KindNotFound, "Project not found")
	}
	return number, result.Error
}

// FindBuild is core.BuildStore's. A transaction keeps others from changing the build
// until its end: UpdateBuild writes all of it, and would undo what they did.
func (s *Store) FindBuild(ctx context.Context, id string) (core.Build, error) {
	var row buildRow
	lock := ""
	if s.tx != nil {
		lock = s.db.dialect.lock
	}
	err := s.read(ctx).db().Raw("SELECT * FROM builds WHERE id = ?"+lock, id).Take(&row).Error
	return row.toCore(), found(err, "Build", "find build %s", id)
}

// NewestBuild is core.BuildStore's.
func (s *Store) NewestBuild(ctx context.Context, pipelineID, sha string) (core.Build, error) {
	var row buildRow
	err := s.read(ctx).db().Order("number DESC").Take(&row, "pipeline_id = ? AND sha = ?", pipelineID, sha).Error
	return row.toCore(), found(err, "Build", "find the newest build of %s", sha)
}

// UpdateBuild is core.BuildStore's. Identity stays: project, pipeline, number,
// dedupe key and birth.
func (s *Store) UpdateBuild(ctx context.Context, b core.Build, from core.BuildStatus, lease string, e *core.BuildEvent) error {
	keep := []string{"ID", "ProjectID", "PipelineID", "Number", "DedupeKey", "Created"}
	if b.Problems == nil { // b may come from a list
		keep = append(keep, "Problems")
	}
	if b.Tests == nil {
		keep = append(keep, "Tests")
	}
	err := s.write(ctx, func(q session) error {
		result := q.db().Model(&buildRow{}).Where("id = ? AND status = ? AND lease_token = ?", b.ID, string(from), lease).
			Select("*").Omit(keep...).Updates(newBuildRow(b))
		if result.Error != nil {
			return result.Error
		}
		if result.RowsAffected == 0 {
			return core.Codef(core.KindConflict, core.CodeInvalidTransition, "Build #%d is no longer %s; look at it again", b.Number, from)
		}
		if e == nil {
			return nil
		}
		return q.addEvent(*e)
	})
	return failed(err, "update build %s", b.ID)
}

// ListLeased is core.BuildStore's.
func (s *Store) ListLeased(ctx context.Context, expiredBefore time.Time, runnerID string) ([]core.Build, error) {
	var rows []buildRow
	err := s.read(ctx).db().Order("lease_expires_at, id").
		Where("lease_token <> '' AND (lease_expires_at < ? OR (runner_id = ? AND runner_id <> ''))", micros(expiredBefore), runnerID).
		Find(&rows).Error
	return toCores(rows), failed(err, "list leased builds")
}

// ListQueuedBefore is core.BuildStore's; oldest first.
func (s *Store) ListQueuedBefore(ctx context.Context, t time.Time) ([]core.Build, error) {
	var rows []buildRow
	err := s.read(ctx).db().Order("queued_at, id").
		Find(&rows, "status = 'queued' AND queued_at + held < ? AND NOT EXISTS (SELECT 1 FROM queue_pauses)", micros(t)).Error
	return toCores(rows), failed(err, "list builds queued too long")
}

// CountBuilds is core.BuildStore's.
func (s *Store) CountBuilds(ctx context.Context, status core.BuildStatus) (int, error) {
	var n int64
	err := s.read(ctx).db().Model(&buildRow{}).Where("status = ?", string(status)).Count(&n).Error
	return int(n), failed(err, "count builds that are %s", status)
}
