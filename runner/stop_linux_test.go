package runner

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
)

func TestACancelLeavesNothing(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	for _, name := range escapeNames() {
		for round := range escapeRounds(t) {
			t.Run(name, func(t *testing.T) {
				id, mark := fmt.Sprint(name, " ", round), newMark(t)
				house.submit(repo.job(id, script(name, mark), "echo never"))
				house.untilPrinted(t, id, "up\n")
				waitFor(t, "the processes run", func() bool { return len(marked(t, mark)) >= escapes[name].processes })
				house.cancel(id)
				l := house.wait(t, id)
				mustEnd(t, l, core.BuildCanceled, core.ReasonCanceledByUser, "")
				if left := marked(t, mark); len(left) > 0 {
					t.Errorf("%d processes are left", len(left))
				}
				mustSteps(t, l, "checkout succeeded", "build-1 canceled", "build-2 skipped")
				if !strings.HasSuffix(string(l.bytes(core.StreamSystem)), "Canceled\n") {
					t.Errorf("the log does not say so:\n%s", l.bytes(core.StreamSystem))
				}
			})
		}
	}
}

func TestTheEndOfABuildEndsItsDaemons(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	mark := newMark(t)
	l := house.run(t, repo.job("b1", "setsid sh -c 'sleep 300; : "+mark+"' >/dev/null 2>&1 &", "true"))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	if left := marked(t, mark); len(left) > 0 {
		t.Errorf("%d processes are left", len(left))
	}
}

func TestABuildThatKillsItsShimLeavesNothing(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	mark := newMark(t)
	l := house.run(t, repo.job("b1", "setsid sh -c 'sleep 300; : "+mark+"' >/dev/null 2>&1 & kill -KILL $PPID; sleep 300; : "+mark))
	mustEnd(t, l, core.BuildFailed, core.ReasonRunnerError, "")
	if left := marked(t, mark); len(left) > 0 {
		t.Errorf("%d processes are left", len(left))
	}
	mustEnd(t, house.run(t, repo.job("b2", "true")), core.BuildSucceeded, "", "")
}

func TestATimeOutEndsTheBuild(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	mark := newMark(t)
	job := repo.job("b1", "echo up; sleep 300; : "+mark, "echo never")
	job.Build.Timeout = 8 * time.Second
	l := house.run(t, job)
	mustEnd(t, l, core.BuildTimedOut, core.ReasonTimedOut, "Timed out after 8s")
	mustSteps(t, l, "checkout succeeded", "build-1 failed", "build-2 skipped")

	repo.commit(".oore.yaml", "version: 1\ncommands: {build: [\"sleep 300 # "+mark+"\"]}\ntimeout: 1s\n")
	mustEnd(t, house.run(t, repo.job("b2")), core.BuildTimedOut, core.ReasonTimedOut, "Timed out after 1s")
}

func TestShutdownStopsBuildsAndSaysSo(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	dir, stop := startPool(t, house, 1)
	mark := newMark(t)
	house.submit(repo.job("b1", script("a setsid daemon", mark)))
	house.untilPrinted(t, "b1", "up\n")
	stop()
	l := house.wait(t, "b1")
	mustEnd(t, l, core.BuildFailed, core.ReasonRunnerShutdown, "shut down")
	if left := marked(t, mark); len(left) > 0 {
		t.Errorf("%d processes are left", len(left))
	}
	if left, _ := os.ReadDir(filepath.Join(dir, "workspaces")); len(left) > 0 {
		t.Errorf("the workspace is left")
	}
}

