package app

import (
	"context"

	"github.com/oore-ci/oore/app/core"
)

// admit says whether the project may have b too, which is not stored yet: else it is
// KindConflict, code concurrency or minutes_used. What has b's key already is no build
// more, and what b replaces waits no more. In a transaction nobody else stores a build of
// the project until its end.
func (a *App) admit(ctx context.Context, s core.Store, c candidate, b core.Build) error {
	quota := c.project.Quota
	if quota.MaxQueued == 0 && quota.MinutesPerDay == 0 {
		return nil
	}
	use, err := s.FindQuotaUse(ctx, c.project.ID, a.now())
	if err != nil || quota.Refuses(use) == nil {
		return err
	}
	if b.DedupeKey != "" {
		if known, err := s.HasBuildOf(ctx, b.DedupeKey); known || err != nil {
			return err
		}
	}
	replaced, err := a.replaced(ctx, s, c.pipeline, b)
	if err != nil {
		return err
	}
	for _, old := range replaced {
		if old.Status == core.BuildQueued {
			use.Queued--
		}
	}
	return quota.Refuses(use)
}

// admitEvent is admit of an event's build, which replaces nothing where it is the older.
// Where nobody knows, it is let in: a newest commit that is refused is never built.
func (a *App) admitEvent(ctx context.Context, s core.Store, e core.Event, c candidate, b core.Build) error {
	if isLate(e) || e.Kind == core.EventMergeGroup {
		c.pipeline.Concurrency.CancelPrevious = false
	}
	return a.admit(ctx, s, c, b)
}

// refuseByQuota is the verdict on an event's commit that the quota keeps from being built;
// false: err is something else. The forge is told.
func (a *App) refuseByQuota(ctx context.Context, tx core.Store, d core.Delivery, e core.Event, c candidate, refused error) (out core.DeliveryVerdict, is bool, err error) {
	v, is := core.QuotaVerdict(refused)
	if !is {
		return out, false, refused
	}
	return verdictOf(c, v), true, a.wantNote(ctx, tx, d, e, c, core.Reason{Code: v.Code, Text: "Not built: " + v.Reason})
}

// foresee is the verdict with what the quota makes of it now; nothing is stored.
func (a *App) foresee(ctx context.Context, c candidate, e core.Event, v core.Verdict) (core.Verdict, error) {
	if !v.Matched {
		return v, nil
	}
	b, err := a.eventBuild(ctx, a.store, core.Delivery{}, e, c)
	if err == nil {
		err = a.admit(ctx, a.store, c, b)
	}
	if refused, is := core.QuotaVerdict(err); is {
		return refused, nil
	}
	return v, err
}
