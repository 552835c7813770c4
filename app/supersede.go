package app

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// replaced lists the older builds of the pipeline on the same branch or pull request,
// where the pipeline wants that b, which may not be stored yet, replaces them. A rerun
// replaces nothing: what it runs is of the past. A build that an event makes leaves the
// build of its commit alone that somebody asked for. What another branch was
// pushed to as well stays, too: nobody else would build it for that branch.
func (a *App) replaced(ctx context.Context, s core.Store, p core.Pipeline, b core.Build) ([]core.Build, error) {
	if !p.Concurrency.CancelPrevious || b.Branch == "" || b.TriggerType == core.TriggerRerun {
		return nil, nil
	}
	if b.Number == 0 {
		b.Number = math.MaxInt32
	}
	older, err := a.activeBuilds(ctx, s, core.BuildFilter{Before: &b})
	if err != nil {
		return nil, err
	}
	var replaced []core.Build
	for _, old := range older {
		if b.TriggerType == core.TriggerWebhook && old.SHA == b.SHA {
			continue
		}
		shared, err := ledTo(ctx, s, old, func(ref string) bool {
			return strings.HasPrefix(ref, branchRefs) && ref != branchRefs+b.Branch
		})
		if err != nil {
			return nil, err
		}
		if !shared {
			replaced = append(replaced, old)
		}
	}
	return replaced, nil
}

const branchRefs = "refs/heads/"

// takePlace lets the event's build replace older ones if it is of the commit at which its
// branch or pull request stands. If that is another which the pipeline builds, the event
// came late, and it is its own build that is canceled. Where nobody knows which is the
// newer, all are built. It returns what else it canceled.
func (a *App) takePlace(ctx context.Context, tx core.Store, e core.Event, c candidate, b *core.Build) ([]core.Build, error) {
	if e.Head == e.SHA {
		return a.supersede(ctx, tx, c.project.Repository, c.pipeline, *b)
	}
	ahead, err := a.ahead(ctx, tx, e, c)
	ahead = slices.DeleteFunc(ahead, func(other core.Build) bool { return other.PipelineID != b.PipelineID })
	if err != nil || len(ahead) == 0 || !c.pipeline.Concurrency.CancelPrevious {
		return nil, err
	}
	why := fmt.Sprintf("Replaced by #%d: %s stands at %s", ahead[0].Number, standsName(e), shortSHA(e.Head))
	return nil, a.cancel(ctx, tx, c.project.Repository, b, "oore", core.ReasonSuperseded, why)
}

// supersede cancels what b replaces, and returns that.
func (a *App) supersede(ctx context.Context, tx core.Store, repo core.Repository, p core.Pipeline, b core.Build) ([]core.Build, error) {
	older, err := a.replaced(ctx, tx, p, b)
	if err != nil {
		return nil, err
	}
	var canceled []core.Build
	for _, old := range older {
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
