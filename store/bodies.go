package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// forgetBodies puts its SHA-256 in the place of what old deliveries brought, at most batch
// of them, one at a time since one may have 25 MiB. What waits for an approval is read
// again when it comes, and stays.
func (s *Store) forgetBodies(ctx context.Context, now time.Time, batch int) (more bool, err error) {
	var ids []string
	err = s.read(ctx).db().Raw(`SELECT id FROM deliveries WHERE body_sha256 = '' AND status <> 'received' AND received_at < ?
		AND NOT `+waitsForApproval+` ORDER BY received_at, id LIMIT ?`,
		micros(now.Add(-core.BodyLife)), batch).Scan(&ids).Error
	for _, id := range ids {
		if err == nil {
			err = s.forgetBody(ctx, id)
		}
	}
	return len(ids) == batch, err
}

// forgetBody leaves alone what somebody else has forgotten, and what was brought and decided
// anew since it was read: the sum would be that of another payload.
func (s *Store) forgetBody(ctx context.Context, id string) error {
	var payload []byte
	var decided int64
	err := s.read(ctx).pool.QueryRowContext(ctx, "SELECT payload, coalesce(processed_at, 0) FROM deliveries WHERE id = $1 AND body_sha256 = ''", id).Scan(&payload, &decided)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	sum := sha256.Sum256(payload)
	return s.writeOne(ctx, func(q session) error {
		_, err := q.exec("UPDATE deliveries SET payload = $1, body_sha256 = $2 WHERE id = $3 AND status <> 'received' AND body_sha256 = '' AND coalesce(processed_at, 0) = $4",
			[]byte{}, hex.EncodeToString(sum[:]), id, decided)
		return err
	})
}
