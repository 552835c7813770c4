package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// followed is a store that tells of every change of a delivery's and a build's state, once
// it is durable: in a line of the log and, where somebody traces, in spans.
type followed struct {
	core.Store
	whole  core.Store // outside of any transaction
	log    *slog.Logger
	tracer core.Tracer // nil: nobody traces
	now    func() time.Time
	later  *[]func() // nil: outside
}

func (f followed) note(tell func()) {
	if f.later == nil {
		tell()
		return
	}
	*f.later = append(*f.later, tell)
}

// say writes a line about one of the trace of c.
func (f followed) say(ctx context.Context, message string, c core.SpanContext, about ...any) {
	if id := core.RequestName(ctx); id != "" {
		about = append(about, "request", id)
	}
	if f.tracer != nil {
		about = append(about, "trace_id", c.TraceID())
	}
	f.log.Info(message, about...)
}

// InTx is core.Store's.
func (f followed) InTx(ctx context.Context, do func(core.Store) error) error {
	if f.later != nil {
		return do(f)
	}
	var later []func()
	err := f.Store.InTx(ctx, func(tx core.Store) error {
		later = nil // it may run again from the start
		inside := f
		inside.Store, inside.later = tx, &later
		return do(inside)
	})
	if err == nil {
		for _, tell := range later {
			tell()
		}
	}
	return err
}

// ReceiveDelivery is core.DeliveryStore's.
func (f followed) ReceiveDelivery(ctx context.Context, d core.Delivery) (core.Delivery, bool, error) {
	stored, created, err := f.Store.ReceiveDelivery(ctx, d)
	if err == nil && created {
		f.note(func() {
			f.say(ctx, "delivery received", core.DeliverySpan(d.ID), "delivery", d.ID, "provider", d.Provider, "event", d.Event)
			f.record(deliveryReceived(d, f.now()))
		})
	}
	return stored, created, err
}

// UpdateDelivery is core.DeliveryStore's.
func (f followed) UpdateDelivery(ctx context.Context, d core.Delivery, from core.DeliveryStatus) error {
	err := f.Store.UpdateDelivery(ctx, d, from)
	if err == nil && from == core.DeliveryReceived {
		f.note(func() {
			if d.Status != core.DeliveryReceived {
				f.say(ctx, "delivery decided", core.DeliverySpan(d.ID), "delivery", d.ID, "status", d.Status, "reason", d.Reason.Code)
			}
			f.record(deliveryDecided(d, f.now()))
		})
	}
	return err
}

// CreateBuild is core.BuildStore's.
func (f followed) CreateBuild(ctx context.Context, b core.Build, e core.BuildEvent) (core.Build, bool, error) {
	stored, created, err := f.Store.CreateBuild(ctx, b, e)
	if err == nil && created {
		f.note(func() {
			f.moved(ctx, stored, stored, e)
			f.record(buildCreated(stored, f.now()))
		})
	}
	return stored, created, err
}

// ClaimBuild is core.BuildStore's.
func (f followed) ClaimBuild(ctx context.Context, r core.Runner, lease string, now, expires time.Time) (core.Build, error) {
	b, err := f.Store.ClaimBuild(ctx, r, lease, now, expires)
	if err == nil {
		f.note(func() {
			f.moved(ctx, b, b, core.BuildEvent{From: core.BuildQueued, To: b.Status, Actor: b.RunnerName})
			f.record(buildWaited(b, now))
		})
	}
	return b, err
}

// UpdateBuild is core.BuildStore's. An attempt ends when its runner lets go of the build.
func (f followed) UpdateBuild(ctx context.Context, b core.Build, from core.BuildStatus, lease string, e *core.BuildEvent) error {
	released := lease != "" && b.LeaseToken == ""
	held := b
	if released && b.AssignedAt == nil { // it goes back to the queue, and knows no more who held it
		var err error
		if held, err = f.FindBuild(ctx, b.ID); err != nil {
			return err
		}
	}
	err := f.Store.UpdateBuild(ctx, b, from, lease, e)
	if err != nil {
		return err
	}
	f.note(func() {
		if e != nil {
			f.moved(ctx, held, b, *e)
		}
		if from == core.BuildQueued && b.Status.Terminal() {
			f.record(buildWaited(b, f.now()))
		}
		if released {
			reason := ""
			if e != nil {
				reason = e.Reason
			}
			f.attempted(ctx, held, b, reason)
		}
	})
	return nil
}

// moved is the line about a build's change of state. The time of the claim tells the
// attempts at a build apart.
func (f followed) moved(ctx context.Context, held, b core.Build, e core.BuildEvent) {
	about := []any{"build", b.ID, "number", b.Number, "project", b.ProjectID, "from", e.From, "to", e.To, "actor", e.Actor}
	for _, more := range []struct{ key, value string }{
		{"delivery", b.DeliveryID}, {"schedule", core.ScheduleOf(b)}, {"runner", held.RunnerID}, {"reason", e.Reason},
	} {
		if more.value != "" {
			about = append(about, more.key, more.value)
		}
	}
	if held.AssignedAt != nil {
		about = append(about, "attempt", held.AssignedAt)
	}
	f.say(ctx, "build "+string(e.To), core.BuildSpan(b), about...)
}

// attempted records the attempt of the build as it was held, and its steps. b is the build
// as it is now.
func (f followed) attempted(ctx context.Context, held, b core.Build, reason string) {
	if f.tracer == nil {
		return
	}
	f.record(attemptEnded(held, b, reason, f.now()))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stepsTime)
	defer cancel()
	steps, err := f.whole.ListSteps(ctx, b.ID)
	if err != nil {
		f.log.Warn("read the steps of a build for its trace", "build", b.ID, "error", err)
	}
	for _, s := range steps[:min(len(steps), stepsMost)] {
		if s.FinishedAt != nil {
			f.record(stepEnded(held, s))
		}
	}
}

func (f followed) record(s core.Span) {
	if f.tracer != nil {
		f.tracer.Record(s)
	}
}
