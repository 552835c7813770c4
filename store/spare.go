package store

import "context"

// SpareBytes is core.SpaceStore's.
func (s *Store) SpareBytes(ctx context.Context) (spare int64, err error) {
	if s.db.dialect.spare == "" {
		return 0, nil
	}
	err = s.read(ctx).pool.QueryRowContext(ctx, s.db.dialect.spare).Scan(&spare)
	return spare, failed(err, "look for room within the database")
}
