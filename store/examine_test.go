package store_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/storetest"
)

func mustBe(t *testing.T, c core.Check, state core.CheckState, value string) {
	t.Helper()
	if c.State != state || !strings.Contains(c.Value, value) || (c.State == core.CheckFailed || c.State == core.CheckWarning) && c.Fix == "" {
		t.Errorf("%+v, want %s with %q", c, state, value)
	}
}

func TestHowADatabaseIs(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		database := "SQLite 3"
		if !strings.HasPrefix(url, "sqlite:") {
			database = "PostgreSQL "
		}
		migrateTo(t, url, 3)
		mustBe(t, store.Examine(t.Context(), url), core.CheckWarning, database)
		mustBe(t, store.Examine(t.Context(), url), core.CheckWarning, "schema 3; migrations up to")
		s := open(t, url)
		mustBe(t, s.Examine(t.Context()), core.CheckOK, ", schema ")
		execute(t, url, "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES (9000, 'x', 'x', 0)")
		mustBe(t, s.Examine(t.Context()), core.CheckFailed, "of a newer Oore (schema 9000")
	})
}

func TestADatabaseThatIsNone(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "oore.db")
	mustBe(t, store.Examine(t.Context(), "sqlite:"+path), core.CheckSkipped, "there is none yet")
	if _, err := os.Stat(path); err == nil {
		t.Error("it was made by looking")
	}
	ok(t, os.WriteFile(path, nil, 0o600))
	mustBe(t, store.Examine(t.Context(), "sqlite:"+path), core.CheckWarning, "schema 0")
	ok(t, os.WriteFile(path, []byte(strings.Repeat("no database", 1000)), 0o600))
	mustBe(t, store.Examine(t.Context(), "sqlite:"+path), core.CheckFailed, "not a database")
	mustBe(t, store.Examine(t.Context(), "postgres://oore:hush@127.0.0.1:1/oore"), core.CheckFailed, "refused")
	if c := store.Examine(t.Context(), "postgres://oore:hush@127.0.0.1:1/oore"); strings.Contains(c.Value+c.Fix, "hush") {
		t.Errorf("the password is shown: %+v", c)
	}
}

func TestADamagedDatabaseIsFound(t *testing.T) {
	url := storetest.SQLite(t)
	h := furnish(t, url)
	for range 50 {
		ok(t, h.CreateProject(t.Context(), newProject(h.project.Repository, newID("slug"))))
	}
	ok(t, h.Close())
	path := strings.TrimPrefix(url, "sqlite:")
	data, err := os.ReadFile(path)
	ok(t, err)
	for page := range len(data) / 4096 {
		if page := data[page*4096:][:4096]; page[0] == 0x0d && bytes.Contains(page, []byte("The slug-")) { // a leaf with projects
			copy(page[8:], "\xff\xff\xff\xff") // where the first of them are
		}
	}
	ok(t, os.WriteFile(path, data, 0o600))
	mustBe(t, store.Examine(t.Context(), url), core.CheckFailed, "damaged")
}
