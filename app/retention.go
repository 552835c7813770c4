package app

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app/core"
)

const (
	retentionEvery = 10 * time.Minute
	retentionBatch = 100
	// retentionTime is how long a round goes on: builds and readers come first.
	retentionTime = 20 * time.Second
)

// RetentionInput changes the retention; nil fields keep what is there.
type RetentionInput struct {
	BuildsDays, BuildsCount, LogsDays, ArtifactsDays, DeliveriesDays, AuditDays *int
	LogsBytes, ArtifactsBytes                                                   *int64
}

// FindRetention tells how long things are kept.
func (a *App) FindRetention(ctx context.Context, actor core.Actor) (core.Retention, error) {
	if err := core.Allow(actor, core.ActManageInstance, nil); err != nil {
		return core.Retention{}, err
	}
	return a.retention(ctx, a.store)
}

func (a *App) retention(ctx context.Context, s core.Store) (core.Retention, error) {
	r, err := s.FindRetention(ctx)
	if core.KindOf(err) == core.KindNotFound && err != nil {
		return core.DefaultRetention(), nil
	}
	return r, err
}

// PreviewRetention tells what the retention would delete now if it were changed so.
func (a *App) PreviewRetention(ctx context.Context, actor core.Actor, in RetentionInput) (core.Retention, core.Reclaims, error) {
	r, err := a.FindRetention(ctx, actor)
	if err != nil {
		return r, core.Reclaims{}, err
	}
	in.apply(&r)
	if err := r.Validate(); err != nil {
		return r, core.Reclaims{}, err
	}
	found, err := a.store.CountRetention(ctx, r, a.now())
	return r, found, err
}

// UpdateRetention changes how long things are kept, from now on.
func (a *App) UpdateRetention(ctx context.Context, actor core.Actor, in RetentionInput) (core.Retention, error) {
	was, err := a.FindRetention(ctx, actor)
	if err != nil {
		return was, err
	}
	r := was
	in.apply(&r)
	if err := r.Validate(); err != nil {
		return r, err
	}
	entry := core.AuditEntry{Action: core.AuditRetention, TargetKind: core.TargetSettings, TargetID: "retention", Target: "retention", Changes: retentionChanges(was, r)}
	err = a.noting(ctx, actor, entry, func(tx core.Store) error { return tx.SaveRetention(ctx, r, a.now()) })
	if err == nil {
		a.bell.ring(topicRetention)
	}
	return r, err
}

func (in RetentionInput) apply(r *core.Retention) {
	set(&r.BuildsDays, in.BuildsDays)
	set(&r.BuildsCount, in.BuildsCount)
	set(&r.LogsDays, in.LogsDays)
	set(&r.LogsBytes, in.LogsBytes)
	set(&r.ArtifactsDays, in.ArtifactsDays)
	set(&r.ArtifactsBytes, in.ArtifactsBytes)
	set(&r.DeliveriesDays, in.DeliveriesDays)
	set(&r.AuditDays, in.AuditDays)
}

func retentionChanges(was, is core.Retention) core.AuditChanges {
	return core.AuditChanges{}.
		With("builds_days", was.BuildsDays, is.BuildsDays).
		With("builds_count", was.BuildsCount, is.BuildsCount).
		With("logs_days", was.LogsDays, is.LogsDays).
		With("logs_bytes", was.LogsBytes, is.LogsBytes).
		With("artifacts_days", was.ArtifactsDays, is.ArtifactsDays).
		With("artifacts_bytes", was.ArtifactsBytes, is.ArtifactsBytes).
		With("deliveries_days", was.DeliveriesDays, is.DeliveriesDays).
		With("audit_days", was.AuditDays, is.AuditDays)
}

// applyRetention deletes what has been kept long enough, in small batches, for a while.
// Servers that do it at once delete the same, once.
func (a *App) applyRetention(ctx context.Context) (more bool, err error) {
	if a.clock.doubtful() {
		return false, nil
	}
	r, err := a.retention(ctx, a.store)
	if err != nil {
		return false, err
	}
	var all core.Reclaims
	for start := time.Now(); time.Since(start) < retentionTime; {
		done, more, err := a.store.ApplyRetention(ctx, r, a.now(), retentionBatch)
		if err != nil {
			return false, err
		}
		all.Builds.Add(done.Builds)
		all.Logs.Add(done.Logs)
		all.Artifacts.Add(done.Artifacts)
		all.Deliveries.Add(done.Deliveries)
		all.Audit.Add(done.Audit)
		if !more {
			break
		}
	}
	if all != (core.Reclaims{}) {
		a.log.Info("retention", "builds", all.Builds.Count, "logs", all.Logs.Count, "artifacts", all.Artifacts.Count, "deliveries", all.Deliveries.Count, "audit", all.Audit.Count)
		a.bell.ring(topicSweep)
	}
	return false, nil
}
