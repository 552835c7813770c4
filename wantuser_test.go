package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRootWritesIntoNoOtherUsersDataFolder: the server could not start on what root left
// there. Where the lock is root's, root runs the server, whoever has the folder.
func TestRootWritesIntoNoOtherUsersDataFolder(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: ONLY ROOT CAN GIVE A FOLDER TO ANOTHER USER")
	}
	t.Parallel()
	p := newProgram(t, "", nil)
	for name, of := range map[string]struct{ folder, lock int }{
		"before the first start": {64001, -1}, "without a folder": {64001, -1}, "in a folder of root": {0, 64001},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if of.lock >= 0 {
				lock := filepath.Join(dir, "lock")
				if err := writeFile(lock); err != nil {
					t.Fatal(err)
				}
				if err := os.Chown(lock, of.lock, -1); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chown(dir, of.folder, -1); err != nil {
				t.Fatal(err)
			}
			before := namesIn(t, dir)
			at := dir
			if name == "without a folder" {
				at = filepath.Join(dir, "oore", "data")
			}
			a := p.command([]string{"OORE_DATA_DIR=" + at}, "setup", "--admin", "ada@example.com")
			if a.code != exitFailed || !strings.Contains(a.stderr, "systemd-run --uid=64001") || namesIn(t, dir) != before {
				t.Errorf("%+v; there is %s", a, namesIn(t, dir))
			}
		})
	}
}

func namesIn(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}
