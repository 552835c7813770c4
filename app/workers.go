package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/oore-ci/oore/app/core"
)

// RunWorkers processes deliveries, sends effects, reaps what was lost and archives
// logs, until ctx ends. Every fault is logged and tried again; it returns only at the end.
// What several servers can do at once without harm each of them does.
func (a *App) RunWorkers(ctx context.Context) error {
	defer a.joins.end()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return a.keepHouse(ctx, a.houseWork) })
	g.Go(func() error { return a.hear(ctx) })
	for _, d := range []*disk{&a.databaseDisk, &a.blobDisk} {
		g.Go(func() error {
			return a.loop(ctx, topicDisks, disksEvery, func(ctx context.Context) (bool, error) { return a.lookAt(ctx, d) })
		})
	}
	g.Go(func() error { return a.loop(ctx, turnReaper, reapEvery, a.reap) })
	g.Go(func() error { return a.loop(ctx, topicSchedules, schedulesEvery, a.runSchedules) })
	g.Go(func() error { return a.loop(ctx, "archive", archiveEvery, a.archiveLogs) })
	g.Go(func() error { return a.loop(ctx, topicSources, sourcesEvery, a.watchSources) })
	revoked := &accessWatch{}
	g.Go(func() error {
		return a.loop(ctx, "access", watchAccessEvery, func(ctx context.Context) (bool, error) { return a.watchAccess(ctx, revoked) })
	})
	return g.Wait()
}

// houseWork is what one server at a time does, until ctx ends: what has an order, what
// spends a forge's patience, and what would be done twice for nothing.
func (a *App) houseWork(ctx context.Context) {
	defer a.troubled.Clear() // the next one counts
	a.outgoing.ours.Store(true)
	defer a.outgoing.ours.Store(false)
	g, ctx := errgroup.WithContext(ctx)
	inbox := newInboxLanes(a)
	g.Go(func() error {
		defer inbox.working.Wait()
		return a.loop(ctx, topicInbox, slowTick, inbox.take)
	})
	for _, lane := range newOutboxLanes(a) {
		g.Go(func() error {
			defer lane.sending.Wait()
			return a.loop(ctx, topicOutbox, slowTick, lane.take)
		})
	}
	g.Go(func() error { return a.loop(ctx, topicSurvey, surveyEvery, a.survey) })
	g.Go(func() error { return a.loop(ctx, topicInventory, inventoryEvery, a.takeInventories) })
	g.Go(func() error { return a.loop(ctx, topicSweep, sweepEvery, a.sweepBlobs) })
	g.Go(func() error { return a.loop(ctx, topicRetention, retentionEvery, a.applyRetention) })
	g.Go(func() error { return a.loop(ctx, "standings", a.askEvery()/20, a.checkStandings) })
	_ = g.Wait() // loops end with ctx alone
}

// loop calls f at every ring and tick, and again at once while f says that more is due.
func (a *App) loop(ctx context.Context, topic string, every time.Duration, f func(context.Context) (more bool, err error)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	a.meter.Note(core.MetricWorkerFaults, 0, topic)
	pulse := a.pulses.begin(topic, every)
	defer a.pulses.end(pulse)
	for {
		ring := a.bell.wait(topic)
		more, err := a.guarded(ctx, f)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			a.log.Error("worker", "work", topic, "error", err)
			a.meter.Note(core.MetricWorkerFaults, 1, topic)
		} else {
			a.pulses.success(pulse)
		}
		if more && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ring:
		case <-tick.C:
		}
	}
}

// warn logs what a worker could not do, unless it was told to stop.
func (a *App) warn(ctx context.Context, message string, args ...any) {
	if ctx.Err() == nil {
		a.log.Warn(message, args...)
	}
}

// guarded keeps a defect in one piece of work from ending the process.
func (a *App) guarded(ctx context.Context, f func(context.Context) (bool, error)) (more bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return f(ctx)
}

