package main

import (
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// The server was away when a build ended, and the runner was killed before it came back:
// the result was lost, and the build was run again.
func TestAResultOutlivesBothServerAndRunner(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		y := newYard(t, newProgram(t, database, nil, "OORE_RUNNERS=0").start())
		r := newRemoteRunner(t, y.url, "one")
		flag := filepath.Join(t.TempDir(), "go")
		id := y.trigger(y.script("Long", counting(flag)))
		y.printed(id, "line 3")
		y.kill()
		if err := writeFile(flag); err != nil {
			t.Fatal(err)
		}
		kept := func() int {
			files, err := filepath.Glob(filepath.Join(r.args[8], "spool", "*.json"))
			if err != nil {
				t.Fatal(err)
			}
			return len(files)
		}
		eventually(t, "the result is on the runner's disk", func() bool { return kept() == 1 })
		r.signal(syscall.SIGKILL)
		r.env = slices.DeleteFunc(r.env, func(v string) bool { return strings.HasPrefix(v, "OORE_RUNNER_TOKEN=") })
		r.start()
		y.start()
		y.mustSucceed(id)
		y.mustCount(id)
		if all := y.builds(""); len(all) != 1 {
			t.Errorf("%d builds, want the one", len(all))
		}
		eventually(t, "nothing is kept any more", func() bool { return kept() == 0 })
	})
}
