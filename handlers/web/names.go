package web

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// names finds what builds in a list belong to, asking once for each project and
// pipeline.
type names struct {
	app       Commands
	actor     core.Actor
	projects  map[string]core.Project
	pipelines map[string]string
}

func (p *Pages) names(actor core.Actor, known ...core.Project) *names {
	n := &names{app: p.app, actor: actor, projects: map[string]core.Project{}, pipelines: map[string]string{}}
	for _, project := range known {
		n.projects[project.ID] = project
	}
	return n
}

func (n *names) project(ctx context.Context, id string) (core.Project, error) {
	project, ok := n.projects[id]
	if ok {
		return project, nil
	}
	project, err := n.app.FindProject(ctx, n.actor, id)
	if err == nil {
		n.projects[id] = project
	}
	return project, err
}

func (n *names) pipeline(ctx context.Context, id string) (string, error) {
	name, ok := n.pipelines[id]
	if ok {
		return name, nil
	}
	pipeline, err := n.app.FindPipeline(ctx, n.actor, id)
	if err == nil {
		n.pipelines[id] = pipeline.Name
	}
	return pipeline.Name, err
}

// rows names the builds and says where those stand that wait. What was deleted between
// two questions is left out.
func (n *names) rows(ctx context.Context, builds []core.Build) ([]templates.BuildRow, error) {
	places, err := n.app.QueuePlaces(ctx, n.actor, builds...)
	if err != nil {
		return nil, err
	}
	rows := make([]templates.BuildRow, 0, len(builds))
	for _, b := range builds {
		row, ok, err := n.row(ctx, b)
		if err != nil {
			return nil, err
		}
		if place, waits := places[b.ID]; waits {
			row.Place = &place
		}
		if ok {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// row names a build; not ok: it was deleted.
func (n *names) row(ctx context.Context, b core.Build) (row templates.BuildRow, ok bool, err error) {
	project, err := n.project(ctx, b.ProjectID)
	var pipeline string
	if err == nil {
		pipeline, err = n.pipeline(ctx, b.PipelineID)
	}
	if err != nil && core.KindOf(err) == core.KindNotFound {
		return row, false, nil
	}
	return templates.BuildRow{Build: b, Project: project.Name, Pipeline: pipeline, Now: time.Now()}, true, err
}
