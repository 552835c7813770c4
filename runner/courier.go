package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oore-ci/oore/app/core"
)

const (
	// firstRenewal: the claim's own lease is fresh, so most short builds need none.
	firstRenewal = 200 * time.Millisecond
	// finishPatience bounds the tries to report an end.
	finishPatience = 24 * time.Hour
)

var errUnheard = errors.New("the house took neither log nor end for " + finishPatience.String())

// courier keeps a build's lease and carries its log, steps and end to the house. It
// outlives the build's processes.
type courier struct {
	b       *build
	ctx     context.Context
	hangUp  context.CancelCauseFunc
	tally   core.LogTally // of the log; the shipping goroutine's until it has answered
	shipped chan error
	over    atomic.Bool // the build's processes are gone
}

func newCourier(house context.Context, b *build) *courier {
	ctx, hangUp := context.WithCancelCause(house)
	return &courier{b: b, ctx: ctx, hangUp: hangUp, tally: core.LogTally{From: b.job.NextLog, Next: b.job.NextLog}, shipped: make(chan error, 1)}
}

// start ships and renews until finish; stop is called when the house wants the
// build to end.
func (c *courier) start(group *sync.WaitGroup, stop context.CancelCauseFunc) {
	lose := func(err error) {
		c.b.log.discard()
		stop(errors.Join(errLeaseLost, err))
		c.hangUp(errLeaseLost)
	}
	c.keep(c.b.pool.uptime() - time.Since(c.b.since))
	group.Go(func() {
		err := ship(c.ctx, c.b.pool.jobs, c.b.job.Lease, c.b.log, &c.tally)
		if err != nil {
			lose(err)
		}
		c.shipped <- err
	})
	group.Go(func() { c.renew(stop, lose) })
}

// renew ends when the courier hangs up. A build that cannot renew its lease is given
// up while it still has it: the house may give it to somebody else soon. What has no
// processes any more may wait: its end is refused if somebody else has it.
func (c *courier) renew(stop context.CancelCauseFunc, lose func(error)) {
	if !pause(c.ctx, firstRenewal) {
		return
	}
	ttl := cmp.Or(c.b.job.LeaseTTL, core.LeaseTTL)
	fence := core.FenceAfter(ttl)
	renewed := c.b.pool.uptime()
	for fails := 0; c.ctx.Err() == nil; {
		asked := c.b.pool.uptime()
		answer, err := c.ask(core.RenewEvery(ttl), fence-(asked-renewed))
		switch {
		case c.ctx.Err() != nil:
			return
		case err != nil && refused(err):
			lose(err)
			return
		case err != nil && c.b.pool.uptime()-renewed >= fence && c.fenced():
			lose(fmt.Errorf("no renewal for %s: %w", shortDuration(fence), err))
			return
		case err != nil:
			fails++
			pause(c.ctx, min(core.Backoff(fails), maxPause, fence/10))
			continue
		case answer.Canceled:
			stop(errCanceled)
		}
		fails, renewed = 0, asked
		c.keep(renewed)
		// An answer that comes at once must not make us ask without end.
		pause(c.ctx, firstRenewal)
	}
}

// fenced tells whether the build must end in time when it cannot renew its lease.
func (c *courier) fenced() bool { return !c.over.Load() && !c.b.pool.sole }

// keep lets the build's processes live as long as its lease, renewed then, is good for.
func (c *courier) keep(renewed time.Duration) {
	if c.fenced() {
		c.b.shim.keep(renewed + core.KillAfter(cmp.Or(c.b.job.LeaseTTL, core.LeaseTTL)))
	}
}

// ask renews the lease; a question that hangs ends when it is too late for an answer.
func (c *courier) ask(wait, late time.Duration) (core.Renewal, error) {
	ctx := c.ctx
	if c.fenced() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, late)
		defer cancel()
	}
	return c.b.pool.jobs.Renew(ctx, c.b.job.Lease, wait)
}

// finish says the last words and reports the end, in its own time.
func (c *courier) finish(group *sync.WaitGroup, r core.Result) {
	c.over.Store(true)
	switch c.b.log.finish() {
	case cutAtLimit:
		c.b.pool.meter.Note(core.MetricLogCut, 1, "limit")
	case cutNotStored:
		c.b.pool.meter.Note(core.MetricLogCut, 1, "not_stored")
	}
	group.Go(func() {
		defer c.b.pool.held.Delete(c.b.job.Build.ID)
		defer c.hangUp(nil)
		defer time.AfterFunc(finishPatience, func() { c.hangUp(errUnheard) }).Stop()
		c.keepWords(r)
		err := <-c.shipped
		if err == nil {
			err = context.Cause(c.ctx)
		}
		r.Log = &c.tally
		if err != nil {
			c.b.lines.Warn("build given up", "error", err)
		} else if err = c.report(r); err != nil {
			c.b.lines.Error("report a build's end", "status", r.Status, "error", err)
		}
		if cause := context.Cause(c.ctx); err == nil || refused(err) || errors.Is(cause, errLeaseLost) || errors.Is(cause, errUnheard) {
			c.b.pool.spool.remove(c.b.job.Build.ID)
		}
	})
}

// keepWords has the end outlive this process.
func (c *courier) keepWords(r core.Result) {
	if c.ctx.Err() != nil {
		return
	}
	w := spooled{Lease: c.b.job.Lease, TTL: c.b.job.LeaseTTL, Ended: time.Now(), Began: c.b.began, SHA: c.b.sha, Result: r, Cases: c.b.cases}
	w.Sent, w.Records, w.Steps = c.b.log.rest()
	if err := c.b.pool.spool.put(w); err != nil {
		c.b.lines.Warn("a build's end is not kept on disk: a restart before the server has heard of it would lose it", "error", err)
	}
}

func (c *courier) report(r core.Result) error {
	ctx, jobs, lease := c.ctx, c.b.pool.jobs, c.b.job.Lease
	if !c.b.began && r.Status != core.BuildCanceled {
		// By the table of states only a running build can fail.
		err := persist(ctx, func() error { return jobs.Start(ctx, lease, c.b.sha) })
		if err != nil && core.CodeOf(err) != core.CodeInvalidTransition {
			return fmt.Errorf("start build: %w", err)
		}
	}
	if len(c.b.cases) > 0 {
		c.b.record(ctx, core.Record{Tests: c.b.cases})
	}
	return persist(ctx, func() error { return jobs.Finish(ctx, lease, r) })
}
