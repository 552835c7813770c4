package app

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// beginCounters lets the series be there that alerts look at: a rate sees no first rise of
// one that was not. The loops begin their own.
func beginCounters(meter core.Meter, forges map[core.Provider]core.Forge) {
	for _, cause := range []string{core.ReasonRunnerLost, core.ReasonRunnerShutdown} {
		meter.Note(core.MetricLost, 0, cause)
	}
	for _, call := range []string{"renew", "log", "write"} {
		meter.Note(core.MetricFenced, 0, call)
	}
	for _, kind := range core.EffectKinds() {
		meter.Note(core.MetricOutbound, 0, hostClass(kind), string(kind), outboundCode(nil))
		for fault := core.KindInternal; fault <= core.KindUnavailable; fault++ {
			meter.Note(core.MetricOutbound, 0, hostClass(kind), string(kind), outboundCode(core.Errorf(fault, "")))
		}
	}
	for provider, forge := range forges {
		if _, ok := forge.(core.Surveyor); ok {
			meter.Note(core.MetricSurveys, 0, string(provider), "ok")
			meter.Note(core.MetricSurveys, 0, string(provider), "failed")
		}
	}
}

// metered is a store that notes what was done to it: at once outside a transaction,
// and in one when it is durable.
type metered struct {
	core.Store
	meter core.Meter
	later *[]func() // nil: outside
	op    *string   // what the transaction is for, as far as is known; nil: outside
}

// What changes of the database are for.
const (
	opReceive = "receive" // a delivery arrives
	opDecide  = "decide"  // and is decided about
	opBuild   = "build"   // a build is made, or moves on
	opClaim   = "claim"
	opRenew   = "renew"
	opOther   = "other"
)

// took observes a change that is a transaction of its own; within one it says what that
// is for.
func (m metered) took(start time.Time, op string) {
	switch {
	case m.op == nil:
		m.meter.Note(core.MetricTransactions, time.Since(start).Seconds(), op)
	case *m.op != opDecide: // builds are made by decisions, too
		*m.op = op
	}
}

func (m metered) note(metric string, value float64, labels ...string) {
	if m.later == nil {
		m.meter.Note(metric, value, labels...)
		return
	}
	*m.later = append(*m.later, func() { m.meter.Note(metric, value, labels...) })
}

// InTx is core.Store's.
func (m metered) InTx(ctx context.Context, f func(core.Store) error) error {
	if m.later != nil {
		return f(m)
	}
	start, op := time.Now(), opOther
	var later []func()
	err := m.Store.InTx(ctx, func(tx core.Store) error {
		later = nil // it may run again from the start
		return f(metered{Store: tx, meter: m.meter, later: &later, op: &op})
	})
	m.took(start, op)
	if err == nil {
		for _, note := range later {
			note()
		}
	}
	return err
}

// ReceiveDelivery is core.DeliveryStore's.
func (m metered) ReceiveDelivery(ctx context.Context, d core.Delivery) (core.Delivery, bool, error) {
	defer m.took(time.Now(), opReceive)
	return m.Store.ReceiveDelivery(ctx, d)
}

// UpdateDelivery is core.DeliveryStore's.
func (m metered) UpdateDelivery(ctx context.Context, d core.Delivery, from core.DeliveryStatus) error {
	defer m.took(time.Now(), opDecide)
	return m.Store.UpdateDelivery(ctx, d, from)
}

// CreateBuild is core.BuildStore's.
func (m metered) CreateBuild(ctx context.Context, b core.Build, e core.BuildEvent) (core.Build, bool, error) {
	defer m.took(time.Now(), opBuild)
	return m.Store.CreateBuild(ctx, b, e)
}

// UpdateBuild is core.BuildStore's.
func (m metered) UpdateBuild(ctx context.Context, b core.Build, from core.BuildStatus, lease string, e *core.BuildEvent) error {
	start := time.Now()
	err := m.Store.UpdateBuild(ctx, b, from, lease, e)
	m.took(start, opBuild)
	if err != nil || e == nil {
		return err
	}
	if e.Reason == core.ReasonRunnerLost || e.Reason == core.ReasonRunnerShutdown {
		m.note(core.MetricLost, 1, e.Reason)
	}
	if !e.To.Terminal() {
		return nil
	}
	m.note(core.MetricFinished, 1, string(e.To), core.KnownReason(b.StatusReason))
	if b.StartedAt != nil && b.FinishedAt != nil {
		m.note(core.MetricDuration, b.FinishedAt.Sub(*b.StartedAt).Seconds(), string(e.To))
	}
	return nil
}

// ClaimBuild is core.BuildStore's.
func (m metered) ClaimBuild(ctx context.Context, r core.Runner, lease string, now, expires time.Time) (core.Build, error) {
	start := time.Now()
	b, err := m.Store.ClaimBuild(ctx, r, lease, now, expires)
	if core.KindOf(err) != core.KindNotFound { // else it only looked
		m.took(start, opClaim)
	}
	switch {
	case err == nil:
		m.note(core.MetricClaims, 1, "ok")
		m.note(core.MetricQueueWait, now.Sub(b.QueuedAt).Seconds())
	case core.KindOf(err) == core.KindNotFound:
		m.note(core.MetricClaims, 1, "empty")
	default:
		m.note(core.MetricClaims, 1, "failed")
	}
	return b, err
}

// RenewLease is core.BuildStore's.
func (m metered) RenewLease(ctx context.Context, l core.Lease, expires time.Time) (core.Build, error) {
	start := time.Now()
	b, err := m.Store.RenewLease(ctx, l, expires)
	m.took(start, opRenew)
	if core.CodeOf(err) == core.CodeLeaseLost {
		m.note(core.MetricFenced, 1, "renew")
	}
	return b, err
}

// AppendLog is core.LogStore's.
func (m metered) AppendLog(ctx context.Context, lease string, chunks []core.LogChunk) error {
	start := time.Now()
	err := m.Store.AppendLog(ctx, lease, chunks)
	switch {
	case err == nil:
		size := 0
		for _, c := range chunks {
			size += len(c.Data)
		}
		m.note(core.MetricLogBytes, float64(size))
		m.note(core.MetricLogFlush, time.Since(start).Seconds())
	case core.CodeOf(err) == core.CodeLeaseLost:
		m.note(core.MetricFenced, 1, "log")
	case core.KindOf(err) == core.KindConflict:
		m.note(core.MetricLogConflicts, 1)
	}
	return err
}

// AppendAudit is core.AuditStore's.
func (m metered) AppendAudit(ctx context.Context, e core.AuditEntry) error {
	err := m.Store.AppendAudit(ctx, e)
	if err == nil {
		m.note(core.MetricAudit, 1)
	}
	return err
}
