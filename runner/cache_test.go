package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

// cachingWorkflow is a .oore.yaml with one cache, of the folder c.
func cachingWorkflow(commands ...string) string {
	var b strings.Builder
	b.WriteString("version: 1\ncache:\n  - key: \"pub-{{ hashFiles 'pubspec.lock' }}\"\n    paths: [c]\n    restore_keys: [pub-]\ncommands:\n  build:\n")
	for _, c := range commands {
		fmt.Fprintf(&b, "    - %q\n", c)
	}
	return b.String()
}

func mustSay(t *testing.T, l *ledger, lines ...string) {
	t.Helper()
	system := string(l.bytes(core.StreamSystem))
	for _, line := range lines {
		if !strings.Contains(system, line) {
			t.Errorf("the log lacks %q:\n%s", line, system)
		}
	}
}

func TestACacheIsRestoredBeforeTheFirstCommandAndSavedAfterSuccess(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	dir, stop := startPool(t, house, 1)
	repo.commit("pubspec.lock", "one")
	repo.commit(".oore.yaml", cachingWorkflow("cat c/* || true", "mkdir -p c; echo $OORE_BUILD_ID >c/$OORE_BUILD_ID"))

	l := house.run(t, repo.job("b1"))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	mustSay(t, l, "Cache miss: pub-", ", and nothing that begins with pub-\n", "Saved: pub-", ": 1 files, 3 B (")
	mustSteps(t, l, "checkout succeeded", "Restore cache succeeded", "build-1 succeeded", "build-2 succeeded", "Save cache succeeded")

	l = house.run(t, repo.job("b2"))
	mustSay(t, l, "Cache hit: pub-", ": 1 files, 3 B (", "Not saved: pub-", " is there already\n")
	if got := string(l.bytes(core.StreamStdout)); got != "b1\n" {
		t.Errorf("the second build finds %q", got)
	}

	repo.commit("pubspec.lock", "two")
	l = house.run(t, repo.job("b3"))
	mustSay(t, l, "Cache hit by prefix: pub-", ", the newest that begins with pub-, for pub-", "Saved: pub-", ": 2 files, 6 B (")
	if got := string(l.bytes(core.StreamStdout)); got != "b1\n" {
		t.Errorf("the third build finds %q", got)
	}

	stop() // and what is kept outlives the process
	startPoolIn(t, house, 1, dir)
	l = house.run(t, repo.job("b4"))
	if got := string(l.bytes(core.StreamStdout)); got != "b1\nb3\n" {
		t.Errorf("after a restart a build finds %q", got)
	}
}

func TestABuildThatFailsSavesNothing(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	dir, _ := startPool(t, house, 1)
	repo.commit(".oore.yaml", cachingWorkflow("mkdir c; echo x >c/x", "exit 1"))
	l := house.run(t, repo.job("b1"))
	mustEnd(t, l, core.BuildFailed, core.ReasonCommandFailed, "build-2 failed")
	mustSteps(t, l, "checkout succeeded", "Restore cache succeeded", "build-1 succeeded", "build-2 failed", "Save cache skipped")
	mustKeep(t, dir, 0)
}

// mustKeep looks at the files of the pool's cache.
func mustKeep(t *testing.T, dir string, entries int) {
	t.Helper()
	list, err := os.ReadDir(filepath.Join(dir, "cache"))
	if err != nil || len(list) != entries {
		t.Errorf("the cache has %v, %v, want %d", list, err, entries)
	}
}

func TestWhatIsNotSavedIsSaid(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	dir, _ := startPool(t, house, 1)
	repo.commit(".oore.yaml", cachingWorkflow("true"))
	l := house.run(t, repo.job("nothing there"))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	mustSay(t, l, "hashFiles: no file of this commit matches pubspec.lock\n", "Not saved: pub-", ": there are no files at c\n")
	mustKeep(t, dir, 0)

	repo.commit(".oore.yaml", "version: 1\ncache:\n  - key: k\n    paths: [c, d, e/*]\ncommands: {build: ['mkdir c; ln -s /etc c/out; mkfifo c/pipe; echo x >c/x']}\n")
	l = house.run(t, repo.job("half of it there"))
	mustSay(t, l, "Saved: k: 1 files, 2 B (", "; there is no d, e/*; left out: 2 links that lead out of their path, sockets or devices\n")
	mustKeep(t, dir, 1)
}

