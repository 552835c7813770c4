package store

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app/core"
)

type credentialRow struct {
	ID         string `gorm:"primaryKey"`
	Kind       string
	Hash       string
	Prefix     string
	Name       string
	UserID     string
	Role       string
	ProjectID  string
	BuildID    string
	ArtifactID string
	ParentID   string
	CreatedBy  string
	Address    string
	UserAgent  string
	SourceID   string
	SingleUse  bool
	Uses       int
	Created    int64 `gorm:"column:created_at"`
	ExpiresAt  *int64
	LastUsedAt *int64
	Sealed     []byte
}

// TableName is gorm's.
func (credentialRow) TableName() string { return "credentials" }

func newCredentialRow(c core.Credential) credentialRow {
	return credentialRow{
		ID: c.ID, Kind: string(c.Kind), Hash: c.Hash, Prefix: c.Prefix, Name: c.Name, UserID: c.UserID, Role: string(c.Role), ProjectID: c.ProjectID,
		BuildID: c.BuildID, ArtifactID: c.ArtifactID, ParentID: c.ParentID, CreatedBy: c.CreatedBy, Address: c.Address, UserAgent: c.UserAgent,
		SourceID: c.SourceID, SingleUse: c.SingleUse, Uses: c.Uses,
		Created: micros(c.CreatedAt), ExpiresAt: microsOrNil(c.ExpiresAt), LastUsedAt: microsOrNil(c.LastUsedAt), Sealed: c.Sealed,
	}
}

func (r credentialRow) toCore() core.Credential {
	return core.Credential{
		ID: r.ID, Kind: core.CredentialKind(r.Kind), Hash: r.Hash, Prefix: r.Prefix, Name: r.Name, UserID: r.UserID, Role: core.Role(r.Role), ProjectID: r.ProjectID,
		BuildID: r.BuildID, ArtifactID: r.ArtifactID, ParentID: r.ParentID, CreatedBy: r.CreatedBy, Address: r.Address, UserAgent: r.UserAgent,
		SourceID: r.SourceID, SingleUse: r.SingleUse, Uses: r.Uses,
		CreatedAt: instant(r.Created), ExpiresAt: instantOrNil(r.ExpiresAt), LastUsedAt: instantOrNil(r.LastUsedAt), Sealed: r.Sealed,
	}
}

// CreateCredential is core.CredentialStore's.
func (s *Store) CreateCredential(ctx context.Context, c core.Credential) error {
	row := newCredentialRow(c)
	err := s.writeOne(ctx, func(q session) error { return q.db().Create(&row).Error })
	return failed(err, "create credential %s", c.ID)
}

// FindCredential is core.CredentialStore's.
func (s *Store) FindCredential(ctx context.Context, k core.CredentialKind, hash string) (core.Credential, error) {
	var row credentialRow
	err := s.read(ctx).db().Take(&row, "kind = ? AND hash = ?", string(k), hash).Error
	return row.toCore(), found(err, "Credential", "find a credential")
}

// FindCredentialByID is core.CredentialStore's.
func (s *Store) FindCredentialByID(ctx context.Context, id string) (core.Credential, error) {
	var row credentialRow
	err := s.read(ctx).db().Take(&row, "id = ?", id).Error
	return row.toCore(), found(err, "Credential", "find credential %s", id)
}

// TouchCredential is core.CredentialStore's; one that was deleted meanwhile is no error.
// The user comes first, as where a user's credentials are deleted.
func (s *Store) TouchCredential(ctx context.Context, c core.Credential, at time.Time) error {
	err := s.write(ctx, func(q session) error {
		if c.UserID != "" {
			if _, err := q.exec("UPDATE users SET last_seen_at = $1 WHERE id = $2", micros(at), c.UserID); err != nil {
				return err
			}
		}
		_, err := q.exec("UPDATE credentials SET last_used_at = $1 WHERE id = $2", micros(at), c.ID)
		return err
	})
	return failed(err, "touch credential %s", c.ID)
}

// DeleteCredential is core.CredentialStore's.
func (s *Store) DeleteCredential(ctx context.Context, id string) (bool, error) {
	var n int64
	err := s.writeOne(ctx, func(q session) (err error) {
		n, err = q.exec("DELETE FROM credentials WHERE id = $1 OR source_id = $1", id)
		return err
	})
	return n > 0, failed(err, "delete credential %s", id)
}

// DeleteCredentialsOf is core.CredentialStore's.
func (s *Store) DeleteCredentialsOf(ctx context.Context, userID string, kinds ...core.CredentialKind) error {
	err := s.writeOne(ctx, func(q session) error {
		return q.db().Delete(&credentialRow{}, "user_id = ? AND user_id <> '' AND kind IN ?", userID, kinds).Error
	})
	return failed(err, "delete the credentials of user %s", userID)
}

// ListCredentials is core.CredentialStore's.
func (s *Store) ListCredentials(ctx context.Context, k core.CredentialKind, userID string) ([]core.Credential, error) {
	var rows []credentialRow
	q := s.read(ctx).db().Where("kind = ?", string(k))
	if userID != "" {
		q = q.Where("user_id = ? AND user_id <> ''", userID)
	}
	err := q.Order("created_at, id").Find(&rows).Error
	return toCores(rows), failed(err, "list credentials")
}

// DeleteExpiredCredentials is core.CredentialStore's.
func (s *Store) DeleteExpiredCredentials(ctx context.Context, now time.Time) error {
	err := s.writeOne(ctx, func(q session) error {
		_, err := q.exec("DELETE FROM credentials WHERE expires_at <= $1 OR kind = 'session' AND coalesce(last_used_at, created_at) <= $2",
			micros(now), micros(now.Add(-core.SessionIdle)))
		return err
	})
	return failed(err, "delete expired credentials")
}

// FindShareLink is core.UserStore's.
func (s *Store) FindShareLink(ctx context.Context, id string) (core.Credential, error) {
	var row credentialRow
	err := s.read(ctx).db().Take(&row, "id = ? AND kind = ?", id, string(core.CredentialShare)).Error
	return row.toCore(), found(err, "Share link", "find share link %s", id)
}

// ListShareLinks is core.UserStore's.
func (s *Store) ListShareLinks(ctx context.Context, artifactID string) ([]core.Credential, error) {
	var rows []credentialRow
	err := s.read(ctx).db().Order("created_at, id").Find(&rows, "artifact_id = ? AND kind = ?", artifactID, string(core.CredentialShare)).Error
	return toCores(rows), failed(err, "list the share links of artifact %s", artifactID)
}

// UseShareLink is core.UserStore's.
func (s *Store) UseShareLink(ctx context.Context, id string, at time.Time) (bool, error) {
	var n int64
	err := s.writeOne(ctx, func(q session) (err error) {
		n, err = q.exec("UPDATE credentials SET uses = uses + 1, last_used_at = $1 WHERE id = $2 AND (uses = 0 OR NOT single_use)", micros(at), id)
		return err
	})
	return n > 0, failed(err, "use share link %s", id)
}
