package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// sealedTables are the tables with a column "sealed", and the columns by which a row's
// secret knows its place.
var sealedTables = map[string][]string{
	"credentials": {"id"}, "hook_secrets": {"repository_id"}, "integrations": {"id"}, "notifications": {"id"}, "secrets": {"project_id", "name"}, "standings": {"id"},
}

type sealedRow struct {
	Place string
	Data  []byte
}

func (r sealedRow) toCore() core.Sealed { return core.Sealed{Place: r.Place, Data: r.Data} }

// ListSealed is core.SealedStore's.
func (s *Store) ListSealed(ctx context.Context, after string, limit int) ([]core.Sealed, error) {
	var parts []string
	for table, key := range sealedTables {
		place := "'" + table + "/' || " + strings.Join(key, " || '/' || ")
		parts = append(parts, "SELECT "+place+" AS place, sealed AS data FROM "+table+" WHERE sealed IS NOT NULL AND length(sealed) > 0")
	}
	var rows []sealedRow
	err := s.read(ctx).db().Raw("SELECT place, data FROM ("+strings.Join(parts, " UNION ALL ")+") AS all_sealed WHERE place > ? ORDER BY place LIMIT ?", after, limit).Scan(&rows).Error
	return toCores(rows), failed(err, "list what is sealed")
}

// Reseal is core.SealedStore's.
func (s *Store) Reseal(ctx context.Context, place string, old, data []byte) (bool, error) {
	table, rest, _ := strings.Cut(place, "/")
	key, known := sealedTables[table]
	values := strings.SplitN(rest, "/", len(key))
	if !known || len(values) != len(key) {
		return false, fmt.Errorf("nothing is sealed at %q", place)
	}
	where, args := "sealed = $2", []any{data, old}
	for i, column := range key {
		args = append(args, values[i])
		where += fmt.Sprintf(" AND %s = $%d", column, len(args))
	}
	var n int64
	err := s.writeOne(ctx, func(q session) (err error) {
		n, err = q.exec("UPDATE "+table+" SET sealed = $1 WHERE "+where, args...)
		return err
	})
	return n > 0, failed(err, "seal %s anew", place)
}
