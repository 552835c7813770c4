package store

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// listUsual are the builds that listTook looks at.
const listUsual = `SELECT id, finished_at - started_at AS took FROM (
		SELECT id, status, started_at, finished_at FROM builds WHERE pipeline_id = ? ORDER BY created_at DESC, id DESC LIMIT 50) AS newest
	WHERE status IN ('succeeded', 'failed', 'timed_out') AND started_at IS NOT NULL LIMIT 10`

// UsualTimes is core.BuildStore's. A step that did not run to its end counts for nothing.
func (s *Store) UsualTimes(ctx context.Context, pipelineID string) (core.UsualTimes, error) {
	usual := core.UsualTimes{Steps: map[string]time.Duration{}}
	var builds []struct {
		ID   string
		Took int64
	}
	db := s.read(ctx).db()
	if err := db.Raw(listUsual, pipelineID).Scan(&builds).Error; err != nil {
		return usual, failed(err, "read how long builds take")
	}
	ids, took := make([]string, len(builds)), make([]time.Duration, len(builds))
	for i, b := range builds {
		ids[i], took[i] = b.ID, time.Duration(b.Took)*time.Microsecond
	}
	usual.Build = core.Median(took)
	if len(ids) == 0 {
		return usual, nil
	}
	var steps []struct {
		Name string
		Took int64
	}
	err := db.Raw(`SELECT name, finished_at - started_at AS took FROM steps
		WHERE build_id IN ? AND status IN ('succeeded', 'failed') AND finished_at IS NOT NULL`, ids).Scan(&steps).Error
	byName := map[string][]time.Duration{}
	for _, step := range steps {
		byName[step.Name] = append(byName[step.Name], time.Duration(step.Took)*time.Microsecond)
	}
	for name, took := range byName {
		usual.Steps[name] = core.Median(took)
	}
	return usual, failed(err, "read how long steps take")
}
