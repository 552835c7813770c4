// Package store keeps core's nouns in SQLite or PostgreSQL. It knows no rule of the
// house: what may be stored is decided before it is called. Rows, SQL and drivers
// stay inside.
package store

import (
	"context"
	"database/sql"
	"log/slog"
	"sync/atomic"

	"gorm.io/gorm"

	"github.com/oore-ci/oore/app/core"
)

var _ core.Store = (*Store)(nil)

// Options tune a store.
type Options struct {
	Log   *slog.Logger // nil: silent
	Meter core.Meter   // nil: nobody measures
	// Sound looks whether an SQLite file is sound, and refuses one that is not: always up
	// to 64 MiB, after an end without a close up to 512 MiB.
	Sound bool
}

// Store is a core.Store. It is safe for concurrent use; one that InTx hands out
// lives as long as its transaction and belongs to one goroutine.
type Store struct {
	db *database
	tx gorm.ConnPool // nil outside a transaction
}

// database is what all stores of one Open share.
type database struct {
	dialect dialect
	gorm    *gorm.DB
	reader  *sql.DB       // what pool stands on
	pool    gorm.ConnPool // serves reads outside transactions
	writer  writer
	file    string       // of SQLite
	damage  *atomic.Bool // of SQLite: the file was found damaged since it was opened
	inbox   *inbox       // nil: the writer groups deliveries as it groups everything
	relay   *relay       // nil: there are no other servers
	pooled  bool         // a pooler as PgBouncer stands before it: the address asks for what only that needs
	close   func() error
}

// writer brings changes to the database. Both methods return what f returned, or
// why the change could not be made durable. A panic in f passes on to the caller
// after the change is undone.
type writer interface {
	// transact runs f in a transaction, again from the start if the database asks.
	transact(ctx context.Context, f func(gorm.ConnPool) error) error
	// single runs f, which is one statement and its own transaction: if f fails, the
	// statement has changed nothing.
	single(ctx context.Context, f func(gorm.ConnPool) error) error
}

// Open opens the database at url, `postgres://…`, `sqlite:PATH` or a plain path, and
// brings its schema up to date. A database that a newer program has written, or
// whose schema somebody changed, is refused.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	closed := wasClosed(url)
	db, err := openDatabase(ctx, url, o.Meter)
	if err != nil {
		return nil, err
	}
	s := &Store{db: db}
	if o.Sound {
		err = s.wantSound(ctx, closed)
	}
	if err == nil {
		err = s.migrate(ctx, o.Log)
	}
	if err != nil {
		_ = db.close() // the first error says more
		return nil, err
	}
	return s, nil
}

// Close waits for the transactions that have begun, refuses the others and lets go
// of the database.
func (s *Store) Close() error {
	if err := s.db.close(); err != nil {
		return failed(err, "close the database")
	}
	return nil
}

// InTx runs f in one transaction. On SQLite it shares its commit with whoever else
// writes at that moment; f's own failure undoes f alone.
func (s *Store) InTx(ctx context.Context, f func(core.Store) error) error {
	if s.tx != nil {
		return f(s)
	}
	var own error
	err := s.db.writer.transact(ctx, func(tx gorm.ConnPool) error {
		own = f(&Store{db: s.db, tx: tx})
		return own
	})
	if own != nil {
		return own
	}
	return failed(err, "transaction")
}

// Ready is core.Store's; a file that was found damaged is not ready. The row that it
// changes is nobody's: no server takes the turn of that name.
func (s *Store) Ready(ctx context.Context) error {
	if s.db.damage != nil && s.db.damage.Load() {
		return core.Errorf(core.KindUnavailable, damagedFile)
	}
	known, err := s.db.dialect.migrations()
	if err != nil {
		return err
	}
	version, err := s.read(ctx).schema(latest(known))
	if err != nil {
		return failed(err, "read the schema's version")
	}
	if version != latest(known) {
		return core.Errorf(core.KindUnavailable, "The database's schema has version %d, this program needs %d; restart it", version, latest(known))
	}
	err = s.writeOne(ctx, func(q session) error {
		_, err := q.exec("INSERT INTO turns (name, holder, until) VALUES ('ready', '', 1) ON CONFLICT (name) DO UPDATE SET until = turns.until + 1")
		return err
	})
	return failed(err, "change a row")
}

// session is one way to the database, pool or transaction, within one call.
type session struct {
	gorm *gorm.DB
	pool gorm.ConnPool
	ctx  context.Context
}

func (s *Store) session(ctx context.Context, pool gorm.ConnPool) session {
	return session{gorm: s.db.gorm, pool: pool, ctx: ctx}
}

// read returns the transaction, or else the pool that never waits for the writer.
func (s *Store) read(ctx context.Context) session {
	if s.tx != nil {
		return s.session(ctx, s.tx)
	}
	return s.session(ctx, s.db.pool)
}

// write runs f in the transaction, or else in one of its own.
func (s *Store) write(ctx context.Context, f func(session) error) error {
	return s.writeWith(ctx, s.db.writer.transact, f)
}

// writeOne is write for an f that is a single statement, and fails only if that
// changed nothing.
func (s *Store) writeOne(ctx context.Context, f func(session) error) error {
	return s.writeWith(ctx, s.db.writer.single, f)
}

func (s *Store) writeWith(ctx context.Context, run func(context.Context, func(gorm.ConnPool) error) error, f func(session) error) error {
	if s.tx != nil {
		return f(s.session(ctx, s.tx))
	}
	return run(ctx, func(tx gorm.ConnPool) error { return f(s.session(ctx, tx)) })
}

// db returns a fresh gorm chain on the session.
func (s session) db() *gorm.DB {
	db := s.gorm.Session(&gorm.Session{NewDB: true, Context: s.ctx})
	db.Statement.ConnPool = s.pool
	return db
}

// exec runs a statement with $1-style parameters past gorm and tells how many rows
// it changed.
func (s session) exec(sql string, args ...any) (int64, error) {
	result, err := s.pool.ExecContext(s.ctx, sql, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
