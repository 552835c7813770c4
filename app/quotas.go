package app

import (
	"context"

	"github.com/oore-ci/oore/app/core"
)

// admit says whether the project may have one build more: else it is KindConflict, code
// concurrency or minutes_used. What has the key already is no build more. In a transaction
// nobody else stores a build of the project until its end.
func (a *App) admit(ctx context.Context, s core.Store, p core.Project, key string) error {
	if p.Quota.MaxQueued == 0 && p.Quota.MinutesPerDay == 0 {
		return nil
	}
	use, err := s.FindQuotaUse(ctx, p.ID, a.now())
	if err != nil {
		return err
	}
	refused := p.Quota.Refuses(use)
	if refused == nil || key == "" {
		return refused
	}
	known, err := s.HasBuildOf(ctx, key)
	if known || err != nil {
		return err
	}
	return refused
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
	err := a.admit(ctx, a.store, c.project, core.EventBuildKey(c.pipeline.ID, e))
	if refused, is := core.QuotaVerdict(err); is {
		return refused, nil
	}
	return v, err
}