// severally does f for each, so many at once that one which waits holds up no others. Each
// has its own error; the first of them is told.
func severally[T any](ctx context.Context, a *App, atOnce int, each []T, f func(context.Context, T) error) error {
	var g errgroup.Group
	g.SetLimit(atOnce)
	for _, one := range each {
		g.Go(func() error {
			_, err := a.guarded(ctx, func(ctx context.Context) (bool, error) { return false, f(ctx, one) })
			return err
		})
	}
	return g.Wait()
}

const (
	reapEvery  = 5 * time.Second
	turnReaper = "reaper"
	// reapGap between two rounds tells that meanwhile nobody could renew a lease: the
	// database was away, this machine slept, or the clock was set. A fresh claim lives no
	// longer.
	reapGap = clockStep
)

// reap gives back or ends what its runner has lost and what nobody claimed.
func (a *App) reap(ctx context.Context) (more bool, err error) {
	now := a.now()
	mine, err := a.store.TakeTurn(ctx, turnReaper, a.server.ID, 3*reapEvery)
	if err != nil {
		return false, err
	}
	if !mine { // another server does it, and knows when it braked last
		a.round = now
		a.reaped.Store(now.Unix())
		return false, nil
	}
	if apart := now.Sub(a.round).Abs(); !a.round.IsZero() && apart > reapGap {
		return false, a.lateRound(ctx, now, apart)
	}
	lost, err := a.store.ListLeased(ctx, now, "")
	if err == nil {
		lost, err = a.brake(ctx, slices.DeleteFunc(lost, a.own))
	}
	if err != nil {
		return false, err
	}
	a.round = now
	a.pulses.beat(turnReaper) // a build that cannot be taken back stops no others
	err = errors.Join(a.sign(ctx, now), each(ctx, lost, a.lose))
	if !a.clock.doubtful() {
		err = errors.Join(err,
			a.expireAll(ctx, now.Add(-core.QueueLife)),
			a.store.DeleteExpiredCredentials(ctx, now),
			a.store.DeleteTries(ctx, now.Add(-longestRest)),
		)
	}
	if err == nil {
		a.reaped.Store(now.Unix())
	}
	return false, err
}

// lateRound takes the place of a round that comes late: the runners had no time to say that
// they live, or how a build ended.
func (a *App) lateRound(ctx context.Context, now time.Time, apart time.Duration) error {
	if err := a.extendLeases(ctx); err != nil {
		return err
	}
	if now.Before(a.round) { // the clock was set back
		if err := a.pullBack(ctx); err != nil {
			return err
		}
	}
	a.log.Warn("nobody could look after the leases for a while: each lives on", "while", apart.Round(time.Second).String())
	if apart := now.Sub(a.round); apart > longSilence { // it slept, the database was away, or its time was too early
		if err := a.store.Unserved(ctx, a.round, now); err != nil {
			return err
		}
	}
	a.round = now
	a.reaped.Store(now.Unix())
	return nil
}

// signEvery is how often a server notes that it is there: seldom, for a disk that sleeps.
const signEvery = time.Minute

// sign notes that a server looks after what waits, by a time that is not in doubt: another
// that starts would believe it.
func (a *App) sign(ctx context.Context, now time.Time) error {
	if a.clock.doubtful() || now.Sub(a.signed).Abs() < signEvery {
		return nil
	}
	a.signed = now
	return a.store.NoteSign(ctx, now)
}

// each does something with every build: one that fails keeps no other waiting.
func each(ctx context.Context, builds []core.Build, do func(context.Context, core.Build) error) error {
	var faults []error
	for _, b := range builds {
		if ctx.Err() != nil {
			return errors.Join(append(faults, ctx.Err())...)
		}
		faults = append(faults, do(ctx, b))
	}
	return errors.Join(faults...)
}

func (a *App) expireAll(ctx context.Context, before time.Time) error {
	stale, err := a.store.ListQueuedBefore(ctx, before)
	if err != nil {
		return err
	}
	return each(ctx, stale, a.expire)
}

// brakeLeast is how many leases may end at once before that seems to be no runner's fault.
const brakeLeast = 3

