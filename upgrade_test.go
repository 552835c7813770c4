package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// nextVersion builds this program once as the next version may be: with one migration more,
// which only adds and says so, and runners that say more.
var nextVersion = sync.OnceValues(func() (string, error) {
	ours, err := binary()
	if err != nil {
		return "", err
	}
	dir := filepath.Dir(ours) // removed with it
	replaced, err := nextMigration(dir)
	if err != nil {
		return "", err
	}
	source, err := os.ReadFile("app/core/runner.go")
	if err != nil {
		return "", err
	}
	before, after, _ := strings.Cut(string(source), "type RunnerBeat struct {\n")
	talkative, here := filepath.Join(dir, "runner.go"), "app/core/runner.go"
	if err := os.WriteFile(talkative, []byte(before+"type RunnerBeat struct {\n\tMood string\n"+after), 0o600); err != nil {
		return "", err
	}
	if here, err = filepath.Abs(here); err != nil {
		return "", err
	}
	replaced[here] = talkative
	overlay, err := json.Marshal(map[string]any{"Replace": replaced})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600)
	}
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "oore-next")
	if out, err := exec.Command("go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", path, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the next version: %w: %s", err, out)
	}
	return path, nil
})

// nextMigration writes it, and returns where it stands in for which file.
func nextMigration(dir string) (map[string]string, error) {
	files, err := filepath.Glob("store/migrations/*.postgres.sql")
	if err != nil || len(files) == 0 {
		return nil, errors.Join(errors.New("there are no migrations"), err)
	}
	last, err := strconv.Atoi(filepath.Base(files[len(files)-1])[:4])
	if err != nil {
		return nil, err
	}
	here, err := filepath.Abs(filepath.Dir(files[0]))
	if err != nil {
		return nil, err
	}
	replaced := map[string]string{}
	for _, dialect := range []string{"postgres", "sqlite"} {
		name := fmt.Sprintf("%04d_next.%s.sql", last+1, dialect)
		sql := fmt.Sprintf("-- oldest: %d\nCREATE TABLE next (id TEXT NOT NULL PRIMARY KEY);\nALTER TABLE builds ADD COLUMN next TEXT NOT NULL DEFAULT 'none';\n", last)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(sql), 0o600); err != nil {
			return nil, err
		}
		replaced[filepath.Join(here, name)] = filepath.Join(dir, name)
	}
	return replaced, nil
}

func nextProgram(t *testing.T) string {
	t.Helper()
	path, err := nextVersion()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// P2, R-13: one server is stopped and started as the next version, then its runner; and the
// server goes back while the runner is still the next one. Builds of the runner go on
// through all of it, and the backup that the older program makes then can be restored.
func TestAServerAndItsRunnerAreUpgradedAndTheServerGoesBack(t *testing.T) {
	t.Parallel()
	next := nextProgram(t)
	onBoth(t, func(t *testing.T, database string) {
		y := newYard(t, newProgram(t, database, nil, "OORE_RUNNERS=0").start())
		far := newRemoteRunner(t, y.url, "far")
		restart := func(path string) {
			y.stop()
			y.path = path
			y.start()
		}
		begin := func(name string) (id, flag string) {
			flag = filepath.Join(t.TempDir(), "go")
			id = y.trigger(y.script(name, counting(flag)))
			y.printed(id, "line 2")
			return id, flag
		}
		end := func(id, flag string) {
			if err := writeFile(flag); err != nil {
				t.Fatal(err)
			}
			y.mustSucceed(id)
			y.mustCount(id)
		}

		first, flag := begin("First")
		restart(next)
		end(first, flag)

		far.signal(syscall.SIGTERM)
		if code := far.ended(); code != 0 {
			t.Fatalf("the runner ends with %d", code)
		}
		far.path = next
		far.start()
		second, flag := begin("Second")
		restart("")
		far.signal(syscall.SIGTERM) // it beats at once, with a field that the server does not know
		y.waitRunner("far", "draining")
		end(second, flag)
		if code := far.ended(); code != 0 {
			t.Errorf("the runner ends with %d", code)
		}
		if all := y.builds(""); len(all) != 2 {
			t.Errorf("%d builds, want two that nobody lost: %+v", len(all), all)
		}

		file := filepath.Join(t.TempDir(), "backup")
		for _, args := range [][]string{{"backup", file}, {"verify", file}, {"verify"}} {
			if a := y.command(nil, args...); a.code != 0 {
				t.Errorf("oore %v: %+v", args, a)
			}
		}
		if a := newProgram(t, "", nil).command(nil, "restore", file); a.code != 0 {
			t.Errorf("restore: %+v", a)
		}
	})
}
