package store

import (
	"context"
	"maps"
	"slices"

	"github.com/oore-ci/oore/app/core"
)

type headRow struct {
	RepositoryID string
	Ref          string
	SHA          string
}

// TableName is gorm's.
func (headRow) TableName() string { return "heads" }

// ListHeads is core.ProjectStore's.
func (s *Store) ListHeads(ctx context.Context, repositoryID string) (map[string]string, error) {
	heads, err := s.read(ctx).heads(repositoryID)
	return heads, failed(err, "list the heads of %s", repositoryID)
}

func (s session) heads(repositoryID string) (map[string]string, error) {
	var rows []headRow
	if err := s.db().Find(&rows, "repository_id = ?", repositoryID).Error; err != nil {
		return nil, err
	}
	var heads map[string]string
	for _, r := range rows {
		if heads == nil {
			heads = map[string]string{}
		}
		heads[r.Ref] = r.SHA
	}
	return heads, nil
}

// SaveHeads is core.ProjectStore's. It writes only what is another than before:
// repositories have thousands of tags, and few of them move.
func (s *Store) SaveHeads(ctx context.Context, repositoryID string, heads map[string]string) error {
	err := s.write(ctx, func(q session) error {
		if heads == nil {
			_, err := q.exec("DELETE FROM heads WHERE repository_id = $1", repositoryID)
			return err
		}
		known, err := q.heads(repositoryID)
		if err != nil {
			return err
		}
		for ref := range known {
			if _, still := heads[ref]; still {
				continue
			}
			if _, err := q.exec("DELETE FROM heads WHERE repository_id = $1 AND ref = $2", repositoryID, ref); err != nil {
				return err
			}
		}
		for _, ref := range slices.Sorted(maps.Keys(heads)) { // in one order, so that two who save do not wait for each other
			if sha, ok := known[ref]; ok && sha == heads[ref] {
				continue
			}
			if _, err := q.exec(`INSERT INTO heads (repository_id, ref, sha) VALUES ($1, $2, $3)
				ON CONFLICT (repository_id, ref) DO UPDATE SET sha = excluded.sha`, repositoryID, ref, heads[ref]); err != nil {
				return err
			}
		}
		return nil
	})
	return failed(err, "save the heads of %s", repositoryID)
}

// FindDeliveryOf is core.DeliveryStore's.
func (s *Store) FindDeliveryOf(ctx context.Context, p core.Provider, deliveryID string) (core.Delivery, error) {
	var row deliveryRow
	err := s.read(ctx).db().Omit("payload").Take(&row, "provider = ? AND delivery_id = ?", string(p), deliveryID).Error
	return row.toCore(), found(err, "Delivery", "find delivery %s", deliveryID)
}
