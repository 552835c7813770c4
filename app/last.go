package app

import (
	"context"
	"sync/atomic"
	"time"
)

// outgoing is what the outbox is doing now.
type outgoing struct {
	ours  atomic.Bool  // it is this server that tells the outside
	calls atomic.Int64 // under way, looks for what is due among them
}

const lastReportsPoll = 20 * time.Millisecond

// LastReports returns when what is due outside has been told, unless another server tells
// it, or when ctx ends. What waits for its turn or for a forge that is away stays for the
// next start.
func (a *App) LastReports(ctx context.Context) {
	for a.outgoing.ours.Load() {
		due, err := a.store.CountDueEffects(ctx, a.now())
		if err == nil && due == 0 && a.outgoing.calls.Load() == 0 { // in this order: what was due is a call now
			return
		}
		if sleep(ctx, lastReportsPoll) != nil {
			return
		}
	}
}
