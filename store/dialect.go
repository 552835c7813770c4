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
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/libtnb/sqlite"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/oore-ci/oore/app/core"
)

// dialect is what the queries must know of the database. With the migrations, the
// writers and the inbox it is the only place where the two differ.
type dialect struct {
	name      string // in the migrations' file names
	migrating string // taken first by a migration, so that one process migrates at a time
	// A SELECT of whether the encryption key is held until the end of the transaction, with
	// others or alone; empty: no other process opens the database.
	holdKey, holdKeyAlone string
	beginHold, keepHold   string // begin that transaction, and let it last

	lock       string // ends a SELECT in a transaction: nobody else changes the rows before its end
	skipLocked string // the same, passing over rows that others have locked
	about      string // a SELECT of the database's version and size
	spare      string // a SELECT of the bytes within its file that are free for what comes; empty: it has none of ours
	settings   string // a SELECT of what an operator may set unwisely (databaseSettings); empty: nothing
	sound      string // a SELECT of "ok", or of what is damaged; empty: there is none

	freeze     string // begins a transaction that sees nothing of what others commit after its first look
	tables     string // lists ours
	references string // lists (table, table that it refers to)
	verdicts   string // the deliveries d, each with its verdicts v.value
	integrity  string // lists what is wrong in the database's own files; empty: it cannot be asked
	numbered   string // before VALUES, if the database would number the rows itself
	renumber   string // after rows came with numbers: the next is higher than all
	survey     string // after many rows came at once: looks how they are spread, for its plans; else it does so a minute later
	clock      string // its time in microseconds; empty: the database is one server's
}

// sqliteDialect locks nothing: its transactions exclude each other.
func sqliteDialect() dialect {
	return dialect{
		name:       "sqlite",
		about:      "SELECT 'SQLite ' || sqlite_version() AS version, page_count * page_size AS size FROM pragma_page_count(), pragma_page_size()",
		spare:      "SELECT freelist_count * page_size FROM pragma_freelist_count(), pragma_page_size()",
		sound:      "PRAGMA quick_check(1)",
		freeze:     "BEGIN DEFERRED",
		tables:     "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> 'schema_migrations' ORDER BY name",
		references: `SELECT m.name, f."table" FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table'`,
		verdicts:   "deliveries d, json_each(d.verdicts) v",
		integrity: `SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'
			UNION ALL SELECT 'a row of ' || "table" || ' refers to none of ' || parent FROM pragma_foreign_key_check`,
	}
}

func postgresDialect() dialect {
	return dialect{
		name:      "postgres",
		migrating: "SELECT pg_advisory_xact_lock(1869574757)", // any number of our own
		lock:      " FOR NO KEY UPDATE",
		holdKey:   "SELECT pg_try_advisory_xact_lock_shared(1869574758)", holdKeyAlone: "SELECT pg_try_advisory_xact_lock(1869574758)",
		// It lasts as long as the process and keeps no old rows: each statement has a snapshot
		// of its own, and the last one, which needs none, ends the portal of the one before.
		beginHold: "BEGIN ISOLATION LEVEL READ COMMITTED", keepHold: "SET LOCAL idle_in_transaction_session_timeout = 0",
		skipLocked: " FOR NO KEY UPDATE SKIP LOCKED",
		about:      "SELECT 'PostgreSQL ' || current_setting('server_version') AS version, pg_database_size(current_database()) AS size",
		settings: `SELECT current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes,
			current_setting('synchronous_commit') AS synchronous_commit, current_setting('max_connections')::bigint AS connections,
			current_setting('superuser_reserved_connections')::bigint AS reserved`,
		freeze: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
		tables: "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'schema_migrations' ORDER BY tablename",
		references: `SELECT c.relname, p.relname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class p ON p.oid = k.confrelid
			WHERE k.contype = 'f' AND k.connamespace = current_schema()::regnamespace`,
		verdicts: "deliveries d, json_array_elements(d.verdicts::json) AS v(value)",
		numbered: "OVERRIDING SYSTEM VALUE",
		clock:    "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
		renumber: `DO $$ DECLARE c record; BEGIN
			FOR c IN SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema() AND is_identity = 'YES' LOOP
				EXECUTE format('SELECT setval(pg_get_serial_sequence(%L, %L), coalesce(max(%I), 0) + 1, false) FROM %I', c.table_name, c.column_name, c.column_name, c.table_name);
			END LOOP; END $$`,
		survey: `DO $$ DECLARE t record; BEGIN
			FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() LOOP
				EXECUTE format('ANALYZE %I', t.tablename);
			END LOOP; END $$`,
	}
}

