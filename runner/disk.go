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
	// A disk with less left is almost full: builds would fail halfway, and what they
	// print would be lost.
	leastFree    = 1 << 30
	leastPercent = 2
)

// AlmostFull tells of a disk with so many bytes free that a runner takes no builds on it.
func AlmostFull(free, total int64) bool { return free < leastOf(total) }

func leastOf(total int64) int64 { return max(leastFree, total/100*leastPercent) }

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
func (g *gate) look() (changed bool, free int64) {
	free, total, err := g.disk(g.dir)
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
		return false, free
	}
	return true, free
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
	changed, free := p.gate.look()
	switch {
	case !changed:
		return
	case p.gate.closed():
		p.log.Error("The disk is almost full: no builds are taken before there is room. Delete something; it goes on by itself.",
			"dir", p.dir, "free", core.HumanSize(free), "least", core.HumanSize(leastFree), "least_percent", leastPercent)
	default:
		p.log.Info("There is room on the disk again: builds are taken", "dir", p.dir, "free", core.HumanSize(free))
	}
	p.beatNow()
}
