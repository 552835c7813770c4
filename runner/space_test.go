package runner

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// fakeDisk is a disk of 100 GiB of which a test says how much is free.
type fakeDisk struct{ free atomic.Int64 }

func (d *fakeDisk) look(string) (free, total int64, err error) { return d.free.Load(), 100 << 30, nil }

// fillingDisk loses 1 GiB between two looks, so that every look leads to a walk.
func fillingDisk() disk {
	d := &fakeDisk{}
	d.free.Store(1 << 60)
	return func(dir string) (int64, int64, error) {
		d.free.Add(-1 << 30)
		return d.look(dir)
	}
}

func startLimited(t *testing.T, house *house, limit int64, d disk) {
	t.Helper()
	pool, err := newPool(Options{Jobs: house, Runner: testRunner(), Slots: 1, Dir: t.TempDir(), Log: quiet(), WorkspaceLimit: limit})
	if err != nil {
		t.Fatal(err)
	}
	pool.useDisk(d)
	runPool(t, pool)
}

func TestABuildThatWritesTooMuchEnds(t *testing.T) {
	const big, message = "head -c 5000000 /dev/zero > big; ", " MB into its folder or more; this runner allows 1.0 MB (OORE_WORKSPACE_LIMIT)"
	for name, c := range map[string]struct {
		commands []string
		steps    []string
	}{
		"in a command that goes on": {[]string{big + "sleep 300", "true"}, []string{"checkout succeeded", "build-1 failed", "build-2 skipped"}},
		"in a short command":        {[]string{big + "sleep 1", "true"}, []string{"checkout succeeded", "build-1 failed", "build-2 skipped"}},
		"in a command that fails":   {[]string{big + "sleep 1; false"}, []string{"checkout succeeded", "build-1 failed"}},
	} {
		t.Run(name, func(t *testing.T) {
			repo, house := newRepository(t), newHouse()
			startLimited(t, house, 1_000_000, fillingDisk())
			l := house.run(t, repo.job("b1", c.commands...))
			mustEnd(t, l, core.BuildFailed, core.ReasonWorkspaceLimit, message)
			mustSteps(t, l, c.steps...)
			if !strings.Contains(string(l.bytes(core.StreamSystem)), message) {
				t.Errorf("the log does not say so:\n%s", l.bytes(""))
			}
		})
	}
}

func TestACheckoutCountsTooAndWhatWasDeletedDoesNot(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startLimited(t, house, 1_000_000, fillingDisk())
	l := house.run(t, repo.job("b1", "head -c 5000000 /dev/zero > big; rm big; sleep 0.1"))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	repo.commit("big", strings.Repeat("x", 3_000_000))
	l = house.run(t, repo.job("b2", "sleep 300"))
	mustEnd(t, l, core.BuildFailed, core.ReasonWorkspaceLimit, "this runner allows 1.0 MB")
}

// sums is a meter that adds up.
type sums struct {
	mu  sync.Mutex
	all map[string]float64
}

func (s *sums) Note(metric string, value float64, labels ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[metric+" "+strings.Join(labels, " ")] += value
}

// take gives what was added since the last time.
func (s *sums) take() map[string]float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.all
	s.all = map[string]float64{}
	return all
}

// The sum of what is noted is what lies there now.
func TestWhatWorkspacesTakeIsMeasured(t *testing.T) {
	repo, house, meter := newRepository(t), newHouse(), &sums{all: map[string]float64{}}
	pool, err := newPool(Options{Jobs: house, Runner: testRunner(), Slots: 1, Dir: t.TempDir(), Log: quiet(), WorkspaceLimit: 1 << 30, Meter: meter})
	if err != nil {
		t.Fatal(err)
	}
	pool.useDisk(fillingDisk())
	runPool(t, pool)
	taken := func() float64 {
		meter.mu.Lock()
		defer meter.mu.Unlock()
		return meter.all[core.MetricWorkspaces+" "]
	}
	flags := []string{filepath.Join(t.TempDir(), "flag"), filepath.Join(t.TempDir(), "flag")}
	until := func(flag string) string { return "while [ ! -e " + flag + " ]; do sleep 0.05; done; " }
	house.submit(repo.job("b1", "head -c 5000000 /dev/zero > big; sleep 0.1", until(flags[0])+"rm big", until(flags[1])))
	for i, c := range []struct{ least, most float64 }{{5_000_000, 6_000_000}, {1, 1_000_000}} {
		for end := time.Now().Add(patience); taken() < c.least || taken() > c.most; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%v bytes, want %v to %v", taken(), c.least, c.most)
			}
		}
		if err := os.WriteFile(flags[i], nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mustEnd(t, house.wait(t, "b1"), core.BuildSucceeded, "", "")
	if got := taken(); got != 0 {
		t.Errorf("%v bytes after the build", got)
	}
}

