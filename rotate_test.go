package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/gitlab/gitlabtest"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/storetest"
)

// sealedHouse is an installation with something sealed in every table that has such, and
// has stopped.
func sealedHouse(t *testing.T, database string, secrets int, env ...string) (*program, string) {
	t.Helper()
	gl := gitlabtest.New(t)
	git := gitlabtest.NewGitRepo(t)
	git.Commit("main", workflow(`test "$S_7" = "the value 7"`), "First commit")
	gl.AddProject("acme/lab", true, git.Dir)
	p := newProgram(t, database, nil, append([]string{"OORE_NOTIFY_NETWORKS=127.0.0.1/32"}, env...)...).start()
	p.must("POST", "/v1/integrations/gitlab", body{"web_url": gl.URL(), "token": gl.Token}, nil)
	app := gl.AddApplication(p.url+"/settings/sources/gitlab/callback", "api")
	p.must("POST", "/v1/integrations/gitlab/start", body{"web_url": gl.URL(), "application_id": app.ID, "secret": app.Secret}, nil)
	var project idView
	p.must("POST", "/v1/projects", body{"name": "Lab", "repository": body{"provider": "gitlab", "full_name": "acme/lab"}}, &project)
	p.must("POST", "/v1/projects/"+project.ID+"/notifications", body{"kind": "webhook", "target": "http://127.0.0.1:9/", "secret": "sixteen-letters-of-it"}, nil)
	for i := range secrets {
		p.must("PUT", fmt.Sprintf("/v1/projects/%s/secrets/S_%d", project.ID, i), body{"value": fmt.Sprintf("the value %d", i)}, nil)
	}
	p.stop()
	return p, project.ID
}

// dataDir is where the program's files are.
func (p *program) dataDir() string { return environment(p.env).lookup("OORE_DATA_DIR") }

func (p *program) database() string {
	if url := environment(p.env).lookup("OORE_DATABASE_URL"); url != "" {
		return url
	}
	return "sqlite:" + filepath.Join(p.dataDir(), "oore.db")
}

// sealings counts what is sealed, by the id of the key.
func (p *program) sealings() map[string]int {
	p.t.Helper()
	db, err := store.OpenUnchanged(p.t.Context(), p.database())
	if err != nil {
		p.t.Fatal(err)
	}
	defer db.Close()
	all, err := db.ListSealed(p.t.Context(), "", 10_000)
	if err != nil {
		p.t.Fatal(err)
	}
	count := map[string]int{}
	for _, s := range all {
		count[string(s.Data[3:11])]++
	}
	return count
}

func keyIn(t *testing.T, path string) (key []byte, id string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if key, err = base64.StdEncoding.DecodeString(strings.TrimSpace(string(data))); err != nil {
		t.Fatal(err)
	}
	vault, err := app.NewVault(key)
	if err != nil {
		t.Fatal(err)
	}
	return key, vault.KeyID()
}

