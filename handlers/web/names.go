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

// rows names the builds. What was deleted between two questions is left out.
func (n *names) rows(ctx context.Context, builds []core.Build) ([]templates.BuildRow, error) {
	now := time.Now()
	rows := make([]templates.BuildRow, 0, len(builds))
	for _, b := range builds {
		project, err := n.project(ctx, b.ProjectID)
		var pipeline string
		if err == nil {
			pipeline, err = n.pipeline(ctx, b.PipelineID)
		}
		switch {
		case err == nil:
			rows = append(rows, templates.BuildRow{Build: b, Project: project.Name, Pipeline: pipeline, Now: now})
		case core.KindOf(err) != core.KindNotFound:
			return nil, err
		}
	}
	return rows, nil
}
