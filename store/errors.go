package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"
	litedriver "modernc.org/sqlite"

	"github.com/oore-ci/oore/app/core"
)

func errClosed() error {
	return core.Errorf(core.KindUnavailable, "The database is closed: the server stops")
}

// failed translates what a driver says, once: errors of ours pass, a database that
// cannot be reached or written is KindUnavailable, the rest is internal and says
// what was tried.
func failed(err error, tried string, args ...any) error {
	var ours *core.Error
	if err == nil || errors.As(err, &ours) {
		return err
	}
	wrapped := fmt.Errorf(tried+": %w", append(args, err)...)
	var connect *pgconn.ConnectError // its deadline is ours, not the caller's
	if !errors.As(err, &connect) && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		return wrapped // the caller's own will
	}
	if message := outage(err); message != "" {
		return core.Errorf(core.KindUnavailable, "%s", message).Because(wrapped)
	}
	if violates(err, sqliteForeignKey, postgresForeignKey) {
		return core.Errorf(core.KindNotFound, "What this belongs to was deleted meanwhile").Because(wrapped)
	}
	return wrapped
}

// found is failed for a query of one row: none is KindNotFound.
func found(err error, noun, tried string, args ...any) error {
	if errors.Is(err, gorm.ErrRecordNotFound) || errors.Is(err, sql.ErrNoRows) {
		return core.Errorf(core.KindNotFound, "%s not found", noun)
	}
	return failed(err, tried, args...)
}

// SQLite's result codes (sqlite.org/rescode.html); the low byte is the family.
const (
	sqliteBusy         = 5
	sqliteLocked       = 6
	sqliteReadOnly     = 8
	sqliteIOError      = 10
	sqliteCorrupt      = 11
	sqliteFull         = 13
	sqliteCantOpen     = 14
	sqliteNotADatabase = 26
	sqliteForeignKey   = 787
	sqlitePrimaryKey   = 1555
	sqliteUnique       = 2067
	postgresUnique     = "23505"
	postgresForeignKey = "23503"
)

// violates tells whether err is a breach of a constraint.
func violates(err error, sqliteCode int, state string) bool {
	var lite *litedriver.Error
	if errors.As(err, &lite) {
		return lite.Code() == sqliteCode
	}
	return sqlState(err) == state
}

// busy tells whether another process keeps SQLite's file locked.
func busy(err error) bool {
	var lite *litedriver.Error
	return errors.As(err, &lite) && lite.Code()&0xff == sqliteBusy
}

// contended tells whether err is a refusal because of what somebody else does: a lock that
// was not got in time, a race that was lost, more connections than the server takes.
func contended(err error) bool {
	state := sqlState(err)
	return busy(err) || lostRace(err) || state == "55P03" || state == "53300"
}

// duplicate tells whether err says that a unique value is taken.
func duplicate(err error) bool {
	return violates(err, sqliteUnique, postgresUnique) || violates(err, sqlitePrimaryKey, postgresUnique)
}

// outage says in a sentence why the database cannot be used, if that is what err means.
func outage(err error) string {
	var lite *litedriver.Error
	if errors.As(err, &lite) {
		return sqliteOutage(lite.Code())
	}
	if state := sqlState(err); state != "" {
		return postgresOutage(state)
	}
	var connect *pgconn.ConnectError
	var network net.Error
	if errors.As(err, &connect) || errors.As(err, &network) || pgconn.SafeToRetry(err) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, sql.ErrConnDone) || errors.Is(err, net.ErrClosed) ||
		err.Error() == "sql: database is closed" { // database/sql does not export it
		return noAnswer
	}
	return ""
}

const noAnswer = "The database does not answer; try again in a moment"

func sqliteOutage(code int) string {
	switch code & 0xff {
	case sqliteBusy, sqliteLocked:
		return "The database is locked by another process; try again in a moment"
	case sqliteFull:
		return "The disk that holds the database is full; free some space and try again"
	case sqliteCorrupt, sqliteNotADatabase:
		return damagedFile
	case sqliteReadOnly, sqliteIOError, sqliteCantOpen:
		return "The database file cannot be read or written; check the disk and the file's permissions"
	}
	return ""
}

// damagedFile never asks for a repair: what SQLite guesses of a damaged file is not what was
// stored.
const damagedFile = "The database file is damaged; stop Oore, copy the file and its -wal away, see what oore verify finds, and restore the last backup"

// corrupt tells whether SQLite found its file damaged.
func corrupt(err error) bool {
	var lite *litedriver.Error
	return errors.As(err, &lite) && sqliteOutage(lite.Code()) == damagedFile
}

func postgresOutage(state string) string {
	switch {
	case state == "53100":
		return "The disk that holds the database is full; free some space and try again"
	case state == "25006":
		return "The database takes no changes: it is a standby; point the server at the primary"
	case strings.HasPrefix(state, "08"), strings.HasPrefix(state, "53"), strings.HasPrefix(state, "57P"), strings.HasPrefix(state, "58"):
		return noAnswer
	}
	return ""
}

// sqlState is PostgreSQL's code of an error, "" for others.
func sqlState(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}
