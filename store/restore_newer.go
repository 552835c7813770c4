package store

import (
	"errors"
	"slices"
)

// oldest is the last migration that the oldest program knows which works with a schema
// (Restoration): what came later only adds what that one need not know.
func (s session) oldest(schema []int) (int, error) {
	if !slices.Contains(schema, oldestSince) {
		return latestOf(schema), nil
	}
	var all []struct{ Version, Oldest int }
	if err := s.db().Raw("SELECT version, oldest FROM schema_migrations ORDER BY version DESC").Scan(&all).Error; err != nil {
		return 0, err
	}
	least := 0
	for _, m := range all {
		if m.Version <= least {
			return least, nil
		}
		if m.Oldest == 0 {
			return m.Version, nil
		}
		least = max(least, m.Oldest)
	}
	return least, nil
}

// columnsOf are those of each table.
type columnsOf map[string][]string

func (s session) columns(d dialect) (columnsOf, error) {
	tables, err := s.tables(d)
	if err != nil {
		return nil, err
	}
	known := columnsOf{}
	for _, table := range tables {
		if known[table], err = s.columnsOf(table); err != nil {
			return nil, err
		}
	}
	return known, nil
}

func (s session) columnsOf(table string) ([]string, error) {
	rows, err := s.db().Raw("SELECT * FROM " + quoted(table) + " LIMIT 0").Rows()
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	return names, errors.Join(err, rows.Err())
}

// fit leaves out of rows what a newer program has added. Such a migration only adds, so
// what is left is what the older program would have written.
func (k columnsOf) fit(add func(string, []string, []any) error) func(string, []string, []any) error {
	return func(table string, columns []string, row []any) error {
		ours, ok := k[table]
		switch {
		case !ok:
			return nil
		case len(row) != len(columns):
			return add(table, columns, row) // which says what is wrong
		}
		var names []string
		var values []any
		for n, column := range columns {
			if slices.Contains(ours, column) {
				names, values = append(names, column), append(values, row[n])
			}
		}
		return add(table, names, values)
	}
}
