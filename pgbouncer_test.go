package main

import (
	"strings"
	"testing"

	"github.com/oore-ci/oore/store/storetest"
)

// TestAServerWorksBehindPgBouncer in transaction mode, and its key is neither renewed
// beside it nor held after it was killed.
func TestAServerWorksBehindPgBouncer(t *testing.T) {
	t.Parallel()
	p := newProgram(t, storetest.PgBouncer(t, storetest.Postgres(t)), nil).start()
	_, project, pipeline := p.shopWith(t, "echo through the pool")
	b := p.runs(project, pipeline, "succeeded")
	if log := p.rawLog(b.ID); !strings.Contains(log, "through the pool") {
		t.Errorf("the log is %q", log)
	}
	elsewhere := "OORE_DATA_DIR=" + t.TempDir()
	key := "OORE_ENCRYPTION_KEY=" + strings.Repeat("A", 43) + "="
	for range 3 {
		if a := p.command([]string{elsewhere, key}, "secrets", "rotate-key"); a.code != exitFailed || !strings.Contains(a.stderr, "another server uses this database") {
			t.Errorf("beside the server: %+v", a)
		}
	}
	p.kill()
	eventually(t, "the key can be renewed once the server is gone", func() bool { return p.command(nil, "secrets", "rotate-key").code == 0 })
	p.start()
}
