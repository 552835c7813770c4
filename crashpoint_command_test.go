package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/oore-ci/oore/store/storetest"
)

// crasher runs commands of an installation that kill themselves at a crash point.
type crasher struct {
	*program
	path   string
	passed map[string]bool
}

// at runs a command, which must end by SIGKILL at the point's n-th pass.
func (c *crasher) at(point string, n int, env []string, args ...string) {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), c.path, args...)
	cmd.Env = append(append(slices.Clone(c.env), env...), "OORE_TEST_CRASH_PASSES="+c.t.TempDir(), fmt.Sprintf("OORE_TEST_CRASH_AT=%s:%d", point, n))
	out, err := cmd.CombinedOutput()
	if how, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || how.Signal() != syscall.SIGKILL {
		c.t.Fatalf("oore %s was not killed at %s: %v\n%s", strings.Join(args, " "), point, err, out)
	}
	c.passed[point] = true
}

// TestCommandsKilledAtCrashPointsAreRunAgain kills the first start, the renewal of the key,
// the backup and the restore between their durable steps. Each, run again, comes to its end.
func TestCommandsKilledAtCrashPointsAreRunAgain(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		t.Parallel()
		c := &crasher{program: newProgram(t, database, nil), path: crashingProgram(t), passed: map[string]bool{}}
		for _, n := range []int{1, 7} {
			c.at("migration.applied", n, nil, "serve")
		}
		c.start()
		_, project, _ := c.shopWith(t, `echo kept`)
		for n := range 3 {
			c.must("PUT", fmt.Sprintf("/v1/projects/%s/secrets/S_%d", project.ID, n), body{"value": fmt.Sprintf("the value %d", n)}, nil)
		}
		c.stop()

		for point, n := range map[string]int{"key.ready": 1, "key.resealed": 2, "key.kept": 1} {
			c.at(point, n, nil, "secrets", "rotate-key")
			c.succeeds(nil, "secrets", "rotate-key")
		}
		file := filepath.Join(t.TempDir(), "backup")
		c.at("backup.written", 1, nil, "backup", file)
		if _, err := os.Lstat(file); !os.IsNotExist(err) {
			t.Errorf("half a backup has the name of a whole one: %v", err)
		}
		c.at("backup.named", 1, nil, "backup", file)
		c.succeeds(nil, "verify", file)

		fresh := []string{"OORE_DATA_DIR=" + filepath.Join(t.TempDir(), "data"), "OORE_DATABASE_URL="}
		if database != "" {
			fresh[1] += storetest.Postgres(t)
		}
		c.at("restore.keyed", 1, fresh, "restore", file)
		c.at("restore.blobs", 1, fresh, "restore", file)
		c.succeeds(fresh, "restore", file)
		c.succeeds(fresh, "verify", "--blobs")
		for _, point := range slices.DeleteFunc(crashPoints(t), func(p string) bool { return !ofCommand(p) }) {
			if !c.passed[point] {
				t.Errorf("no test passes the crash point %s", point)
			}
		}
	})
}

func (c *crasher) succeeds(env []string, args ...string) {
	c.t.Helper()
	if a := c.command(env, args...); a.code != 0 {
		c.t.Fatalf("oore %s: %+v", strings.Join(args, " "), a)
	}
}
