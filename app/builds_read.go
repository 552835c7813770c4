package app

import (
	"context"
	"fmt"
	"slices"

	"github.com/oore-ci/oore/app/core"
)

func (a *App) buildFor(ctx context.Context, actor core.Actor, act core.Action, id string) (core.Build, core.Project, error) {
	b, err := a.store.FindBuild(ctx, id)
	if err != nil {
		return b, core.Project{}, err
	}
	p, err := a.store.FindProject(ctx, b.ProjectID)
	if err != nil {
		return b, p, err
	}
	if core.Allow(actor, core.ActRead, &p) != nil {
		return b, p, core.Errorf(core.KindNotFound, "Build not found")
	}
	return b, p, core.Allow(actor, act, &p)
}

// FindBuild returns a build that the actor may see.
func (a *App) FindBuild(ctx context.Context, actor core.Actor, id string) (core.Build, error) {
	b, _, err := a.buildFor(ctx, actor, core.ActRead, id)
	return b, err
}

// BuildDetail is a build with its transitions, steps and artifacts.
type BuildDetail struct {
	Build     core.Build
	Events    []core.BuildEvent
	Steps     []core.Step
	Artifacts []core.Artifact
}

// FindBuildDetail returns a build with all that happened to it.
func (a *App) FindBuildDetail(ctx context.Context, actor core.Actor, id string) (BuildDetail, error) {
	b, err := a.FindBuild(ctx, actor, id)
	if err != nil {
		return BuildDetail{}, err
	}
	d := BuildDetail{Build: b}
	if d.Events, err = a.store.ListBuildEvents(ctx, id); err != nil {
		return d, fmt.Errorf("events of build %s: %w", id, err)
	}
	if d.Steps, err = a.store.ListSteps(ctx, id); err != nil {
		return d, fmt.Errorf("steps of build %s: %w", id, err)
	}
	if d.Artifacts, err = a.store.ListArtifacts(ctx, id); err != nil {
		return d, fmt.Errorf("artifacts of build %s: %w", id, err)
	}
	return d, nil
}

// ListBuilds lists builds that the actor may see, newest first, and their number.
func (a *App) ListBuilds(ctx context.Context, actor core.Actor, f core.BuildFilter, page core.Page) ([]core.Build, int, error) {
	if f.ProjectID != "" {
		if _, err := a.projectFor(ctx, a.store, actor, core.ActRead, f.ProjectID); err != nil {
			return nil, 0, err
		}
		return a.store.ListBuilds(ctx, f, page)
	}
	if err := core.Allow(actor, core.ActRead, nil); err != nil {
		return nil, 0, err
	}
	if !actor.SeesEverything() || f.Branch != "" { // the index of branches begins with the project
		seen, err := a.visibleProjects(ctx, actor)
		if err != nil {
			return nil, 0, err
		}
		f.ProjectIDs = []string{}
		for _, p := range seen {
			f.ProjectIDs = append(f.ProjectIDs, p.ID)
		}
	}
	return a.store.ListBuilds(ctx, f, page)
}

// UsualTimes are how long a build that the actor may see, and its steps, should take.
func (a *App) UsualTimes(ctx context.Context, actor core.Actor, b core.Build) (core.UsualTimes, error) {
	if _, err := a.projectFor(ctx, a.store, actor, core.ActRead, b.ProjectID); err != nil {
		return core.UsualTimes{}, err
	}
	return a.store.UsualTimes(ctx, b.PipelineID)
}

// historyLength is how many builds a test's history goes back.
const historyLength = 20

// TestHistory gives the builds with test results among the last of a build's pipeline,
// up to it, newest first.
func (a *App) TestHistory(ctx context.Context, actor core.Actor, b core.Build) ([]core.Build, error) {
	f := core.BuildFilter{ProjectID: b.ProjectID, PipelineID: b.PipelineID, WithTests: true}
	page := core.Page{Limit: historyLength, Older: &core.Cursor{CreatedAt: b.CreatedAt, ID: b.ID + "~"}} // and itself
	builds, _, err := a.ListBuilds(ctx, actor, f, page)
	return slices.DeleteFunc(builds, func(b core.Build) bool { return b.Tests == nil }), err
}

// activeBuilds lists what has not ended.
func (a *App) activeBuilds(ctx context.Context, s core.Store, f core.BuildFilter) ([]core.Build, error) {
	f.Statuses = []core.BuildStatus{core.BuildQueued, core.BuildAssigned, core.BuildRunning}
	var all []core.Build
	for page := (core.Page{Limit: 200}); ; page.Offset += page.Limit {
		builds, _, err := s.ListBuilds(ctx, f, page)
		if all = append(all, builds...); err != nil || len(builds) < page.Limit {
			return all, err
		}
	}
}
