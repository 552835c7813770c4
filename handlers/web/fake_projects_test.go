package web

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func (f *fake) NewestBuilds(ctx context.Context, actor core.Actor, projects ...core.Project) (map[string]core.Build, error) {
	newest := map[string]core.Build{}
	for _, p := range projects {
		builds, _, err := f.ListBuilds(ctx, actor, core.BuildFilter{ProjectID: p.ID}, core.Page{Limit: 1})
		if err != nil {
			return nil, err
		}
		if len(builds) > 0 {
			newest[p.ID] = builds[0]
		}
	}
	return newest, nil
}

func (f *fake) ProjectOverview(ctx context.Context, actor core.Actor, id string) (app.ProjectOverview, error) {
	p, err := f.FindProject(ctx, actor, id)
	if err != nil {
		return app.ProjectOverview{}, err
	}
	o := app.ProjectOverview{Project: p}
	pipelines, err := f.ListPipelines(ctx, actor, p.ID)
	if err != nil {
		return o, err
	}
	for _, pipeline := range pipelines {
		builds, _, err := f.ListBuilds(ctx, actor, core.BuildFilter{PipelineID: pipeline.ID}, core.Page{Limit: 20})
		if err != nil {
			return o, err
		}
		o.Pipelines = append(o.Pipelines, app.PipelineBuilds{Pipeline: pipeline, Builds: builds})
	}
	o.Recent, _, err = f.ListBuilds(ctx, actor, core.BuildFilter{ProjectID: p.ID}, core.Page{Limit: 10})
	for _, b := range o.Recent {
		if b.Number == 142 || b.Number == 139 || b.Number == 1 {
			o.Branches = append(o.Branches, b)
		}
	}
	for i := range f.deliveries {
		if f.deliveries[i].Repository == p.Repository.FullName && o.LastDelivery == nil {
			o.LastDelivery = &f.deliveries[i]
		}
	}
	return o, err
}

func (f *fake) PipelineOverview(ctx context.Context, actor core.Actor, id string) (app.PipelineOverview, error) {
	p, err := f.FindPipeline(ctx, actor, id)
	if err != nil {
		return app.PipelineOverview{}, err
	}
	o := app.PipelineOverview{PipelineBuilds: app.PipelineBuilds{Pipeline: p}, Forecast: app.Forecast{Usual: 340 * time.Second, Runners: 3}}
	if p.Enabled {
		o.Fit = 2
	}
	if o.Builds, _, err = f.ListBuilds(ctx, actor, core.BuildFilter{PipelineID: id}, core.Page{Limit: 20}); err != nil {
		return o, err
	}
	o.Trials, err = f.TryPipeline(ctx, actor, p.ProjectID, p)
	return o, err
}

func (f *fake) UpdatePipeline(ctx context.Context, actor core.Actor, id string, in app.PipelineInput) (core.Pipeline, error) {
	f.piped = append(f.piped, in)
	p, err := f.FindPipeline(ctx, actor, id)
	if err == nil {
		err = f.refuse
	}
	return p, err
}

func (f *fake) DeletePipeline(_ context.Context, _ core.Actor, id string) error {
	f.asked = append(f.asked, "delete pipeline "+id)
	return f.refuse
}

// TryPipeline decides about every delivery as if it were a push to main.
func (f *fake) TryPipeline(_ context.Context, _ core.Actor, _ string, p core.Pipeline) ([]app.Trial, error) {
	var trials []app.Trial
	for _, d := range f.deliveries {
		e := core.Event{Kind: core.EventPush, Branch: "main"}
		if d.ID == "d3" {
			e.Branch = hostile
		}
		trials = append(trials, app.Trial{Delivery: d, Branch: e.Branch, Verdict: p.Trigger.Match(e)})
	}
	return trials, nil
}

// ResolveCommit knows branches without spaces and the commit a1b2c3d.
func (f *fake) ResolveCommit(_ context.Context, _ core.Actor, _, ref, commit string) (core.Commit, error) {
	const sha = "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678"
	switch {
	case f.refuse != nil:
		return core.Commit{}, f.refuse
	case commit != "" && commit != sha[:7] && commit != sha:
		return core.Commit{}, core.Codef(core.KindInvalid, core.CodeInvalidRef, "commit_sha: no commit begins with %s", commit)
	case ref == "none":
		return core.Commit{}, core.Codef(core.KindInvalid, core.CodeInvalidRef, "acme/shop has no branch, tag or commit none")
	}
	return core.Commit{SHA: sha, Message: "Speed up cold start\n\nBy loading less.", Author: hostile, At: ago(3 * time.Minute)}, nil
}

func (f *fake) KnownBranches(context.Context, core.Actor, string) ([]string, error) {
	return []string{"main", "release/1.5", hostile}, nil
}

func (f *fake) Forecast(context.Context, core.Actor, string) (map[string]app.Forecast, error) {
	return map[string]app.Forecast{"l1": {Usual: 340 * time.Second, Fit: 2, Runners: 3}, "l3": {Runners: 3}}, nil
}

func (f *fake) FitFor(_ context.Context, _ core.Actor, labels []string) (app.Forecast, error) {
	if len(labels) > 0 {
		return app.Forecast{Fit: 1, Runners: 3}, nil
	}
	return app.Forecast{Fit: 3, Runners: 3}, nil
}
