package store

import (
	"database/sql"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// outdated tells whether PostgreSQL had planned the statement for the columns of before: a
// newer server has changed the schema meanwhile. The connection has forgotten the plan now.
// Behind PgBouncer there is no plan, and pgx remembers the columns alone.
func outdated(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "0A000" && strings.Contains(pg.Message, "cached plan") ||
		pg.Code == "08P01" && strings.Contains(pg.Message, "result formats"))
}

// replanned asks again where the answer was an outdated plan: each connection of a pool may
// have one. In a transaction that is of no use; the whole of it starts again.
func (c conn) replanned(ask func() (*sql.Rows, error)) (rows *sql.Rows, err error) {
	pool, ok := c.ConnPool.(*sql.DB)
	for tries := 0; ; tries++ {
		if rows, err = ask(); !ok || !outdated(err) || tries > pool.Stats().MaxOpenConnections {
			return rows, err
		}
	}
}
