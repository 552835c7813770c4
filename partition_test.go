package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

// partition is a line between a runner and its server that is dead for a while.
type partition struct {
	length time.Duration
	lease  time.Duration // of the server; 0: as shipped
}

// lost tells whether the runner gives up what it runs. That is nothing to be sure of
// near the border, and no partition here is.
func (p partition) lost() bool {
	return p.length > core.FenceAfter(cmp.Or(p.lease, core.LeaseTTL))
}

// partitions are those of the real world with OORE_TEST_PARTITIONS=real, which takes
// minutes; otherwise leases are six times shorter, and they keep well away from the border,
// 30 seconds, for a machine that is busy.
func partitions() []partition {
	if os.Getenv("OORE_TEST_PARTITIONS") == "real" {
		return []partition{{10 * time.Second, 0}, {120 * time.Second, 0}, {200 * time.Second, 0}}
	}
	const lease = core.LeaseTTL / 6
	return []partition{{700 * time.Millisecond, lease}, {3 * time.Second, lease}, {45 * time.Second, lease}}
}

// TestKilledAndCutOffRunnersRunNothingTwice has two runners and a server. The line of
// one runner is cut, the other is killed meanwhile, and the server is killed afterwards.
func TestKilledAndCutOffRunnersRunNothingTwice(t *testing.T) {
	t.Parallel()
	for n, p := range partitions() {
		t.Run(p.length.String(), func(t *testing.T) {
			t.Parallel()
			database := ""
			if n == 1 {
				database = storetest.Postgres(t)
			}
			split(t, database, p)
		})
	}
}

func split(t *testing.T, database string, p partition) {
	server := newProgram(t, database, nil, "OORE_RUNNERS=0")
	if p.lease != 0 {
		server = shortLease(t, database, p.lease)
	} else {
		server.start()
	}
	y := newYard(t, server)
	wire, other := newLine(t, y.addr), newLine(t, y.addr)
	newRemoteRunner(t, "http://"+wire.addr, "one")
	two := newRemoteRunner(t, "http://"+other.addr, "two")
	y.waitRunner("one", "online")
	y.waitRunner("two", "online")

	flag := filepath.Join(t.TempDir(), "go")
	pipeline := y.script("Long", noting(y.notes, flag))
	var first []string
	for range 4 {
		first = append(first, y.trigger(pipeline))
	}
	y.printed(first[0], "line 10\n")
	y.printed(first[1], "line 10\n")

	wire.cut()
	time.Sleep(p.length / 2)
	two.signal(syscall.SIGKILL)
	two.start()
	time.Sleep(p.length - p.length/2)
	wire.mend()
	y.kill()
	y.start()
	y.eventuallyRuns(first, p)
	if err := writeFile(flag); err != nil {
		t.Fatal(err)
	}
	y.checkChains(first)
	y.nothingLeft()
	y.keepsPromises()
}

// noting prints numbered lines until there is the flag, and notes for each that this
// process of this build has run.
func noting(notes, flag string) string {
	return `i=0; while [ ! -e ` + flag + ` ]; do i=$((i+1)); echo line $i; echo $OORE_BUILD_ID/$$ >>` + notes + `; sleep 0.05; done; echo total $i`
}

// eventuallyRuns waits until the partition's consequences are there: what was lost is
// being run again.
func (y *yard) eventuallyRuns(first []string, p partition) {
	y.t.Helper()
	lost := 1 // of the runner that was killed
	if p.lost() {
		lost++
	}
	limit := time.Now().Add(patience + cmp.Or(p.lease, core.LeaseTTL))
	for {
		all := y.builds("")
		running := slices.DeleteFunc(slices.Clone(all), func(b buildView) bool { return b.Status != "running" })
		if len(all) == len(first)+lost && len(running) == 2 {
			return
		}
		if time.Now().After(limit) {
			y.t.Fatalf("there should be %d builds, two of them running: %+v", len(first)+lost, all)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// checkChains waits for all ends and checks each build with those that ran it again.
func (y *yard) checkChains(first []string) {
	y.t.Helper()
	newest := map[string]string{} // by the first of the chain
	firstOf := map[string]string{}
	chain := func(b buildView) string { return cmp.Or(firstOf[b.SourceBuildID], b.ID) }
	for _, id := range first {
		y.ended(id)
	}
	var all []buildView
	eventually(y.t, "all builds have ended", func() bool {
		all = y.builds("")
		return !slices.ContainsFunc(all, func(b buildView) bool { return !b.ended() })
	})
	for _, b := range slices.Backward(all) { // oldest first
		firstOf[b.ID] = chain(b)
		newest[firstOf[b.ID]] = b.ID
		if b.Status == "succeeded" {
			y.mustCount(b.ID)
		} else if b.StatusReason != "runner_lost" {
			y.t.Errorf("build %d is %s: %s %s", b.Number, b.Status, b.StatusReason, b.StatusMessage)
		} else {
			y.mustBegin(b.ID)
		}
	}
	for _, id := range first {
		if last := y.build(newest[id]); last.Status != "succeeded" {
			y.t.Errorf("the last run of build %s is %s: %s", id, last.Status, last.StatusReason)
		}
	}
	y.checkNotes(firstOf)
}

// mustBegin checks that the log of a lost build has no gap as far as it goes.
func (y *yard) mustBegin(id string) {
	y.t.Helper()
	for i, line := range strings.Split(strings.TrimSpace(y.rawLog(id)), "\n") {
		if line != fmt.Sprintf("line %d", i+1) {
			y.t.Errorf("line %d of a lost build is %q", i+1, line)
			return
		}
	}
}

// checkNotes checks that of a build and those that ran it again never two ran at once:
// once a process has noted something, no earlier one does again.
func (y *yard) checkNotes(firstOf map[string]string) {
	y.t.Helper()
	runs := map[string][]string{} // by chain, the processes in the order of their notes
	for _, note := range y.noted() {
		build, _, _ := strings.Cut(note, "/")
		chain := runs[firstOf[build]]
		if len(chain) == 0 || chain[len(chain)-1] != note {
			runs[firstOf[build]] = append(chain, note)
		}
	}
	for id, chain := range runs {
		sorted := slices.Sorted(slices.Values(chain))
		if len(slices.Compact(sorted)) < len(chain) {
			y.t.Errorf("two processes of build %s ran at once: %v", id, chain)
		}
	}
}
