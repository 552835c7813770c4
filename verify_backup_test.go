package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/oore-ci/oore/store/backup"
)

// TestABackupIsVerifiedBesideEverything: a backup is checked on a machine that has only
// the file, and nothing else is touched.
func TestABackupIsVerifiedBesideEverything(t *testing.T) {
	t.Parallel() // the log is archived by and by
	onBoth(t, func(t *testing.T, database string) {
		t.Parallel()
		data := sealedBackup(t, database, true)
		fresh := newProgram(t, "", nil)
		data = edited(t, data, nil) // as it is: the edits below change nothing else
		a, touched := verifiedFile(t, fresh, data)
		if a.code != 0 || strings.Contains(a.stdout, "BROKEN") || !strings.Contains(a.stdout, "ok           key") || touched {
			t.Errorf("%+v, the data folder touched: %t", a, touched)
		}
		for _, c := range []struct {
			name string
			edit edit
			says string
		}{
			{"a lease of an ended build", edit{table: "builds", column: "lease_token", to: "x"}, "BROKEN       I4"},
			{"a plain credential", edit{table: "credentials", column: "hash", to: "oore_secret"}, "BROKEN       I10"},
			{"another seal", edit{table: "secrets", column: "sealed", to: []byte("v1:00000000:none")}, "secrets/"},
			{"no log", edit{withoutBlobs: true}, "is missing"},
		} {
			if a, touched := verifiedFile(t, fresh, edited(t, data, &c.edit)); a.code != exitFailed || !strings.Contains(a.stdout, c.says) || touched {
				t.Errorf("%s: %+v, want %q; touched: %t", c.name, a, c.says, touched)
			}
		}
	})
}

func TestABackupThatCannotBeTrustedIsNotVerified(t *testing.T) {
	data := sealedBackup(t, "", false)
	fresh := newProgram(t, "", nil)
	flipped := slices.Clone(data)
	flipped[len(flipped)/2] ^= 1
	other := "OORE_ENCRYPTION_KEY=" + strings.Repeat("A", 43) + "="
	for _, c := range []struct {
		name string
		file []byte
		env  string
		says string
	}{
		{"flipped", flipped, "", "it is damaged: its SHA-256 is"},
		{"short", data[:len(data)-100], "", "it is cut short"},
		{"newer", newerBackup(t, data), "", "made by a newer version of Oore (schema 9999"},
		{"wrong key", data, other, "the encryption key given is"},
	} {
		if a, touched := verifiedFile(t, fresh, c.file, c.env); a.code != exitFailed || !strings.Contains(a.stderr, c.says) || touched {
			t.Errorf("%s: %+v, want %q; touched: %t", c.name, a, c.says, touched)
		}
	}
	keyless := edited(t, data, &edit{withoutKey: true})
	if a, _ := verifiedFile(t, fresh, keyless); a.code != 0 || !strings.Contains(a.stdout, "not checked  key") {
		t.Errorf("without a key: %+v", a)
	}
	if a, _ := verifiedFile(t, fresh, keyless, other); a.code != exitFailed || !strings.Contains(a.stderr, "the encryption key given is") {
		t.Errorf("with another: %+v", a)
	}
}

// sealedBackup is of a server that has a secret, a build and, where it is wanted, its log
// in the blob store.
func sealedBackup(t *testing.T, database string, archived bool) []byte {
	t.Helper()
	p := newProgram(t, database, nil).start()
	_, project, pipeline := p.shopWith(t, `echo kept`)
	p.must("PUT", "/v1/projects/"+project.ID+"/secrets/TOKEN", map[string]any{"value": "s3cret-value"}, nil)
	if build := p.runs(project, pipeline, "succeeded"); archived {
		p.logObject(t, database, build.ID)
	}
	p.must("POST", "/v1/api-tokens", map[string]any{"name": "laptop"}, nil)
	p.stop()
	file := filepath.Join(t.TempDir(), "backup")
	if a := p.command(nil, "backup", file); a.code != 0 {
		t.Fatalf("%+v", a)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// verifiedFile runs `oore verify FILE` where no server has been, and tells whether it left
// anything behind.
func verifiedFile(t *testing.T, p *program, data []byte, env ...string) (a answer, touched bool) {
	t.Helper()
	file, fresh, temp := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "data"), t.TempDir()
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	a = p.command(append(env, "OORE_DATABASE_URL=", "OORE_DATA_DIR="+fresh, "TMPDIR="+temp), "verify", file)
	_, err := os.Lstat(fresh)
	left, _ := os.ReadDir(temp)
	return a, err == nil || len(left) > 0
}

// edit is a change that somebody makes to a backup.
type edit struct {
	table, column string // set in every row
	to            any
	withoutBlobs  bool
	withoutKey    bool
}

// edited is a backup written anew, whose SHA-256 is right.
func edited(t *testing.T, data []byte, e *edit) []byte {
	t.Helper()
	if e == nil {
		e = &edit{}
	}
	b, err := backup.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if e.withoutKey {
		b.Header.Key = nil
	}
	var file bytes.Buffer
	w, err := backup.NewWriter(&file, b.Header)
	if err != nil {
		t.Fatal(err)
	}
	err = b.Read(backup.Contents{
		Row: func(table string, columns []string, row []any) error {
			if n := slices.Index(columns, e.column); table == e.table && n >= 0 {
				row[n] = e.to
			}
			return w.Row(table, columns, row)
		},
		Blob: func(sum string, size int64, r io.Reader) error {
			if e.withoutBlobs {
				return nil
			}
			return w.Blob(sum, size, r)
		},
	})
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}
