package runner

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

// collecting is a build that runs the command and keeps what the patterns match.
func collecting(r *repository, id, command string, patterns ...string) core.Job {
	job := r.job(id, command)
	job.Pipeline.Execution.ArtifactPatterns = patterns
	return job
}

func names(l *ledger) []string { return slices.Sorted(maps.Keys(l.artifacts)) }

func mustHave(t *testing.T, l *ledger, want ...string) {
	t.Helper()
	if got := names(l); !slices.Equal(got, want) {
		t.Errorf("collected %q, want %q; log:\n%s", got, want, l.bytes(""))
	}
}

func TestWhatPatternsMatchIsCollected(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	for _, c := range []struct {
		name     string
		patterns []string
		want     []string
	}{
		{"a name anywhere", []string{"*.txt"}, []string{"deep.txt", "one.txt", "two.txt"}},
		{"a folder's own", []string{"out/*.txt"}, []string{"one.txt", "two.txt"}},
		{"below a folder", []string{"out/**"}, []string{"deep.txt", "one.txt", "report.xml", "two.txt"}},
		{"one of several", []string{"out/*.xml", "**/one.txt", "out/one.*"}, []string{"one.txt", "report.xml"}},
		{"what was checked out", []string{"README"}, []string{"README"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := house.run(t, collecting(repo, c.name,
				"mkdir -p out/a/b .hidden && echo 1 >out/one.txt && echo 2 >out/two.txt && echo 3 >out/a/b/deep.txt && echo '<x/>' >out/report.xml && echo 4 >.hidden/four.txt", c.patterns...))
			mustEnd(t, l, core.BuildSucceeded, "", "")
			mustHave(t, l, c.want...)
			mustSteps(t, l, "checkout succeeded", "build-1 succeeded", "artifacts succeeded")
			for _, name := range c.want {
				if a := l.artifacts[name]; !strings.Contains(string(l.bytes(core.StreamSystem)), "Collected "+name+", ") || a.Kind != core.ArtifactFile {
					t.Errorf("%s: kind %s; the log does not name it:\n%s", name, a.Kind, l.bytes(core.StreamSystem))
				}
			}
		})
	}
}

func TestNoMatchFailsTheBuild(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	l := house.run(t, collecting(repo, "b1", "true", "**/*.apk", "*.ipa"))
	mustEnd(t, l, core.BuildFailed, core.ReasonArtifactMissing, "artifacts failed: no file matches **/*.apk, *.ipa")
	mustSteps(t, l, "checkout succeeded", "build-1 succeeded", "artifacts failed")

	// One of several is enough; the others are named.
	l = house.run(t, collecting(repo, "b2", "touch app.apk", "**/*.apk", "*.ipa"))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	if system := string(l.bytes(core.StreamSystem)); !strings.Contains(system, "Nothing matches *.ipa.\n") {
		t.Errorf("the log is\n%s", system)
	}
}

func TestOnlyASuccessfulBuildIsCollectedFrom(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	l := house.run(t, collecting(repo, "b1", "touch app.apk; exit 3", "*.apk"))
	mustEnd(t, l, core.BuildFailed, core.ReasonCommandFailed, "build-1 failed: exit 3")
	mustHave(t, l)
	mustSteps(t, l, "checkout succeeded", "build-1 failed")
}

func TestPlatformsBringPatternsThatNeedNotMatch(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	for _, c := range []struct {
		name, config string
		want, steps  []string
	}{
		{
			"Flutter's own places", "version: 1\nplatforms: [android]\ncommands: {build: ['mkdir -p build/app/outputs/flutter-apk && touch build/app/outputs/flutter-apk/app.apk']}\n",
			[]string{"app.apk"},
			[]string{"checkout succeeded", "build-1 succeeded", "artifacts succeeded"},
		},
		{"nothing there", "version: 1\nplatforms: [android, ios, macos]\ncommands: {build: ['true']}\n", nil, []string{"checkout succeeded", "build-1 succeeded"}},
		{
			"nothing wanted", "version: 1\nplatforms: [android]\nartifacts: {patterns: []}\ncommands: {build: ['mkdir -p build/app/outputs/flutter-apk && touch build/app/outputs/flutter-apk/app.apk']}\n", nil,
			[]string{"checkout succeeded", "build-1 succeeded"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			repo.commit(".oore.yaml", c.config)
			l := house.run(t, repo.job(c.name))
			mustEnd(t, l, core.BuildSucceeded, "", "")
			mustHave(t, l, c.want...)
			mustSteps(t, l, c.steps...)
		})
	}
}