func openDatabase(ctx context.Context, url string, meter core.Meter) (*database, error) {
	scheme, rest, found := strings.Cut(url, ":")
	path, sqlite := SQLitePath(url)
	switch {
	case scheme == "postgres", scheme == "postgresql":
		return openPostgres(ctx, url, meter)
	case !sqlite && found && strings.HasPrefix(rest, "//"):
		return nil, core.Errorf(core.KindInvalid, "The database address starts with %s://; give sqlite:PATH or postgres://…", scheme)
	}
	return openSQLite(ctx, path, meter)
}

// SQLitePath is the file of an address that names one.
func SQLitePath(url string) (path string, sqlite bool) {
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
	// No PrepareStmt: gorm may close a statement of its cache while it is used; SQLite's
	// writer keeps its own (statements.go), and so does pgx. No TranslateError: it would
	// take away the codes that errors.go reads.
	return &gorm.Config{SkipDefaultTransaction: true, Logger: logger.Discard}
}

const (
	busyTimeout  = "busy_timeout(10000)"
	openPatience = 10 * time.Second // as long as that
)

// openSQLite opens one connection for all writes and a pool that only reads.
func openSQLite(ctx context.Context, path string, meter core.Meter) (*database, error) {
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
	write, err := sql.Open(sqlite.DriverName, sqliteDSN(path, busyTimeout, "journal_mode(WAL)", "synchronous(FULL)",
		"foreign_keys(1)", "wal_autocheckpoint("+walPages+")", "cache_size(-16000)"))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	only, err := firstConn(ctx, write) // before the readers, since it sets the file's mode
	if err != nil {
		return nil, failed(errors.Join(err, write.Close()), "open %s", path)
	}
	read, err := sql.Open(sqlite.DriverName, sqliteDSN(path, busyTimeout, "query_only(1)"))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	readers := max(4, runtime.NumCPU())
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)
	damage := new(atomic.Bool)
	pool := conn{ConnPool: read, damage: damage, meter: meter}
	config := gormConfig()
	config.Logger = witness{config.Logger, damage}
	g, err := gorm.Open(sqlite.Dialector{Conn: pool}, config)
	if err != nil {
		return nil, failed(errors.Join(err, only.Close(), write.Close(), read.Close()), "open %s", path)
	}
	group := newGroupWriter(only, write, damage, meter)
	return &database{
		dialect: sqliteDialect(), file: path, damage: damage, gorm: g, reader: read, pool: pool, writer: group,
		close: sync.OnceValue(func() error {
			group.stop()
			return errors.Join(read.Close(), only.Close(), write.Close())
		}),
	}, nil
}

// firstConn opens the connection that makes the file a WAL database. Of two programs that
// do so at once one is told that the file is locked, whatever its busy timeout.
func firstConn(ctx context.Context, db *sql.DB) (*sql.Conn, error) {
	for end := time.Now().Add(openPatience); ; time.Sleep(20 * time.Millisecond) {
		c, err := db.Conn(ctx)
		if err == nil || !busy(err) || time.Now().After(end) {
			return c, err
		}
	}
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

// pooled tells whether a pooler as PgBouncer stands before the database: the address asks for
// what only that needs.
func pooled(config *pgx.ConnConfig) bool {
	return config.DefaultQueryExecMode == pgx.QueryExecModeCacheDescribe
}

func openPostgres(ctx context.Context, address string, meter core.Meter) (*database, error) {
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
	pool := conn{ConnPool: db, meter: meter}
	g, err := gorm.Open(postgres.New(postgres.Config{Conn: pool}), gormConfig())
	if err != nil {
		return nil, failed(errors.Join(err, db.Close()), "connect to PostgreSQL")
	}
	arrivals, rings := newInbox(pool), newRelay(config, pool)
	return &database{
		dialect: postgresDialect(), gorm: g, reader: db, pool: pool, writer: txWriter{db, meter}, inbox: arrivals, relay: rings,
		pooled: pooled(config),
		close: sync.OnceValue(func() error {
			arrivals.stop()
			rings.stop()
			return db.Close()
		}),
	}, nil
}
