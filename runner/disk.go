package runner

import (
	"context"
	"sync"
	"time"

	"github.com/oore-ci/oore/app/core"
)

const (
	// diskTick is the time between two looks at the pool's disk.
	diskTick = 5 * time.Second
	// What must be free of a disk grows with it, since builds on a larger one are often
	// larger; a few gigabytes are enough for any.
	leastFree    = 1 << 30
	leastPercent = 2
	leastAtMost  = 4 << 30
)

// AlmostFull tells of a disk with so many bytes free that a runner takes no builds on it:
// they would fail halfway, and what they print would be lost.
func AlmostFull(free, total int64) bool { return free < LeastFree(total) }

// LeastFree is how many bytes must be free of a disk for builds to be taken on it.
func LeastFree(total int64) int64 {
	return max(leastFree, min(total/100*leastPercent, leastAtMost))
}

// gate keeps slots from claiming builds while the disk is almost full.
type gate struct {
	dir  string
	disk disk

	mu     sync.Mutex
	open   context.Context // ends when the disk gets full
	shut   context.CancelFunc
	opened chan struct{} // closes when there is room
}

func newGate(dir string, d disk) *gate {
	g := &gate{dir: dir, disk: d, opened: make(chan struct{})}
	g.open, g.shut = context.WithCancel(context.Background())
	close(g.opened)
	return g
}

// enter waits until there is room. The context that it returns ends with claims, and
// when there is none any more.
func (g *gate) enter(claims context.Context) (context.Context, context.CancelFunc) {
	g.mu.Lock()
	opened := g.opened
	g.mu.Unlock()
	select {
	case <-claims.Done():
	case <-opened:
	}
	g.mu.Lock()
	open := g.open
	g.mu.Unlock()
	ctx, cancel := context.WithCancel(claims)
	after := context.AfterFunc(open, cancel)
	return ctx, func() { after(); cancel() }
}

// closed tells whether the disk is almost full.
func (g *gate) closed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open.Err() != nil
}

// look opens or shuts the gate, and tells whether that changed anything. A disk that
// cannot be asked is not full.
func (g *gate) look() (changed bool, free, least int64) {
	free, total, err := g.disk(g.dir)
	least = LeastFree(total)
	full := err == nil && AlmostFull(free, total)
	g.mu.Lock()
	defer g.mu.Unlock()
	switch shut := g.open.Err() != nil; {
	case full && !shut:
		g.shut()
		g.opened = make(chan struct{})
	case !full && shut:
		g.open, g.shut = context.WithCancel(context.Background())
		close(g.opened)
	default:
		return false, free, least
	}
	return true, free, least
}

// watchDisk keeps the gate until ctx ends, and lets the house know.
func (p *Pool) watchDisk(ctx context.Context) {
	tick := time.NewTicker(diskTick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		p.lookAtDisk()
	}
}

func (p *Pool) lookAtDisk() {
	p.caches.yield()
	changed, free, least := p.gate.look()
	switch {
	case !changed:
		return
	case p.gate.closed():
		p.log.Error("The disk is almost full: no builds are taken before there is room. Delete something; it goes on by itself.",
			"dir", p.dir, "free", core.HumanSize(free), "least", core.HumanSize(least))
	default:
		p.log.Info("There is room on the disk again: builds are taken", "dir", p.dir, "free", core.HumanSize(free))
	}
	p.beatNow()
}
