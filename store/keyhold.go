package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// letGoTime bounds the last word to the database.
const letGoTime = time.Second

// KeyHold is a hold on the encryption key of a database: servers share it, and who renews
// the key has it alone. It ends with its connection, so with the process at the latest. It
// is safe for concurrent use.
type KeyHold struct {
	db    *sql.DB
	query string // empty: one process alone opens the database
	letGo string

	mu   sync.Mutex
	conn *sql.Conn
}

// HoldKey holds the key, alone or with others. KindConflict: others hold it, alone or at
// all.
func (s *Store) HoldKey(ctx context.Context, alone bool) (*KeyHold, error) {
	h := &KeyHold{db: s.db.reader, query: s.db.dialect.holdKey, letGo: s.db.dialect.letKeyGo}
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
	err = conn.QueryRowContext(ctx, h.query).Scan(&held)
	if err == nil && held {
		h.conn = conn
		return nil
	}
	if err = failed(errors.Join(err, conn.Close()), "hold the encryption key"); err != nil {
		return err
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

// Close lets go; nothing to let go of is no error. The connection ends, so that the pool
// does not keep it with a hold that it could not let go of.
func (h *KeyHold) Close() {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), letGoTime)
	defer cancel()
	_, _ = h.conn.ExecContext(ctx, h.letGo) // the end of the connection does it too, a moment later
	_ = h.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = h.conn.Close()
	h.conn = nil
}
