package store

import (
	"context"
	"strings"
	"time"

	"gorm.io/gorm/clause"

	"github.com/oore-ci/oore/app/core"
)

type repositoryRow struct {
	ID             string `gorm:"primaryKey"`
	Provider       string
	Host           string
	ExternalID     string // after idPrefix
	IntegrationID  string
	FullName       string
	WebURL         string
	CloneURL       string
	DefaultBranch  string
	Private        bool
	InstallationID int64
	Unavailable    string
	HookTrouble    string
	HookNote       string
	Created        int64 `gorm:"column:created_at"`
	Updated        int64 `gorm:"column:updated_at"`
}

// TableName is gorm's.
func (repositoryRow) TableName() string { return "repositories" }

// idPrefix stands before the external id in a row of a forge, so that it is unique
// over all hosts: the constraint UNIQUE (provider, external_id) is older than hosts,
// and SQLite cannot change it.
func idPrefix(p core.Provider, host string) string {
	if p == core.ProviderGit {
		return ""
	}
	return host + "#"
}

func newRepositoryRow(r core.Repository) repositoryRow {
	return repositoryRow{
		ID: r.ID, Provider: string(r.Provider), Host: r.Host, ExternalID: idPrefix(r.Provider, r.Host) + r.ExternalID,
		IntegrationID: r.IntegrationID, FullName: r.FullName, WebURL: r.WebURL, CloneURL: r.CloneURL, DefaultBranch: r.DefaultBranch,
		Private: r.Private, InstallationID: r.InstallationID, Unavailable: r.Unavailable, HookTrouble: r.HookTrouble, HookNote: r.HookNote,
		Created: micros(r.CreatedAt), Updated: micros(r.UpdatedAt),
	}
}

func (r repositoryRow) toCore() core.Repository {
	p := core.Provider(r.Provider)
	return core.Repository{
		ID: r.ID, Provider: p, Host: r.Host, ExternalID: strings.TrimPrefix(r.ExternalID, idPrefix(p, r.Host)),
		IntegrationID: r.IntegrationID, FullName: r.FullName, WebURL: r.WebURL, CloneURL: r.CloneURL, DefaultBranch: r.DefaultBranch,
		Private: r.Private, InstallationID: r.InstallationID, Unavailable: r.Unavailable, HookTrouble: r.HookTrouble, HookNote: r.HookNote,
		CreatedAt: instant(r.Created), UpdatedAt: instant(r.Updated),
	}
}

// SaveRepository is core.ProjectStore's.
func (s *Store) SaveRepository(ctx context.Context, r core.Repository) (core.Repository, error) {
	row := newRepositoryRow(r)
	err := s.writeOne(ctx, func(q session) error {
		return q.db().Clauses(clause.OnConflict{
			Columns: []clause.Column{{Name: "provider"}, {Name: "external_id"}},
			DoUpdates: clause.AssignmentColumns([]string{
				"full_name", "web_url", "clone_url", "default_branch", "private", "installation_id", "unavailable",
				"integration_id", "updated_at",
			}),
		}, clause.Returning{}).Create(&row).Error
	})
	return row.toCore(), failed(err, "save repository %s", r.FullName)
}

// NoteHook is core.ProjectStore's.
func (s *Store) NoteHook(ctx context.Context, id, trouble, note string, now time.Time) error {
	return s.writeOne(ctx, func(q session) error {
		result := q.db().Model(&repositoryRow{}).Where("id = ?", id).
			Select("HookTrouble", "HookNote", "Updated").Updates(repositoryRow{HookTrouble: trouble, HookNote: note, Updated: micros(now)})
		return changed(result, "Repository", "note the webhook of repository %s", id)
	})
}

// HoldRepository is core.ProjectStore's.
func (s *Store) HoldRepository(ctx context.Context, id string) (core.Repository, error) {
	var row repositoryRow
	err := s.read(ctx).db().Raw("SELECT * FROM repositories WHERE id = ?"+s.db.dialect.lock, id).Take(&row).Error
	return row.toCore(), found(err, "Repository", "hold repository %s", id)
}

// FindRepository is core.ProjectStore's.
func (s *Store) FindRepository(ctx context.Context, id string) (core.Repository, error) {
	var row repositoryRow
	err := s.read(ctx).db().Take(&row, "id = ?", id).Error
	return row.toCore(), found(err, "Repository", "find repository %s", id)
}

// FindRepositoryByExternalID is core.ProjectStore's.
func (s *Store) FindRepositoryByExternalID(ctx context.Context, p core.Provider, host, externalID string) (core.Repository, error) {
	var row repositoryRow
	err := s.read(ctx).db().Take(&row, "provider = ? AND external_id = ?", string(p), idPrefix(p, host)+externalID).Error
	return row.toCore(), found(err, "Repository", "find repository %s of %s at %s", externalID, p, host)
}

// ListRepositories is core.ProjectStore's; ordered by name.
func (s *Store) ListRepositories(ctx context.Context, p core.Provider) ([]core.Repository, error) {
	var rows []repositoryRow
	err := s.read(ctx).db().Order("full_name, id").Find(&rows, "provider = ?", string(p)).Error
	return toCores(rows), failed(err, "list repositories of %s", p)
}
