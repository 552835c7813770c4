package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// Restoration is an empty database that waits for the rows of a backup.
type Restoration struct {
	s      *Store
	before []migration // those that had made the schema of the rows
	after  []migration
	newer  bool // the rows have tables and columns that this program does not know
}

// BeginRestore opens the empty database at url for rows of a schema (Snapshot.Schema and
// Snapshot.Oldest). A schema with which this program does not work, and a database that is
// not empty, are refused, and nothing is changed.
func BeginRestore(ctx context.Context, url string, schema []int, oldest int) (*Restoration, error) {
	db, err := openDatabase(ctx, url, nil)
	if err != nil {
		return nil, err
	}
	r := &Restoration{s: &Store{db: db}}
	if err = r.plan(schema, oldest); err == nil {
		err = r.s.read(ctx).wantEmpty(db.dialect)
	}
	if err != nil {
		return nil, failed(errors.Join(err, db.close()), "look at the database")
	}
	return r, nil
}

// plan parts the migrations into those before the rows come and those after.
func (r *Restoration) plan(schema []int, oldest int) error {
	known, err := r.s.db.dialect.migrations()
	if err != nil {
		return err
	}
	for _, m := range known {
		if slices.Contains(schema, m.version) {
			r.before = append(r.before, m)
		} else {
			r.after = append(r.after, m)
		}
	}
	r.newer = oldest > 0 && oldest <= latest(known) && latest(known) < latestOf(schema)
	if r.newer {
		schema = slices.DeleteFunc(slices.Clone(schema), func(version int) bool { return version > latest(known) })
	}
	if len(schema) == 0 || len(r.before) != len(schema) {
		return core.Errorf(core.KindConflict,
			"The backup was made by a newer version of Oore (schema %d, this program knows %d); restore it with that version",
			latestOf(schema), latest(known))
	}
	return nil
}

func latestOf(schema []int) int {
	if len(schema) == 0 {
		return 0
	}
	return slices.Max(schema)
}

func (s session) wantEmpty(d dialect) error {
	tables, err := s.tables(d)
	if err == nil && len(tables) > 0 {
		return core.Errorf(core.KindConflict, "The database is not empty: it has the table %s; restore into an empty one", tables[0])
	}
	return err
}

// Close lets go of the database.
func (r *Restoration) Close() error { return r.s.Close() }

// Load fills the database and brings it up to date, in one transaction: it is whole
// afterwards, or empty as before. What ran when the backup was made belongs to nobody
// now: no runner may go on with it. Nor may the database delete where its blobs are, until
// somebody says so.
func (r *Restoration) Load(ctx context.Context, rows Rows, log *slog.Logger) error {
	return r.fill(ctx, rows, session.disown, log)
}

// Unpack is Load for who only wants to look: leases and credentials stay as they were.
func (r *Restoration) Unpack(ctx context.Context, rows Rows, log *slog.Logger) error {
	return r.fill(ctx, rows, func(session) error { return nil }, log)
}

// Rows hands all rows of a backup to its argument, each value as Snapshot.Rows gave it.
// It may be called again, and then starts anew.
type Rows func(add func(table string, columns []string, row []any) error) error

func (r *Restoration) fill(ctx context.Context, rows Rows, then func(session) error, log *slog.Logger) error {
	err := r.s.migrating(ctx, func(q session) error {
		if err := q.wantEmpty(r.s.db.dialect); err != nil {
			return err
		}
		if _, err := q.exec(createMigrations); err != nil {
			return err
		}
		if err := q.applyAll(r.before); err != nil {
			return err
		}
		in := inserter{q: q, numbered: r.s.db.dialect.numbered}
		add := in.add
		if r.newer {
			known, err := q.columns(r.s.db.dialect)
			if err != nil {
				return err
			}
			add = known.fit(in.add)
		}
		if err := rows(add); err != nil {
			return err
		}
		if err := in.flush(); err != nil {
			return err
		}
		if err := q.execAny(r.s.db.dialect.renumber); err != nil {
			return err
		}
		if err := q.applyAll(r.after); err != nil {
			return err
		}
		if err := then(q); err != nil {
			return err
		}
		return q.execAny(r.s.db.dialect.survey)
	})
	if err != nil {
		return failed(err, "restore the database")
	}
	for _, m := range r.after {
		log.InfoContext(ctx, "schema migrated", "migration", m.name)
	}
	return nil
}

func (s session) applyAll(all []migration) error {
	for _, m := range all {
		if _, err := m.apply(s); err != nil {
			return fmt.Errorf("migration %s: %w", m.name, err)
		}
	}
	return nil
}

// execAny runs a statement that not every database has.
func (s session) execAny(sql string) error {
	if sql == "" {
		return nil
	}
	_, err := s.exec(sql)
	return err
}

// disown takes leases from runners that still talk to the server that was backed up,
// and drops the credentials that a backup must not bring back.
func (s session) disown() error {
	if _, err := s.exec("UPDATE builds SET lease_token = $1 || id WHERE lease_token <> ''", rand.Text()); err != nil {
		return err
	}
	for _, table := range []string{"servers", "turns"} { // those of then
		if _, err := s.exec("DELETE FROM " + table); err != nil {
			return err
		}
	}
	if err := s.renounce(); err != nil {
		return err
	}
	return s.db().Exec("DELETE FROM credentials WHERE kind NOT IN ?", core.LastingCredentials()).Error
}

// Restored does what the end of a Restoration does, to a database that went back to an
// earlier state by other means. No server may use it meanwhile.
func (s *Store) Restored(ctx context.Context) error {
	return failed(s.write(ctx, session.disown), "take leases and sessions away")
}

// inserter gathers rows of one table into statements of a good size.
type inserter struct {
	q        session
	numbered string
	table    string
	columns  []string
	values   []any
	bytes    int
}

const (
	insertValues = 2000 // both databases allow far more
	insertBytes  = 1 << 20
)

func (i *inserter) add(table string, columns []string, row []any) error {
	if err := i.q.ctx.Err(); err != nil {
		return err
	}
	if len(row) != len(columns) {
		return fmt.Errorf("a row of %s has %d values for %d columns", table, len(row), len(columns))
	}
	if table != i.table || !slices.Equal(columns, i.columns) || len(i.values)+len(row) > insertValues || i.bytes > insertBytes {
		if err := i.flush(); err != nil {
			return err
		}
		i.table, i.columns = table, slices.Clone(columns)
	}
	for _, value := range row {
		switch v := value.(type) {
		case string:
			i.bytes += len(v)
		case []byte:
			i.bytes += len(v)
		}
	}
	i.values = append(i.values, row...)
	return nil
}

func (i *inserter) flush() error {
	if len(i.values) == 0 {
		return nil
	}
	rows := make([]string, 0, len(i.values)/len(i.columns))
	for first := 0; first < len(i.values); first += len(i.columns) {
		marks := make([]string, len(i.columns))
		for n := range marks {
			marks[n] = fmt.Sprintf("$%d", first+n+1)
		}
		rows = append(rows, "("+strings.Join(marks, ", ")+")")
	}
	_, err := i.q.exec("INSERT INTO "+quoted(i.table)+" ("+strings.Join(quotedAll(i.columns), ", ")+") "+i.numbered+" VALUES "+strings.Join(rows, ", "), i.values...)
	i.values, i.bytes = nil, 0
	if err != nil {
		return fmt.Errorf("rows of %s: %w", i.table, err)
	}
	return nil
}

// quoted makes a name out of a file harmless.
func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func quotedAll(names []string) []string {
	all := make([]string, len(names))
	for n, name := range names {
		all[n] = quoted(name)
	}
	return all
}
