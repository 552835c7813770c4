package store

import (
	"context"

	"github.com/oore-ci/oore/app/core"
)

const (
	// verdicts are the builds that judge a branch of the project's own, as the index
	// builds_verdicts has them.
	verdicts = "pipeline_id = ? AND branch = ? AND status = ? AND finished_at IS NOT NULL AND tag = '' AND NOT pr_fork AND trigger_event <> 'merge_group'"

	newestVerdict = `(SELECT max(created_at) FROM builds WHERE pipeline_id = own.pipeline_id AND branch = own.branch AND finished_at IS NOT NULL
		AND tag = '' AND NOT pr_fork AND trigger_event <> 'merge_group' AND status = `

	// listRed compares the newest verdicts of every enabled pipeline: a handful of looks
	// into the index for each.
	listRed = `WITH own AS (
			SELECT p.id AS pipeline_id, p.project_id, coalesce(nullif(j.default_branch, ''), r.default_branch) AS branch
			FROM pipelines p JOIN projects j ON j.id = p.project_id JOIN repositories r ON r.id = j.repository_id WHERE p.enabled),
		stands AS (
			SELECT pipeline_id, project_id, branch,
				coalesce(` + newestVerdict + `'succeeded'), 0) AS green,
				coalesce(` + newestVerdict + `'failed'), 0) AS failed,
				coalesce(` + newestVerdict + `'timed_out'), 0) AS timed_out
			FROM own)
		SELECT pipeline_id, project_id, branch, green FROM stands WHERE (failed > green OR timed_out > green)`
)

type redRow struct {
	PipelineID string
	ProjectID  string
	Branch     string
	Green      int64
}

// ListBreaks is core.FigureStore's.
func (s *Store) ListBreaks(ctx context.Context, projectIDs []string, limit int) ([]core.Break, int, error) {
	read := s.read(ctx)
	db := read.db().Raw(listRed+" ORDER BY green DESC, pipeline_id", []any{}...)
	if projectIDs != nil {
		db = read.db().Raw(listRed+" AND project_id IN ? ORDER BY green DESC, pipeline_id", projectIDs)
	}
	var red []redRow
	if err := db.Scan(&red).Error; err != nil {
		return nil, 0, failed(err, "find what is red")
	}
	breaks := []core.Break{}
	for _, r := range red[:min(len(red), limit)] {
		b, ok, err := read.breakOf(r)
		if err != nil {
			return nil, 0, failed(err, "find what broke pipeline %s", r.PipelineID)
		}
		if ok {
			breaks = append(breaks, b)
		}
	}
	return breaks, len(red), nil
}

// breakOf finds the first and the last failure since the pipeline was green; not ok: they
// were deleted just now.
func (s session) breakOf(r redRow) (core.Break, bool, error) {
	const (
		since = "SELECT * FROM (SELECT id, created_at FROM builds WHERE " + verdicts + " AND created_at > ? ORDER BY created_at, id LIMIT 1) AS it"
		last  = "SELECT * FROM (SELECT id, created_at FROM builds WHERE " + verdicts + " AND created_at > ? ORDER BY created_at DESC, id DESC LIMIT 1) AS it"
	)
	var args []any
	for _, status := range []core.BuildStatus{core.BuildFailed, core.BuildTimedOut, core.BuildFailed, core.BuildTimedOut} {
		args = append(args, r.PipelineID, r.Branch, string(status), r.Green)
	}
	var ids []string
	err := s.db().Raw("SELECT id FROM ("+since+" UNION ALL "+since+" UNION ALL "+last+" UNION ALL "+last+") AS ends ORDER BY created_at, id", args...).Scan(&ids).Error
	if err != nil || len(ids) == 0 {
		return core.Break{}, false, err
	}
	builds, err := s.buildsIn([]string{ids[0], ids[len(ids)-1]})
	if err != nil || len(builds) == 0 {
		return core.Break{}, false, err
	}
	return core.Break{First: builds[0], Last: builds[len(builds)-1], Green: r.Green > 0}, true, nil
}

// ListLabeledPipelines is core.FigureStore's.
func (s *Store) ListLabeledPipelines(ctx context.Context) ([]core.Pipeline, error) {
	var rows []pipelineRow
	err := s.read(ctx).db().Select("id", "project_id", "name", "labels", "enabled").Order("name, id").
		Find(&rows, "enabled AND labels IS NOT NULL AND labels NOT IN ('null', '[]')").Error
	return toCores(rows), failed(err, "list pipelines that want labels")
}
