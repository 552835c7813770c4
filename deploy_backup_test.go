package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"howett.net/plist"
)

func TestTheTimerOfBackupsIsWhatSystemdTakes(t *testing.T) {
	if exec.Command("systemd-analyze", "--version").Run() != nil {
		t.Skip("NOT TESTED: systemd-analyze, which alone judges units, is not on this machine (macOS has none, containers often not): install systemd")
	}
	dir := t.TempDir()
	for _, name := range []string{"oore-backup.service", "oore-backup.timer"} {
		text := regexp.MustCompile(`(?m)^User=.*$`).ReplaceAllString(deployFile(t, name), "User=root")
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"oore-backup.service", "oore-backup.timer"} {
		out, err := exec.Command("systemd-analyze", "verify", filepath.Join(dir, name)).CombinedOutput()
		if err != nil || strings.Contains(string(out), "oore-backup") {
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
}

// TestTheTimersMakeBackups runs what the timers start, beside a server: as all is well, when a
// log is lost, and when the new backup cannot be trusted.
func TestTheTimersMakeBackups(t *testing.T) {
	t.Parallel()
	var agent struct {
		Label                 string
		ProgramArguments      []string
		EnvironmentVariables  map[string]string
		StartCalendarInterval map[string]int
	}
	if _, err := plist.Unmarshal([]byte(deployFile(t, "sh.oore.backup.plist")), &agent); err != nil || len(agent.ProgramArguments) != 3 || agent.StartCalendarInterval["Hour"] == 0 {
		t.Fatalf("%+v, %v", agent, err)
	}
	for variable := range agent.EnvironmentVariables {
		mustKnow(t, agent.Label, variable)
	}
	if out, err := exec.Command("plutil", "-lint", "docs/deploy/sh.oore.backup.plist").CombinedOutput(); runtime.GOOS == "darwin" && err != nil {
		t.Errorf("%v: %s", err, out)
	}
	line := regexp.MustCompile(`(?ms)^ExecStart=/bin/sh -ec '(.*?)'$`).FindStringSubmatch(deployFile(t, "oore-backup.service"))
	if line == nil {
		t.Fatal("oore-backup.service starts no script")
	}
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	p := newProgram(t, "", nil).start()
	_, project, pipeline := p.shopWith(t, `echo $OORE_BUILD_ID`)
	lost := p.logObject(t, "", p.runs(project, pipeline, "succeeded").ID)
	p.logObject(t, "", p.runs(project, pipeline, "succeeded").ID)
	damaging := filepath.Join(t.TempDir(), "oore")                                                                                                                                         // makes a backup that is cut short
	if err := os.WriteFile(damaging, []byte("#!/bin/sh\n"+path+" \"$@\" && if [ $1 = backup ]; then head -c 1000 \"$2\" > \"$2.cut\" && mv \"$2.cut\" \"$2\"; fi\n"), 0o700); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	scripts := map[string]string{
		"/var/backups/oore":           strings.NewReplacer("$$", "$", "%%", "%", "\\\n", " ").Replace(line[1]),
		"/usr/local/var/oore-backups": agent.ProgramArguments[2],
	}
	night := func(program string, code int, stay ...string) {
		t.Helper()
		for folder, script := range scripts {
			dir := t.TempDir()
			for name, days := range map[string]int{"oore-old.backup": 20, "oore-young.backup": 5, "mine": 50, ".oore-backup-1": 2, ".oore-backup-2": 0, "oore-verify-1/oore.db": 2, "oore-verify-2/oore.db": 0} {
				file, at := filepath.Join(dir, name), time.Now().AddDate(0, 0, -days)
				if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, nil, 0o600); err != nil {
					t.Fatal(err)
				}
				first, _, _ := strings.Cut(name, "/")
				if err := os.Chtimes(filepath.Join(dir, first), at, at); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.CommandContext(t.Context(), "/bin/sh", "-ec", swap(t, script, folder, dir, "/usr/local/bin/oore", program))
			cmd.Env = append(p.env, "TMPDIR="+dir)
			out, _ := cmd.CombinedOutput()
			if cmd.ProcessState.ExitCode() != code {
				t.Errorf("%s: it ends with %d: %s", folder, cmd.ProcessState.ExitCode(), out)
			}
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			made, left := 0, []string{}
			for _, e := range entries {
				if ok, _ := filepath.Match("oore-20*T*Z.backup", e.Name()); ok {
					made++
				} else {
					left = append(left, e.Name())
				}
			}
			if want := append([]string{".oore-backup-2", "mine"}, stay...); made != 1 || !slices.Equal(left, want) {
				t.Errorf("%s: %d are made, and beside it are %v, want %v: %s", folder, made, left, want, out)
			}
		}
	}
	night(path, 0, "oore-verify-2", "oore-young.backup")
	night(damaging, 1, "oore-old.backup", "oore-verify-2", "oore-young.backup")
	for _, file := range p.kept(lost.SHA256) {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	night(path, 1, "oore-verify-2", "oore-young.backup")
}
