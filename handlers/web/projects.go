package web

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// ProjectCommands are those about projects and their pipelines.
type ProjectCommands interface {
	ListProjects(ctx context.Context, actor core.Actor, page core.Page) ([]core.Project, int, error)
	FindProject(ctx context.Context, actor core.Actor, id string) (core.Project, error)
	NewestBuilds(ctx context.Context, actor core.Actor, projects ...core.Project) (map[string]core.Build, error)
	ProjectOverview(ctx context.Context, actor core.Actor, id string) (app.ProjectOverview, error)
	CreateProject(ctx context.Context, actor core.Actor, in app.CreateProject) (core.Project, error)
	UpdateProject(ctx context.Context, actor core.Actor, id string, in app.UpdateProject) (core.Project, error)
	DeleteProject(ctx context.Context, actor core.Actor, id string) error
	ListPipelines(ctx context.Context, actor core.Actor, projectID string) ([]core.Pipeline, error)
	FindPipeline(ctx context.Context, actor core.Actor, id string) (core.Pipeline, error)
	PipelineOverview(ctx context.Context, actor core.Actor, id string) (app.PipelineOverview, error)
	CreatePipeline(ctx context.Context, actor core.Actor, projectID string, in app.PipelineInput) (core.Pipeline, error)
	UpdatePipeline(ctx context.Context, actor core.Actor, id string, in app.PipelineInput) (core.Pipeline, error)
	DeletePipeline(ctx context.Context, actor core.Actor, id string) error
	TryPipeline(ctx context.Context, actor core.Actor, projectID string, p core.Pipeline) ([]app.Trial, error)
}

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
	newest, err := p.app.NewestBuilds(ctx, actor, projects...)
	if err != nil {
		return err
	}
	for id, b := range newest {
		v.Newest[id] = templates.BuildRow{Build: b}
	}
	return p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.Projects(w, v) })
}

// Project is GET /projects/:id, which may be the slug: its pipelines with their triggers
// and last builds, its branches, its recent builds and the last message from its repository.
func (p *Pages) Project(c *fiber.Ctx, actor core.Actor) error {
	ctx := c.UserContext()
	o, err := p.app.ProjectOverview(ctx, actor, param(c, "id"))
	if err != nil {
		return err
	}
	v := templates.ProjectView{
		Page: page(c, actor, o.Project.Name, "projects", "/v1/projects/"+o.Project.ID), Project: o.Project, Branches: o.Branches, LastDelivery: o.LastDelivery,
		MayRun: may(actor, core.ActTrigger, &o.Project), MayEdit: may(actor, core.ActEditProject, &o.Project),
	}
	n := p.names(actor, o.Project)
	var last []core.Build
	for _, pipeline := range o.Pipelines {
		n.pipelines[pipeline.ID] = pipeline.Name
		last = append(last, pipeline.Builds[:min(1, len(pipeline.Builds))]...)
	}
	newest, err := n.rows(ctx, last)
	if err == nil {
		v.Recent, err = n.rows(ctx, o.Recent)
	}
	if err != nil {
		return err
	}
	for _, pipeline := range o.Pipelines {
		row := templates.PipelineRow{Pipeline: pipeline.Pipeline, Bars: templates.Bars(pipeline.Builds, time.Now())}
		for i := range newest {
			if newest[i].Build.PipelineID == pipeline.ID {
				row.Last = &newest[i]
			}
		}
		v.Pipelines = append(v.Pipelines, row)
	}
	return p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.Project(w, v) })
}

// ProjectBuild is GET /projects/:id/builds/:number: on to the build, whose own address
// outlives a project's name.
func (p *Pages) ProjectBuild(c *fiber.Ctx, actor core.Actor) error {
	ctx := c.UserContext()
	project, err := p.app.FindProject(ctx, actor, param(c, "id"))
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(param(c, "number"))
	if err != nil || number < 1 {
		return core.Errorf(core.KindNotFound, "Build not found")
	}
	builds, _, err := p.app.ListBuilds(ctx, actor, core.BuildFilter{ProjectID: project.ID, Number: number}, core.Page{Limit: 1})
	if err != nil {
		return err
	}
	if len(builds) == 0 {
		return core.Errorf(core.KindNotFound, "Build not found")
	}
	return c.Redirect("/builds/"+builds[0].ID, http.StatusFound)
}