func TestALostLeaseStopsTheBuildAndSaysNothing(t *testing.T) {
	for _, call := range []string{"append", "renew", "step"} {
		t.Run(call, func(t *testing.T) {
			repo, house := newRepository(t), newHouse()
			_, stop := startPool(t, house, 1)
			mark := newMark(t)
			finished := false
			var up atomic.Bool
			house.setFault(func(c string) error {
				finished = finished || c == "finish"
				if c == call && up.Load() {
					return core.Codef(core.KindConflict, core.CodeLeaseLost, "somebody else has it")
				}
				return nil
			})
			// The second step's report is the first one after the build is up.
			up.Store(call == "renew") // the renewal that waits would not be asked again
			gate := filepath.Join(t.TempDir(), "gate")
			house.submit(repo.job("b1", "echo up; until test -e "+gate+"; do sleep 0.01; done", "while :; do echo x; sleep 0.05; : "+mark+"; done"))
			if call != "renew" {
				house.untilPrinted(t, "b1", "up\n")
				up.Store(true)
			}
			repo.must(os.WriteFile(gate, nil, 0o600))
			waitFor(t, "the slot is free", func() bool { return house.letGo("b1") })
			if left := marked(t, mark); len(left) > 0 {
				t.Errorf("%d processes are left", len(left))
			}
			stop()
			if finished {
				t.Error("it reported an end of a build that is not its own")
			}
		})
	}
}

func TestTheSlotIsFreeWhileTheHouseDoesNotAnswer(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	down := true
	house.setFault(func(call string) error {
		if call == "finish" && down {
			return core.Errorf(core.KindUnavailable, "the database is away")
		}
		return nil
	})
	house.submit(repo.job("b1", "true"))
	house.submit(repo.job("b2", "echo second"))
	house.untilPrinted(t, "b2", "second\n")
	house.mu.Lock()
	down = false
	house.mu.Unlock()
	mustEnd(t, house.wait(t, "b1"), core.BuildSucceeded, "", "")
	mustEnd(t, house.wait(t, "b2"), core.BuildSucceeded, "", "")
}

func TestAStoppedBuildDoesNotWaitForAHouseThatTakesNoLog(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	down := false
	house.setFault(func(call string) error {
		if call == "append" && down {
			return core.Errorf(core.KindUnavailable, "the disk is full")
		}
		return nil
	})
	house.submit(repo.job("b1", "echo up; sleep 0.2; yes"))
	house.untilPrinted(t, "b1", "up\n")
	house.mu.Lock()
	down = true
	house.mu.Unlock()
	house.cancel("b1")
	waitFor(t, "the slot is free", func() bool { return house.letGo("b1") })
	house.mu.Lock()
	down = false
	house.mu.Unlock()
	mustEnd(t, house.wait(t, "b1"), core.BuildCanceled, core.ReasonCanceledByUser, "")
}

func TestAKilledServerLeavesNothing(t *testing.T) {
	repo := newRepository(t)
	for _, name := range escapeNames() {
		for range escapeRounds(t) {
			t.Run(name, func(t *testing.T) { killServer(t, repo, name) })
		}
	}
}

// killServer kills a pool's process while it runs an escape.
func killServer(t *testing.T, repo *repository, name string) {
	mark := newMark(t)
	dir := t.TempDir()
	data, err := json.Marshal(poolProcess{Dir: dir, Job: repo.job("b1", script(name, mark))})
	repo.must(err)
	file := filepath.Join(dir, "job.json")
	repo.must(os.WriteFile(file, data, 0o600))
	server := exec.Command(os.Args[0])
	server.Env = append(os.Environ(), poolEnv+"="+file)
	server.Stderr = os.Stderr
	repo.must(server.Start())
	waitFor(t, "the build runs", func() bool { return len(marked(t, mark)) >= escapes[name].processes })
	repo.must(server.Process.Kill())
	_ = server.Wait()
	looks := 0 // in a row: one look may miss who has another process id at every moment
	waitFor(t, "all is gone, and nobody works there", func() bool {
		if looks++; len(marked(t, mark)) > 0 || worksIn(dir) {
			looks = 0
		}
		return looks == 20
	})
}

// worksIn tells whether a process has its working directory below dir.
func worksIn(dir string) bool {
	for _, pid := range pids() {
		if cwd, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/cwd"); err == nil && strings.HasPrefix(cwd, dir) {
			return true
		}
	}
	return false
}
