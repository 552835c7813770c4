package store

import (
	"context"
	"database/sql"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/oore-ci/oore/app/core"
)

// conn makes every text that goes to the database one that PostgreSQL accepts too:
// NUL bytes and invalid UTF-8, which commit messages and branch names may hold,
// become U+FFFD. Bytes (payloads, log data) pass as they are.
type conn struct {
	gorm.ConnPool
	// uncancelable: SQLite answers an interrupted statement by undoing the whole
	// transaction, and with it what others have put into the same commit.
	uncancelable bool
	// damage remembers that the file was found damaged; nil: there is no file.
	damage *atomic.Bool
	meter  core.Meter // nil: nobody measures
}

// saw passes an error on, and counts what the database refused because of somebody else.
func (c conn) saw(err error) error {
	if err != nil && c.meter != nil && contended(err) {
		c.meter.Note(core.MetricBusy, 1)
	}
	if err != nil && c.damage != nil && corrupt(err) {
		c.damage.Store(true)
	}
	return err
}

// over tells how reading the rows ended: what comes behind the first, conn does not see.
func (s session) over(rows *sql.Rows) error {
	err := rows.Err()
	if c, ok := s.pool.(interface{ saw(err error) error }); ok {
		return c.saw(err)
	}
	return err
}

// witness sees the errors that gorm meets behind the first row, where conn sees none.
type witness struct {
	logger.Interface
	damage *atomic.Bool
}

// Trace is logger.Interface's.
func (w witness) Trace(ctx context.Context, begin time.Time, statement func() (string, int64), err error) {
	_ = conn{damage: w.damage}.saw(err)
	w.Interface.Trace(ctx, begin, statement, err)
}

// ExecContext is gorm.ConnPool's.
func (c conn) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	result, err := c.ConnPool.ExecContext(c.context(ctx), query, clean(args)...)
	return result, c.saw(err)
}

// QueryContext is gorm.ConnPool's.
func (c conn) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	rows, err := c.replanned(func() (*sql.Rows, error) { return c.ConnPool.QueryContext(c.context(ctx), query, clean(args)...) })
	return rows, c.saw(err)
}

// QueryRowContext is gorm.ConnPool's.
func (c conn) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	row := c.ConnPool.QueryRowContext(c.context(ctx), query, clean(args)...)
	_ = c.saw(row.Err()) // who scans the row gets it
	return row
}

func (c conn) context(ctx context.Context) context.Context {
	if c.uncancelable {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

func clean(args []any) []any {
	for i, arg := range args {
		switch v := arg.(type) {
		case string:
			if dirty(v) {
				args[i] = cleanText(v)
			}
		case *string:
			if v != nil && dirty(*v) {
				args[i] = cleanText(*v)
			}
		}
	}
	return args
}

func dirty(s string) bool { return strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s) }

func cleanText(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
