package store_test

import (
	"fmt"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

// After a step back the database still has what the next version added, and a program could
// not restore the backups that it made itself.
func TestABackupOfANewerSchemaThatLeavesUsAloneIsRestored(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, _ := lived(t, url)
		ours := takeDump(t, h.Store)
		known := lastMigration(t)
		execute(t, url, "CREATE TABLE next (id TEXT NOT NULL PRIMARY KEY)")
		execute(t, url, "INSERT INTO next (id) VALUES ('n')")
		execute(t, url, "ALTER TABLE builds ADD COLUMN next TEXT NOT NULL DEFAULT 'none'")
		execute(t, url, fmt.Sprintf("INSERT INTO schema_migrations (version, name, checksum, applied_at, oldest) VALUES (9998, 'next', '', 0, %d)", known))
		theirs := takeDump(t, open(t, url)) // by a program of its own
		equal(t, theirs.oldest, known)
		for _, to := range []string{storetest.SQLite(t), storetest.Postgres(t)} {
			ok(t, theirs.load(t.Context(), to))
			s := open(t, to)
			clean(t, s)
			equal(t, takeDump(t, s).lasting(), ours.lasting())
		}

		later := open(t, url)
		execute(t, url, "UPDATE schema_migrations SET oldest = 9997 WHERE version = 9998")
		theirs = takeDump(t, later)
		equal(t, theirs.oldest, 9997)
		refused(t, theirs.load(t.Context(), storetest.SQLite(t)), core.KindConflict, "conflict")
		execute(t, url, "UPDATE schema_migrations SET oldest = 0 WHERE version = 9998")
		theirs = takeDump(t, later)
		equal(t, theirs.oldest, 9998)
		refused(t, theirs.load(t.Context(), storetest.SQLite(t)), core.KindConflict, "conflict")
	})
}

// PostgreSQL refuses, once for each connection, what it has planned for the columns of
// before: calls failed on the servers that were not upgraded yet.
func TestAServerDoesNotNoticeThatTheNextOneAddsColumns(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) { addColumns(t, url, url) })
	t.Run("pgbouncer", func(t *testing.T) {
		url := storetest.Postgres(t)
		addColumns(t, url, storetest.PgBouncer(t, url))
	})
}

// addColumns adds them while a server asks by another address.
func addColumns(t *testing.T, url, server string) {
	t.Helper()
	h := furnish(t, server)
	b := h.queue(t, h.newBuild())
	read := func() error {
		_, err := h.FindBuild(t.Context(), b.ID)
		return err
	}
	write := func() error {
		return h.InTx(t.Context(), func(tx core.Store) error {
			_, err := tx.FindBuild(t.Context(), b.ID)
			return err
		})
	}
	for n, call := range []func() error{read, write} {
		var together errgroup.Group
		for range 20 {
			together.Go(call) // on as many connections as there may be
		}
		ok(t, together.Wait())
		execute(t, url, fmt.Sprintf("ALTER TABLE builds ADD COLUMN next%d TEXT NOT NULL DEFAULT 'none'", n))
		for range 20 {
			together.Go(call)
		}
		ok(t, together.Wait())
	}
}
