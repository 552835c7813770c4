package app

import (
	"context"
	"slices"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

const (
	shownBars     = 20  // of a pipeline
	lookedAt      = 100 // builds in which branches are looked for
	shownBranches = 12
)

// ProjectOverview is what is to be known of a project at one glance.
type ProjectOverview struct {
	Project      core.Project
	Pipelines    []PipelineBuilds
	Branches     []core.Build   // the newest build of each branch: the default branch first, then what was built last
	Recent       []core.Build   // newest first
	LastDelivery *core.Delivery // about its repository; nil: none
}

// PipelineBuilds is a pipeline with its last builds, newest first.
type PipelineBuilds struct {
	core.Pipeline
	Builds []core.Build
}

// ProjectOverview reads a project, by its id or slug, with its pipelines and what they did.
func (a *App) ProjectOverview(ctx context.Context, actor core.Actor, id string) (ProjectOverview, error) {
	var o ProjectOverview
	var err error
	if o.Project, err = a.FindProject(ctx, actor, id); err != nil {
		return o, err
	}
	if o.Pipelines, err = a.pipelineBuilds(ctx, o.Project); err != nil {
		return o, err
	}
	builds, err := a.store.ListNewestBuilds(ctx, core.OfProject, []string{o.Project.ID}, lookedAt)
	if err != nil {
		return o, err
	}
	o.Recent, o.Branches = builds[:min(len(builds), shownRecent)], branchesOf(o.Project, builds)
	about := core.DeliveryFilter{Provider: o.Project.Repository.Provider, Repository: o.Project.Repository.FullName}
	deliveries, _, err := a.ListDeliveries(ctx, actor, about, core.Page{Limit: 1})
	for i := range deliveries {
		o.LastDelivery = &deliveries[i]
	}
	return o, err
}

func (a *App) pipelineBuilds(ctx context.Context, project core.Project) ([]PipelineBuilds, error) {
	pipelines, err := a.store.ListPipelines(ctx, project.ID)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, p := range pipelines {
		ids = append(ids, p.ID)
	}
	builds, err := a.store.ListNewestBuilds(ctx, core.OfPipeline, ids, shownBars)
	if err != nil {
		return nil, err
	}
	of := map[string][]core.Build{}
	for _, b := range builds {
		of[b.PipelineID] = append(of[b.PipelineID], b)
	}
	all := make([]PipelineBuilds, len(pipelines))
	for i, p := range pipelines {
		all[i] = PipelineBuilds{Pipeline: p, Builds: of[p.ID]}
	}
	return all, nil
}

// branchesOf picks the newest build of each of the repository's own branches.
func branchesOf(p core.Project, builds []core.Build) []core.Build {
	var newest []core.Build
	for _, b := range builds {
		fork := b.PullRequest != nil && b.PullRequest.Fork
		if b.Tag == "" && b.Branch != "" && !fork && !slices.ContainsFunc(newest, func(n core.Build) bool { return n.Branch == b.Branch }) {
			newest = append(newest, b)
		}
	}
	slices.SortStableFunc(newest, func(a, b core.Build) int {
		switch p.Branch() {
		case a.Branch:
			return -1
		case b.Branch:
			return 1
		}
		return 0
	})
	return newest[:min(len(newest), shownBranches)]
}

// NewestBuilds gives the newest build of each of the projects that the actor may see, by
// project.
func (a *App) NewestBuilds(ctx context.Context, actor core.Actor, projects ...core.Project) (map[string]core.Build, error) {
	var ids []string
	for _, p := range projects {
		if core.Allow(actor, core.ActRead, &p) == nil {
			ids = append(ids, p.ID)
		}
	}
	builds, err := a.store.ListNewestBuilds(ctx, core.OfProject, ids, 1)
	newest := make(map[string]core.Build, len(builds))
	for _, b := range builds {
		newest[b.ProjectID] = b
	}
	return newest, err
}

// KnownBranches lists the branches of a project's repository that the house has heard of:
// the default branch, those built last, and then the rest by name; at most 200.
func (a *App) KnownBranches(ctx context.Context, actor core.Actor, projectID string) ([]string, error) {
	p, err := a.FindProject(ctx, actor, projectID)
	if err != nil {
		return nil, err
	}
	builds, err := a.store.ListNewestBuilds(ctx, core.OfProject, []string{p.ID}, lookedAt)
	if err != nil {
		return nil, err
	}
	heads, err := a.store.ListHeads(ctx, p.RepositoryID)
	if err != nil {
		return nil, err
	}
	names := []string{p.Branch()}
	for _, b := range branchesOf(p, builds) {
		names = append(names, b.Branch)
	}
	var rest []string
	for ref := range heads {
		if name, ok := strings.CutPrefix(ref, "refs/heads/"); ok {
			rest = append(rest, name)
		}
	}
	slices.Sort(rest)
	const most = 200
	var known []string
	for _, name := range append(names, rest...) {
		if name != "" && !slices.Contains(known, name) && len(known) < most {
			known = append(known, name)
		}
	}
	return known, nil
}
