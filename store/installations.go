package store

import (
	"context"

	"gorm.io/gorm/clause"

	"github.com/oore-ci/oore/app/core"
)

type installationRow struct {
	IntegrationID string `gorm:"primaryKey"`
	ExternalID    int64  `gorm:"primaryKey;autoIncrement:false"` // 0 is one as well
	Account       string
	AccountType   string
	All           bool `gorm:"column:all_repositories"`
	Suspended     bool
	Missing       []string `gorm:"serializer:json"`
	SettingsURL   string
	Updated       int64 `gorm:"column:updated_at"`
}

// TableName is gorm's.
func (installationRow) TableName() string { return "installations" }

func (r installationRow) toCore() core.Installation {
	return core.Installation{
		IntegrationID: r.IntegrationID, ExternalID: r.ExternalID, Account: r.Account, AccountType: r.AccountType, All: r.All,
		Suspended: r.Suspended, Missing: r.Missing, SettingsURL: r.SettingsURL, UpdatedAt: instant(r.Updated),
	}
}

// SaveInstallation is core.IntegrationStore's; KindNotFound when the integration is gone.
func (s *Store) SaveInstallation(ctx context.Context, i core.Installation) error {
	row := installationRow{
		IntegrationID: i.IntegrationID, ExternalID: i.ExternalID, Account: i.Account, AccountType: i.AccountType, All: i.All,
		Suspended: i.Suspended, Missing: i.Missing, SettingsURL: i.SettingsURL, Updated: micros(i.UpdatedAt),
	}
	err := s.writeOne(ctx, func(q session) error {
		return q.db().Clauses(clause.OnConflict{
			Columns: []clause.Column{{Name: "integration_id"}, {Name: "external_id"}},
			DoUpdates: clause.AssignmentColumns([]string{
				"account", "account_type", "all_repositories", "suspended", "missing", "settings_url", "updated_at",
			}),
		}).Create(&row).Error
	})
	return failed(err, "save installation %d of %s", i.ExternalID, i.IntegrationID)
}

// DeleteInstallation is core.IntegrationStore's; one that is not there is no error.
func (s *Store) DeleteInstallation(ctx context.Context, integrationID string, externalID int64) error {
	err := s.writeOne(ctx, func(q session) error {
		_, err := q.exec("DELETE FROM installations WHERE integration_id = $1 AND external_id = $2", integrationID, externalID)
		return err
	})
	return failed(err, "delete installation %d of %s", externalID, integrationID)
}

// ListInstallations is core.IntegrationStore's.
func (s *Store) ListInstallations(ctx context.Context, integrationID string) ([]core.Installation, error) {
	var rows []installationRow
	err := s.read(ctx).db().Order("account, external_id").Find(&rows, "integration_id = ?", integrationID).Error
	return toCores(rows), failed(err, "list the installations of %s", integrationID)
}
