package store

import (
	"context"

	"github.com/oore-ci/oore/app/core"
)

type identityRow struct {
	Provider string
	Subject  string
	UserID   string
	Login    string
	Created  int64 `gorm:"column:created_at"`
}

// TableName is gorm's.
func (identityRow) TableName() string { return "identities" }

func (r identityRow) toCore() core.Identity {
	return core.Identity{Provider: r.Provider, Subject: r.Subject, UserID: r.UserID, Login: r.Login, CreatedAt: instant(r.Created)}
}

// SaveIdentity is core.UserStore's; KindNotFound when the user is gone.
func (s *Store) SaveIdentity(ctx context.Context, i core.Identity) error {
	err := s.writeOne(ctx, func(q session) error {
		_, err := q.exec(`INSERT INTO identities (provider, subject, user_id, login, created_at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (provider, subject) DO UPDATE SET user_id = excluded.user_id, login = excluded.login`,
			i.Provider, i.Subject, i.UserID, i.Login, micros(i.CreatedAt))
		return err
	})
	return failed(err, "save the identity of user %s at %s", i.UserID, i.Provider)
}

// FindIdentity is core.UserStore's.
func (s *Store) FindIdentity(ctx context.Context, provider, subject string) (core.Identity, error) {
	var row identityRow
	err := s.read(ctx).db().Take(&row, "provider = ? AND subject = ?", provider, subject).Error
	return row.toCore(), found(err, "Identity", "find an identity at %s", provider)
}

// ListIdentities is core.UserStore's.
func (s *Store) ListIdentities(ctx context.Context, userID string) ([]core.Identity, error) {
	var rows []identityRow
	err := s.read(ctx).db().Order("provider, subject").Find(&rows, "user_id = ?", userID).Error
	return toCores(rows), failed(err, "list the identities of user %s", userID)
}