// TestTheEncryptionKeyIsRenewed kills the command again and again while it works, and then
// lets it end: all that was sealed opens with the new key, and nothing with the old one.
func TestTheEncryptionKeyIsRenewed(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		p, project := sealedHouse(t, database, 40)
		path, err := binary()
		if err != nil {
			t.Fatal(err)
		}
		_, before := keyIn(t, keyFile(p.dataDir()))
		killed, wait := 0, 20*time.Millisecond // until it is in the midst, which no one knows of a busy machine
		for tries := 0; killed < 3 && tries < 200; tries++ {
			cmd := exec.CommandContext(t.Context(), path, "secrets", "rotate-key")
			cmd.Env = p.env
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(wait)
			_ = cmd.Process.Kill() // it may have ended
			if ended := cmd.Wait(); ended == nil {
				wait -= wait / 8
			} else {
				wait += wait / 5
			}
			if count := p.sealings(); len(count) > 2 {
				t.Fatalf("sealed with three keys: %v", count)
			} else if len(count) == 2 {
				killed++
			}
			if _, err := os.Stat(nextKeyFile(p.dataDir())); err == nil {
				if a := p.command(nil, "serve"); a.code != exitFailed || !strings.Contains(a.stderr, "run `oore secrets rotate-key` again") {
					t.Fatalf("a server starts in the midst of it: %+v", a)
				}
				if a := p.command(nil, "backup", filepath.Join(t.TempDir(), "half")); a.code != exitFailed || !strings.Contains(a.stderr, "run `oore secrets rotate-key` again") {
					t.Fatalf("a backup is made in the midst of it, with the old key alone: %+v", a)
				}
			}
		}
		if a := p.command(nil, "secrets", "rotate-key"); a.code != 0 || !strings.Contains(a.stdout, " sealed with a new key") {
			t.Fatalf("%+v", a)
		}
		_, after := keyIn(t, keyFile(p.dataDir()))
		count := p.sealings()
		if len(count) != 1 || count[after] != 44 || after == before {
			t.Errorf("sealed with %v, want 44 with %s", count, after)
		}
		if _, kept := keyIn(t, keyFile(p.dataDir())+"."+before); kept != before {
			t.Errorf("the old key is kept as %s", kept)
		}
		if killed == 0 {
			t.Error("it was never killed in the midst, so that nothing was gone on with")
		}

		p.start()
		if a := p.command(nil, "secrets", "rotate-key"); a.code != exitFailed || !strings.Contains(a.stderr, "another Oore runs") {
			t.Errorf("beside a server: %+v", a)
		}
		var pipeline idView
		p.must("POST", "/v1/projects/"+project+"/pipelines", body{"name": "Android"}, &pipeline)
		var integrations struct{ Integrations []integrationView }
		p.must("GET", "/v1/integrations", nil, &integrations)
		p.must("POST", "/v1/integrations/"+integrations.Integrations[0].ID+"/sync", nil, nil)
		if got := p.actions("action=key.rotate"); len(got) == 0 {
			t.Error("the audit log does not tell of it")
		}
		p.stop()
		opensAll(t, p)
	})
}

// opensAll opens everything with the installation's key.
func opensAll(t *testing.T, p *program) {
	t.Helper()
	key, _ := keyIn(t, keyFile(p.dataDir()))
	vault, err := app.NewVault(key)
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.OpenUnchanged(t.Context(), p.database())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	all, err := db.ListSealed(t.Context(), "", 10_000)
	if err != nil {
		t.Fatal(err)
	}
	tables := map[string]bool{}
	for _, s := range all {
		plain, err := vault.Open(s.Data, s.Place)
		if err != nil {
			t.Errorf("%s: %v", s.Place, err)
		}
		table, _, _ := strings.Cut(s.Place, "/")
		tables[table] = true
		if _, n, ok := strings.Cut(s.Place, "/S_"); ok && string(plain) != "the value "+n {
			t.Errorf("%s holds %q", s.Place, plain)
		}
	}
	if len(tables) != 5 {
		t.Errorf("only these tables are looked at: %v", tables)
	}
}

func TestAWrongKeyRenewsNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		p, _ := sealedHouse(t, database, 3)
		before := p.sealings()
		wrong := "OORE_ENCRYPTION_KEY=" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
		a := p.command([]string{wrong}, "secrets", "rotate-key")
		if a.code != exitFailed || !strings.Contains(a.stderr, "Nothing was changed") || !strings.Contains(a.stderr, "OORE_ENCRYPTION_KEY") {
			t.Errorf("%+v", a)
		}
		if after := p.sealings(); fmt.Sprint(after) != fmt.Sprint(before) {
			t.Errorf("sealed with %v, and %v afterwards", before, after)
		}
		p.start() // which it would not beside a half-renewed key
		if a := p.command(nil, "secrets", "rotate"); a.code != exitUsage {
			t.Errorf("another word: %+v", a)
		}
	})
}

