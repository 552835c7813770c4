// Package storetest gives tests real databases: SQLite files and a PostgreSQL that
// it starts from the installed binaries.
package storetest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/stdlib"
)

// Each runs f once with an SQLite database and once with a PostgreSQL one.
func Each(t *testing.T, f func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { f(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { f(t, Postgres(t)) })
}

// Prepare lets SQLite and Postgres return databases that migrate has been given once,
// since that takes most of a short test's time. Call it in TestMain.
func Prepare(migrate func(url string) error) { prepare = migrate }

var prepare func(url string) error // nil: databases are empty

// SQLite returns the address of a database that goes with the test. Unless there is
// Prepare, it does not exist yet.
func SQLite(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "oore.db")
	if prepare == nil {
		return "sqlite:" + path
	}
	data, err := preparedFile()
	if err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return "sqlite:" + path
}

var preparedFile = sync.OnceValues(func() ([]byte, error) { return MigratedFile(prepare) })

// MigratedFile is the content of an SQLite file that migrate has been given.
func MigratedFile(migrate func(url string) error) ([]byte, error) {
	dir, err := os.MkdirTemp("", "oore-prepared-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "oore.db")
	if err := migrate("sqlite:" + path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

const preparedName = "oore_prepared"

// preparedDatabase is on the process's server.
var preparedDatabase = sync.OnceValue(func() error {
	server, err := shared()
	if err != nil {
		return err
	}
	if err := execute(server.URL("postgres"), "CREATE DATABASE "+preparedName); err != nil {
		return err
	}
	return prepare(server.URL(preparedName))
})

// Postgres returns the address of a database that goes with the test, empty unless there is Prepare: on the
// server that OORE_TEST_DATABASE_URL names, else on one that this process shares and
// that ends with it. Without an installed PostgreSQL the test fails.
func Postgres(tb testing.TB) string {
	tb.Helper()
	if address := os.Getenv("OORE_TEST_DATABASE_URL"); address != "" {
		return newDatabase(tb, address, "")
	}
	server, err := shared()
	if err != nil {
		tb.Fatal(err)
	}
	if prepare == nil {
		return newDatabase(tb, server.URL("postgres"), "")
	}
	if err := preparedDatabase(); err != nil {
		tb.Fatal(err)
	}
	return newDatabase(tb, server.URL("postgres"), " TEMPLATE "+preparedName)
}

// shared is the process's server. Its watchdog ends it when the process is gone.
var shared = sync.OnceValues(func() (*Server, error) {
	s, err := create()
	if err != nil {
		return nil, err
	}
	s.volatile = true
	return s, s.start()
})

// newDatabase makes a database on the server at address and drops it after the test.
func newDatabase(tb testing.TB, address, like string) string {
	tb.Helper()
	u, err := url.Parse(address)
	if err != nil {
		tb.Fatalf("OORE_TEST_DATABASE_URL is no address: %v", err)
	}
	name := "oore_" + strings.ToLower(rand.Text()[:12])
	if err := execute(address, "CREATE DATABASE "+name+like); err != nil {
		tb.Fatalf("create a test database: %v", err)
	}
	tb.Cleanup(func() {
		if err := execute(address, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			tb.Logf("drop the test database: %v", err)
		}
	})
	u.Path = "/" + name
	return u.String()
}

func execute(address, statement string) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	db, err := sql.Open("pgx", address)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = db.ExecContext(ctx, statement)
	return err
}

var _ = stdlib.GetDefaultDriver // registers "pgx"
