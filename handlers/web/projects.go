package web

import (
	"io"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

const shownHistory = 20 // builds in a pipeline's row and in a project's list

// Projects is GET /projects: the projects by name, each with its newest build.
func (p *Pages) Projects(c *fiber.Ctx, actor core.Actor) error {
	ctx, at := c.UserContext(), window(c)
	projects, total, err := p.app.ListProjects(ctx, actor, at)
	if err != nil {
		return err
	}
	v := templates.ProjectsView{
		Page: page(c, actor, "Projects", "projects", "/v1/projects"), Projects: projects, Newest: map[string]templates.BuildRow{},
		MayCreate: may(actor, core.ActCreateProject, nil), Pager: pager("/projects", nil, at, len(projects), total),
	}
	for _, project := range projects {
		builds, _, err := p.app.ListBuilds(ctx, actor, core.BuildFilter{ProjectID: project.ID}, core.Page{Limit: 1})
		if err != nil {
			return err
		}
		for _, b := range builds {
			v.Newest[project.ID] = templates.BuildRow{Build: b}
		}
	}
	return p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.Projects(w, v) })
}

// Project is GET /projects/:id: its pipelines with their triggers and last builds,
// its recent builds and the last message from its repository.
func (p *Pages) Project(c *fiber.Ctx, actor core.Actor) error {
	ctx := c.UserContext()
	project, err := p.app.FindProject(ctx, actor, param(c, "id"))
	if err != nil {
		return err
	}
	v := templates.ProjectView{
		Page: page(c, actor, project.Name, "projects", "/v1/projects/"+project.ID), Project: project,
		MayRun: may(actor, core.ActTrigger, &project), MayEdit: may(actor, core.ActEditProject, &project),
	}
	pipelines, err := p.app.ListPipelines(ctx, actor, project.ID)
	if err != nil {
		return err
	}
	n := p.names(actor, project)
	for _, pipeline := range pipelines {
		n.pipelines[pipeline.ID] = pipeline.Name
		row := templates.PipelineRow{Pipeline: pipeline}
		filter := core.BuildFilter{ProjectID: project.ID, PipelineID: pipeline.ID}
		builds, _, err := p.app.ListBuilds(ctx, actor, filter, core.Page{Limit: shownHistory})
		if err == nil {
			row.Builds, err = n.rows(ctx, builds)
		}
		if err != nil {
			return err
		}
		v.Pipelines = append(v.Pipelines, row)
	}
	recent, _, err := p.app.ListBuilds(ctx, actor, core.BuildFilter{ProjectID: project.ID}, core.Page{Limit: shownHistory})
	if err != nil {
		return err
	}
	if v.Recent, err = n.rows(ctx, recent); err != nil {
		return err
	}
	about := core.DeliveryFilter{Provider: project.Repository.Provider, Repository: project.Repository.FullName}
	deliveries, _, err := p.app.ListDeliveries(ctx, actor, about, core.Page{Limit: 1})
	if err != nil {
		return err
	}
	for i := range deliveries {
		v.LastDelivery = &deliveries[i]
	}
	return p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.Project(w, v) })
}
