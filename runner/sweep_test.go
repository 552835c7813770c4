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

// sweptPool is a pool that runs, with its only mirror once a build has made it.
type sweptPool struct {
	*Pool
	t     *testing.T
	repo  *repository
	house *house
	n     atomic.Int32
}

func newSweptPool(t *testing.T) *sweptPool {
	t.Helper()
	house := newHouse()
	pool, err := newPool(Options{Jobs: house, Runner: testRunner(), Slots: 2, Dir: t.TempDir(), Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	runPool(t, pool)
	return &sweptPool{Pool: pool, t: t, repo: newRepository(t), house: house}
}

func (p *sweptPool) job(commands ...string) core.Job {
	return p.repo.job(fmt.Sprint("b", p.n.Add(1)), commands...)
}

func (p *sweptPool) build(commands ...string) *ledger {
	p.t.Helper()
	l := p.house.run(p.t, p.job(commands...))
	mustEnd(p.t, l, core.BuildSucceeded, "", "")
	waitFor(p.t, "the mirror is given back", func() bool {
		p.shelf.mu.Lock()
		defer p.shelf.mu.Unlock()
		return len(p.shelf.borrowed) == 0
	})
	return l
}

func (p *sweptPool) sweep(later time.Duration) {
	p.sweepMirrors(context.Background(), time.Now().Add(later))
}

func (p *sweptPool) mirrorDirs() []string {
	all, _ := filepath.Glob(filepath.Join(p.mirrors(), "*.git"))
	return all
}

// has tells whether the mirror has the object.
func (p *sweptPool) has(object string) bool {
	p.t.Helper()
	out, err := gitOutput(p.mirrorDirs()[0], "cat-file", "-t", object)
	return err == nil && out != ""
}

func TestAMirrorThatNobodyUsesGoes(t *testing.T) {
	p := newSweptPool(t)
	p.build("true")
	p.sweep(mirrorLife - time.Hour)
	if len(p.mirrorDirs()) != 1 {
		t.Fatal("a mirror in use for builds is gone")
	}
	// One that was fetched into, but is as old as can be otherwise.
	old := time.Now().Add(-2 * mirrorLife)
	dir := p.mirrorDirs()[0]
	for _, name := range []string{"HEAD", "config", "objects/pack"} {
		if err := os.Chtimes(filepath.Join(dir, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	p.build("true") // a build that fetches nothing is a use, too
	p.sweep(0)
	if len(p.mirrorDirs()) != 1 {
		t.Error("the mirror of a build just now is gone")
	}
	p.sweep(mirrorLife + time.Hour)
	if left, _ := os.ReadDir(p.mirrors()); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	p.build("git log -1") // and it comes back
}

func TestAMirrorInUseIsLeftAlone(t *testing.T) {
	p := newSweptPool(t)
	gate := filepath.Join(t.TempDir(), "gate")
	job := p.job("echo ready; until test -e " + gate + "; do sleep 0.01; done; git fsck && git log -1")
	p.house.submit(job)
	p.house.untilPrinted(t, job.Build.ID, "ready\n")
	p.repo.git("commit", "-q", "--amend", "-m", "another") // nothing leads to its commit any more
	mustEnd(t, p.house.run(t, p.job("true")), core.BuildSucceeded, "", "")
	p.sweep(2 * mirrorLife)
	if len(p.mirrorDirs()) != 1 {
		t.Error("it is gone")
	}
	p.repo.must(os.WriteFile(gate, nil, 0o600))
	mustEnd(t, p.house.wait(t, job.Build.ID), core.BuildSucceeded, "", "")
}

func TestWhatNothingLeadsToGoesOutOfAMirror(t *testing.T) {
	p := newSweptPool(t)
	first := p.repo.commit("large", strings.Repeat("x", 100))
	p.build("true")
	p.repo.git("commit", "-q", "--amend", "-m", "another")
	second := p.repo.head()
	p.build("true")
	dir := p.mirrorDirs()[0]
	gitIn(t, dir, "update-ref", "refs/oore/pull/7", first)
	lay(t, dir, map[string]string{"lfs/objects/aa/bb/old": "x", "lfs/objects/aa/bb/new": "x"})
	old := time.Now().Add(-mirrorLife)
	p.repo.must(os.Chtimes(filepath.Join(dir, "lfs/objects/aa/bb/old"), old, old))

	p.sweep(time.Hour) // too early
	if !p.has(first) || !p.has(second) {
		t.Fatal("a commit is gone already")
	}
	p.sweep(gcEvery + time.Hour)
	if p.has(first) || !p.has(second) {
		t.Errorf("it has the commit that nothing leads to: %t, and the other: %t", p.has(first), p.has(second))
	}
	if refs := gitIn(t, dir, "for-each-ref", "--format=%(refname)"); refs != "refs/heads/main" {
		t.Errorf("refs: %s", refs)
	}
	if packs := (&mirror{dir: dir}).packs(); packs != 1 {
		t.Errorf("%d packs", packs)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "lfs/objects/aa/bb/*")); len(left) != 1 || filepath.Base(left[0]) != "new" {
		t.Errorf("of Git LFS it has %v", left)
	}
	p.build("git fsck && git log -1")
}

func TestACleaningStopsForABuild(t *testing.T) {
	var s shelf
	began, ended := make(chan struct{}), make(chan struct{})
	go s.clean(t.Context(), "m", func(ctx context.Context) {
		close(began)
		<-ctx.Done()
		close(ended)
	})
	<-began
	s.clean(t.Context(), "m", func(context.Context) { t.Error("two clean it at once") })
	if err := s.borrow(t.Context(), "m"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	default:
		t.Error("it was lent while it was cleaned")
	}
	s.clean(t.Context(), "m", func(context.Context) { t.Error("it is cleaned while it is used") })
	s.giveBack("m")
	ran := false
	s.clean(t.Context(), "m", func(context.Context) { ran = true })
	if !ran || len(s.borrowed)+len(s.cleaned) > 0 {
		t.Errorf("%t, %+v", ran, &s)
	}
	gone, cancel := context.WithCancelCause(t.Context())
	release := make(chan struct{})
	began = make(chan struct{})
	go s.clean(t.Context(), "m", func(context.Context) { close(began); <-release })
	<-began
	cancel(errCanceled)
	if err := s.borrow(gone, "m"); err == nil {
		t.Error("a canceled build waits for a cleaning that does not stop")
	}
	close(release)
}

// Builds of commits that come and go, beside sweeps that would remove all they can.
func TestSweepsAndBuildsAtOnce(t *testing.T) {
	p := newSweptPool(t)
	var done atomic.Bool
	var sweeping sync.WaitGroup
	for _, later := range []time.Duration{2 * mirrorLife, gcEvery + time.Hour} {
		sweeping.Go(func() {
			for !done.Load() {
				p.sweep(later)
				time.Sleep(time.Millisecond)
			}
		})
	}
	for i := range 15 {
		p.repo.git("commit", "-q", "--allow-empty", "--amend", "-m", fmt.Sprint("change ", i))
		one, two := p.job("git fsck --no-progress --no-dangling && git log -1 --format=%s"), p.job("git cat-file -t HEAD^{tree}")
		p.house.submit(one)
		p.house.submit(two)
		l := p.house.wait(t, one.Build.ID)
		mustEnd(t, l, core.BuildSucceeded, "", "")
		if got := string(l.bytes(core.StreamStdout)); got != fmt.Sprintf("change %d\n", i) {
			t.Errorf("printed %q", got)
		}
		mustEnd(t, p.house.wait(t, two.Build.ID), core.BuildSucceeded, "", "")
	}
	done.Store(true)
	sweeping.Wait()
}
