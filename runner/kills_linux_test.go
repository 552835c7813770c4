package runner

import (
	"maps"
	"os"
	"slices"
	"syscall"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

func TestWhatBuildsLeaveBehindIsCounted(t *testing.T) {
	repo, house, meter := newRepository(t), newHouse(), &sums{all: map[string]float64{}}
	pool, err := newPool(Options{Jobs: house, Runner: testRunner(), Slots: 1, Dir: t.TempDir(), Log: quiet(), CacheLimit: testCacheLimit, Meter: meter})
	if err != nil {
		t.Fatal(err)
	}
	if got := meter.take(); len(got) != 5 {
		t.Errorf("before anything happens there are %v: no alert would see the first of a stage", got)
	}
	runPool(t, pool)
	const (
		term, kill, sweep, orphans = core.MetricKills + " term", core.MetricKills + " kill", core.MetricKills + " sweep", core.MetricOrphans + " "
		cut                        = core.MetricLogCut + " limit"
	)
	for _, c := range []struct {
		command string
		status  core.BuildStatus
		want    []string
	}{
		{"true", core.BuildSucceeded, nil},
		{"sleep 300 >/dev/null 2>&1 &", core.BuildSucceeded, []string{term}},
		{`sh -c 'trap "" TERM; touch deaf; while :; do sleep 300; done' >/dev/null 2>&1 & while [ ! -e deaf ]; do sleep 0.02; done`, core.BuildSucceeded, []string{term, kill}},
		{"setsid sleep 300 >/dev/null 2>&1 & kill -KILL $PPID; sleep 300", core.BuildFailed, []string{sweep, orphans}},
		{"head -c 100000 /dev/zero", core.BuildSucceeded, []string{cut}},
	} {
		job := repo.job("b1", c.command)
		job.LogLimit = 50_000
		l := house.run(t, job)
		if l.result.Status != c.status {
			t.Fatalf("%s: %+v", c.command, l.result)
		}
		mustEnd(t, house.run(t, repo.job("b2", "true")), core.BuildSucceeded, "", "") // the slot is free: all is noted
		got := meter.take()
		for _, want := range c.want {
			if got[want] < 1 {
				t.Errorf("%s: no %q in %v", c.command, want, got)
			}
			delete(got, want)
		}
		maps.DeleteFunc(got, func(_ string, sum float64) bool { return sum == 0 }) // a workspace that is gone, no secrets
		if len(got) > 0 {
			t.Errorf("%s: besides there are %v", c.command, got)
		}
	}
}

// A shim that was killed while its slot waited for work (as the kernel does where memory is
// short) failed the next build, whosever that was.
func TestAShimThatDiesInAnIdleSlotFailsNoBuild(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	children := func() (pids []int) {
		for _, p := range processes() {
			if p.parent == os.Getpid() {
				pids = append(pids, p.pid)
			}
		}
		return pids
	}
	others := children()
	startPool(t, house, 1)
	waitFor(t, "the slot waits for work", func() bool {
		house.mu.Lock()
		defer house.mu.Unlock()
		return house.asking > 0
	})
	killed := slices.DeleteFunc(children(), func(pid int) bool { return slices.Contains(others, pid) })
	if len(killed) != 1 {
		t.Fatalf("a slot that waits has the processes %v", killed)
	}
	repo.must(syscall.Kill(killed[0], syscall.SIGKILL))
	waitFor(t, "the shim is gone", func() bool { return !slices.Contains(children(), killed[0]) })
	for _, id := range []string{"b1", "b2"} {
		mustEnd(t, house.run(t, repo.job(id, "true")), core.BuildSucceeded, "", "")
	}
}
