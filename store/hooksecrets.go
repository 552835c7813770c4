package store

import (
	"context"

	"github.com/oore-ci/oore/app/core"
)

// SaveHookSecret is core.IntegrationStore's; KindNotFound when the repository is gone.
func (s *Store) SaveHookSecret(ctx context.Context, repositoryID string, sealed []byte) error {
	err := s.writeOne(ctx, func(q session) error {
		_, err := q.exec(`INSERT INTO hook_secrets (repository_id, sealed) VALUES ($1, $2)
			ON CONFLICT (repository_id) DO UPDATE SET sealed = excluded.sealed`, repositoryID, sealed)
		return err
	})
	return failed(err, "save the webhook secret of %s", repositoryID)
}

// ListHookSecrets is core.IntegrationStore's. It repeats the expression of the index
// repositories_forge_id: anybody may make the door ask this.
func (s *Store) ListHookSecrets(ctx context.Context, p core.Provider, externalID string) (map[string][]byte, error) {
	var rows []struct {
		ID     string
		Sealed []byte
	}
	err := s.read(ctx).db().Raw(`SELECT r.id, h.sealed FROM repositories r JOIN hook_secrets h ON h.repository_id = r.id
		WHERE r.provider = ? AND substr(r.external_id, length(r.host) + 2) = ?`, string(p), externalID).Scan(&rows).Error
	secrets := make(map[string][]byte, len(rows))
	for _, r := range rows {
		secrets[r.ID] = r.Sealed
	}
	return secrets, failed(err, "list the webhook secrets of repository %s of %s", externalID, p)
}
