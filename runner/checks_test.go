package runner

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// standIn is a program on the path of a machine that exists for a test alone.
type standIn struct{ name, script string }

// machineWith is a machine that has nothing but the programs.
func machineWith(t *testing.T, goos string, programs ...standIn) machine {
	t.Helper()
	dir := t.TempDir()
	for _, p := range programs {
		path := filepath.Join(dir, "bin", p.name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		// A child that another test forks meanwhile would keep the file open for writing:
		// "text file busy".
		syscall.ForkLock.RLock()
		err := os.WriteFile(path, []byte("#!/bin/sh\n"+p.script+"\n"), 0o755)
		syscall.ForkLock.RUnlock()
		if err != nil {
			t.Fatal(err)
		}
	}
	return machine{goos: goos, time: patience, env: map[string]string{"PATH": filepath.Join(dir, "bin"), "HOME": dir}}
}

func (m machine) check(t *testing.T, name string) core.Check {
	t.Helper()
	for _, p := range m.probes() {
		if p.Name == name {
			return p.Look(t.Context())
		}
	}
	t.Fatalf("there is no check of %s", name)
	return core.Check{}
}

// aTool is a program that is checked: what it says where all is well, and what its
// absence means.
type aTool struct {
	name, program, says, version string
	missing, broken              core.CheckState
}

func allTools() []aTool {
	const banner = "Flutter 3.24.5 • channel stable • https://github.com/flutter/flutter.git"
	return []aTool{
		{"git", "git", "git version 2.50.1 (Apple Git-155)", "2.50.1", core.CheckFailed, core.CheckFailed},
		{"git-lfs", "git-lfs", "git-lfs/3.5.1 (GitHub; linux amd64; go 1.22.1)", "3.5.1", core.CheckSkipped, core.CheckWarning},
		{"flutter", "flutter", "Welcome to Flutter!\n" + banner, "3.24.5", core.CheckWarning, core.CheckWarning},
		{"fvm", "fvm", "3.2.1", "3.2.1", core.CheckSkipped, core.CheckWarning},
		{"java", "java", `openjdk version "17.0.9" 2023-10-17`, "17.0.9", core.CheckWarning, core.CheckWarning},
		{"Xcode", "xcodebuild", "Xcode 16.0\nBuild version 16A242d", "16.0", core.CheckWarning, core.CheckWarning},
		{"CocoaPods", "pod", "1.15.2", "1.15.2", core.CheckWarning, core.CheckWarning},
		{"signing identities", "security", `  1) ABC "Apple Development"` + "\n     1 valid identities found", "1", core.CheckSkipped, core.CheckWarning},
	}
}

func mustFind(t *testing.T, c core.Check, state core.CheckState, says string) {
	t.Helper()
	if c.State != state || !strings.Contains(c.Value, says) {
		t.Errorf("%+v, want %s with %q", c, state, says)
	}
	if (c.State == core.CheckWarning || c.State == core.CheckFailed) && c.Fix == "" {
		t.Errorf("%+v says not what to do", c)
	}
	if strings.ContainsAny(c.Value+c.Fix, "\n\r\x00\x1b") {
		t.Errorf("%+q is more than a line", c.Value+c.Fix)
	}
}

func TestEachToolIsThereMissingBrokenOrHangs(t *testing.T) {
	for _, tool := range allTools() {
		say := func(text string) string { return "cat <<'EOF'\n" + text + "\nEOF" }
		for name, c := range map[string]struct {
			script string // empty: there is no such program
			state  core.CheckState
			says   string
		}{
			"there":      {say(tool.says), core.CheckOK, tool.version},
			"on stderr":  {"exec >&2\n" + say(tool.says), core.CheckOK, tool.version},
			"missing":    {"", tool.missing, "not found"},
			"fails":      {"echo; printf '\\033[31mno license\\033[0m\\r\\n'; exit 69", tool.broken, "does not work: no license"},
			"mute":       {"exit 3", tool.broken, "does not work"},
			"garbage":    {"head -c 100000 /dev/zero | tr '\\0' '\\377'; echo; echo 'what\033]0;?'", tool.broken, "answers what no"},
			"says only…": {"printf '\\0\\n\\n'", tool.broken, "answers what no"},
			"killed":     {"kill -KILL $$", tool.broken, "does not work"},
			"hangs":      {"trap '' TERM; sleep 60 & wait; sleep 60", tool.broken, "gave no answer"},
			"floods":     {"while :; do echo x; done", tool.broken, "gave no answer"},
			"leaves one": {say(tool.says) + "\n(trap '' HUP; sleep 60) &", core.CheckOK, tool.version},
		} {
			t.Run(tool.name+" "+name, func(t *testing.T) {
				t.Parallel()
				programs := []standIn{{"cat", `exec /bin/cat "$@"`}, {"head", `exec /usr/bin/head "$@"`}, {"tr", `exec /usr/bin/tr "$@"`}, {"sleep", `exec /bin/sleep "$@"`}}
				if c.script != "" {
					programs = append(programs, standIn{tool.program, c.script})
				}
				m := machineWith(t, "darwin", programs...)
				if c.says == "gave no answer" {
					m.time = 300 * time.Millisecond
				}
				mustFind(t, m.check(t, tool.name), c.state, c.says)
			})
		}
	}
}

func TestVersionsOfGit(t *testing.T) {
	for version, want := range map[string]core.CheckState{
		"2.25.1": core.CheckFailed, "2.31.9": core.CheckFailed, "2.32": core.CheckWarning, "2.39.5": core.CheckWarning, "2.43.6": core.CheckWarning,
		"2.43.7": core.CheckOK, "2.45.2": core.CheckWarning, "2.50.0": core.CheckWarning, "2.50.1": core.CheckOK, "2.51.0": core.CheckOK, "3.0": core.CheckOK,
		"2.48.2.windows.1": core.CheckOK,
	} {
		m := machineWith(t, "linux", standIn{"git", "echo git version " + version})
		if got := m.check(t, "git"); got.State != want {
			t.Errorf("%s: %+v, want %s", version, got, want)
		}
	}
}

func TestWhatElseIsFoundOnAMachine(t *testing.T) {
	with := func(m machine, env map[string]string, folders ...string) machine {
		for name, value := range env {
			m.env[name] = strings.ReplaceAll(value, "~", m.env["HOME"])
		}
		for _, folder := range folders {
			if err := os.MkdirAll(filepath.Join(m.env["HOME"], folder), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		return m
	}
	linux := func(programs ...standIn) machine { return machineWith(t, "linux", programs...) }
	java := standIn{"java", `echo 'openjdk version "17.0.9"'`}
	for name, c := range map[string]struct {
		m     machine
		check string
		state core.CheckState
		says  string
	}{
		"an old JDK":                   {linux(standIn{"java", `echo 'java version "1.8.0_392"'`}), "java", core.CheckWarning, "1.8.0_392 is old"},
		"JAVA_HOME goes before PATH":   {with(linux(java), map[string]string{"JAVA_HOME": "~/jdk"}), "java", core.CheckWarning, "not found"},
		"fvm instead of flutter":       {linux(standIn{"fvm", "echo 3.2.1"}), "flutter", core.CheckSkipped, "fvm brings"},
		"no Android SDK":               {linux(), "Android SDK", core.CheckWarning, "not found"},
		"ANDROID_HOME leads nowhere":   {with(linux(), map[string]string{"ANDROID_HOME": "~/none"}), "Android SDK", core.CheckWarning, "does not exist"},
		"an SDK without its tools":     {with(linux(), nil, "Android/Sdk"), "Android SDK", core.CheckWarning, "no platform-tools"},
		"an SDK without licenses":      {with(linux(), nil, "Android/Sdk/platform-tools"), "Android SDK", core.CheckWarning, "licenses"},
		"an SDK":                       {with(linux(), nil, "Android/Sdk/platform-tools", "Android/Sdk/licenses"), "Android SDK", core.CheckOK, "Android/Sdk"},
		"an SDK on a Mac":              {with(machineWith(t, "darwin"), nil, "Library/Android/sdk/platform-tools", "Library/Android/sdk/licenses"), "Android SDK", core.CheckOK, "Library/Android/sdk"},
		"an SDK that is named":         {with(linux(), map[string]string{"ANDROID_SDK_ROOT": "~/sdk"}, "sdk/platform-tools", "sdk/licenses"), "Android SDK", core.CheckOK, "/sdk"},
		"no identity":                  {machineWith(t, "darwin", standIn{"security", "echo '0 valid identities found'"}), "signing identities", core.CheckSkipped, "none"},
		"a folder by a program's name": {with(linux(), map[string]string{"PATH": "~"}, "git"), "git", core.CheckFailed, "not found"},
		"a relative path is no path":   {with(linux(), map[string]string{"PATH": "."}), "git", core.CheckFailed, "not found"},
	} {
		t.Run(name, func(t *testing.T) { mustFind(t, c.m.check(t, c.check), c.state, c.says) })
	}
	for _, p := range linux().probes() {
		if p.Name == "Xcode" {
			t.Error("Xcode is looked for on Linux")
		}
	}
}

func TestHowTheSandboxIs(t *testing.T) {
	linux, mac := machine{goos: "linux"}, machine{goos: "darwin"}
	mustFind(t, linux.sandboxCheck(true, 6, ""), core.CheckOK, "Landlock 6")
	mustFind(t, linux.sandboxCheck(true, 3, "builds can send signals"), core.CheckWarning, "Landlock 3: builds can send")
	mustFind(t, linux.sandboxCheck(true, 0, "the kernel has no Landlock"), core.CheckWarning, "none: the kernel")
	mustFind(t, linux.sandboxCheck(false, 6, ""), core.CheckWarning, "off")
	mustFind(t, mac.sandboxCheck(false, 1, ""), core.CheckWarning, "off")
	mustFind(t, mac.sandboxCheck(true, 1, ""), core.CheckOK, "on")
	mustFind(t, userCheck(0, "root"), core.CheckWarning, "root")
	mustFind(t, userCheck(1000, "oore"), core.CheckOK, "oore")
	mustFind(t, userCheck(1000, ""), core.CheckOK, "1000")
}
