package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
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

// TestTheTimersMakeBackups runs what the timers start, beside a server.
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
	line := regexp.MustCompile(`(?m)^ExecStart=/bin/sh -ec '(.*)'$`).FindStringSubmatch(deployFile(t, "oore-backup.service"))
	if line == nil {
		t.Fatal("oore-backup.service starts no script")
	}
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	p := newProgram(t, "", nil).start()
	for folder, script := range map[string]string{
		"/var/backups/oore":           strings.NewReplacer("$$", "$", "%%", "%").Replace(line[1]),
		"/usr/local/var/oore-backups": agent.ProgramArguments[2],
	} {
		dir := t.TempDir()
		for name, days := range map[string]int{"oore-old.backup": 20, "oore-young.backup": 5, "mine": 50} {
			at := time.Now().AddDate(0, 0, -days)
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(filepath.Join(dir, name), at, at); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.CommandContext(t.Context(), "/bin/sh", "-ec", swap(t, script, folder, dir, "/usr/local/bin/oore", path))
		cmd.Env = p.env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		left, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil || len(left) != 3 {
			t.Fatalf("%v, %v", left, err)
		}
		for _, file := range left {
			base := filepath.Base(file)
			if base == "mine" || base == "oore-young.backup" {
				continue
			}
			if ok, err := filepath.Match("oore-20*T*Z.backup", base); err != nil || !ok {
				t.Errorf("%s: %v", base, err)
			}
		}
	}
}
