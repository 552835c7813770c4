package main

import (
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
)

func TestTheLimitOfOpenFilesIsLookedAt(t *testing.T) {
	if c := openFiles(1024, true); c.State != core.CheckWarning || !strings.Contains(c.Value, "1024") || !strings.Contains(c.Fix, "LimitNOFILE") {
		t.Errorf("%+v", c)
	}
	if c := openFiles(leastFiles, false); c.State != core.CheckOK {
		t.Errorf("%+v", c)
	}
	if c := (system{}).checkFiles(t.Context()); !strings.Contains(c.Value, "may be open at once") {
		t.Errorf("%+v", c)
	}
}

func TestADatabaseOnAnotherMachinesDiskIsNamed(t *testing.T) {
	if c := databaseDisk("/mnt/oore.db", "NFS"); c.State != core.CheckWarning || !strings.Contains(c.Value, "/mnt/oore.db is on NFS") || !strings.Contains(c.Fix, "PostgreSQL") {
		t.Errorf("%+v", c)
	}
	at := func(url string) core.Check {
		if _, sqlite := store.SQLitePath(url); sqlite {
			url = strings.Replace(url, "DIR", t.TempDir(), 1)
		}
		return system{cfg: Config{DatabaseURL: url}}.checkDatabaseDisk(t.Context())
	}
	if c := at("sqlite:DIR/oore.db"); c.State == core.CheckSkipped || c.Value == "" {
		t.Errorf("%+v", c)
	}
	if c := at("sqlite:DIR/nowhere/oore.db"); c.State != core.CheckSkipped {
		t.Errorf("%+v", c)
	}
	if c := at("postgres://db/oore"); c.State != core.CheckSkipped {
		t.Errorf("%+v", c)
	}
}
