package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// OpenUnchanged opens a database that a server may be using, and leaves its schema as
// it is: not even an old one is migrated. An empty database, and one of a newer
// program, are refused.
func OpenUnchanged(ctx context.Context, url string) (*Store, error) {
	db, err := openDatabase(ctx, url, nil)
	if err != nil {
		return nil, err
	}
	s := &Store{db: db}
	known, err := db.dialect.migrations()
	if err == nil {
		var tables []string
		if tables, err = s.read(ctx).tables(db.dialect); err == nil && len(tables) == 0 {
			err = core.Errorf(core.KindNotFound, "The database is empty: no server has used it yet")
		}
	}
	if err == nil {
		err = checkVersion(s.read(ctx), latest(known))
	}
	if err != nil {
		return nil, failed(errors.Join(err, db.close()), "look at the database")
	}
	return s, nil
}

// Snapshot is the whole database as it was at one moment, whatever others write
// meanwhile. It belongs to one goroutine, and ends with the call that handed it out.
type Snapshot struct {
	q       session
	dialect dialect
	schema  []int
	oldest  int
}

// Snapshot runs f on the database as it is now. Nobody waits for it.
func (s *Store) Snapshot(ctx context.Context, f func(*Snapshot) error) error {
	only, err := s.db.reader.Conn(ctx)
	if err != nil {
		return failed(err, "look at the database")
	}
	defer func() { _ = only.Close() }()
	if _, err := only.ExecContext(ctx, s.db.dialect.freeze); err != nil {
		return failed(err, "look at the database")
	}
	defer func() { _, _ = only.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") }() // it has changed nothing
	v := &Snapshot{q: s.session(ctx, conn{ConnPool: only}), dialect: s.db.dialect}
	// The first look, from which on nothing changes.
	if err := v.q.db().Raw("SELECT version FROM schema_migrations ORDER BY version").Scan(&v.schema).Error; err != nil {
		return failed(err, "read the schema's version")
	}
	if v.oldest, err = v.q.oldest(v.schema); err != nil {
		return failed(err, "read the schema's version")
	}
	return f(v)
}

// Schema lists the migrations that have made the schema.
func (v *Snapshot) Schema() []int { return v.schema }

// Oldest is the last migration that the oldest program knows which works with the schema.
func (v *Snapshot) Oldest() int { return v.oldest }

// Rows calls f with every row, table by table; what a row refers to comes before it.
// A value is nil, a bool, an int64, a string or a []byte.
func (v *Snapshot) Rows(f func(table string, columns []string, row []any) error) error {
	tables, err := v.q.tables(v.dialect)
	if err == nil {
		tables, err = v.q.parentsFirst(v.dialect, tables)
	}
	if err != nil {
		return failed(err, "list the tables")
	}
	for _, table := range tables {
		if err := v.q.eachRow(table, f); err != nil {
			return failed(err, "read the table %s", table)
		}
	}
	return nil
}

func (s session) tables(d dialect) (names []string, err error) {
	return names, s.db().Raw(d.tables).Scan(&names).Error
}

// parentsFirst sorts tables so that each comes after those that it refers to.
func (s session) parentsFirst(d dialect, tables []string) ([]string, error) {
	var edges []struct{ Child, Parent string }
	rows, err := s.pool.QueryContext(s.ctx, d.references)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var e struct{ Child, Parent string }
		if err := rows.Scan(&e.Child, &e.Parent); err != nil {
			return nil, err
		}
		edges = append(edges, e)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	var sorted []string
	for len(tables) > 0 {
		waits := func(table string) bool {
			for _, e := range edges {
				if e.Child == table && e.Parent != table && slices.Contains(tables, e.Parent) {
					return true
				}
			}
			return false
		}
		free := slices.IndexFunc(tables, func(table string) bool { return !waits(table) })
		if free < 0 {
			return nil, fmt.Errorf("the tables %s refer to each other in a circle", strings.Join(tables, ", "))
		}
		sorted = append(sorted, tables[free])
		tables = slices.Delete(tables, free, free+1)
	}
	return sorted, nil
}

func (s session) eachRow(table string, f func(string, []string, []any) error) error {
	rows, err := s.pool.QueryContext(s.ctx, "SELECT * FROM "+table)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	types, err := rows.ColumnTypes()
	if err != nil {
		return err
	}
	columns, row, into := make([]string, len(types)), make([]any, len(types)), make([]any, len(types))
	for i, column := range types {
		columns[i], into[i] = column.Name(), &row[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i, column := range types {
			if n, ok := row[i].(int64); ok && column.DatabaseTypeName() == "BOOLEAN" { // SQLite knows none
				row[i] = n != 0
			}
		}
		if err := f(table, columns, row); err != nil {
			return err
		}
	}
	return rows.Err()
}

// BlobUse is a blob, and what needs it: "artifact <id>" "the log of build <id>" or
// "the tests of build <id>".
type BlobUse struct {
	Of     string `gorm:"column:used_by"`
	SHA256 string `gorm:"column:sha256"`
}

// LogBlobs lists the blobs of archived logs, and of what tests came to.
func (v *Snapshot) LogBlobs() ([]BlobUse, error) {
	return v.blobs(`SELECT 'the log of build ' || id AS used_by, log_sha256 AS sha256 FROM builds WHERE log_sha256 <> '' AND log_deleted_at IS NULL
		UNION ALL SELECT 'the tests of build ' || build_id, tests_sha256 FROM build_records WHERE tests_sha256 <> '' ORDER BY 1, 2`)
}

// ArtifactBlobs lists the blobs of artifacts: files and icons.
func (v *Snapshot) ArtifactBlobs() ([]BlobUse, error) {
	return v.blobs(`SELECT 'artifact ' || id AS used_by, sha256 FROM artifacts WHERE expires_at IS NULL
		UNION ALL SELECT 'artifact ' || id, icon_sha256 FROM artifacts WHERE icon_sha256 <> '' ORDER BY 1, 2`)
}

func (v *Snapshot) blobs(query string) ([]BlobUse, error) {
	var all []BlobUse
	err := v.q.db().Raw(query).Scan(&all).Error
	return all, failed(err, "list the blobs")
}
