package store

import (
	"cmp"
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/oore-ci/oore/app/core"
)

// projectRow is what is written. The counter of its builds is CreateBuild's alone.
type projectRow struct {
	ID              string `gorm:"primaryKey"`
	Name            string
	Slug            string
	Description     string
	RepositoryID    string
	DefaultBranch   string
	Forks           string
	Comments        string
	TriggerRole     string
	Visibility      string
	Checks          string
	ReportSkipped   bool
	QuotaConcurrent int
	QuotaQueued     int
	QuotaMinutes    int
	QuotaLogs       int64
	QuotaArtifacts  int64
	LastBuildNumber int
	Created         int64 `gorm:"column:created_at"`
	Updated         int64 `gorm:"column:updated_at"`
}

// TableName is gorm's.
func (projectRow) TableName() string { return "projects" }

func newProjectRow(p core.Project) projectRow {
	return projectRow{
		ID: p.ID, Name: p.Name, Slug: p.Slug, Description: p.Description, RepositoryID: p.RepositoryID, DefaultBranch: p.DefaultBranch,
		Forks: string(p.Forks), Comments: string(p.Comments), TriggerRole: string(p.TriggerRole), Visibility: string(p.Visibility),
		Checks: string(cmp.Or(p.Checks, core.CheckStatus)), ReportSkipped: p.ReportSkipped,
		QuotaConcurrent: p.Quota.MaxConcurrent, QuotaQueued: p.Quota.MaxQueued, QuotaMinutes: p.Quota.MinutesPerDay,
		QuotaLogs: p.Quota.LogsBytes, QuotaArtifacts: p.Quota.ArtifactsBytes,
		Created: micros(p.CreatedAt), Updated: micros(p.UpdatedAt),
	}
}

// projectView is what is read: the project with its repository.
type projectView struct {
	Project    projectRow    `gorm:"embedded"`
	Repository repositoryRow `gorm:"embedded;embeddedPrefix:repo_"`
}

func (v projectView) toCore() core.Project {
	r := v.Project
	return core.Project{
		ID: r.ID, Name: r.Name, Slug: r.Slug, Description: r.Description, RepositoryID: r.RepositoryID, Repository: v.Repository.toCore(),
		DefaultBranch: r.DefaultBranch, Forks: core.ForkPolicy(r.Forks), Comments: core.CommentPolicy(r.Comments),
		TriggerRole: core.Role(r.TriggerRole), Visibility: core.Visibility(r.Visibility),
		Checks: core.CheckStyle(r.Checks), ReportSkipped: r.ReportSkipped,
		Quota: core.Quota{
			MaxConcurrent: r.QuotaConcurrent, MaxQueued: r.QuotaQueued, MinutesPerDay: r.QuotaMinutes,
			LogsBytes: r.QuotaLogs, ArtifactsBytes: r.QuotaArtifacts,
		},
		CreatedAt: instant(r.Created), UpdatedAt: instant(r.Updated),
	}
}

func (s session) projects() *gorm.DB {
	return s.db().Table("projects").Joins("JOIN repositories r ON r.id = projects.repository_id").Select(`projects.*,
		r.id AS repo_id, r.provider AS repo_provider, r.host AS repo_host, r.external_id AS repo_external_id,
		r.integration_id AS repo_integration_id, r.full_name AS repo_full_name,
		r.web_url AS repo_web_url, r.clone_url AS repo_clone_url, r.default_branch AS repo_default_branch,
		r.private AS repo_private, r.installation_id AS repo_installation_id, r.unavailable AS repo_unavailable,
		r.hook_trouble AS repo_hook_trouble, r.hook_note AS repo_hook_note, r.created_at AS repo_created_at, r.updated_at AS repo_updated_at`)
}

func nameTaken(what string) error {
	return core.Codef(core.KindConflict, core.CodeNameTaken, "%s; choose another name", what)
}

// CreateProject is core.ProjectStore's.
func (s *Store) CreateProject(ctx context.Context, p core.Project) error {
	row := newProjectRow(p)
	err := s.writeOne(ctx, func(q session) error {
		result := q.db().Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "slug"}}, DoNothing: true}).Create(&row)
		if result.Error == nil && result.RowsAffected == 0 {
			return nameTaken("A project named " + p.Slug + " exists")
		}
		return result.Error
	})
	return failed(err, "create project %s", p.ID)
}

// UpdateProject is core.ProjectStore's. Slug, repository and birth stay.
func (s *Store) UpdateProject(ctx context.Context, p core.Project) error {
	return s.writeOne(ctx, func(q session) error {
		result := q.db().Model(&projectRow{}).Where("id = ?", p.ID).
			Select("Name", "Description", "DefaultBranch", "Forks", "Comments", "TriggerRole", "Visibility", "Checks", "ReportSkipped",
				"QuotaConcurrent", "QuotaQueued", "QuotaMinutes", "QuotaLogs", "QuotaArtifacts", "Updated").
			Updates(newProjectRow(p))
		return changed(result, "Project", "update project %s", p.ID)
	})
}

// DeleteProject is core.ProjectStore's.
func (s *Store) DeleteProject(ctx context.Context, id string) error {
	return s.writeOne(ctx, func(q session) error {
		return changed(q.db().Delete(&projectRow{}, "id = ?", id), "Project", "delete project %s", id)
	})
}

// FindProject is core.ProjectStore's.
func (s *Store) FindProject(ctx context.Context, id string) (core.Project, error) {
	var view projectView
	err := s.read(ctx).projects().Where("projects.id = ?", id).Take(&view).Error
	return view.toCore(), found(err, "Project", "find project %s", id)
}

// FindProjectBySlug is core.ProjectStore's.
func (s *Store) FindProjectBySlug(ctx context.Context, slug string) (core.Project, error) {
	var view projectView
	err := s.read(ctx).projects().Where("projects.slug = ?", slug).Take(&view).Error
	return view.toCore(), found(err, "Project", "find project %s", slug)
}

// ListProjects is core.ProjectStore's.
func (s *Store) ListProjects(ctx context.Context, page core.Page) ([]core.Project, int, error) {
	q := s.read(ctx)
	var total int64
	if err := q.db().Model(&projectRow{}).Count(&total).Error; err != nil {
		return nil, 0, failed(err, "count projects")
	}
	var views []projectView
	err := paged(q.projects(), page).Order("projects.name, projects.id").Find(&views).Error
	return toCores(views), int(total), failed(err, "list projects")
}

// ListProjectsOfRepository is core.ProjectStore's; ordered by name.
func (s *Store) ListProjectsOfRepository(ctx context.Context, repositoryID string) ([]core.Project, error) {
	var views []projectView
	err := s.read(ctx).projects().Where("projects.repository_id = ?", repositoryID).Order("projects.name, projects.id").Find(&views).Error
	return toCores(views), failed(err, "list projects of repository %s", repositoryID)
}