func TestNothingOutsideOfTheWorkspaceIsCollected(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	outside := t.TempDir()
	repo.must(os.WriteFile(filepath.Join(outside, "secret.txt"), []byte("secret"), 0o600))
	for name, command := range map[string]string{
		"a link to a file":           "ln -s " + outside + "/secret.txt leak.txt",
		"a link to a folder":         "ln -s " + outside + " leak",
		"a link over the root":       "ln -s / leak && ln -s ../../../../../../../../../../etc up",
		"a pipe":                     "mkfifo pipe.txt",
		"a hidden folder":            "mkdir .x && touch .x/a.txt",
		"the repository's own":       "echo x > .git/a.txt",
		"a link within":              "ln -s README a.txt",
		"a folder with a file's end": "mkdir a.txt",
	} {
		t.Run(name, func(t *testing.T) {
			l := house.run(t, collecting(repo, name, command, "**/*.txt", "leak/**", "up/*"))
			mustEnd(t, l, core.BuildFailed, core.ReasonArtifactMissing, "no file matches")
			mustHave(t, l)
		})
	}
	t.Run("the workspace itself a link", func(t *testing.T) {
		l := house.run(t, collecting(repo, "moved", `rm -rf "$PWD" && ln -s `+outside+` "$PWD"`, "**/*.txt"))
		mustEnd(t, l, core.BuildFailed, core.ReasonArtifactMissing, "the build's folder is gone")
		mustHave(t, l)
	})
}

func TestAFileThatIsReplacedMeanwhileIsRefused(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.txt")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(path, []byte("a"), 0o600))
	must(os.WriteFile(filepath.Join(dir, "b.txt"), []byte("b"), 0o600))
	root, err := openWorkspace(dir)
	must(err)
	defer root.Close()
	seen, err := root.Lstat("a.txt")
	must(err)
	must(os.Remove(path))
	must(os.Symlink("b.txt", path))
	if file, err := openRegular(root, "a.txt", seen); err == nil {
		file.Close()
		t.Error("a link was opened")
	}
}

func TestTheSameFileInTwoFoldersIsCollectedOnce(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	l := house.run(t, collecting(repo, "b1",
		"mkdir -p apk flutter-apk other 'b-a' && echo same >apk/app.apk && echo same >flutter-apk/app.apk && echo else >other/app.apk && printf x >\"$(printf 'tab\\there.apk')\"", "*.apk"))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	mustHave(t, l, "app.apk", "other-app.apk", "tab_here.apk")
	if got := string(l.artifacts["other-app.apk"].content); got != "else\n" {
		t.Errorf("other-app.apk holds %q", got)
	}
	if system := string(l.bytes(core.StreamSystem)); !strings.Contains(system, "flutter-apk/app.apk is the same file again.") {
		t.Errorf("the log is\n%s", system)
	}
}

func TestAmongTenThousandFilesThePatternIsFound(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	make10k := `mkdir many && cd many && i=0 && while [ $i -lt 10000 ]; do : >f$i.o; i=$((i+1)); done && echo x >last.bin`
	l := house.run(t, collecting(repo, "b1", make10k, "*.bin"))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	mustHave(t, l, "last.bin")
	l = house.run(t, collecting(repo, "b2", make10k, "**/*.o"))
	mustEnd(t, l, core.BuildFailed, core.ReasonArtifactRefused, "more than 1000 files match")
	mustHave(t, l)
}

func TestARefusalFailsTheBuildAndAnOutageDoesNot(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	calls := 0
	house.setFault(func(call string) error {
		if call != "artifact" {
			return nil
		}
		if calls++; calls < 3 {
			return core.Errorf(core.KindUnavailable, "The disk sleeps")
		}
		return nil
	})
	l := house.run(t, collecting(repo, "b1", "echo content >a.bin", "*.bin"))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	if got := string(l.artifacts["a.bin"].content); got != "content\n" || calls < 3 {
		t.Errorf("after %d calls it holds %q", calls, got)
	}
	house.setFault(func(call string) error {
		if call == "artifact" {
			return core.Errorf(core.KindTooLarge, "The shelf is full")
		}
		return nil
	})
	l = house.run(t, collecting(repo, "b2", "echo content >a.bin", "*.bin"))
	mustEnd(t, l, core.BuildFailed, core.ReasonArtifactRefused, "a.bin was not taken: The shelf is full")
	house.setFault(nil)
}

