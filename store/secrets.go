package store

import (
	"context"

	"gorm.io/gorm/clause"

	"github.com/oore-ci/oore/app/core"
)

type secretRow struct {
	ID        string `gorm:"primaryKey"`
	ProjectID string
	Name      string
	File      bool
	Branches  []string `gorm:"serializer:json"`
	Sealed    []byte
	Updated   int64 `gorm:"column:updated_at"`
	UpdatedBy string
}

// TableName is gorm's.
func (secretRow) TableName() string { return "secrets" }

func (r secretRow) toCore() core.Secret {
	return core.Secret{
		ID: r.ID, ProjectID: r.ProjectID, Name: r.Name, File: r.File, Branches: r.Branches, Sealed: r.Sealed,
		UpdatedAt: instant(r.Updated), UpdatedBy: r.UpdatedBy,
	}
}

// SaveSecret is core.SecretStore's; KindNotFound when the project is gone.
func (s *Store) SaveSecret(ctx context.Context, secret core.Secret) (core.Secret, error) {
	row := secretRow{
		ID: secret.ID, ProjectID: secret.ProjectID, Name: secret.Name, File: secret.File, Branches: append([]string{}, secret.Branches...),
		Sealed: secret.Sealed, Updated: micros(secret.UpdatedAt), UpdatedBy: secret.UpdatedBy,
	}
	var stored secretRow
	err := s.write(ctx, func(q session) error {
		err := q.db().Clauses(clause.OnConflict{
			Columns:   []clause.Column{{Name: "project_id"}, {Name: "name"}},
			DoUpdates: clause.AssignmentColumns([]string{"file", "branches", "sealed", "updated_at", "updated_by"}),
		}).Create(&row).Error
		if err != nil {
			return err
		}
		return q.db().Omit("sealed").Take(&stored, "project_id = ? AND name = ?", secret.ProjectID, secret.Name).Error
	})
	return stored.toCore(), failed(err, "save secret %s of project %s", secret.Name, secret.ProjectID)
}

// DeleteSecret is core.SecretStore's.
func (s *Store) DeleteSecret(ctx context.Context, projectID, name string) error {
	return s.writeOne(ctx, func(q session) error {
		result := q.db().Delete(&secretRow{}, "project_id = ? AND name = ?", projectID, name)
		return changed(result, "Secret", "delete secret %s of project %s", name, projectID)
	})
}

// FindSecret is core.SecretStore's.
func (s *Store) FindSecret(ctx context.Context, projectID, name string) (core.Secret, error) {
	var row secretRow
	err := s.read(ctx).db().Take(&row, "project_id = ? AND name = ?", projectID, name).Error
	return row.toCore(), found(err, "Secret", "find secret %s of project %s", name, projectID)
}

// ListSecrets is core.SecretStore's.
func (s *Store) ListSecrets(ctx context.Context, projectID string) ([]core.Secret, error) {
	var rows []secretRow
	err := s.read(ctx).db().Omit("sealed").Order("name").Find(&rows, "project_id = ?", projectID).Error
	return toCores(rows), failed(err, "list the secrets of project %s", projectID)
}
