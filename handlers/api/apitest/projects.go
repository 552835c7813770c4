package apitest

import (
	"context"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// NewestBuilds answers that there are none.
func (f *Commands) NewestBuilds(_ context.Context, actor core.Actor, _ ...core.Project) (map[string]core.Build, error) {
	return nil, f.note("NewestBuilds", actor, "", nil)
}

// ProjectOverview answers Project.
func (f *Commands) ProjectOverview(_ context.Context, actor core.Actor, id string) (app.ProjectOverview, error) {
	return app.ProjectOverview{Project: f.Project}, f.note("ProjectOverview", actor, id, nil)
}

// PipelineOverview answers Project and Pipeline.
func (f *Commands) PipelineOverview(_ context.Context, actor core.Actor, id string) (app.PipelineOverview, error) {
	return app.PipelineOverview{Project: f.Project, PipelineBuilds: app.PipelineBuilds{Pipeline: f.Pipeline}}, f.note("PipelineOverview", actor, id, nil)
}

// TryPipeline answers that nothing has happened.
func (f *Commands) TryPipeline(_ context.Context, actor core.Actor, projectID string, p core.Pipeline) ([]app.Trial, error) {
	return nil, f.note("TryPipeline", actor, projectID, p)
}

// ResolveCommit answers the commit of Detail.
func (f *Commands) ResolveCommit(_ context.Context, actor core.Actor, projectID, ref, commit string) (core.Commit, error) {
	return core.Commit{SHA: f.Detail.Build.SHA}, f.note("ResolveCommit", actor, projectID, []string{ref, commit})
}

// KnownBranches answers that there are none.
func (f *Commands) KnownBranches(_ context.Context, actor core.Actor, projectID string) ([]string, error) {
	return nil, f.note("KnownBranches", actor, projectID, nil)
}

// Forecast answers that nothing is known.
func (f *Commands) Forecast(_ context.Context, actor core.Actor, projectID string) (map[string]app.Forecast, error) {
	return nil, f.note("Forecast", actor, projectID, nil)
}

// Insights answers Project.
func (f *Commands) Insights(_ context.Context, actor core.Actor, id, pipelineID string) (app.Insights, error) {
	return app.Insights{Project: f.Project}, f.note("Insights", actor, id, pipelineID)
}

// FitFor answers that nothing is known.
func (f *Commands) FitFor(_ context.Context, actor core.Actor, labels []string) (app.Forecast, error) {
	return app.Forecast{}, f.note("FitFor", actor, "", labels)
}