// A key that the settings give is the operator's to change.
func TestAKeyOfTheSettingsIsHandedOver(t *testing.T) {
	given := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{9}, 32))
	p, _ := sealedHouse(t, "", 3, "OORE_ENCRYPTION_KEY="+given)
	a := p.command(nil, "secrets", "rotate-key")
	if a.code != 0 || !strings.Contains(a.stdout, "Set OORE_ENCRYPTION_KEY to the new key") {
		t.Fatalf("%+v", a)
	}
	if a := p.command(nil, "serve"); a.code != exitFailed || !strings.Contains(a.stderr, "the encryption key was renewed: set OORE_ENCRYPTION_KEY") {
		t.Errorf("a server with the old key: %+v", a)
	}
	key, id := keyIn(t, rotatedKeyFile(p.dataDir()))
	if count := p.sealings(); len(count) != 1 || count[id] != 7 {
		t.Errorf("sealed with %v, want 7 with %s", count, id)
	}
	whole, err := os.ReadFile(rotatedKeyFile(p.dataDir()))
	if err != nil {
		t.Fatal(err)
	}
	for _, broken := range [][]byte{whole[:len(whole)/2], nil} { // once taken for no file at all: a server ran with the old key
		if err := os.WriteFile(rotatedKeyFile(p.dataDir()), broken, 0o600); err != nil {
			t.Fatal(err)
		}
		if a := p.command(nil, "serve"); a.code != exitFailed || !strings.Contains(a.stderr, "the new one cannot be read") {
			t.Errorf("a server beside a new key that is cut to %d bytes: %+v", len(broken), a)
		}
	}
	if err := os.WriteFile(rotatedKeyFile(p.dataDir()), whole, 0o600); err != nil {
		t.Fatal(err)
	}
	p.env = append(p.env, "OORE_ENCRYPTION_KEY="+base64.StdEncoding.EncodeToString(key))
	p.start()
	var integrations struct{ Integrations []integrationView }
	p.must("GET", "/v1/integrations", nil, &integrations)
	if status := p.call("POST", "/v1/integrations/"+integrations.Integrations[0].ID+"/sync", nil, nil); status != http.StatusOK {
		t.Errorf("the connection with the new key: %d", status)
	}
}

var _ core.SealedStore = (*store.Store)(nil)

// Each server has a data folder of its own, and so had a lock of its own: another went on
// with the old key, and sealed with it what nobody could open again.
func TestNoKeyIsRenewedWhileAnotherServerRuns(t *testing.T) {
	database := storetest.Postgres(t)
	p, _ := sealedHouse(t, database, 3)
	key, err := os.ReadFile(keyFile(p.dataDir()))
	if err != nil {
		t.Fatal(err)
	}
	another := newProgram(t, database, nil, "OORE_ENCRYPTION_KEY="+strings.TrimSpace(string(key)))
	another.start()
	before := p.sealings()
	if a := p.command(nil, "secrets", "rotate-key"); a.code != exitFailed || !strings.Contains(a.stderr, "another server uses this database") {
		t.Fatalf("%+v", a)
	}
	if after := p.sealings(); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("sealed with %v, and %v afterwards", before, after)
	}
	another.stop()
	if a := p.command(nil, "secrets", "rotate-key"); a.code != 0 {
		t.Fatalf("%+v", a)
	}
	if a := another.command(nil, "serve"); a.code != exitFailed || !strings.Contains(a.stderr, "opens nothing of what is stored") {
		t.Errorf("another server with the old key: %+v", a)
	}
	p.start()
}

// A hold ends with its connection: a server looks what happened meanwhile.
func TestAServerEndsWhoseKeyWasRenewedWhileItsDatabaseWasAway(t *testing.T) {
	t.Parallel()
	pg := storetest.NewServer(t)
	database := pg.Database(t, "keys")
	p, _ := sealedHouse(t, database, 3)
	p.start()
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil { // too busy to hold it again
		t.Fatal(err)
	}
	pg.Kill(t)
	pg.Start(t)
	if a := p.command([]string{"OORE_DATA_DIR=" + copied(t, p)}, "secrets", "rotate-key"); a.code != 0 {
		t.Fatalf("%+v", a)
	}
	if err := p.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.exited:
	case <-time.After(patience):
		t.Error("it goes on with the old key")
	}
	if !strings.Contains(p.output.String(), "was renewed while the database was away") {
		t.Error("it does not say why")
	}
	p.cmd = nil
}

// copied is the data folder of another server with the same key.
func copied(t *testing.T, p *program) string {
	t.Helper()
	dir := t.TempDir()
	key, err := os.ReadFile(keyFile(p.dataDir()))
	if err == nil {
		err = os.WriteFile(keyFile(dir), key, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