func TestTheKeyIsOfTheCommitsFiles(t *testing.T) {
	key := func(files map[string]string, patterns ...string) string {
		dir := t.TempDir()
		lay(t, dir, files)
		c, err := openCommitFiles(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		defer c.close()
		sum, _, err := c.digest(t.Context(), patterns)
		if err != nil || len(sum) != 64 {
			t.Fatal(sum, err)
		}
		return sum
	}
	one := key(map[string]string{"pubspec.lock": "1"}, "pubspec.lock")
	nothing := key(map[string]string{}, "pubspec.lock")
	for name, same := range map[string]bool{
		key(map[string]string{"pubspec.lock": "1", "other": "x"}, "pubspec.lock"):                                       true,
		key(map[string]string{"pubspec.lock": "1", ".git/pubspec.lock": "x", "l/pubspec.lock": "-> ../x"}, "**/*.lock"): true,
		key(map[string]string{"pubspec.lock": "2"}, "pubspec.lock"):                                                     false,
		key(map[string]string{"pubspec.lock": "1", "example/pubspec.lock": "1"}, "pubspec.lock"):                        false,
		key(map[string]string{"a/pubspec.lock": "1"}, "pubspec.lock"):                                                   false,
		key(map[string]string{"pubspec.lock": "1"}, "x", "pubspec.lock", "pubspec.*"):                                   true,
		nothing: false,
	} {
		if (name == one) != same {
			t.Errorf("%s and %s", name, one)
		}
	}
	if again := key(map[string]string{"x": "1"}, "y", "z"); again != nothing {
		t.Errorf("nothing is %s and %s", nothing, again)
	}
}

func (r *repository) variant(id, branch string, pull int, fork bool) core.Job {
	job := r.job(id)
	job.Build.Branch, job.Build.TriggerType = branch, core.TriggerWebhook
	if pull > 0 {
		job.Build.PullRequest = &core.PullRequest{Number: pull, Fork: fork}
	}
	return job
}

// What the matrix of core says, done by real builds of one commit that all branches have.
func TestWhoFindsWhatOthersSaved(t *testing.T) {
	repo := newRepository(t)
	repo.commit(".oore.yaml", cachingWorkflow("cat c/by || true; mkdir -p c; echo $OORE_BUILD_ID >c/by", "test -z \"$(cat fail 2>/dev/null)\""))
	saving := repo.head()
	repo.git("branch", "feature")
	repo.git("branch", "other")
	repo.git("tag", "v1")
	repo.commit("fail", "x") // its builds look, and save nothing
	for _, branch := range []string{"feature", "other"} {
		repo.git("branch", "-f", branch)
	}
	repo.git("tag", "-f", "v1")
	kinds := map[string]func(id string) core.Job{
		"main":    func(id string) core.Job { return repo.variant(id, "main", 0, false) },
		"feature": func(id string) core.Job { return repo.variant(id, "feature", 0, false) },
		"other":   func(id string) core.Job { return repo.variant(id, "other", 0, false) },
		"pull 1":  func(id string) core.Job { return repo.variant(id, "feature", 1, false) },
		"pull 2":  func(id string) core.Job { return repo.variant(id, "feature", 2, false) },
		"fork 3":  func(id string) core.Job { return repo.variant(id, "main", 3, true) },
		"fork 4":  func(id string) core.Job { return repo.variant(id, "feature", 4, true) },
		"tag": func(id string) core.Job {
			job := repo.variant(id, "", 0, false)
			job.Build.Tag = "v1"
			return job
		},
		"project 2": func(id string) core.Job {
			job := repo.variant(id, "main", 0, false)
			job.Build.ProjectID = "project-2"
			return job
		},
	}
	for writer, finds := range map[string]string{
		"main":      "main feature other pull 1 pull 2 fork 3 fork 4 tag",
		"feature":   "feature pull 1 pull 2",
		"other":     "other",
		"pull 1":    "pull 1",
		"fork 3":    "",
		"tag":       "tag",
		"project 2": "project 2",
	} {
		t.Run(writer, func(t *testing.T) {
			house := newHouse()
			startPool(t, house, 2)
			job := kinds[writer]("writer")
			job.Build.SHA = saving
			mustEnd(t, house.run(t, job), core.BuildSucceeded, "", "")
			for reader, job := range kinds {
				l := house.run(t, job(reader))
				mustEnd(t, l, core.BuildFailed, core.ReasonCommandFailed, "build-2 failed")
				found := string(l.bytes(core.StreamStdout)) == "writer\n"
				if found != strings.Contains(finds, reader) {
					t.Errorf("%s finds what %s saved: %t\n%s", reader, writer, found, l.bytes(""))
				}
			}
		})
	}
}

// Whoever starts a build by hand can name any commit beside a branch.
func TestACommitThatIsNoPartOfItsBranchLeavesNothingThere(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	dir, _ := startPool(t, house, 1)
	repo.commit(".oore.yaml", cachingWorkflow("cat c/by || true; mkdir -p c; echo $OORE_BUILD_ID >c/by"))
	repo.git("checkout", "-q", "-b", "feature")
	evil := repo.commit("evil", "x")
	repo.git("checkout", "-q", "main")
	job := repo.variant("b1", "main", 0, false)
	job.Build.SHA, job.Build.TriggerType = evil, core.TriggerManual
	l := house.run(t, job)
	mustEnd(t, l, core.BuildSucceeded, "", "")
	mustSay(t, l, "Nothing is saved: the commit is no part of main\n")
	mustKeep(t, dir, 0)
	mustEnd(t, house.run(t, repo.variant("b2", "main", 0, false)), core.BuildSucceeded, "", "")
	job.Build.ID, job.Lease.BuildID, job.Lease.Token = "b3", "b3", "token-b3"
	if l := house.run(t, job); string(l.bytes(core.StreamStdout)) != "b2\n" {
		t.Errorf("it finds not what the default branch keeps for all:\n%s", l.bytes(""))
	}
	mustKeep(t, dir, 1)
}

func TestAForkIsToldWhyNothingIsSaved(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	repo.commit(".oore.yaml", cachingWorkflow("mkdir -p c; echo x >c/x"))
	l := house.run(t, repo.variant("b1", "main", 7, true))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	mustSay(t, l, "Nothing is saved: pull request #7 comes from a fork\n")
}
