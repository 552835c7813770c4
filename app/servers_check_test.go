package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

func serversCheck(t *testing.T, a *app.App) core.Check {
	t.Helper()
	for _, p := range a.Probes(t.Context()) {
		if p.Name == "servers" {
			return p.Look(t.Context())
		}
	}
	t.Fatal("nobody looks at the servers")
	return core.Check{}
}

func TestServersThatDifferAreNamed(t *testing.T) {
	h := newHouse(t)
	if c := serversCheck(t, h.App); c.State != core.CheckSkipped {
		t.Errorf("SQLite has one server: %+v", c)
	}
	database := storetest.Postgres(t)
	same := core.Server{KeyID: "k", Blobs: "bucket", PublicURL: "https://ci", Sources: "x", Version: "v1"}
	first, second := same, same
	first.ID, first.Name, second.ID, second.Name, second.StartedAt = "1", "one", "2", "two", time.Now().Add(time.Hour)
	a, way := newServer(t, database, first)
	if err := a.Join(t.Context()); err != nil {
		t.Fatal(err)
	}
	beat := func(change func(*core.Server)) core.Check {
		s := second
		change(&s)
		if _, _, err := way.BeatServer(t.Context(), s, 0); err != nil {
			t.Fatal(err)
		}
		return serversCheck(t, a)
	}
	for name, want := range map[string]struct {
		change func(*core.Server)
		state  core.CheckState
		says   string
	}{
		"nothing": {func(*core.Server) {}, core.CheckOK, "2 on this database: one, two"},
		"key":     {func(s *core.Server) { s.KeyID = "other" }, core.CheckFailed, "encryption keys"},
		"blobs":   {func(s *core.Server) { s.Blobs = "folder" }, core.CheckFailed, "different places"},
		"address": {func(s *core.Server) { s.PublicURL = "http://127.0.0.1" }, core.CheckWarning, "public addresses"},
		"sources": {func(s *core.Server) { s.Sources = "" }, core.CheckWarning, "different forges"},
		"version": {func(s *core.Server) { s.Version = "v2" }, core.CheckWarning, "version v1, two is v2"},
	} {
		if c := beat(want.change); c.State != want.state || !strings.Contains(c.Value, want.says) {
			t.Errorf("%s: %+v, want %s with %q", name, c, want.state, want.says)
		}
	}
}
