package web

import (
	"io"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

func pipelinePath(p core.Pipeline) string { return "/projects/" + p.ProjectID + "/pipelines/" + p.ID }

// pipelineAt finds the pipeline of the address, and its project, for who may do it.
func (p *Pages) pipelineAt(c *fiber.Ctx, actor core.Actor, act core.Action) (core.Project, core.Pipeline, error) {
	project, err := p.projectFor(c, actor, act)
	if err != nil {
		return project, core.Pipeline{}, err
	}
	pipeline, err := p.app.FindPipeline(c.UserContext(), actor, param(c, "pipeline"))
	if err == nil && pipeline.ProjectID != project.ID {
		err = core.Errorf(core.KindNotFound, "Pipeline not found in this project")
	}
	return project, pipeline, err
}

// Pipeline is GET /projects/:id/pipelines/:pipeline: what it says, what it did and which
// events would run it.
func (p *Pages) Pipeline(c *fiber.Ctx, actor core.Actor) error {
	ctx := c.UserContext()
	project, pipeline, err := p.pipelineAt(c, actor, core.ActRead)
	if err != nil {
		return err
	}
	o, err := p.app.PipelineOverview(ctx, actor, pipeline.ID)
	if err != nil {
		return err
	}
	v := templates.PipelineView{
		Page:    page(c, actor, pipeline.Name+" of "+project.Name, "projects", "/v1/pipelines/"+pipeline.ID),
		Project: project, Pipeline: o.Pipeline, Bars: templates.Bars(o.Builds, time.Now()), Usual: o.Usual, Fit: o.Fit, Runners: o.Runners,
		MayRun: may(actor, core.ActTrigger, &project), MayEdit: may(actor, core.ActEditProject, &project), Manages: may(actor, core.ActManageProject, &project),
		Trials: trialRows(o.Trials),
	}
	if v.Text, err = o.WorkflowText(); err != nil {
		return err
	}
	n := p.names(actor, project)
	n.pipelines[pipeline.ID] = pipeline.Name
	if v.Recent, err = n.rows(ctx, o.Builds[:min(len(o.Builds), 5)]); err != nil {
		return err
	}
	return p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.Pipeline(w, v) })
}

func trialRows(trials []app.Trial) []templates.TrialRow {
	var rows []templates.TrialRow
	for _, t := range trials {
		rows = append(rows, templates.TrialRow(t))
	}
	return rows
}

// NewPipeline is GET /projects/:id/pipelines/new: the form.
func (p *Pages) NewPipeline(c *fiber.Ctx, actor core.Actor) error {
	project, err := p.projectFor(c, actor, core.ActEditProject)
	if err != nil {
		return err
	}
	return p.pipelineForm(c, actor, http.StatusOK, nil, project, core.Pipeline{}, formOf(newPipeline()))
}

// newPipeline is what the form of a new one says before anybody has typed.
func newPipeline() core.Pipeline {
	return core.Pipeline{Timeout: core.DefaultTimeout, Trigger: core.Trigger{Events: []core.EventKind{core.EventPush, core.EventPullRequest}}}
}

func (p *Pages) pipelineForm(c *fiber.Ctx, actor core.Actor, status int, alert *templates.Alert, project core.Project, pipeline core.Pipeline, f *pipelineForm) error {
	v := f.view()
	v.Project, v.Pipeline = project, pipeline
	if v.Page = page(c, actor, "Add a pipeline to "+project.Name, "projects", "/v1/projects/"+project.ID+"/pipelines"); !f.isNew {
		v.Page = page(c, actor, "Edit "+pipeline.Name+" of "+project.Name, "projects", "/v1/pipelines/"+pipeline.ID)
	}
	v.Alert = alert
	return p.send(c, status, func(w io.Writer) error { return p.templates.PipelineForm(w, v) })
}

// CreatePipeline is POST /projects/:id/pipelines; it goes on to the new pipeline.
func (p *Pages) CreatePipeline(c *fiber.Ctx, actor core.Actor) error {
	project, err := p.projectFor(c, actor, core.ActEditProject)
	if err != nil {
		return err
	}
	return p.savePipeline(c, actor, project, core.Pipeline{}, func(in app.PipelineInput) (core.Pipeline, error) {
		return p.app.CreatePipeline(c.UserContext(), actor, project.ID, in)
	})
}

// EditPipeline is GET /projects/:id/pipelines/:pipeline/edit: the form.
func (p *Pages) EditPipeline(c *fiber.Ctx, actor core.Actor) error {
	project, pipeline, err := p.pipelineAt(c, actor, core.ActEditProject)
	if err != nil {
		return err
	}
	return p.pipelineForm(c, actor, http.StatusOK, nil, project, pipeline, formOf(pipeline))
}

// UpdatePipeline is POST /projects/:id/pipelines/:pipeline/edit; it goes on to the pipeline.
func (p *Pages) UpdatePipeline(c *fiber.Ctx, actor core.Actor) error {
	project, pipeline, err := p.pipelineAt(c, actor, core.ActEditProject)
	if err != nil {
		return err
	}
	return p.savePipeline(c, actor, project, pipeline, func(in app.PipelineInput) (core.Pipeline, error) {
		return p.app.UpdatePipeline(c.UserContext(), actor, pipeline.ID, in)
	})
}

func (p *Pages) savePipeline(c *fiber.Ctx, actor core.Actor, project core.Project, pipeline core.Pipeline, save func(app.PipelineInput) (core.Pipeline, error)) error {
	f := formOf(pipeline)
	f.read(c)
	in, ok := f.command()
	if !ok {
		return p.pipelineForm(c, actor, http.StatusBadRequest, nil, project, pipeline, f)
	}
	saved, err := save(in)
	if err == nil {
		return c.Redirect(pipelinePath(saved), http.StatusSeeOther)
	}
	alert, other := f.place(err)
	if other != nil {
		return other
	}
	return p.pipelineForm(c, actor, StatusOf(core.KindOf(err)), alert, project, pipeline, f)
}

// AskDeletePipeline is GET /projects/:id/pipelines/:pipeline/delete: it asks once more.
func (p *Pages) AskDeletePipeline(c *fiber.Ctx, actor core.Actor) error {
	project, pipeline, err := p.pipelineAt(c, actor, core.ActManageProject)
	if err != nil {
		return err
	}
	v := templates.DeletePipelineView{
		Page: page(c, actor, "Delete "+pipeline.Name+" of "+project.Name, "projects", "/v1/pipelines/"+pipeline.ID), Project: project, Pipeline: pipeline,
	}
	if _, v.Builds, err = p.app.ListBuilds(c.UserContext(), actor, core.BuildFilter{ProjectID: project.ID, PipelineID: pipeline.ID}, core.Page{Limit: 1}); err != nil {
		return err
	}
	return p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.DeletePipeline(w, v) })
}

// DeletePipeline is POST /projects/:id/pipelines/:pipeline/delete; it goes on to the project.
func (p *Pages) DeletePipeline(c *fiber.Ctx, actor core.Actor) error {
	project, pipeline, err := p.pipelineAt(c, actor, core.ActManageProject)
	if err != nil {
		return err
	}
	if err := p.app.DeletePipeline(c.UserContext(), actor, pipeline.ID); err != nil {
		return err
	}
	return c.Redirect("/projects/"+project.ID, http.StatusSeeOther)
}
