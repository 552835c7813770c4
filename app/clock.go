package app

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// clockStep is by how much the time may be put right without ado: leases and holds are
	// far longer.
	clockStep = 30 * time.Second
	// clockTrial is how long a machine's clock that was set has to stand before the server
	// goes by it, and how long nothing is deleted for its age when the time is in doubt.
	clockTrial = 10 * time.Minute
)

// clock is the one time by which the server goes. It goes on evenly, whatever happens to
// the machine's clock, and is put right by the database's, which all servers share, or,
// where there is one server, by the machine's when that has stood for a while.
type clock struct {
	steady func() time.Duration // goes on evenly, in sleep too
	log    *slog.Logger
	base   atomic.Int64 // Unix time at which steady was zero, in nanoseconds
	doubt  atomic.Int64 // what steady shows when the time is in doubt no more

	mu    sync.Mutex
	apart time.Duration // how far the machine's clock is ahead
	since time.Duration // and what steady showed when it was set so
}

// newClock goes by wall alone without steady.
func newClock(wall func() time.Time, steady func() time.Duration, log *slog.Logger) *clock {
	start := wall()
	if steady == nil {
		steady = func() time.Duration { return wall().Round(0).Sub(start.Round(0)) }
	}
	c := &clock{steady: steady, log: log}
	c.base.Store(start.UnixNano() - int64(steady()))
	return c
}

func (c *clock) now() time.Time { return time.Unix(0, c.base.Load()+int64(c.steady())).UTC() }

// set puts the time right. Small differences stay: time should not go backwards without
// need.
func (c *clock) set(to time.Time) {
	off := to.Sub(c.now())
	if off.Abs() <= time.Second {
		return
	}
	c.base.Add(int64(off))
	if off.Abs() > clockStep {
		c.log.Warn("the time by which this server goes was put right: nothing is deleted for its age for a while", "by", off.Round(time.Second).String(), "while", clockTrial.String())
		c.hold()
	}
}

// follow puts the time right by the machine's clock, once that is to be trusted.
func (c *clock) follow(wall time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	off := wall.Sub(c.now())
	switch {
	case off.Abs() <= clockStep:
		c.apart = 0
	case (off - c.apart).Abs() > clockStep:
		c.apart, c.since = off, c.steady()
		c.hold() // what is stamped by the machine's clock looks older or younger than it is
		c.log.Warn("this machine's clock was set: the server goes on by the old time, and by the new one if it stands. Look at the clock", "by", off.Round(time.Second).String(), "after", clockTrial.String())
		return
	case c.steady()-c.since < clockTrial:
		return
	}
	c.set(wall)
}

// hold puts the time in doubt for a while.
func (c *clock) hold() { c.doubt.Store(int64(c.steady() + clockTrial + 3*beatEvery)) } // it is put right at a beat

// doubtful tells whether the time may be wrong: what would be deleted or ended by it can
// wait.
func (c *clock) doubtful() bool {
	end := c.doubt.Load()
	return end != 0 && int64(c.steady()) < end
}
