package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/glebarez/sqlite"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/oore-ci/oore/app/core"
)

// dialect is what the queries must know of the database. With the migrations, the
// writers and the inbox it is the only place where the two differ.
type dialect struct {
	name       string // in the migrations' file names
	migrating  string // taken first by a migration, so that one process migrates at a time
	lock       string // ends a SELECT in a transaction: nobody else changes the rows before its end
	skipLocked string // the same, passing over rows that others have locked
	about      string // a SELECT of the database's version and size
	sound      string // a SELECT of "ok", or of what is damaged; empty: there is none
}

func sqliteDialect() dialect {
	return dialect{ // its transactions exclude each other, so there are no locks to take
		name:  "sqlite",
		about: "SELECT 'SQLite ' || sqlite_version() AS version, page_count * page_size AS size FROM pragma_page_count(), pragma_page_size()",
		sound: "PRAGMA quick_check(1)",
	}
}

func postgresDialect() dialect {
	return dialect{
		name:       "postgres",
		migrating:  "SELECT pg_advisory_xact_lock(1869574757)", // any number of our own
		lock:       " FOR NO KEY UPDATE",
		skipLocked: " FOR NO KEY UPDATE SKIP LOCKED",
		about:      "SELECT 'PostgreSQL ' || current_setting('server_version') AS version, pg_database_size(current_database()) AS size",
	}
}

func openDatabase(ctx context.Context, url string) (*database, error) {
	scheme, rest, found := strings.Cut(url, ":")
	path, sqlite := sqlitePath(url)
	switch {
	case scheme == "postgres", scheme == "postgresql":
		return openPostgres(ctx, url)
	case !sqlite && found && strings.HasPrefix(rest, "//"):
		return nil, core.Errorf(core.KindInvalid, "The database address starts with %s://; give sqlite:PATH or postgres://…", scheme)
	}
	return openSQLite(ctx, path)
}

// sqlitePath is the file of an address that names one.
func sqlitePath(url string) (path string, sqlite bool) {
	scheme, rest, found := strings.Cut(url, ":")
	switch {
	case scheme == "sqlite":
		return strings.TrimPrefix(rest, "//"), true
	case found && (scheme == "postgres" || scheme == "postgresql" || strings.HasPrefix(rest, "//")):
		return "", false
	}
	return url, true
}

func gormConfig() *gorm.Config {
	// No PrepareStmt: the SQLite driver compiles every statement anew whatever one
	// asks, and pgx keeps prepared statements itself. No TranslateError: it would
	// take away the codes that errors.go reads.
	return &gorm.Config{SkipDefaultTransaction: true, Logger: logger.Discard}
}

// openSQLite opens one connection for all writes and a pool that only reads.
func openSQLite(ctx context.Context, path string) (*database, error) {
	if path == "" || strings.HasPrefix(path, ":") {
		return nil, core.Errorf(core.KindInvalid, "The database needs a file: give sqlite:PATH")
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) // it holds hashes of credentials
	if err != nil {
		return nil, core.Errorf(core.KindUnavailable, "The database file %s cannot be opened; check its folder and permissions", path).Because(err)
	}
	if err := file.Close(); err != nil {
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	write, err := sql.Open(sqlite.DriverName, sqliteDSN(path, "busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)",
		"foreign_keys(1)", "wal_autocheckpoint("+walPages+")", "cache_size(-16000)"))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	only, err := write.Conn(ctx) // before the readers, since it sets the file's mode
	if err != nil {
		return nil, failed(errors.Join(err, write.Close()), "open %s", path)
	}
	read, err := sql.Open(sqlite.DriverName, sqliteDSN(path, "busy_timeout(10000)", "query_only(1)"))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	readers := max(4, runtime.NumCPU())
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)
	pool := conn{ConnPool: read}
	g, err := gorm.Open(sqlite.Dialector{Conn: pool}, gormConfig())
	if err != nil {
		return nil, failed(errors.Join(err, only.Close(), write.Close(), read.Close()), "open %s", path)
	}
	group := newGroupWriter(only, write)
	return &database{
		dialect: sqliteDialect(), gorm: g, pool: pool, writer: group,
		close: sync.OnceValue(func() error {
			group.stop()
			return errors.Join(read.Close(), only.Close(), write.Close())
		}),
	}, nil
}

func sqliteDSN(path string, pragmas ...string) string {
	query := url.Values{"_txlock": {"immediate"}, "_pragma": pragmas}
	return "file:" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath() + "?" + query.Encode()
}

const (
	postgresConnections = 20
	// connectTimeout keeps a door that waits for a dead server within its sender's
	// patience; the address may say otherwise (connect_timeout=).
	connectTimeout = 2 * time.Second
)

func openPostgres(ctx context.Context, address string) (*database, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil { // pgx leaves the password out of it
		return nil, core.Errorf(core.KindInvalid, "The database address is not understood; give postgres://user:password@host/database").Because(err)
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(postgresConnections)
	db.SetMaxIdleConns(postgresConnections)
	db.SetConnMaxIdleTime(5 * time.Minute)
	if err := db.PingContext(ctx); err != nil {
		return nil, failed(errors.Join(err, db.Close()), "connect to PostgreSQL")
	}
	pool := conn{ConnPool: db}
	g, err := gorm.Open(postgres.New(postgres.Config{Conn: pool}), gormConfig())
	if err != nil {
		return nil, failed(errors.Join(err, db.Close()), "connect to PostgreSQL")
	}
	arrivals := newInbox(pool)
	return &database{
		dialect: postgresDialect(), gorm: g, pool: pool, writer: txWriter{db}, inbox: arrivals,
		close: sync.OnceValue(func() error {
			arrivals.stop()
			return db.Close()
		}),
	}, nil
}
