package store

import (
	"context"

	"gorm.io/gorm/clause"

	"github.com/oore-ci/oore/app/core"
)

type userRow struct {
	ID             string `gorm:"primaryKey"`
	Name           string
	Email          string
	Role           string
	Enabled        bool
	Departed       string
	Invited        bool
	Password       string
	LastSeenAt     *int64
	PasswordUsedAt *int64
	Created        int64 `gorm:"column:created_at"`
	Updated        int64 `gorm:"column:updated_at"`
}

// TableName is gorm's.
func (userRow) TableName() string { return "users" }

func newUserRow(u core.User) userRow {
	return userRow{
		ID: u.ID, Name: u.Name, Email: u.Email, Role: string(u.Role), Enabled: u.Enabled, Departed: u.Departed, Invited: u.Invited, Password: u.Password,
		LastSeenAt: microsOrNil(u.LastSeenAt), PasswordUsedAt: microsOrNil(u.PasswordUsedAt), Created: micros(u.CreatedAt), Updated: micros(u.UpdatedAt),
	}
}

func (r userRow) toCore() core.User {
	return core.User{
		ID: r.ID, Name: r.Name, Email: r.Email, Role: core.Role(r.Role), Enabled: r.Enabled, Departed: r.Departed, Invited: r.Invited, Password: r.Password,
		LastSeenAt: instantOrNil(r.LastSeenAt), PasswordUsedAt: instantOrNil(r.PasswordUsedAt), CreatedAt: instant(r.Created), UpdatedAt: instant(r.Updated),
	}
}

// CreateUser is core.UserStore's.
func (s *Store) CreateUser(ctx context.Context, u core.User) error {
	row := newUserRow(u)
	err := s.writeOne(ctx, func(q session) error {
		result := q.db().Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
		if result.Error == nil && result.RowsAffected == 0 {
			return core.Codef(core.KindConflict, core.CodeEmailExists, "A user with the e-mail %s exists", u.Email)
		}
		return result.Error
	})
	return failed(err, "create user %s", u.ID)
}

// UpdateUser is core.UserStore's.
func (s *Store) UpdateUser(ctx context.Context, u core.User) error {
	return s.writeOne(ctx, func(q session) error {
		result := q.db().Model(&userRow{}).Where("id = ?", u.ID).
			Select("Name", "Email", "Role", "Enabled", "Departed", "Invited", "Password", "PasswordUsedAt", "Updated").Updates(newUserRow(u))
		if duplicate(result.Error) {
			return core.Codef(core.KindConflict, core.CodeEmailExists, "A user with the e-mail %s exists", u.Email)
		}
		return changed(result, "User", "update user %s", u.ID)
	})
}

// FindUser is core.UserStore's.
func (s *Store) FindUser(ctx context.Context, id string) (core.User, error) {
	var row userRow
	err := s.read(ctx).db().Take(&row, "id = ?", id).Error
	return row.toCore(), found(err, "User", "find user %s", id)
}

// FindUserByEmail is core.UserStore's.
func (s *Store) FindUserByEmail(ctx context.Context, email string) (core.User, error) {
	var row userRow
	err := s.read(ctx).db().Take(&row, "lower(email) = lower(?)", email).Error
	return row.toCore(), found(err, "User", "find a user by e-mail")
}

// HoldUser is core.UserStore's.
func (s *Store) HoldUser(ctx context.Context, id string) (core.User, error) {
	var row userRow
	err := s.read(ctx).db().Raw("SELECT * FROM users WHERE id = ?"+s.db.dialect.lock, id).Take(&row).Error
	return row.toCore(), found(err, "User", "hold user %s", id)
}

// HoldOwners is core.UserStore's. The rows are locked in one order, so that two who hold
// them wait for each other and do not block each other.
func (s *Store) HoldOwners(ctx context.Context) ([]core.User, error) {
	var rows []userRow
	err := s.read(ctx).db().Raw("SELECT * FROM users WHERE role = 'owner' AND enabled ORDER BY id" + s.db.dialect.lock).Scan(&rows).Error
	return toCores(rows), failed(err, "hold the owners")
}

// ListUsers is core.UserStore's.
func (s *Store) ListUsers(ctx context.Context) ([]core.User, error) {
	var rows []userRow
	err := s.read(ctx).db().Order("created_at, id").Find(&rows).Error
	return toCores(rows), failed(err, "list users")
}
