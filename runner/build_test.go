package runner

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
)

func TestABuildRunsItsCommandsInTheCommit(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	dir, _ := startPool(t, house, 1)
	l := house.run(t, repo.job("b1", "cat README", "echo two >&2"))

	mustEnd(t, l, core.BuildSucceeded, "", "")
	if got := string(l.bytes(core.StreamStdout)); got != "hello\n" {
		t.Errorf("stdout is %q", got)
	}
	if got := string(l.bytes(core.StreamStderr)); got != "two\n" {
		t.Errorf("stderr is %q", got)
	}
	if l.sha != repo.head() {
		t.Errorf("started with %q", l.sha)
	}
	system := string(l.bytes(core.StreamSystem))
	for _, want := range []string{"Checked out " + repo.head()[:12] + " (main)", "$ cat README\n", "$ echo two >&2\n"} {
		if !strings.Contains(system, want) {
			t.Errorf("the system lines lack %q:\n%s", want, system)
		}
	}
	mustSteps(t, l, "checkout succeeded", "build-1 succeeded", "build-2 succeeded")
	waitFor(t, "the workspace is emptied", func() bool {
		left, err := os.ReadDir(filepath.Join(dir, "workspaces", "0"))
		return err == nil && len(left) == 0
	})
}

func TestABuildThatDeletedItsFolderIsToldSo(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	l := house.run(t, repo.job("b1", `rm -rf "$PWD"`, "true"))
	mustEnd(t, l, core.BuildFailed, core.ReasonCommandFailed, "build-2 failed: the build's folder is gone")
	mustEnd(t, house.run(t, repo.job("b2", "cat README")), core.BuildSucceeded, "", "")
}

// The shim had lost the descriptor of /dev/null to the garbage collector, and commands
// had a pipe that only takes in its place.
func TestCommandsReadNothingFromTheirInput(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	job := repo.job("b1", slices.Repeat([]string{"cat", "! read x"}, 50)...)
	job.Pipeline.Execution.Env = []core.EnvVar{{Key: "LARGE", Value: strings.Repeat("x", 60_000)}} // so that the shim collects
	mustEnd(t, house.run(t, job), core.BuildSucceeded, "", "")
}

// A failure in the middle of a command of several lines once left the build green.
func TestACommandOfSeveralLinesEndsAtTheFirstThatFails(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	l := house.run(t, repo.job("b1", "echo one\nfalse\necho two\n"))
	mustEnd(t, l, core.BuildFailed, core.ReasonCommandFailed, "build-1 failed: exit 1")
	if text := string(l.bytes(core.StreamStdout)); text != "one\n" {
		t.Errorf("it printed %q", text)
	}
	mustEnd(t, house.run(t, repo.job("b2", "false; echo two", "false || echo three\necho four")), core.BuildSucceeded, "", "")
}

// mustSteps checks name and state of all steps, and that their spans of the log
// hold their own records only.
func mustSteps(t *testing.T, l *ledger, want ...string) {
	t.Helper()
	var got []string
	for i := range len(l.steps) {
		s := l.steps[i]
		got = append(got, s.Name+" "+string(s.Status))
		if s.FinishedAt == nil {
			t.Errorf("step %s has no end", s.Name)
		}
		if s.LastSequence == nil {
			continue
		}
		for _, r := range l.records[s.FirstSequence-l.job.NextLog : *s.LastSequence-l.job.NextLog+1] {
			if r.Step != s.Name {
				t.Errorf("record %d in the span of %s is of step %s", r.Sequence, s.Name, r.Step)
			}
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("steps are %q, want %q", got, want)
	}
}

func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

func TestTheFirstFailureEndsTheBuild(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	for _, c := range []struct{ name, command, message, hint string }{
		{"an exit code", "exit 3", "build-1 failed: exit 3", ""},
		{"a missing program", "no-such-program-here", "build-1 failed: no-such-program-here is not installed on the runner the mac under the desk: install it", "(exit 127)"},
		{"a program missed in silence", "exit 127", "build-1 failed: exit 127", "Install it on the runner the mac under the desk"},
		{"a signal", "kill -TERM $$", "build-1 failed: killed by SIGTERM (exit 143)", ""},
		{"SIGKILL", "kill -KILL $$", "build-1 failed: killed by SIGKILL (exit 137)", "out of memory"},
		{"exit 255", "exit 255", "build-1 failed: exit 255", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := house.run(t, repo.job(c.name, c.command, "echo never"))
			mustEnd(t, l, core.BuildFailed, core.ReasonCommandFailed, c.message)
			mustSteps(t, l, "checkout succeeded", "build-1 failed", "build-2 skipped")
			if l.result.ExitCode == nil || l.steps[1].ExitCode == nil || *l.result.ExitCode != *l.steps[1].ExitCode {
				t.Errorf("exit codes: %v and %v", l.result.ExitCode, l.steps[1].ExitCode)
			}
			if system := string(l.bytes(core.StreamSystem)); !strings.Contains(system, c.message) || !strings.Contains(system, c.hint) {
				t.Errorf("the log does not say why:\n%s", system)
			}
		})
	}
}

func TestAStepThatAlwaysRunsRunsAfterAFailure(t *testing.T) {
	b := testBuild(t)
	plan := core.Plan{Steps: []core.PlanStep{
		{Name: "a", Run: "exit 4"}, {Name: "b", Run: "echo b"}, {Name: "c", Run: "echo c; exit 5", Always: true},
	}}
	err := b.steps(t.Context(), plan)
	if err == nil || err.Error() != "a failed: exit 4" {
		t.Errorf("the build's failure is %v", err)
	}
	records, _, _ := b.log.take(1 << 20)
	var out []string
	for _, r := range records {
		if r.Stream == core.StreamStdout {
			out = append(out, string(r.Content))
		}
	}
	if !slices.Equal(out, []string{"c"}) {
		t.Errorf("the commands printed %q", out)
	}
}

