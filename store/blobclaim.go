package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"time"

	"github.com/oore-ci/oore/app/core"
)

const blobClaimSetting = "blobs"

// FindBlobClaim is core.BlobClaimStore's.
func (s *Store) FindBlobClaim(ctx context.Context) (core.BlobClaim, error) {
	var c core.BlobClaim
	var text string
	err := s.read(ctx).pool.QueryRowContext(ctx, "SELECT value FROM settings WHERE name = $1", blobClaimSetting).Scan(&text)
	if err == nil {
		err = json.Unmarshal([]byte(text), &c)
	}
	return c, found(err, "Claim", "find the claim on blobs")
}

// SaveBlobClaim is core.BlobClaimStore's.
func (s *Store) SaveBlobClaim(ctx context.Context, c core.BlobClaim, now time.Time) error {
	return failed(s.saveSetting(ctx, blobClaimSetting, c, now), "save the claim on blobs")
}

// renounce makes the database another than the one that was saved, which may still work:
// what that one keeps is not for this one to delete.
func (s session) renounce() error {
	text, err := json.Marshal(core.BlobClaim{ID: rand.Text(), Restored: true})
	if err == nil {
		_, err = s.exec(`INSERT INTO settings (name, value, updated_at) VALUES ($1, $2, $3)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`, blobClaimSetting, string(text), micros(time.Now()))
	}
	return err
}
