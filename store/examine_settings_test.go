package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

func TestADatabaseThatIsSetUnwiselyIsNamed(t *testing.T) {
	pg := storetest.NewServer(t)
	url := pg.Database(t, "settings")
	s := open(t, url)
	mustBe(t, s.ExamineSettings(t.Context()), core.CheckOK, "200 connections")
	for n := range 10 { // with 21 connections each
		_, _, err := s.BeatServer(t.Context(), core.Server{ID: fmt.Sprint(n), StartedAt: time.Now()}, time.Minute)
		ok(t, err)
	}
	c := s.ExamineSettings(t.Context())
	mustBe(t, c, core.CheckWarning, "max_connections is 200, and servers: 10, with 21 each, may want 213")
	if !strings.Contains(c.Fix, "max_connections = 266 or more") {
		t.Error(c.Fix)
	}
	ok(t, s.Close())
	s = open(t, url+"&default_query_exec_mode=cache_describe")
	mustBe(t, s.ExamineSettings(t.Context()), core.CheckOK, "the pooler's business")
	ok(t, s.Close())
	execute(t, url, "ALTER DATABASE settings SET synchronous_commit = off")
	s = open(t, url)
	mustBe(t, s.ExamineSettings(t.Context()), core.CheckWarning, "synchronous_commit is off")
	mustBe(t, open(t, storetest.Postgres(t)).ExamineSettings(t.Context()), core.CheckWarning, "fsync is off") // that of the other tests
	mustBe(t, open(t, storetest.SQLite(t)).ExamineSettings(t.Context()), core.CheckSkipped, "SQLite")
}
