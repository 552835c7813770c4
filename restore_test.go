package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/oore-ci/oore/store/backup"
	"github.com/oore-ci/oore/store/storetest"
)

func TestABackupThatCannotBeTrustedIsRefused(t *testing.T) {
	p := newProgram(t, "", nil).start()
	p.stop()
	dir := t.TempDir()
	whole, keyless := filepath.Join(dir, "whole"), filepath.Join(dir, "keyless")
	if a := p.command(nil, "backup", whole); a.code != 0 {
		t.Fatalf("%+v", a)
	}
	if a := p.command(nil, "backup", "--without-key", keyless); a.code != 0 || !strings.Contains(a.stdout, "without the encryption key") {
		t.Fatalf("%+v", a)
	}
	data, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(environment(p.env).lookup("OORE_DATA_DIR"), "encryption.key"))
	if err != nil {
		t.Fatal(err)
	}
	if hidden, err := os.ReadFile(keyless); err != nil || bytes.Contains(hidden, bytes.TrimSpace(key)) || !bytes.Contains(data, bytes.TrimSpace(key)) {
		t.Errorf("the key is in the wrong backup: %v", err)
	}
	flipped := slices.Clone(data)
	flipped[len(flipped)/2] ^= 4
	other := "OORE_ENCRYPTION_KEY=" + strings.Repeat("A", 43) + "="
	for _, c := range []struct {
		name string
		file []byte
		env  string
		says string
	}{
		{"flipped", flipped, "", "it is damaged: its SHA-256 is"},
		{"short", data[:len(data)-100], "", "it is cut short"},
		{"none", []byte(strings.Repeat("SQLite format 3\x00", 100)), "", "it is no backup of Oore"},
		{"newer", newerBackup(t, data), "", "made by a newer version of Oore (schema 9999"},
		{"wrong key", data, other, "the encryption key given is"},
		{"no key", nil, "", "without its encryption key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path, fresh := keyless, filepath.Join(t.TempDir(), "data")
			if c.file != nil {
				path = filepath.Join(t.TempDir(), "backup")
				if err := os.WriteFile(path, c.file, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			a := p.command([]string{"OORE_DATA_DIR=" + fresh, c.env}, "restore", path)
			if a.code != exitFailed || !strings.Contains(a.stderr, c.says) {
				t.Errorf("%+v, want %q", a, c.says)
			}
			left, err := os.ReadDir(fresh)
			if err == nil && slices.ContainsFunc(left, func(e os.DirEntry) bool { return e.Name() != "lock" }) {
				t.Errorf("left over: %v", left)
			}
		})
	}
	if a := p.command(nil, "restore", whole); a.code != exitFailed || !strings.Contains(a.stderr, "is not empty") {
		t.Errorf("over the server that was backed up: %+v", a)
	}
	fresh := "OORE_DATA_DIR=" + filepath.Join(t.TempDir(), "data")
	if a := p.command([]string{fresh, "OORE_ENCRYPTION_KEY=" + string(bytes.TrimSpace(key))}, "restore", keyless); a.code != 0 {
		t.Errorf("with the key: %+v", a)
	}
	if a := p.command([]string{fresh, "OORE_ENCRYPTION_KEY=" + string(bytes.TrimSpace(key))}, "verify"); a.code != 0 {
		t.Errorf("%+v", a)
	}
}

// newerBackup is the same with one migration more.
func newerBackup(t *testing.T, data []byte) []byte {
	t.Helper()
	b, err := backup.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	b.Header.Schema, b.Header.Oldest = append(b.Header.Schema, 9999), 9999
	var file bytes.Buffer
	w, err := backup.NewWriter(&file, b.Header)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Read(backup.Contents{Row: w.Row}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// The logs of ended builds lie beside the database, and are in a backup all the same.
func TestABackupHasTheLogsOfEndedBuilds(t *testing.T) {
	t.Parallel()
	p := newProgram(t, "", nil).start()
	_, project, pipeline := p.shopWith(t, `echo kept`)
	id := p.runs(project, pipeline, "succeeded").ID
	p.logObject(t, "", id)
	elsewhere := []string{"OORE_BLOB_URL=" + filepath.Join(t.TempDir(), "none")}
	if a := p.command(elsewhere, "backup", filepath.Join(t.TempDir(), "backup")); a.code != exitFailed || !strings.Contains(a.stderr, "none of the 1 logs") {
		t.Errorf("where no log is: %+v", a)
	}
	log := p.rawLog(id)
	file := filepath.Join(t.TempDir(), "backup")
	if a := p.command(nil, "backup", file); a.code != 0 {
		t.Fatalf("%+v", a)
	}
	p.stop()
	other := newProgram(t, "", nil)
	if a := other.command(nil, "restore", file); a.code != 0 {
		t.Fatalf("%+v", a)
	}
	if a := other.command(nil, "verify", "--blobs"); a.code != 0 {
		t.Errorf("%+v", a)
	}
	if got := other.start().rawLog(id); got != log || !strings.Contains(got, "kept") {
		t.Errorf("the log is %q, and was %q", got, log)
	}
}

// A backup of a database that no server has made, and of none, says so.
func TestThereIsNothingToBackUp(t *testing.T) {
	file := filepath.Join(t.TempDir(), "backup")
	p := newProgram(t, "", nil)
	if a := p.command(nil, "backup", file); a.code != exitFailed || !strings.Contains(a.stderr, "there is no database") {
		t.Errorf("%+v", a)
	}
	p = newProgram(t, storetest.Postgres(t), nil, "OORE_ENCRYPTION_KEY="+strings.Repeat("A", 43)+"=")
	for _, args := range [][]string{{"backup", file}, {"verify"}} {
		if a := p.command(nil, args...); a.code != exitFailed || !strings.Contains(a.stderr, "no server has used it yet") {
			t.Errorf("%+v", a)
		}
	}
	for _, args := range [][]string{{"backup"}, {"restore", "a", "b"}, {"verify", "a", "b"}} {
		if a := p.command(nil, args...); a.code != exitUsage {
			t.Errorf("%v: %+v", args, a)
		}
	}
	if _, err := os.Lstat(file); !os.IsNotExist(err) {
		t.Errorf("a file was made: %v", err)
	}
}
