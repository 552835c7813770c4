package store_test

import (
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/storetest"
)

// A standby answers every read.
func TestADatabaseThatTakesNoChangeIsNotReady(t *testing.T) {
	database := storetest.Postgres(t)
	s, err := store.Open(t.Context(), database, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	for range 2 {
		ok(t, s.Ready(t.Context()))
	}
	join := "?"
	if strings.Contains(database, "?") {
		join = "&"
	}
	standby, err := store.OpenUnchanged(t.Context(), database+join+"default_transaction_read_only=on")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { standby.Close() })
	refused(t, standby.Ready(t.Context()), core.KindUnavailable, core.CodeUnavailable)
}
