package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/oore-ci/oore/app/core"
)

// together bounds the questions that one statement asks.
const together = 100

// buildsIn loads builds, without Problems and Tests, in the order of the ids.
func (s session) buildsIn(ids []string) ([]core.Build, error) {
	if len(ids) == 0 {
		return []core.Build{}, nil
	}
	var rows []buildRow
	if err := s.db().Omit("Problems", "Tests").Find(&rows, "id IN ?", ids).Error; err != nil {
		return nil, err
	}
	at := make(map[string]int, len(ids))
	for i, id := range ids {
		at[id] = i
	}
	slices.SortFunc(rows, func(a, b buildRow) int { return at[a.ID] - at[b.ID] })
	return toCores(rows), nil
}

const newestOf = "SELECT id, created_at FROM (SELECT id, created_at FROM builds WHERE COLUMN = ? ORDER BY created_at DESC, id DESC LIMIT ?) AS newest"

// ListNewestBuilds is core.FigureStore's.
func (s *Store) ListNewestBuilds(ctx context.Context, of core.BuildsOf, ids []string, n int) ([]core.Build, error) {
	column := "project_id"
	if of == core.OfPipeline {
		column = "pipeline_id"
	}
	read := s.read(ctx)
	all := []core.Build{}
	for some := range slices.Chunk(ids, together) {
		var args []any
		for _, id := range some {
			args = append(args, id, n)
		}
		each := slices.Repeat([]string{strings.Replace(newestOf, "COLUMN", column, 1)}, len(some))
		var found []string
		err := read.db().Raw("SELECT id FROM ("+strings.Join(each, " UNION ALL ")+") AS it ORDER BY created_at DESC, id DESC", args...).Scan(&found).Error
		builds, err2 := read.buildsIn(found)
		if err = firstOf(err, err2); err != nil {
			return nil, failed(err, "list the newest builds of each %s", of)
		}
		all = append(all, builds...)
	}
	return all, nil
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// ListEndedBuilds is core.FigureStore's.
func (s *Store) ListEndedBuilds(ctx context.Context, projectIDs []string, limit int) ([]core.Build, error) {
	read := s.read(ctx)
	var rows []figureRow
	if err := read.ended(core.FigureFilter{ProjectIDs: projectIDs}, limit).Scan(&rows).Error; err != nil {
		return nil, failed(err, "list ended builds")
	}
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	builds, err := read.buildsIn(ids)
	return builds, failed(err, "list ended builds")
}

// ListAskedBuilds is core.FigureStore's. Each half has an index of its own.
func (s *Store) ListAskedBuilds(ctx context.Context, user, name string, limit int) ([]core.Build, error) {
	const half = "SELECT * FROM (SELECT id, created_at FROM builds WHERE COLUMN = ? AND COLUMN <> '' ORDER BY created_at DESC, id DESC LIMIT ?) AS COLUMN_half"
	read := s.read(ctx)
	var ids []string
	err := read.db().Raw("SELECT id FROM ("+strings.ReplaceAll(half, "COLUMN", "trigger_user")+" UNION "+strings.ReplaceAll(half, "COLUMN", "trigger_actor")+
		") AS it ORDER BY created_at DESC, id DESC LIMIT ?", user, limit, name, limit, limit).Scan(&ids).Error
	if err != nil {
		return nil, failed(err, "list builds that somebody asked for")
	}
	builds, err := read.buildsIn(ids)
	return builds, failed(err, "list builds that somebody asked for")
}

const (
	figureColumns = "id, project_id, pipeline_id, number, status, branch, started_at, finished_at"
	// lookedThrough bounds the builds of all projects in which those of some are found.
	lookedThrough = 5000
)

// ended orders what has ended as builds_finished does, so that it reads no more than it
// returns; within a project or pipeline, as their own indexes do. What somebody may see of
// several projects is looked for among the last 5,000 of the house: to sort all that these
// projects have would take long.
func (s session) ended(f core.FigureFilter, limit int) *gorm.DB {
	db := s.db().Table("builds").Select(figureColumns).Where("finished_at IS NOT NULL")
	if !f.Since.IsZero() {
		db = db.Where("finished_at >= ?", micros(f.Since))
	}
	switch {
	case f.PipelineID != "":
		return db.Where("pipeline_id = ?", f.PipelineID).Order("created_at DESC, id DESC").Limit(limit)
	case f.ProjectID != "":
		return db.Where("project_id = ?", f.ProjectID).Order("created_at DESC, id DESC").Limit(limit)
	}
	db = db.Order("finished_at DESC, id DESC")
	if f.ProjectIDs == nil {
		return db.Limit(limit)
	}
	return s.db().Table("(?) AS newest", db.Limit(lookedThrough)).Where("project_id IN ?", f.ProjectIDs).Order("finished_at DESC, id DESC").Limit(limit)
}

type figureRow struct {
	ID         string
	ProjectID  string
	PipelineID string
	Number     int
	Status     string
	Branch     string
	StartedAt  *int64
	FinishedAt int64
}

func (r figureRow) toCore() core.Figure {
	f := core.Figure{
		BuildID: r.ID, ProjectID: r.ProjectID, PipelineID: r.PipelineID, Number: r.Number,
		Status: core.BuildStatus(r.Status), Branch: r.Branch, Ended: instant(r.FinishedAt),
	}
	if r.StartedAt != nil {
		f.Took = time.Duration(r.FinishedAt-*r.StartedAt) * time.Microsecond
	}
	return f
}

// ListFigures is core.FigureStore's.
func (s *Store) ListFigures(ctx context.Context, f core.FigureFilter, limit int) ([]core.Figure, error) {
	var rows []figureRow
	err := s.read(ctx).ended(f, limit).Scan(&rows).Error
	return toCores(rows), failed(err, "list figures of builds")
}

// ListStepsOf is core.FigureStore's.
func (s *Store) ListStepsOf(ctx context.Context, buildIDs []string) ([]core.Step, error) {
	all := []core.Step{}
	for some := range slices.Chunk(buildIDs, together) {
		var rows []stepRow
		if err := s.read(ctx).db().Order("build_id, step_index").Find(&rows, "build_id IN ?", some).Error; err != nil {
			return nil, failed(err, "list steps of builds")
		}
		all = append(all, toCores(rows)...)
	}
	return all, nil
}

// ListTested is core.FigureStore's.
func (s *Store) ListTested(ctx context.Context, projectID string, looked int) ([]core.Build, error) {
	var rows []buildRow
	err := s.read(ctx).db().Omit("Problems").Order("created_at DESC, id DESC").Find(&rows,
		"id IN (SELECT id FROM builds WHERE project_id = ? ORDER BY created_at DESC, id DESC LIMIT ?) AND tests IS NOT NULL", projectID, looked).Error
	return toCores(rows), failed(err, "list builds whose tests are known")
}

// ListSwept is core.FigureStore's.
func (s *Store) ListSwept(ctx context.Context, since time.Time, limit int) ([]core.Delivery, error) {
	var rows []deliveryRow
	err := s.read(ctx).db().Omit("Payload").Order("received_at DESC, id DESC").Limit(limit).Find(&rows, "event = 'sweep' AND received_at >= ?", micros(since)).Error
	return toCores(rows), failed(err, "list what no message told of")
}
