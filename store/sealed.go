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
	table, where, key, err := placed(place, 3)
	if err != nil {
		return false, err
	}
	var n int64
	err = s.writeOne(ctx, func(q session) (err error) {
		n, err = q.exec("UPDATE "+table+" SET sealed = $1 WHERE sealed = $2 AND "+where, append([]any{data, old}, key...)...)
		return err
	})
	return n > 0, failed(err, "seal %s anew", place)
}

// DropSealed is core.SealedStore's.
func (s *Store) DropSealed(ctx context.Context, place string) error {
	table, where, key, err := placed(place, 1)
	if err != nil {
		return err
	}
	err = s.writeOne(ctx, func(q session) error {
		_, err := q.exec("DELETE FROM "+table+" WHERE "+where, key...)
		return err
	})
	return failed(err, "forget what is sealed at %s", place)
}

// placed is the table of a place, and the condition for its row, whose arguments are
// numbered from first.
func placed(place string, first int) (table, where string, key []any, err error) {
	table, rest, _ := strings.Cut(place, "/")
	columns, known := sealedTables[table]
	values := strings.SplitN(rest, "/", len(columns))
	if !known || len(values) != len(columns) {
		return "", "", nil, fmt.Errorf("nothing is sealed at %q", place)
	}
	var conditions []string
	for i, column := range columns {
		conditions = append(conditions, fmt.Sprintf("%s = $%d", column, first+i))
		key = append(key, values[i])
	}
	return table, strings.Join(conditions, " AND "), key, nil
}