const bundle = `mkdir -p build/Runner.app/Contents/MacOS build/Runner.app/Contents/Frameworks/F.framework/Versions/A && cd build/Runner.app/Contents &&
	printf '#!/bin/sh\n' >MacOS/Runner && chmod 755 MacOS/Runner && echo lib >Frameworks/F.framework/Versions/A/F &&
	ln -s A Frameworks/F.framework/Versions/Current && ln -s Versions/Current/F Frameworks/F.framework/F &&
	ln -s /etc/passwd absolute && ln -s ../../../README out && mkfifo pipe &&
	printf '<?xml version="1.0"?><plist version="1.0"><dict><key>CFBundleIdentifier</key><string>com.acme.shop</string><key>CFBundleShortVersionString</key><string>1.4.0</string><key>CFBundleVersion</key><string>42</string><key>CFBundleName</key><string>Shop</string></dict></plist>' >Info.plist`

func TestABundleIsZippedWithItsLinksAndNothingFromOutside(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	dir, _ := startPool(t, house, 1)
	first := house.run(t, collecting(repo, "b1", bundle, "**/*.app"))
	mustEnd(t, first, core.BuildSucceeded, "", "")
	mustHave(t, first, "Runner.app.zip")
	a := first.artifacts["Runner.app.zip"]
	want := map[string]string{core.MetaBundleID: "com.acme.shop", core.MetaVersion: "1.4.0", core.MetaBuildNumber: "42", core.MetaTitle: "Shop"}
	if a.Kind != core.ArtifactApp || !maps.Equal(a.Metadata, want) {
		t.Errorf("%s with %v", a.Kind, a.Metadata)
	}
	archive, err := zip.NewReader(bytes.NewReader(a.content), a.Size)
	if err != nil {
		t.Fatal(err)
	}
	modes := map[string]fs.FileMode{}
	for _, f := range archive.File {
		modes[strings.TrimPrefix(f.Name, "Runner.app/Contents/")] = f.Mode()
	}
	for name, mode := range map[string]fs.FileMode{
		"MacOS/Runner": 0o755, "Info.plist": 0o644, "Frameworks/F.framework/Versions/A/F": 0o644,
		"Frameworks/F.framework/Versions/Current": fs.ModeSymlink | 0o777, "Frameworks/F.framework/F": fs.ModeSymlink | 0o777, "MacOS/": fs.ModeDir | 0o755,
	} {
		if modes[name] != mode {
			t.Errorf("%s has mode %v, want %v", name, modes[name], mode)
		}
	}
	for _, name := range []string{"absolute", "out", "pipe"} {
		if _, there := modes[name]; there {
			t.Errorf("%s is in the zip", name)
		}
		if !strings.Contains(string(first.bytes(core.StreamSystem)), "Contents/"+name+" is ") {
			t.Errorf("the log does not say that %s was left out", name)
		}
	}
	second := house.run(t, collecting(repo, "b2", "sleep 1; "+bundle, "**/*.app"))
	if got := second.artifacts["Runner.app.zip"].SHA256; got != a.SHA256 {
		t.Errorf("the same folder was zipped to %s and %s", a.SHA256, got)
	}
	left, err := filepath.Glob(filepath.Join(dir, "workspaces", "bundle-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestALostLeaseEndsTheCollecting(t *testing.T) {
	b := testBuild(t)
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	// The double knows no such build.
	if err := b.put(t.Context(), parcel{artifact: core.Artifact{Name: "a"}, file: file}); !errors.Is(err, errLeaseLost) {
		t.Errorf("error %v", err)
	}
}

func TestNamesStayFree(t *testing.T) {
	taken := map[string]core.Artifact{}
	var got []string
	for _, path := range []string{"x/a.apk", "y/a.apk", "y-a.apk", "y/a.apk", strings.Repeat("z", 300) + "/a.apk"} {
		name := freeName(taken, filepath.Base(path), path)
		taken[name] = core.Artifact{}
		got = append(got, name)
		if (core.Artifact{Name: name, Kind: core.ArtifactAPK}).Validate() != nil {
			t.Errorf("%q is no name", name)
		}
	}
	if want := []string{"a.apk", "y-a.apk", "2-y-a.apk", "3-a.apk"}; fmt.Sprint(got[:2]) != fmt.Sprint(want[:2]) || len(taken) != len(got) {
		t.Errorf("names are %q", got)
	}
}
