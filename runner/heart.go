package runner

import (
	"context"
	"crypto/rand"
	"errors"
	"runtime"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// heart tells the house of a pool: at first, until it has heard, that the pool holds
// nothing; then from time to time that it lives.
type heart struct {
	pool    *Pool
	session string
}

// turnedAwayError says that the house will not have us: we were deleted, or replaced.
type turnedAwayError struct{ err error }

func (e *turnedAwayError) Error() string {
	return "the server turns this runner away: " + e.err.Error()
}

func (e *turnedAwayError) Unwrap() error { return e.err }

func newHeart(p *Pool) *heart { return &heart{pool: p, session: rand.Text()} }

func (h *heart) send(ctx context.Context, first bool) error {
	p := h.pool
	slots := p.slots
	if p.gate.closed() {
		slots = 0
	}
	err := p.jobs.Heartbeat(ctx, core.RunnerBeat{
		RunnerID: p.runner.ID, Session: h.session, First: first, Platform: core.Platform(runtime.GOOS, runtime.GOARCH),
		Version: p.runner.Version, Slots: slots, Draining: p.drained.Err() != nil,
	})
	if err != nil && refused(err) {
		return &turnedAwayError{err}
	}
	return err
}

// first returns when the house has heard that we have started, ctx ends, or we are
// turned away.
func (h *heart) first(ctx context.Context) error {
	for n := 1; ; n++ {
		err := h.send(ctx, true)
		if err == nil || errors.As(err, new(*turnedAwayError)) || ctx.Err() != nil {
			return err
		}
		h.pool.log.Warn("wait for the server", "try", n, "error", err)
		if !pause(ctx, min(core.Backoff(n), maxPause)) {
			return err
		}
	}
}

// beat returns when ctx ends, or we are turned away. It beats at once when the pool is
// drained, when a claim was refused, and when the disk gets full or has room again.
func (h *heart) beat(ctx context.Context) error {
	tick := time.NewTicker(core.BeatEvery)
	defer tick.Stop()
	drained := h.pool.drained.Done()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-drained:
			drained = nil
		case <-h.pool.beats:
		case <-tick.C:
		}
		err := h.send(ctx, false)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.As(err, new(*turnedAwayError)):
			return err
		case err != nil:
			h.pool.log.Warn("the server was not told that this runner lives", "error", err)
		}
	}
}
