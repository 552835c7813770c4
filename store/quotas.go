package store

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// FindQuotaUse is core.QuotaStore's. The project's row keeps others from storing builds
// until the end of the transaction, as it does in CreateBuild.
func (s *Store) FindQuotaUse(ctx context.Context, projectID string, now time.Time) (core.QuotaUse, error) {
	q := s.read(ctx)
	if s.tx != nil {
		var held []string
		if err := q.db().Raw("SELECT id FROM projects WHERE id = ?"+s.db.dialect.lock, projectID).Scan(&held).Error; err != nil {
			return core.QuotaUse{}, failed(err, "hold project %s", projectID)
		}
	}
	var use struct {
		Queued int
		Worked int64
	}
	err := q.db().Raw(`SELECT (SELECT count(*) FROM builds WHERE status = 'queued' AND project_id = ?) AS queued,
		(SELECT coalesce(sum(coalesce(finished_at, ?) - started_at), 0) FROM builds WHERE project_id = ? AND created_at > ? AND started_at IS NOT NULL) AS worked`,
		projectID, micros(now), projectID, micros(now.Add(-core.QuotaDay))).Scan(&use).Error
	return core.QuotaUse{Queued: use.Queued, Worked: time.Duration(use.Worked) * time.Microsecond}, failed(err, "count what project %s takes", projectID)
}

// HasBuildOf is core.QuotaStore's.
func (s *Store) HasBuildOf(ctx context.Context, dedupeKey string) (bool, error) {
	var found []int
	err := s.read(ctx).db().Raw("SELECT 1 FROM builds WHERE dedupe_key = ?", dedupeKey).Scan(&found).Error
	return len(found) > 0, failed(err, "look for a build of %s", dedupeKey)
}
