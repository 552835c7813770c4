package store_test

import (
	"database/sql"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/storetest"
)

// execute changes a database behind the store's back.
func execute(tb testing.TB, url, statement string) {
	tb.Helper()
	driver, address := "pgx", url
	if path, lite := strings.CutPrefix(url, "sqlite:"); lite {
		driver, address = "sqlite", path
	}
	db, err := sql.Open(driver, address)
	ok(tb, err)
	defer func() { ok(tb, db.Close()) }()
	_, err = db.Exec(statement)
	ok(tb, err)
}

func reopen(tb testing.TB, url string) error {
	tb.Helper()
	s, err := store.Open(tb.Context(), url, store.Options{})
	if err == nil {
		ok(tb, s.Close())
	}
	return err
}

func TestOpeningAgainChangesNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h := furnish(t, url)
		ok(t, h.Ready(t.Context()))
		again := open(t, url)
		found, err := again.FindProject(t.Context(), h.project.ID)
		ok(t, err)
		equal(t, found, h.project)
	})
}

func TestManyProcessesMigrateAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		ok(t, inParallel(6, func(int) error { return reopen(t, url) }))
	})
}

func TestNewerSchemaIsRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s := open(t, url)
		execute(t, url, "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES (9999, 'future', '', 0)")
		err := reopen(t, url)
		refused(t, err, core.KindConflict, "conflict")
		if !strings.Contains(err.Error(), "newer version of Oore") {
			t.Fatalf("the message does not say why: %v", err)
		}
		refused(t, s.Ready(t.Context()), core.KindUnavailable, core.CodeUnavailable)
	})
}

func lastMigration(tb testing.TB) int {
	tb.Helper()
	files, err := filepath.Glob("migrations/*.sqlite.sql")
	ok(tb, err)
	number, err := strconv.Atoi(filepath.Base(files[len(files)-1])[:4])
	ok(tb, err)
	return number
}

// A newer program's migration that says so leaves this one at work: servers are upgraded
// one after another, and may go back.
func TestANewerSchemaThatOnlyAddsIsTaken(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h := furnish(t, url)
		known := lastMigration(t)
		execute(t, url, "ALTER TABLE builds ADD COLUMN later TEXT NOT NULL DEFAULT 'x'")
		execute(t, url, "CREATE TABLE later (id TEXT NOT NULL PRIMARY KEY)")
		execute(t, url, fmt.Sprintf("INSERT INTO schema_migrations (version, name, checksum, applied_at, oldest) VALUES (9998, 'later', '', 0, %d)", known))
		ok(t, h.Ready(t.Context()))
		ok(t, reopen(t, url))
		h.queue(t, h.newBuild())
		equal(t, h.claim(t, "lease").Status, core.BuildAssigned)
		mustBe(t, h.Examine(t.Context()), core.CheckOK, ", schema ")

		execute(t, url, fmt.Sprintf("UPDATE schema_migrations SET oldest = %d WHERE version = 9998", known+1))
		refused(t, reopen(t, url), core.KindConflict, "conflict")
		refused(t, h.Ready(t.Context()), core.KindUnavailable, core.CodeUnavailable)
	})
}

func TestChangedMigrationIsRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		open(t, url)
		execute(t, url, "UPDATE schema_migrations SET checksum = 'other' WHERE version = 1")
		refused(t, reopen(t, url), core.KindConflict, "conflict")
	})
}

func TestAddresses(t *testing.T) {
	dir := t.TempDir()
	for _, url := range []string{
		filepath.Join(dir, "plain.db"), "sqlite:" + filepath.Join(dir, "a b?c#d%41.db"), "sqlite://" + filepath.Join(dir, "slashes.db"),
	} {
		ok(t, reopen(t, url))
	}
	for _, name := range []string{"plain.db", "a b?c#d%41.db", "slashes.db"} {
		info, err := os.Stat(filepath.Join(dir, name))
		ok(t, err)
		equal(t, info.Mode().Perm(), os.FileMode(0o600))
	}
	for url, kind := range map[string]core.Kind{
		"":                                    core.KindInvalid,
		"sqlite::memory:":                     core.KindInvalid,
		"mysql://root@localhost/oore":         core.KindInvalid,
		"postgres://:x:y":                     core.KindInvalid,
		filepath.Join(dir, "no", "where"):     core.KindUnavailable,
		"postgres://nobody@/none?host=" + dir: core.KindUnavailable,
	} {
		if err := reopen(t, url); core.KindOf(err) != kind {
			t.Errorf("%q: %v has kind %d, want %d", url, err, core.KindOf(err), kind)
		}
	}
}

// A server that takes connections and says nothing must not hold up the start.
func TestSilentServerIsUnavailable(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	defer func() { ok(t, listener.Close()) }()
	err = reopen(t, "postgres://nobody@"+listener.Addr().String()+"/none?connect_timeout=1&sslmode=disable")
	refused(t, err, core.KindUnavailable, core.CodeUnavailable)
}

func TestFileThatIsNoDatabaseIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "oore.db")
	ok(t, os.WriteFile(path, []byte(strings.Repeat("no database at all\n", 500)), 0o600))
	before, err := os.ReadFile(path)
	ok(t, err)
	if err := reopen(t, path); err == nil || !strings.Contains(err.Error(), "not a database") {
		t.Fatalf("got %v", err)
	}
	after, err := os.ReadFile(path)
	ok(t, err)
	equal(t, after, before)
}