// brake lets builds be lost, unless so many are at once that a clock which jumped or a
// network that was cut is likelier: then every lease gets one more term, in which whoever
// lives renews it. Whoever does not is lost at its end, for the brake then rests.
func (a *App) brake(ctx context.Context, lost []core.Build) ([]core.Build, error) {
	rests := !a.braked.IsZero() && time.Since(a.braked) < 2*a.leaseTTL // by a clock that does not jump
	if len(lost) <= brakeLeast || rests {
		return lost, nil
	}
	const ever = 100 * 365 * 24 * time.Hour
	all, err := a.store.ListLeased(ctx, a.now().Add(ever), "")
	if err != nil || len(lost)*20 <= len(all) {
		return lost, err
	}
	a.braked = time.Now()
	a.meter.Note(core.MetricReaperBrake, 1)
	a.log.Error("many leases have ended at once: each gets one more term; look at this machine's clock and network", "ended", len(lost), "leases", len(all))
	return nil, a.store.ExtendLeases(ctx, a.now().Add(a.leaseTTL))
}

// RecoverRunner takes back all that a runner held: it has just started and so holds
// nothing. Call it before the runner claims.
func (a *App) RecoverRunner(ctx context.Context, runnerID string) error {
	return a.takeHeld(ctx, runnerID, time.Time{})
}

// takeHeld takes back what a runner was given before its process began (zero: all). The
// process may have claimed since: its first beat is repeated until one is answered, and
// another of them may lie at a server that stands still.
func (a *App) takeHeld(ctx context.Context, runnerID string, began time.Time) error {
	held, err := a.store.ListLeased(ctx, time.Time{}, runnerID)
	if err != nil {
		return fmt.Errorf("list what runner %s held: %w", runnerID, err)
	}
	if !began.IsZero() {
		held = slices.DeleteFunc(held, func(b core.Build) bool { return b.AssignedAt != nil && b.AssignedAt.After(began) })
	}
	return each(ctx, held, a.lose)
}

// lose handles a build whose runner is gone: assigned goes back to the queue,
// running ends and is run again as a new build, ended ones are let go.
func (a *App) lose(ctx context.Context, b core.Build) error {
	err := a.store.InTx(ctx, func(tx core.Store) error {
		b, err := a.leased(ctx, tx, core.Lease{BuildID: b.ID, RunnerID: b.RunnerID, Token: b.LeaseToken})
		if err != nil {
			return err
		}
		switch {
		case b.Status.Terminal():
			return a.release(ctx, tx, b)
		case b.Status == core.BuildAssigned:
			return a.requeue(ctx, tx, &b, core.ReasonRunnerLost)
		}
		err = a.end(ctx, tx, &b, core.Result{
			Status: core.BuildFailed, Reason: core.ReasonRunnerLost, Message: "The runner " + b.RunnerName + " stopped answering",
		})
		core.CrashPoint("loss.written")
		return err
	})
	if core.KindOf(err) == core.KindConflict { // it came back, or somebody else took it
		return nil
	}
	if err != nil {
		return fmt.Errorf("take back build %s: %w", b.ID, err)
	}
	a.log.Warn("build taken back from a lost runner", "build", b.ID, "runner", b.RunnerID, "attempt", b.AssignedAt)
	a.moved(b.ID)
	a.bell.ring(topicQueue, topicOutbox, topicCancel(b.ID))
	return nil
}

func (a *App) expire(ctx context.Context, b core.Build) error {
	err := a.store.InTx(ctx, func(tx core.Store) error {
		event, err := b.Transition(core.BuildExpired, "oore", core.ReasonExpired, a.now())
		if err != nil {
			return err
		}
		b.StatusMessage = "No runner took it within 24 hours"
		if err := tx.UpdateBuild(ctx, b, core.BuildQueued, "", &event); err != nil {
			return err
		}
		p, err := tx.FindProject(ctx, b.ProjectID)
		if err != nil {
			return err
		}
		return a.wantReports(ctx, tx, p.Repository, b)
	})
	if core.KindOf(err) == core.KindConflict {
		return nil
	}
	if err != nil {
		return fmt.Errorf("let build %s expire: %w", b.ID, err)
	}
	a.moved(b.ID)
	a.bell.ring(topicOutbox)
	return nil
}
