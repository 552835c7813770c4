package store_test

import (
	"database/sql"
	"net"
	"os"
	"path/filepath"
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
