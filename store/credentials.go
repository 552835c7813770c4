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
	Name       string
	UserID     string
	Role       string
	BuildID    string
	ArtifactID string
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

func (r credentialRow) toCore() core.Credential {
	return core.Credential{
		ID: r.ID, Kind: core.CredentialKind(r.Kind), Hash: r.Hash, Name: r.Name, UserID: r.UserID, Role: core.Role(r.Role), BuildID: r.BuildID, ArtifactID: r.ArtifactID,
		SourceID: r.SourceID, SingleUse: r.SingleUse, Uses: r.Uses,
		CreatedAt: instant(r.Created), ExpiresAt: instantOrNil(r.ExpiresAt), LastUsedAt: instantOrNil(r.LastUsedAt), Sealed: r.Sealed,
	}
}

// CreateCredential is core.UserStore's.
func (s *Store) CreateCredential(ctx context.Context, c core.Credential) error {
	row := credentialRow{
		ID: c.ID, Kind: string(c.Kind), Hash: c.Hash, Name: c.Name, UserID: c.UserID, Role: string(c.Role), BuildID: c.BuildID, ArtifactID: c.ArtifactID,
		SourceID: c.SourceID, SingleUse: c.SingleUse, Uses: c.Uses,
		Created: micros(c.CreatedAt), ExpiresAt: microsOrNil(c.ExpiresAt), LastUsedAt: microsOrNil(c.LastUsedAt), Sealed: c.Sealed,
	}
	err := s.writeOne(ctx, func(q session) error { return q.db().Create(&row).Error })
	return failed(err, "create credential %s", c.ID)
}

// FindCredential is core.UserStore's.
func (s *Store) FindCredential(ctx context.Context, k core.CredentialKind, hash string) (core.Credential, error) {
	var row credentialRow
	err := s.read(ctx).db().Take(&row, "kind = ? AND hash = ?", string(k), hash).Error
	return row.toCore(), found(err, "Credential", "find a credential")
}

// TouchCredential is core.UserStore's; one that was deleted meanwhile is no error.
func (s *Store) TouchCredential(ctx context.Context, id string, at time.Time) error {
	err := s.writeOne(ctx, func(q session) error {
		_, err := q.exec("UPDATE credentials SET last_used_at = $1 WHERE id = $2", micros(at), id)
		return err
	})
	return failed(err, "touch credential %s", id)
}

// DeleteCredential is core.UserStore's.
func (s *Store) DeleteCredential(ctx context.Context, id string) (bool, error) {
	var n int64
	err := s.writeOne(ctx, func(q session) (err error) {
		n, err = q.exec("DELETE FROM credentials WHERE id = $1 OR source_id = $1", id)
		return err
	})
	return n > 0, failed(err, "delete credential %s", id)
}

// ListCredentials is core.UserStore's; oldest first.
func (s *Store) ListCredentials(ctx context.Context, k core.CredentialKind) ([]core.Credential, error) {
	var rows []credentialRow
	err := s.read(ctx).db().Order("created_at, id").Find(&rows, "kind = ?", string(k)).Error
	return toCores(rows), failed(err, "list credentials")
}

// DeleteExpiredCredentials is core.UserStore's.
func (s *Store) DeleteExpiredCredentials(ctx context.Context, now time.Time) error {
	err := s.writeOne(ctx, func(q session) error {
		_, err := q.exec("DELETE FROM credentials WHERE expires_at <= $1", micros(now))
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
