package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oore-ci/oore/store/backup"
)

const anotherKey = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

// TestAKeyThatOpensNothingIsFoundBeforeItIsKept: a backup with a wrong key was made, and
// restored into a server that did not start; doctor found nothing; and a start that was
// refused left a new key in the place of the lost one.
func TestAKeyThatOpensNothingIsFoundBeforeItIsKept(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		p, _ := sealedHouse(t, database, 1)
		dir := t.TempDir()
		whole, none := filepath.Join(dir, "whole"), filepath.Join(dir, "none")
		if a := p.command(nil, "backup", whole); a.code != 0 {
			t.Fatalf("%+v", a)
		}
		if a := p.command(nil, "doctor"); strings.Contains(a.stdout, "opens nothing") {
			t.Errorf("the right key: %+v", a)
		}
		refused := func(env ...string) {
			t.Helper()
			if a := p.command(env, "backup", none); a.code != exitFailed || !strings.Contains(a.stderr, "opens nothing of what is stored") {
				t.Errorf("backup: %+v", a)
			}
			if _, err := os.Lstat(none); !os.IsNotExist(err) {
				t.Fatalf("a file was made: %v", err)
			}
			if a := p.command(env, "doctor"); a.code != exitFailed || !strings.Contains(a.stdout, "opens nothing of what is stored") {
				t.Errorf("doctor: %+v", a)
			}
			if a := p.command(env, "serve"); a.code != exitFailed || !strings.Contains(a.stderr, "opens nothing of what is stored") {
				t.Errorf("serve: %+v", a)
			}
		}
		refused("OORE_ENCRYPTION_KEY=" + anotherKey)
		right, err := os.ReadFile(keyFile(p.dataDir()))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(keyFile(p.dataDir()), []byte(anotherKey), 0o600); err != nil {
			t.Fatal(err)
		}
		refused()
		if err := os.Chmod(keyFile(p.dataDir()), 0o644); err != nil { // as cp leaves it
			t.Fatal(err)
		}
		refused()
		if err := os.Remove(keyFile(p.dataDir())); err != nil {
			t.Fatal(err)
		}
		if a := p.command(nil, "doctor"); a.code != exitFailed || !strings.Contains(a.stdout, "encryption.key is missing") {
			t.Errorf("doctor without a key: %+v", a)
		}
		for _, command := range []string{"serve", "setup"} {
			if a := p.command(nil, command); a.code != exitFailed || !strings.Contains(a.stderr, "opens nothing of what is stored") {
				t.Errorf("%s without a key: %+v", command, a)
			}
			if isThere(keyFile(p.dataDir())) {
				t.Fatalf("%s that was refused left a new key", command)
			}
		}

		wrong := filepath.Join(dir, "wrong")
		data, err := os.ReadFile(whole)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(wrong, keyedBackup(t, data, make([]byte, 32)), 0o600); err != nil {
			t.Fatal(err)
		}
		fresh := newProgram(t, "", nil)
		if a := fresh.command(nil, "restore", wrong); a.code != exitFailed || !strings.Contains(a.stderr, "opens nothing of what is sealed in it") {
			t.Errorf("restore: %+v", a)
		}
		if isThere(keyFile(fresh.dataDir())) {
			t.Error("a restore that was refused left its key")
		}
		if a := fresh.command(nil, "restore", whole); a.code != 0 || keyText(t, fresh) != string(right) {
			t.Errorf("%+v", a)
		}
	})
}

// keyedBackup is the same with another key, as versions made it that did not look.
func keyedBackup(t *testing.T, data, key []byte) []byte {
	t.Helper()
	b, err := backup.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	b.Header.Key = key
	if b.Header.KeyID, err = keyID(key); err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	w, err := backup.NewWriter(&file, b.Header)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Read(backup.Contents{Row: w.Row, Blob: w.Blob}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func keyText(t *testing.T, p *program) string {
	t.Helper()
	data, err := os.ReadFile(keyFile(p.dataDir()))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