// What a full disk breaks complains in many ways, or in none.
func TestACommandThatFailsOnAFullDiskSaysThatItIsFull(t *testing.T) {
	const hint = "The disk of the runner the mac under the desk is almost full: 42 B are left."
	for free, want := range map[int64]bool{42: true, 90 << 30: false} {
		repo, house, d := newRepository(t), newHouse(), &fakeDisk{}
		d.free.Store(90 << 30)
		startLimited(t, house, 0, d.look)
		flag := filepath.Join(t.TempDir(), "flag")
		house.submit(repo.job("b1", "echo up; while [ ! -e "+flag+" ]; do sleep 0.05; done; exit 1"))
		house.untilPrinted(t, "b1", "up\n")
		d.free.Store(free)
		if err := os.WriteFile(flag, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		l := house.wait(t, "b1")
		mustEnd(t, l, core.BuildFailed, core.ReasonCommandFailed, "build-1 failed: exit 1")
		if got := strings.Contains(string(l.bytes(core.StreamSystem)), hint); got != want {
			t.Errorf("with %d bytes free the log says so: %v\n%s", free, got, l.bytes(core.StreamSystem))
		}
	}
}

// On the real disk, with what the two of them may hide from each other.
func TestTheLimitHoldsOnTheRealDisk(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startLimited(t, house, 1<<20, func(dir string) (free, total int64, err error) {
		free, _, err = DiskSpace(dir)
		return free + 1<<40, 1 << 41, err // as if there were always room
	})
	l := house.run(t, repo.job("b1", "head -c 50000000 /dev/zero > big; sleep 300"))
	mustEnd(t, l, core.BuildFailed, core.ReasonWorkspaceLimit, "this runner allows 1.0 MB")
}

func TestDiskUsageIsWhatTheFilesTake(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, size int) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, size), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	measure := func() int64 { return diskUsage(t.Context(), dir, 1<<40) }
	write("a/b/one", 1<<20)
	one := measure()
	if one < 1<<20 || one > 1<<20+64<<10 {
		t.Errorf("1 MiB takes %d bytes", one)
	}
	if err := os.Link(filepath.Join(dir, "a/b/one"), filepath.Join(dir, "a/again")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/usr", filepath.Join(dir, "usr")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "sparse"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, "sparse"), 1<<40); err != nil {
		t.Fatal(err)
	}
	if two := measure(); two < one || two > one+64<<10 {
		t.Errorf("a second name, a link and a hole make %d of %d bytes", two, one)
	}
	for i := range 10 {
		write(fmt.Sprint("c/", i), 1<<20)
	}
	if got := diskUsage(t.Context(), dir, 3<<20); got < 3<<20 || got > 5<<20 {
		t.Errorf("it went on to %d where 3 MiB were enough", got)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if got := diskUsage(canceled, dir, 1<<40); got > 1<<20 {
		t.Errorf("it went on to %d though nobody wants to know", got)
	}
	if got := diskUsage(t.Context(), filepath.Join(dir, "none"), 1); got != 0 {
		t.Errorf("nothing takes %d bytes", got)
	}
}

