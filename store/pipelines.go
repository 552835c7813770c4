package store

import (
	"context"
	"strings"
	"time"

	"gorm.io/gorm/clause"

	"github.com/oore-ci/oore/app/core"
)

type pipelineRow struct {
	ID                 string `gorm:"primaryKey"`
	ProjectID          string
	Name               string
	Slug               string
	ConfigPath         string
	ConfigPathExplicit bool
	Execution          core.ExecutionConfig `gorm:"column:execution_config;serializer:json"`
	Trigger            core.Trigger         `gorm:"column:trigger_config;serializer:json"`
	CancelPrevious     bool
	MaxConcurrent      int
	Timeout            time.Duration `gorm:"column:timeout_ns"`
	Labels             []string      `gorm:"serializer:json"`
	StatusContext      string
	Enabled            bool
	File               core.FileSettings `gorm:"column:file_settings;serializer:json"`
	Created            int64             `gorm:"column:created_at"`
	Updated            int64             `gorm:"column:updated_at"`
}

// TableName is gorm's.
func (pipelineRow) TableName() string { return "pipelines" }

func newPipelineRow(p core.Pipeline) pipelineRow {
	return pipelineRow{
		ID: p.ID, ProjectID: p.ProjectID, Name: p.Name, Slug: p.Slug, ConfigPath: p.ConfigPath, ConfigPathExplicit: p.ConfigPathExplicit,
		Execution: p.Execution, Trigger: p.Trigger, CancelPrevious: p.Concurrency.CancelPrevious, MaxConcurrent: p.Concurrency.MaxConcurrent,
		Timeout: p.Timeout, Labels: p.Labels, StatusContext: p.StatusContext, Enabled: p.Enabled, File: p.File,
		Created: micros(p.CreatedAt), Updated: micros(p.UpdatedAt),
	}
}

func (r pipelineRow) toCore() core.Pipeline {
	return core.Pipeline{
		ID: r.ID, ProjectID: r.ProjectID, Name: r.Name, Slug: r.Slug, ConfigPath: r.ConfigPath, ConfigPathExplicit: r.ConfigPathExplicit,
		Execution: r.Execution, Trigger: r.Trigger, Concurrency: core.Concurrency{CancelPrevious: r.CancelPrevious, MaxConcurrent: r.MaxConcurrent},
		Timeout: r.Timeout, Labels: r.Labels, StatusContext: r.StatusContext, Enabled: r.Enabled, File: r.File,
		CreatedAt: instant(r.Created), UpdatedAt: instant(r.Updated),
	}
}

func slugTaken(p core.Pipeline) error {
	return nameTaken("A pipeline named " + p.Slug + " exists in this project")
}

// CreatePipeline is core.PipelineStore's.
func (s *Store) CreatePipeline(ctx context.Context, p core.Pipeline) error {
	row := newPipelineRow(p)
	err := s.writeOne(ctx, func(q session) error {
		conflict := clause.OnConflict{Columns: []clause.Column{{Name: "project_id"}, {Name: "slug"}}, DoNothing: true}
		result := q.db().Clauses(conflict).Create(&row)
		if result.Error == nil && result.RowsAffected == 0 {
			return slugTaken(p)
		}
		return result.Error
	})
	return failed(err, "create pipeline %s", p.ID)
}

// UpdatePipeline is core.PipelineStore's. Project and birth stay.
func (s *Store) UpdatePipeline(ctx context.Context, p core.Pipeline) error {
	err := s.write(ctx, func(q session) error {
		result := q.db().Model(&pipelineRow{}).
			Where("id = ? AND NOT EXISTS (SELECT 1 FROM pipelines o WHERE o.project_id = pipelines.project_id AND o.slug = ? AND o.id <> ?)", p.ID, p.Slug, p.ID).
			Select("*").Omit("ID", "ProjectID", "Created").Updates(newPipelineRow(p))
		if result.Error != nil || result.RowsAffected > 0 {
			return result.Error
		}
		if err := q.db().Take(&pipelineRow{}, "id = ?", p.ID).Error; err != nil {
			return found(err, "Pipeline", "find pipeline %s", p.ID)
		}
		return slugTaken(p)
	})
	if duplicate(err) { // somebody took it since the check
		return slugTaken(p)
	}
	return failed(err, "update pipeline %s", p.ID)
}

// DeletePipeline is core.PipelineStore's.
func (s *Store) DeletePipeline(ctx context.Context, id string) error {
	return s.writeOne(ctx, func(q session) error {
		return changed(q.db().Delete(&pipelineRow{}, "id = ?", id), "Pipeline", "delete pipeline %s", id)
	})
}

// FindPipeline is core.PipelineStore's.
func (s *Store) FindPipeline(ctx context.Context, id string) (core.Pipeline, error) {
	var row pipelineRow
	err := s.read(ctx).db().Take(&row, "id = ?", id).Error
	return row.toCore(), found(err, "Pipeline", "find pipeline %s", id)
}

// ListPipelines is core.PipelineStore's.
func (s *Store) ListPipelines(ctx context.Context, projectID string) ([]core.Pipeline, error) {
	var rows []pipelineRow
	err := s.read(ctx).db().Order("created_at, id").Find(&rows, "project_id = ?", projectID).Error
	return toCores(rows), failed(err, "list pipelines of project %s", projectID)
}

// ListPipelinesNamed is core.PipelineStore's.
func (s *Store) ListPipelinesNamed(ctx context.Context, part string, projectIDs []string, limit int) ([]core.Pipeline, error) {
	like := "%" + strings.NewReplacer(`!`, `!!`, `%`, `!%`, `_`, `!_`).Replace(strings.ToLower(part)) + "%"
	var rows []pipelineRow
	err := s.read(ctx).db().Where("project_id IN ? AND (lower(name) LIKE ? ESCAPE '!' OR slug LIKE ? ESCAPE '!')", projectIDs, like, like).
		Order("name, id").Limit(limit).Find(&rows).Error
	return toCores(rows), failed(err, "search pipelines")
}

// FindPipelineByContext is core.PipelineStore's.
func (s *Store) FindPipelineByContext(ctx context.Context, repositoryID, statusContext string) (core.Pipeline, error) {
	var row pipelineRow
	err := s.read(ctx).db().Order("created_at, id").
		Where("status_context = ? AND project_id IN (SELECT id FROM projects WHERE repository_id = ?)", statusContext, repositoryID).
		Take(&row).Error
	return row.toCore(), found(err, "Pipeline", "find the pipeline of %s", statusContext)
}
