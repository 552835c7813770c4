package web

import (
	"io"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
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
		Page: page(actor, "Projects", "projects", "/v1/projects"), Projects: projects, Newest: map[string]templates.BuildRow{},
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
		Page: page(actor, project.Name, "projects", "/v1/projects/"+project.ID), Project: project,
		MayRun: may(actor, core.ActTrigger, &project), MayManage: may(actor, core.ActManageProject, &project),
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

// NewProject is GET /projects/new: the form.
func (p *Pages) NewProject(c *fiber.Ctx, actor core.Actor) error {
	if err := core.Allow(actor, core.ActCreateProject, nil); err != nil {
		return err
	}
	return p.projectForm(c, actor, http.StatusOK, nil, templates.NewProjectView{Kind: templates.Field{Value: "local"}})
}

func (p *Pages) projectForm(c *fiber.Ctx, actor core.Actor, status int, alert *templates.Alert, v templates.NewProjectView) error {
	v.Page = page(actor, "Add a project", "projects", "/v1/projects")
	v.Alert = alert
	return p.send(c, status, func(w io.Writer) error { return p.templates.NewProject(w, v) })
}

// CreateProject is POST /projects; it goes on to the project.
func (p *Pages) CreateProject(c *fiber.Ctx, actor core.Actor) error {
	v := templates.NewProjectView{
		Name: typed(c, "name"), Description: typed(c, "description"), Kind: typed(c, "kind"),
		Repository: typed(c, "repository"), DefaultBranch: typed(c, "default_branch"),
	}
	in := app.CreateProject{Name: v.Name.Value, Description: v.Description.Value, DefaultBranch: v.DefaultBranch.Value}
	switch v.Kind.Value {
	case "github", "gitlab":
		in.Provider, in.FullName = core.Provider(v.Kind.Value), v.Repository.Value
	case "git":
		in.Provider, in.CloneURL = core.ProviderGit, v.Repository.Value
	default:
		v.Kind.Value, in.LocalPath = "local", v.Repository.Value
	}
	project, err := p.app.CreateProject(c.UserContext(), actor, in)
	if err == nil {
		return c.Redirect("/projects/"+project.ID, http.StatusSeeOther)
	}
	var alert *templates.Alert
	if !coded(err, core.CodeRepositoryUnknown, &v.Repository) && !coded(err, core.CodeNameTaken, &v.Name) {
		var other error
		alert, other = place(err, slot{"name", &v.Name}, slot{"description", &v.Description},
			slot{"default_branch", &v.DefaultBranch}, slot{"repository", &v.Repository}, slot{"local_repository_path", &v.Repository})
		if other != nil {
			return other
		}
	}
	return p.projectForm(c, actor, StatusOf(core.KindOf(err)), alert, v)
}
