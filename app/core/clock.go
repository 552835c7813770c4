package core

import (
	"context"
	"time"
)

// ClockStore knows what was done by a clock that was wrong.
type ClockStore interface {
	// LastSign is when a server last was there, within a minute, by the clock of then as
	// PullBack put it right; zero: none was.
	LastSign(ctx context.Context) (time.Time, error)
	// PullBack makes due at now what would wait beyond it for an effect, a delivery or a
	// schedule that was due, and lets no lease live beyond leases: the clock was ahead when
	// they were written.
	PullBack(ctx context.Context, now, leases time.Time) error
	// NoteSign stores at as a sign of life of a server that looks after what waits.
	NoteSign(ctx context.Context, at time.Time) error
	// Unserved lets the time from since to at, in which no server was there, count for
	// nothing that waits for a runner (QueueLife), once: it is a sign of life too, and
	// nothing happens where a server gave one after since.
	Unserved(ctx context.Context, since, at time.Time) error
}
