package store

import (
	"context"
	"database/sql"
)

// mostStatements bounds the memory of compiled statements: some tens of KiB each.
const mostStatements = 256

// statements keeps what SQLite has compiled for one connection: it took a sixth of the
// server's processor time to compile the same few statements again and again. It belongs
// to the writer, who lets one use it at a time.
type statements struct {
	*sql.Conn
	compiled map[string]*sql.Stmt
}

func newStatements(c *sql.Conn) *statements {
	return &statements{Conn: c, compiled: make(map[string]*sql.Stmt)}
}

// ExecContext is gorm.ConnPool's.
func (s *statements) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	stmt, err := s.compile(ctx, query) //nolint:sqlclosecheck // it is kept, until forget
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(ctx, args...)
}

// QueryContext is gorm.ConnPool's.
func (s *statements) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, err := s.compile(ctx, query) //nolint:sqlclosecheck // likewise
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

// QueryRowContext is gorm.ConnPool's.
func (s *statements) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	stmt, err := s.compile(ctx, query) //nolint:sqlclosecheck // likewise
	if err != nil {
		return s.Conn.QueryRowContext(ctx, query, args...) // a Row that holds the same error
	}
	return stmt.QueryRowContext(ctx, args...)
}

func (s *statements) compile(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt, ok := s.compiled[query]; ok {
		return stmt, nil
	}
	if len(s.compiled) == mostStatements { // the few that matter are soon back
		s.forget()
	}
	stmt, err := s.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s.compiled[query] = stmt
	return stmt, nil
}

// forget gives the memory back. What SQLite says of a statement that it ends is the
// error of its last use, which its user has had.
func (s *statements) forget() {
	for _, stmt := range s.compiled {
		_ = stmt.Close()
	}
	clear(s.compiled)
}
