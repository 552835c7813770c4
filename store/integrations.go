package store

import (
	"context"

	"gorm.io/gorm/clause"

	"github.com/oore-ci/oore/app/core"
)

type integrationRow struct {
	ID         string `gorm:"primaryKey"`
	Provider   string
	Name       string
	Host       string
	WebURL     string
	APIURL     string
	ExternalID string
	Slug       string
	Origin     string
	Trouble    string
	Created    int64 `gorm:"column:created_at"`
	Updated    int64 `gorm:"column:updated_at"`
	Sealed     []byte
}

// TableName is gorm's.
func (integrationRow) TableName() string { return "integrations" }

func (r integrationRow) toCore() core.Integration {
	return core.Integration{
		ID: r.ID, Provider: core.Provider(r.Provider), Name: r.Name, Host: r.Host, WebURL: r.WebURL, APIURL: r.APIURL,
		ExternalID: r.ExternalID, Slug: r.Slug, Origin: core.Origin(r.Origin), Trouble: r.Trouble, Sealed: r.Sealed,
		CreatedAt: instant(r.Created), UpdatedAt: instant(r.Updated),
	}
}

// SaveIntegration is core.IntegrationStore's. Provider and birth stay.
func (s *Store) SaveIntegration(ctx context.Context, i core.Integration) error {
	row := integrationRow{
		ID: i.ID, Provider: string(i.Provider), Name: i.Name, Host: i.Host, WebURL: i.WebURL, APIURL: i.APIURL,
		ExternalID: i.ExternalID, Slug: i.Slug, Origin: string(i.Origin), Trouble: i.Trouble, Sealed: i.Sealed,
		Created: micros(i.CreatedAt), Updated: micros(i.UpdatedAt),
	}
	err := s.writeOne(ctx, func(q session) error {
		return q.db().Clauses(clause.OnConflict{
			Columns: []clause.Column{{Name: "id"}},
			DoUpdates: clause.AssignmentColumns([]string{
				"name", "host", "web_url", "api_url", "external_id", "slug", "origin", "trouble", "updated_at", "sealed",
			}),
		}).Create(&row).Error
	})
	return failed(err, "save integration %s", i.ID)
}

// NoteIntegration is core.IntegrationStore's.
func (s *Store) NoteIntegration(ctx context.Context, i core.Integration) error {
	err := s.writeOne(ctx, func(q session) error {
		_, err := q.exec("UPDATE integrations SET name = $1, slug = $2, trouble = $3, updated_at = $4 WHERE id = $5",
			i.Name, i.Slug, i.Trouble, micros(i.UpdatedAt), i.ID)
		return err
	})
	return failed(err, "note integration %s", i.ID)
}

// SwapKeys is core.IntegrationStore's. Nothing that is sealed twice looks the same, so
// that equal bytes are the same keys.
func (s *Store) SwapKeys(ctx context.Context, i core.Integration, old []byte) (bool, error) {
	var n int64
	err := s.writeOne(ctx, func(q session) (err error) {
		n, err = q.exec("UPDATE integrations SET sealed = $1, trouble = $2, updated_at = $3 WHERE id = $4 AND sealed = $5",
			i.Sealed, i.Trouble, micros(i.UpdatedAt), i.ID, old)
		return err
	})
	return n > 0, failed(err, "renew the keys of integration %s", i.ID)
}

// FindIntegration is core.IntegrationStore's.
func (s *Store) FindIntegration(ctx context.Context, id string) (core.Integration, error) {
	var row integrationRow
	err := s.read(ctx).db().Take(&row, "id = ?", id).Error
	return row.toCore(), found(err, "Integration", "find integration %s", id)
}

// ListIntegrations is core.IntegrationStore's.
func (s *Store) ListIntegrations(ctx context.Context) ([]core.Integration, error) {
	var rows []integrationRow
	err := s.read(ctx).db().Order("created_at, id").Find(&rows).Error
	return toCores(rows), failed(err, "list integrations")
}

// DeleteIntegration is core.IntegrationStore's.
func (s *Store) DeleteIntegration(ctx context.Context, id string) error {
	return s.writeOne(ctx, func(q session) error {
		return changed(q.db().Delete(&integrationRow{}, "id = ?", id), "Integration", "delete integration %s", id)
	})
}
