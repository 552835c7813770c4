package app

import (
	"context"
	"fmt"

	"github.com/oore-ci/oore/app/core"
)

// supersede cancels older builds of the pipeline on the same branch or pull request,
// where the pipeline wants that. A rerun replaces nothing: what it runs is of the past.
// An event that comes late of a commit leaves the build of it alone that somebody
// asked for. It returns what it canceled.
func (a *App) supersede(ctx context.Context, tx core.Store, repo core.Repository, p core.Pipeline, b core.Build) ([]core.Build, error) {
	if !p.Concurrency.CancelPrevious || b.Branch == "" || b.TriggerType == core.TriggerRerun {
		return nil, nil
	}
	older, err := a.activeBuilds(ctx, tx, core.BuildFilter{Before: &b})
	if err != nil {
		return nil, err
	}
	var canceled []core.Build
	for _, old := range older {
		if b.TriggerType == core.TriggerWebhook && old.SHA == b.SHA {
			continue
		}
		old, err := tx.FindBuild(ctx, old.ID) // nobody changes it from now on
		if err != nil {
			return nil, err
		}
		if old.Status.Terminal() {
			continue
		}
		if err := a.cancel(ctx, tx, repo, &old, "oore", core.ReasonSuperseded, fmt.Sprintf("Replaced by #%d", b.Number)); err != nil {
			return nil, err
		}
		canceled = append(canceled, old)
	}
	return canceled, nil
}