func TestWhenAWorkspaceIsWalked(t *testing.T) {
	const gib = 1 << 30
	for name, c := range map[string]struct {
		size, lost  int64
		since, took time.Duration
		want        bool
	}{
		"not before it is worth it":                     {0, 0, 199 * time.Second, time.Second, false},
		"from time to time":                             {0, 0, 200 * time.Second, time.Second, true},
		"a small one often":                             {0, 0, 2 * time.Second, 10 * time.Millisecond, true},
		"soon, when the disk lost as much":              {0, 50 * gib, 10 * time.Second, time.Second, true},
		"soon, when the disk lost the rest":             {40 * gib, 10 * gib, 10 * time.Second, time.Second, true},
		"not yet, when it lost less":                    {40 * gib, 9 * gib, 10 * time.Second, time.Second, false},
		"not all the time, even when the disk is eaten": {49 * gib, 50 * gib, 9 * time.Second, time.Second, false},
	} {
		d := &fakeDisk{}
		d.free.Store(90 * gib)
		s := newSpace(50*gib, t.TempDir(), d.look, core.NoMeter{})
		s.size, s.took = c.size, c.took
		d.free.Add(-c.lost)
		if got := s.due(c.since); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// pausedHouse notes the beats of a pool whose builds are real.
type pausedHouse struct {
	*house
	slots atomic.Int64 // of the last beat
}

func (h *pausedHouse) Heartbeat(_ context.Context, b core.RunnerBeat) error {
	h.slots.Store(int64(b.Slots))
	return nil
}

func TestAPoolWhoseDiskIsAlmostFullTakesNoBuildsUntilThereIsRoom(t *testing.T) {
	repo, house, d := newRepository(t), &pausedHouse{house: newHouse()}, &fakeDisk{}
	pool, err := newPool(Options{Jobs: house, Runner: testRunner(), Slots: 2, Dir: t.TempDir(), Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	pool.useDisk(d.look)
	d.free.Store(1<<30 - 1)
	runPool(t, pool)
	heard := func(slots int64) {
		t.Helper()
		for end := time.Now().Add(patience); house.slots.Load() != slots || house.waiting() != slots; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("the house has heard of %d slots, %d claims wait; want %d", house.slots.Load(), house.waiting(), slots)
			}
		}
	}
	house.slots.Store(-1)
	pool.beatNow()
	heard(0)
	house.submit(repo.job("b1", "true"))
	time.Sleep(100 * time.Millisecond)
	if l := house.ledger("b1"); l.status != core.BuildQueued {
		t.Errorf("a pool without room took a build: %s", l.status)
	}

	d.free.Store(3 << 30) // of 100, so more than 2 %
	pool.lookAtDisk()
	mustEnd(t, house.wait(t, "b1"), core.BuildSucceeded, "", "")
	heard(2)

	house.submit(repo.job("b2", "echo up; sleep 1; echo down"))
	house.untilPrinted(t, "b2", "up")
	d.free.Store(2<<30 - 1)
	pool.lookAtDisk()
	mustEnd(t, house.wait(t, "b2"), core.BuildSucceeded, "", "") // what runs goes on
	heard(0)
}

func TestADiskIsAlmostFullByItsSizeButNotWithGigabytesFree(t *testing.T) {
	const gib = 1 << 30
	for _, c := range []struct{ total, least int64 }{
		{0, gib}, {10 * gib, gib}, {100 * gib, 2 * gib}, {252 * gib, 4 * gib}, {8192 * gib, 4 * gib},
	} {
		got := LeastFree(c.total)
		if c.least-got > 100 || got > c.least { // a hundredth is rounded down
			t.Errorf("of %d bytes %d must be free, want %d", c.total, got, c.least)
		}
		if !AlmostFull(got-1, c.total) || AlmostFull(got, c.total) {
			t.Errorf("a disk of %d bytes is not almost full where it should be", c.total)
		}
	}
}

// waiting is how many claims wait.
func (h *house) waiting() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return int64(h.asking)
}

// BenchmarkSpace walks through a workspace of 20,000 files and tells which share of a
// CPU that takes, since the next walk comes so much later.
func BenchmarkSpace(b *testing.B) {
	dir := b.TempDir()
	for i := range 20_000 {
		path := filepath.Join(dir, fmt.Sprint(i/100), fmt.Sprint(i))
		if i%100 == 0 {
			if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
				b.Fatal(err)
			}
		}
		if err := os.WriteFile(path, []byte("x"), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	s := newSpace(50<<30, dir, DiskSpace, core.NoMeter{})
	var pauses time.Duration
	for b.Loop() {
		s.walked = time.Time{}
		if err := s.check(b.Context()); err != nil {
			b.Fatal(err)
		}
		pauses += max(spaceTick, restful*s.took)
	}
	b.ReportMetric(100*b.Elapsed().Seconds()/pauses.Seconds(), "%CPU")
}
