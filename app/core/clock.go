package core

import (
	"context"
	"time"
)

// ClockStore knows what was done by a clock that was wrong.
type ClockStore interface {
	// LastSign is when somebody last did something, by the clock of then; zero: nobody did.
	LastSign(ctx context.Context) (time.Time, error)
	// PullBack makes due at now what would wait beyond it for an effect, a delivery or a
	// schedule that was due, and lets no lease live beyond leases: the clock was ahead when
	// they were written.
	PullBack(ctx context.Context, now, leases time.Time) error
	// Unserved lets the time from since to at, in which no server was there, count for
	// nothing that waits for a runner (QueueLife).
	Unserved(ctx context.Context, since, at time.Time) error
}
