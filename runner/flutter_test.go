package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

// tools are stand-ins for programs, on a PATH that has nothing else but the system's.
type tools struct {
	t    *testing.T
	dir  string
	note string // the file in which they write how they were called
}

func newTools(t *testing.T) *tools {
	t.Helper()
	tl := &tools{t: t, dir: t.TempDir(), note: filepath.Join(t.TempDir(), "calls")}
	t.Setenv("PATH", tl.dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return tl
}

// add makes a program that notes its arguments and then runs the script.
func (tl *tools) add(name, script string) {
	tl.t.Helper()
	text := fmt.Sprintf("#!/bin/sh\necho \"%s $*\" >> '%s'\n%s\n", name, tl.note, script)
	if err := os.WriteFile(filepath.Join(tl.dir, name), []byte(text), 0o755); err != nil {
		tl.t.Fatal(err)
	}
}

func (tl *tools) calls() []string {
	tl.t.Helper()
	data, err := os.ReadFile(tl.note)
	if err != nil && !os.IsNotExist(err) {
		tl.t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(data)), "\n")
}

const machineVersion = `test "$1" != --version || echo '{"frameworkVersion": "3.24.5", "channel": "stable", "frameworkRevision": "dec2ee5c1f98f8e84a7d5380c05eb8a3d0a81668"}'`

func TestFVMRunsTheVersionThatTheCommitAsksFor(t *testing.T) {
	for _, c := range []struct {
		name, fvmrc, yaml string
		calls             []string
		says              string
	}{
		{
			"of its .fvmrc", `{"flutter": "3.22.0", "flavors": {"prod": "3.19.0"}}`, "flutter_version: \"3.24.5\"\nplatforms: [android]\ncommands: {pre_build: [flutter doctor]}",
			[]string{
				"fvm use 3.22.0 --force --skip-pub-get", "fvm flutter doctor", "fvm flutter pub get", "fvm flutter build apk --release",
			},
			".fvmrc asks for Flutter 3.22.0, so flutter_version 3.24.5 is not used",
		},
		{
			"of its configuration", "", "flutter_version: \"3.24.5\"\ncommands: {build: [flutter test, dart format ., echo flutter]}",
			[]string{"fvm use 3.24.5 --force --skip-pub-get", "fvm flutter test", "fvm dart format ."},
			"",
		},
		{"which is none", "", "commands: {build: [flutter test]}", []string{"flutter test"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			tl := newTools(t)
			tl.add("fvm", "")
			tl.add("flutter", machineVersion)
			repo, house := newRepository(t), newHouse()
			startPool(t, house, 1)
			if c.fvmrc != "" {
				repo.commit(".fvmrc", c.fvmrc)
			}
			repo.commit(".oore.yaml", "version: 1\n"+c.yaml+"\n")
			l := house.run(t, repo.job("b1"))
			mustEnd(t, l, core.BuildSucceeded, "", "")
			if got := tl.calls(); !slices.Equal(got, c.calls) {
				t.Errorf("called\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.calls, "\n"))
			}
			if system := string(l.bytes(core.StreamSystem)); !strings.Contains(system, c.says) || strings.Contains(system, "Warning") {
				t.Errorf("the log says\n%s", system)
			}
			if c.name != "which is none" && l.steps[1].Name != "fvm use" {
				t.Errorf("the first step is %+v", l.steps[1])
			}
		})
	}
}

func TestABuildOfOnePlatformRunsThatAlone(t *testing.T) {
	tl := newTools(t)
	tl.add("flutter", machineVersion)
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	repo.commit(".oore.yaml", "version: 1\nplatforms: [android, ios]\nartifacts: {patterns: []}\n")
	job := repo.job("b1")
	job.Build.Platforms = []string{"ios"}
	mustEnd(t, house.run(t, job), core.BuildSucceeded, "", "")
	if got := tl.calls(); !slices.Equal(got, []string{"flutter pub get", "flutter build ios --release --no-codesign"}) {
		t.Errorf("called %q", got)
	}
	job = repo.job("b2")
	job.Build.Platforms = []string{"macos"}
	mustEnd(t, house.run(t, job), core.BuildFailed, core.ReasonConfigInvalid, "asked for macos, which is not among the configuration's platforms (android, ios)")
}

func TestWithoutFVMAnotherFlutterIsWarnedOf(t *testing.T) {
	const plain = `test "$1" != --version || echo 'Flutter 3.24.5 • channel stable • https://github.com/flutter/flutter.git'`
	for _, c := range []struct{ name, wanted, flutter, warns string }{
		{"the same version", "3.24.5", machineVersion, ""},
		{"its channel", "stable", machineVersion, ""},
		{"its version in its channel", "3.24.5@stable", machineVersion, ""},
		{"its commit", "dec2ee5c1f", machineVersion, ""},
		{"the same, in plain text", "3.24.5", plain, ""},
		{"another version", "3.22.0", machineVersion, "asks for Flutter 3.22.0, but the runner the mac under the desk has 3.24.5. Install fvm"},
		{"another channel", "3.24.5@beta", machineVersion, "asks for Flutter 3.24.5@beta, but the runner the mac under the desk has 3.24.5"},
		{"another, in plain text", "3.22.0", plain, "has 3.24.5"},
		{"silence", "3.22.0", "", "has a version that it does not tell"},
		{"a broken one", "3.22.0", `test "$1" != --version || exit 3`, "has a version that it does not tell"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tl := newTools(t)
			tl.add("flutter", c.flutter)
			repo, house := newRepository(t), newHouse()
			startPool(t, house, 1)
			repo.commit(".fvmrc", c.wanted)
			l := house.run(t, repo.job("b1", "flutter test"))
			mustEnd(t, l, core.BuildSucceeded, "", "")
			if got := tl.calls(); !slices.Equal(got, []string{"flutter --version --machine", "flutter test"}) {
				t.Errorf("called %q", got)
			}
			system := string(l.bytes(core.StreamSystem))
			if strings.Contains(system, "Warning: ") != (c.warns != "") || !strings.Contains(system, c.warns) {
				t.Errorf("the log says\n%s", system)
			}
			mustSteps(t, l, "checkout succeeded", "build-1 succeeded")
		})
	}
}

