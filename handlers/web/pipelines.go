package web

import (
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// NewPipeline is GET /projects/:id/pipelines/new: the form.
func (p *Pages) NewPipeline(c *fiber.Ctx, actor core.Actor) error {
	return p.pipelineForm(c, actor, http.StatusOK, nil, templates.NewPipelineView{
		Timeout: templates.Field{Value: strconv.Itoa(int(core.DefaultTimeout.Minutes()))},
		Events:  map[core.EventKind]bool{core.EventPush: true, core.EventPullRequest: true},
	})
}

func (p *Pages) pipelineForm(c *fiber.Ctx, actor core.Actor, status int, alert *templates.Alert, v templates.NewPipelineView) error {
	project, err := p.app.FindProject(c.UserContext(), actor, param(c, "id"))
	if err == nil {
		err = core.Allow(actor, core.ActEditProject, &project)
	}
	if err != nil {
		return err
	}
	v.Page = page(c, actor, "Add a pipeline to "+project.Name, "projects", "/v1/projects/"+project.ID+"/pipelines")
	v.Alert, v.Project = alert, project
	return p.send(c, status, func(w io.Writer) error { return p.templates.NewPipeline(w, v) })
}

// CreatePipeline is POST /projects/:id/pipelines; it goes on to the project.
func (p *Pages) CreatePipeline(c *fiber.Ctx, actor core.Actor) error {
	v := templates.NewPipelineView{
		Name: typed(c, "name"), Branches: typed(c, "branches"), Commands: typed(c, "commands"), Timeout: typed(c, "timeout"),
		Events: map[core.EventKind]bool{},
	}
	trigger := core.Trigger{Branches: lines(v.Branches.Value)}
	for _, kind := range c.Request().PostArgs().PeekMulti("events") {
		trigger.Events = append(trigger.Events, core.EventKind(kind))
		v.Events[core.EventKind(kind)] = true
	}
	var execution core.ExecutionConfig
	for _, command := range lines(v.Commands.Value) {
		execution.Commands.Build = append(execution.Commands.Build, core.Command{Run: command})
	}
	minutes, err := strconv.Atoi(v.Timeout.Value)
	if err != nil || minutes < 1 || minutes > 24*60 {
		v.Timeout.Error = "Give whole minutes, from 1 to 1440"
		return p.pipelineForm(c, actor, http.StatusBadRequest, nil, v)
	}
	timeout, projectID := time.Duration(minutes)*time.Minute, param(c, "id")
	_, err = p.app.CreatePipeline(c.UserContext(), actor, projectID, app.PipelineInput{
		Name: &v.Name.Value, Trigger: &trigger, Execution: &execution, Timeout: &timeout,
	})
	if err == nil {
		return c.Redirect("/projects/"+projectID, http.StatusSeeOther)
	}
	var alert *templates.Alert
	if !coded(err, core.CodeNameTaken, &v.Name) && !coded(err, core.CodeContextTaken, &v.Name) {
		var other error
		alert, other = place(err, slot{"name", &v.Name}, slot{"trigger", &v.Branches}, slot{"branches", &v.Branches},
			slot{"execution", &v.Commands}, slot{"commands", &v.Commands}, slot{"timeout", &v.Timeout})
		if other != nil {
			return other
		}
	}
	return p.pipelineForm(c, actor, StatusOf(core.KindOf(err)), alert, v)
}