// testBuild is a build without a pool that claims: for what needs no house.
func testBuild(t *testing.T) *build {
	t.Helper()
	pool, err := newPool(Options{Jobs: newHouse(), Runner: testRunner(), Slots: 1, Dir: t.TempDir(), Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	s, err := startShim(pool.exe)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	b := &build{pool: pool, shim: s, dir: dir, log: newJournal(0, 1<<20), space: newSpace(0, dir, roomy, core.NoMeter{}), lines: quiet()}
	b.found = newFindings(&pool.matchers, b.dir)
	t.Cleanup(func() {
		b.closeOutputs()
		s.release()
	})
	return b
}

func TestTheEnvironmentOfABuildIsTheAllowedSet(t *testing.T) {
	t.Setenv("SOME_SECRET_OF_THE_SERVER", "canary")
	t.Setenv("OORE_ADMIN_TOKEN", "canary")
	t.Setenv("ANDROID_HOME", "/opt/android")
	t.Setenv("https_proxy", "http://proxy:3128")
	for _, name := range passed() {
		if name != "PATH" && name != "HOME" && name != "ANDROID_HOME" && name != "https_proxy" {
			unsetenv(t, name)
		}
	}
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	job := repo.job("b1", "env -0 | tr '\\0' '\\n' | sort")
	job.Build.PullRequest = &core.PullRequest{Number: 12}
	job.Pipeline.Execution.Env = []core.EnvVar{{Key: "FLAVOR", Value: "staging $(id) `id` \"'"}, {Key: "BUILD_NUMBER", Value: "1007"}}
	l := house.run(t, job)
	mustEnd(t, l, core.BuildSucceeded, "", "")
	sha := repo.head()
	want := []string{
		"ANDROID_HOME=/opt/android", "BRANCH=main", "BUILD_NUMBER=1007", "CI=true", "COMMIT_SHA=" + sha,
		"FLAVOR=staging $(id) `id` \"'", "HOME=" + os.Getenv("HOME"), "OORE=true", "OORE_BRANCH=main",
		"OORE_BUILD_ID=b1", "OORE_BUILD_NUMBER=7", "OORE_BUILD_URL=http://oore.example/builds/b1", "OORE_COMMIT_SHA=" + sha,
		"OORE_PIPELINE_ID=pipeline-1", "OORE_PROJECT_ID=project-1", "OORE_PULL_REQUEST=12",
		"PATH=" + os.Getenv("PATH"), "https_proxy=http://proxy:3128",
	}
	got := slices.DeleteFunc(strings.Split(strings.TrimSpace(string(l.bytes(core.StreamStdout))), "\n"), func(line string) bool {
		return strings.HasPrefix(line, "PWD=") || strings.HasPrefix(line, "_=") // the shell's own
	})
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the environment is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func unsetenv(t *testing.T, name string) {
	t.Helper()
	t.Setenv(name, "") // puts it back at the end
	if err := os.Unsetenv(name); err != nil {
		t.Fatal(err)
	}
}

func TestACommandInheritsNothingElse(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	l := house.run(t, repo.job("b1",
		"ls /proc/self/fd | wc -l", // 0, 1, 2 and the folder itself
		"umask; ulimit -c; cat; ps -o pid=,pgid=,sid= -p $$ | awk '{print ($1==$2 && $2==$3)}'"))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	if got := string(l.bytes(core.StreamStdout)); got != "4\n0022\n0\n1\n" {
		t.Errorf("printed %q", got)
	}
}

func TestTwoSlotsBuildOneRepositoryAtOnce(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 2)
	meet := filepath.Join(t.TempDir(), "meet")
	// Each waits for the other: they pass only if they run side by side.
	house.submit(repo.job("b1", "touch "+meet+"1; until test -e "+meet+"2; do sleep 0.01; done; pwd; cat README"))
	house.submit(repo.job("b2", "touch "+meet+"2; until test -e "+meet+"1; do sleep 0.01; done; pwd; cat README"))
	one, two := house.wait(t, "b1"), house.wait(t, "b2")
	mustEnd(t, one, core.BuildSucceeded, "", "")
	mustEnd(t, two, core.BuildSucceeded, "", "")
	if a, b := string(one.bytes(core.StreamStdout)), string(two.bytes(core.StreamStdout)); a == b {
		t.Errorf("both ran in %q", a)
	}
}

func TestThePoolWantsItsFolderForItself(t *testing.T) {
	house := newHouse()
	dir, _ := startPool(t, house, 1)
	house.run(t, newRepository(t).job("b1", "true")) // it has its folder now
	pool, err := newPool(Options{Jobs: house, Runner: testRunner(), Slots: 1, Dir: dir, Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	if err := pool.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "another runner works in "+dir) {
		t.Errorf("the second pool ended with %v", err)
	}
}

func TestStaleWorkspacesAreRemovedAtStart(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	dir := t.TempDir()
	stale := filepath.Join(dir, "workspaces", "17", "read-only")
	repo.must(os.MkdirAll(stale, 0o755))
	repo.must(os.WriteFile(filepath.Join(stale, "file"), nil, 0o600))
	repo.must(os.Chmod(stale, 0o500))
	startPoolIn(t, house, 1, dir)
	house.run(t, repo.job("b1", "true"))
	if _, err := os.Stat(filepath.Join(dir, "workspaces", "17")); !os.IsNotExist(err) {
		t.Errorf("the stale workspace is still there: %v", err)
	}
}
