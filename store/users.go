package store

import (
	"context"

	"gorm.io/gorm/clause"

	"github.com/oore-ci/oore/app/core"
)

type userRow struct {
	ID      string `gorm:"primaryKey"`
	Name    string
	Email   string
	Role    string
	Enabled bool
	Created int64 `gorm:"column:created_at"`
	Updated int64 `gorm:"column:updated_at"`
}

// TableName is gorm's.
func (userRow) TableName() string { return "users" }

func (r userRow) toCore() core.User {
	return core.User{
		ID: r.ID, Name: r.Name, Email: r.Email, Role: core.Role(r.Role), Enabled: r.Enabled,
		CreatedAt: instant(r.Created), UpdatedAt: instant(r.Updated),
	}
}

// CreateUser is core.UserStore's. E-mail addresses are told apart without regard to
// upper and lower case.
func (s *Store) CreateUser(ctx context.Context, u core.User) error {
	row := userRow{
		ID: u.ID, Name: u.Name, Email: u.Email, Role: string(u.Role), Enabled: u.Enabled,
		Created: micros(u.CreatedAt), Updated: micros(u.UpdatedAt),
	}
	err := s.writeOne(ctx, func(q session) error {
		result := q.db().Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
		if result.Error == nil && result.RowsAffected == 0 {
			return core.Codef(core.KindConflict, core.CodeNameTaken, "A user with the e-mail %s exists", u.Email)
		}
		return result.Error
	})
	return failed(err, "create user %s", u.ID)
}

// FindUser is core.UserStore's.
func (s *Store) FindUser(ctx context.Context, id string) (core.User, error) {
	var row userRow
	err := s.read(ctx).db().Take(&row, "id = ?", id).Error
	return row.toCore(), found(err, "User", "find user %s", id)
}

// ListUsers is core.UserStore's.
func (s *Store) ListUsers(ctx context.Context) ([]core.User, error) {
	var rows []userRow
	err := s.read(ctx).db().Order("created_at, id").Find(&rows).Error
	return toCores(rows), failed(err, "list users")
}
