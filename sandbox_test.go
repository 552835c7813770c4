package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestWhatTheSandboxHides(t *testing.T) {
	t.Chdir("/")
	t.Setenv("HOME", t.TempDir())
	for _, c := range []struct {
		name    string
		environ []string
		want    []string
	}{
		{"artifacts outside of the data folder", []string{"OORE_DATABASE_URL=postgres://db/oore"}, []string{"/srv/blobs"}},
		{"the files of settings", []string{"OORE_DATABASE_URL=postgres://db/oore", "OORE_PUBLIC_URL_FILE=dev/null"}, []string{"/dev/null", "/srv/blobs"}},
		{"a database", []string{"OORE_DATABASE_URL=sqlite:srv/db"}, []string{"/srv/blobs", "/srv/db", "/srv/db-wal", "/srv/db-shm", "/srv/db-journal"}},
		{"a database given as a path", []string{"OORE_DATABASE_URL=/srv/db"}, []string{"/srv/blobs", "/srv/db", "/srv/db-wal", "/srv/db-shm", "/srv/db-journal"}},
	} {
		config, err := load(append(c.environ, "OORE_DATA_DIR=/srv/oore", "OORE_BLOB_URL=/srv/blobs", "OORE_SANDBOX=on", "OORE_SANDBOX_WRITABLE=/srv/cache/:/opt/sdk"))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		o := config.sandbox()
		if o == nil || !slices.Equal(o.Hidden, c.want) || !slices.Equal(o.Writable, []string{filepath.Clean("/srv/cache"), "/opt/sdk"}) {
			t.Errorf("%s: %+v, want %q hidden", c.name, o, c.want)
		}
	}
	neighbor := defaults().DataDir + "-runner"
	if err := os.MkdirAll(neighbor, 0o700); err != nil {
		t.Fatal(err)
	}
	config, err := load([]string{"OORE_DATA_DIR=/srv/oore", "OORE_SANDBOX=on"})
	if err != nil || !slices.Contains(config.sandbox().Hidden, neighbor) {
		t.Errorf("the folder of a runner beside the server is not hidden: %+v, %v", config, err)
	}
	if config, err := load([]string{"OORE_SANDBOX=off"}); err != nil || config.sandbox() != nil {
		t.Errorf("switched off: %+v, %v", config.sandbox(), err)
	}
}
