package core

import (
	"context"
	"time"
)

// LastSigns are moments by the clock of then; zero: nothing was done yet. A clock that was
// ahead for a while leaves a Newest that makes it look right when it is ahead once more.
type LastSigns struct {
	Newest time.Time // of all that is stamped
	Served time.Time // when a server whose time was not in doubt last was there, within a minute; where that is not known, when the newest thing was stamped
}

// ClockStore knows what was done by a clock that was wrong.
type ClockStore interface {
	// LastSigns tells what was last done here.
	LastSigns(ctx context.Context) (LastSigns, error)
	// PullBack makes due at now what would wait beyond it for an effect, a delivery or a
	// schedule that was due, and lets no lease live beyond leases: the clock was ahead when
	// they were written.
	PullBack(ctx context.Context, now, leases time.Time) error
	// NoteSign stores at as a sign of life of a server that looks after what waits.
	NoteSign(ctx context.Context, at time.Time) error
	// Unserved lets the time from since to at, in which no server was there, count for
	// nothing that waits for a runner (QueueLife). What it was told of before, or what lies
	// before a sign of life, it leaves out: each server that starts tells of it.
	Unserved(ctx context.Context, since, at time.Time) error
}
