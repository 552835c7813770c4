package app

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// metered is a store that notes what was done to it: at once outside a transaction,
// and in one when it is durable.
type metered struct {
	core.Store
	meter core.Meter
	later *[]func() // nil: outside
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
	start := time.Now()
	var later []func()
	err := m.Store.InTx(ctx, func(tx core.Store) error {
		later = nil // it may run again from the start
		return f(metered{Store: tx, meter: m.meter, later: &later})
	})
	m.meter.Note(core.MetricTransactions, time.Since(start).Seconds())
	if err == nil {
		for _, note := range later {
			note()
		}
	}
	return err
}

// UpdateBuild is core.BuildStore's.
func (m metered) UpdateBuild(ctx context.Context, b core.Build, from core.BuildStatus, lease string, e *core.BuildEvent) error {
	err := m.Store.UpdateBuild(ctx, b, from, lease, e)
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
	b, err := m.Store.ClaimBuild(ctx, r, lease, now, expires)
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
	b, err := m.Store.RenewLease(ctx, l, expires)
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