func TestABrokenFVMRCFailsTheBuild(t *testing.T) {
	for name, c := range map[string]struct{ content, link, message string }{
		"empty":        {content: " \n", message: ".fvmrc is empty; write a version into it"},
		"half":         {content: `{"flutter": `, message: ".fvmrc is broken JSON"},
		"a link out":   {link: "/etc/hostname", message: ".fvmrc cannot be read as a file of the repository"},
		"no version":   {content: `{"flavors": {}}`, message: `.fvmrc has no "flutter"`},
		"an injection": {content: `3.24.5; id`, message: ".fvmrc: the version is no version or channel"},
	} {
		t.Run(name, func(t *testing.T) {
			repo, house := newRepository(t), newHouse()
			startPool(t, house, 1)
			if c.link != "" {
				repo.must(os.Symlink(c.link, filepath.Join(repo.dir, ".fvmrc")))
				repo.commit("more", "x")
			} else {
				repo.commit(".fvmrc", c.content)
			}
			l := house.run(t, repo.job("b1", "echo never"))
			mustEnd(t, l, core.BuildFailed, core.ReasonConfigInvalid, c.message)
			mustSteps(t, l, "checkout failed")
		})
	}
}

func TestAToolThatIsNotInstalledIsNamed(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	repo.commit(".fvmrc", "3.24.5")
	l := house.run(t, repo.job("b1", "cd . && flutter build apk"))
	mustEnd(t, l, core.BuildFailed, core.ReasonCommandFailed,
		"build-1 failed: flutter is not installed on the runner the mac under the desk: install it there, or put it on its PATH (exit 127)")
	if l.result.ExitCode == nil || *l.result.ExitCode != 127 {
		t.Errorf("exit code %v", l.result.ExitCode)
	}
}
