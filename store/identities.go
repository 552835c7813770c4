package store

import (
	"context"

	"github.com/oore-ci/oore/app/core"
)

type identityRow struct {
	Provider   string
	Subject    string
	UserID     string
	Login      string
	Created    int64 `gorm:"column:created_at"`
	LastUsedAt *int64
}

// TableName is gorm's.
func (identityRow) TableName() string { return "identities" }

func (r identityRow) toCore() core.Identity {
	return core.Identity{Provider: r.Provider, Subject: r.Subject, UserID: r.UserID, Login: r.Login, CreatedAt: instant(r.Created), LastUsedAt: instantOrNil(r.LastUsedAt)}
}

// SaveIdentity is core.UserStore's; KindNotFound when the user is gone.
func (s *Store) SaveIdentity(ctx context.Context, i core.Identity) error {
	err := s.writeOne(ctx, func(q session) error {
		n, err := q.exec(`INSERT INTO identities (provider, subject, user_id, login, created_at, last_used_at) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (provider, subject) DO UPDATE SET login = excluded.login, last_used_at = excluded.last_used_at WHERE identities.user_id = excluded.user_id`,
			i.Provider, i.Subject, i.UserID, i.Login, micros(i.CreatedAt), microsOrNil(i.LastUsedAt))
		if err == nil && n == 0 {
			return core.Codef(core.KindConflict, core.CodeIdentityTaken, "This account belongs to another user here")
		}
		return err
	})
	return failed(err, "save the identity of user %s at %s", i.UserID, i.Provider)
}

// DeleteIdentity is core.UserStore's.
func (s *Store) DeleteIdentity(ctx context.Context, userID, provider, subject string) error {
	err := s.writeOne(ctx, func(q session) error {
		n, err := q.exec("DELETE FROM identities WHERE user_id = $1 AND provider = $2 AND subject = $3", userID, provider, subject)
		if err == nil && n == 0 {
			return core.Errorf(core.KindNotFound, "Identity not found")
		}
		return err
	})
	return failed(err, "delete an identity of user %s", userID)
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
