package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"sync"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// letGoTime bounds the last word to the database.
const letGoTime = time.Second

// KeyHold is a hold on the encryption key of a database: servers share it, and who renews
// the key has it alone. It is a transaction that stays open, since a pooler as PgBouncer
// gives the connection to others between transactions. It ends with its connection, so with
// the process at the latest. It is safe for concurrent use.
type KeyHold struct {
	db    *sql.DB
	begin string
	keep  string
	query string // empty: one process alone opens the database

	mu   sync.Mutex
	conn *sql.Conn
}

// HoldKey holds the key, alone or with others. KindConflict: others hold it, alone or at
// all.
func (s *Store) HoldKey(ctx context.Context, alone bool) (*KeyHold, error) {
	h := &KeyHold{db: s.db.reader, begin: s.db.dialect.beginHold, keep: s.db.dialect.keepHold, query: s.db.dialect.holdKey}
	if alone {
		h.query = s.db.dialect.holdKeyAlone
	}
	if h.query == "" {
		return h, nil
	}
	return h, h.take(ctx)
}

func (h *KeyHold) take(ctx context.Context) error {
	conn, err := h.db.Conn(ctx)
	if err != nil {
		return failed(err, "hold the encryption key")
	}
	var held bool
	if _, err = conn.ExecContext(ctx, h.begin); err == nil {
		err = conn.QueryRowContext(ctx, h.query).Scan(&held)
	}
	if err == nil && held {
		_, err = conn.ExecContext(ctx, h.keep)
	}
	if err == nil && held {
		h.conn = conn
		return nil
	}
	end(conn)
	if err != nil {
		return failed(err, "hold the encryption key")
	}
	return core.Errorf(core.KindConflict, "Another Oore holds the encryption key of this database")
}

// Renew takes the hold again if its connection was lost, and tells whether it was: who
// renews the key may have been there meanwhile. KindConflict: they are there now.
func (h *KeyHold) Renew(ctx context.Context) (lost bool, err error) {
	if h.query == "" {
		return false, nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.conn != nil {
		if err := h.conn.PingContext(ctx); err == nil || ctx.Err() != nil {
			return false, ctx.Err()
		}
		_ = h.conn.Close() // it is lost
		h.conn = nil
	}
	return true, h.take(ctx)
}

// end ends the transaction and the connection, so that the pool does not keep it with a
// hold that it could not let go of.
func end(conn *sql.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), letGoTime)
	defer cancel()
	_, _ = conn.ExecContext(ctx, "ROLLBACK") // the end of the connection does it too, a moment later
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = conn.Close()
}

// Close lets go; nothing to let go of is no error.
func (h *KeyHold) Close() {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.conn == nil {
		return
	}
	end(h.conn)
	h.conn = nil
}
