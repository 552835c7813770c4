package app

import (
	"context"

	"github.com/oore-ci/oore/app/core"
)

// PipelineOverview is what is to be known of a pipeline at one glance.
type PipelineOverview struct {
	PipelineBuilds
	Project core.Project
	Trials  []Trial // with the last events
	Forecast
}

// PipelineOverview reads a pipeline with what it did and what it would do.
func (a *App) PipelineOverview(ctx context.Context, actor core.Actor, id string) (PipelineOverview, error) {
	var o PipelineOverview
	var err error
	if o.Pipeline, err = a.pipelineFor(ctx, actor, core.ActRead, id); err != nil {
		return o, err
	}
	if o.Project, err = a.store.FindProject(ctx, o.ProjectID); err != nil {
		return o, err
	}
	if o.Builds, err = a.store.ListNewestBuilds(ctx, core.OfPipeline, []string{id}, shownBars); err != nil {
		return o, err
	}
	if o.Forecast, err = a.FitFor(ctx, actor, o.Labels); err != nil {
		return o, err
	}
	o.Usual = usual(o.Builds)
	o.Trials, err = a.TryPipeline(ctx, actor, o.ProjectID, o.Pipeline)
	return o, err
}
