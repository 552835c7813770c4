package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/oore-ci/oore/app/core"
)

// ListBuilds is core.BuildStore's.
func (s *Store) ListBuilds(ctx context.Context, f core.BuildFilter, page core.Page) ([]core.Build, int, error) {
	db := s.read(ctx).db()
	matching := filterBuilds(db.Model(&buildRow{}), f)
	if f.Newest > 0 {
		oldest, err := oldestOfNewest(db, f)
		if err != nil {
			return nil, 0, failed(err, "look how far back to list builds")
		}
		matching = matching.Where("created_at >= ?", oldest)
	}
	matching = matching.Session(&gorm.Session{})
	var rows []buildRow
	// Problems and tests can be large, and nobody looks at them in a list.
	omit := []string{"Problems", "Tests"}
	if f.WithTests {
		omit = omit[:1]
	}
	if err := newestFirst(paged(matching, page).Omit(omit...), page, &rows); err != nil {
		return nil, 0, failed(err, "list builds")
	}
	total := int64(len(rows))
	if page.Limit > 0 && !page.Uncounted && (len(rows) == page.Limit || page.Offset > 0 || page.Older != nil || page.Newer != nil) {
		if err := matching.Count(&total).Error; err != nil { // there may be more: what is rare is looked for once
			return nil, 0, failed(err, "count builds")
		}
	}
	return toCores(rows), int(total), nil
}

// newestFirst reads the window's rows. What comes just before a build is found upwards.
func newestFirst(db *gorm.DB, page core.Page, rows *[]buildRow) error {
	switch {
	case page.Newer != nil:
		err := db.Where("(created_at, id) > (?, ?)", micros(page.Newer.CreatedAt), page.Newer.ID).Order("created_at, id").Find(rows).Error
		slices.Reverse(*rows)
		return err
	case page.Older != nil:
		db = db.Where("(created_at, id) < (?, ?)", micros(page.Older.CreatedAt), page.Older.ID)
	}
	return db.Order("created_at DESC, id DESC").Find(rows).Error
}

func filterBuilds(db *gorm.DB, f core.BuildFilter) *gorm.DB {
	equal := func(column, value string) {
		if value != "" {
			db = db.Where(column+" = ?", value)
		}
	}
	equal("project_id", f.ProjectID)
	equal("pipeline_id", f.PipelineID)
	equal("branch", f.Branch)
	equal("sha", f.SHA)
	equal("trigger_type", string(f.TriggerType))
	equal("trigger_event", f.TriggerEvent)
	equal("trigger_user", f.TriggerUser)
	if f.IDs != nil {
		db = db.Where("id IN ?", f.IDs)
	}
	if f.ProjectIDs != nil {
		db = db.Where("project_id IN ?", f.ProjectIDs)
	}
	if f.RepositoryID != "" {
		db = db.Where("project_id IN (SELECT id FROM projects WHERE repository_id = ?)", f.RepositoryID)
	}
	if f.PullRequest != 0 {
		db = db.Where("pr_number = ?", f.PullRequest)
	}
	if f.SHAPrefix != "" {
		db = db.Where("sha >= ? AND sha < ?", f.SHAPrefix, f.SHAPrefix+"g") // no hex digit comes after f
	}
	if f.SourceID != "" {
		db = db.Where("source_build_id = ? AND source_build_id <> ''", f.SourceID) // as its index has it
	}
	if f.Number != 0 {
		db = db.Where("number = ?", f.Number)
	}
	if f.Before != nil {
		db = before(db, *f.Before)
	}
	if f.Text != "" {
		db = db.Where(inText, sql.Named("text", "%"+likeLiteral(f.Text)+"%"))
	}
	if slices.Equal(f.Statuses, []core.BuildStatus{core.BuildQueued, core.BuildAssigned, core.BuildRunning}) {
		db = db.Where("status IN ('queued', 'assigned', 'running')") // as its index has it
	} else if len(f.Statuses) > 0 {
		statuses := make([]string, len(f.Statuses))
		for i, status := range f.Statuses {
			statuses[i] = string(status)
		}
		db = db.Where("status IN ?", statuses)
	}
	return db
}

const inText = `(LOWER(branch) LIKE LOWER(@text) ESCAPE '!' OR LOWER(tag) LIKE LOWER(@text) ESCAPE '!'
	OR LOWER(commit_message) LIKE LOWER(@text) ESCAPE '!' OR LOWER(commit_author) LIKE LOWER(@text) ESCAPE '!')`

// likeLiteral is a text that LIKE takes as it stands.
func likeLiteral(text string) string {
	return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(text)
}

// oldestOfNewest is when the f.Newest-th build of the project and pipeline was made, 0 if
// there are fewer. A question of its own: with the answer in hand PostgreSQL knows how few
// builds are left; of a subquery it guesses a third of all, and reads all.
func oldestOfNewest(db *gorm.DB, f core.BuildFilter) (createdAt int64, err error) {
	db = db.Model(&buildRow{}).Select("created_at")
	if f.ProjectID != "" {
		db = db.Where("project_id = ?", f.ProjectID)
	}
	if f.PipelineID != "" {
		db = db.Where("pipeline_id = ?", f.PipelineID)
	}
	err = db.Order("created_at DESC, id DESC").Limit(1).Offset(f.Newest - 1).Scan(&createdAt).Error
	return createdAt, err
}

func before(db *gorm.DB, b core.Build) *gorm.DB {
	fork := 0
	if b.PullRequest != nil && b.PullRequest.Fork {
		fork = b.PullRequest.Number
	}
	queue := string(core.EventMergeGroup)
	return db.Where("pipeline_id = ? AND number < ? AND branch = ? AND tag = ?", b.PipelineID, b.Number, b.Branch, b.Tag).
		Where("CASE WHEN pr_fork THEN pr_number ELSE 0 END = ? AND (trigger_event = ?) = ?", fork, queue, b.TriggerEvent == queue)
}

// listChanged looks at few: what has not ended, and the newest.
const listChanged = `SELECT COALESCE(MAX(updated_at), 0) AS updated, COALESCE(SUM(active), 0) AS active FROM (
	SELECT updated_at, 1 AS active FROM builds WHERE status IN ('queued', 'assigned', 'running')
	UNION ALL SELECT updated_at, 0 FROM (SELECT updated_at FROM builds ORDER BY created_at DESC, id DESC LIMIT 100) AS newest) AS changed`

// BuildsVersion is core.BuildStore's.
func (s *Store) BuildsVersion(ctx context.Context) (core.BuildsVersion, error) {
	var row struct{ Updated, Active int64 }
	err := s.read(ctx).db().Raw(listChanged).Scan(&row).Error
	return core.BuildsVersion{UpdatedAt: instant(row.Updated), Active: int(row.Active)}, failed(err, "look whether builds changed")
}
