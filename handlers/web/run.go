package web

import (
	"io"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// RunForm is GET /projects/:id/run: select a pipeline (?pipeline=), a branch and
// optionally a commit.
func (p *Pages) RunForm(c *fiber.Ctx, actor core.Actor) error {
	return p.runForm(c, actor, http.StatusOK, nil, templates.RunView{Pipeline: templates.Field{Value: query(c, "pipeline")}, Branch: templates.Field{Value: query(c, "ref")}})
}

func (p *Pages) runForm(c *fiber.Ctx, actor core.Actor, status int, alert *templates.Alert, v templates.RunView) error {
	ctx := c.UserContext()
	project, err := p.app.FindProject(ctx, actor, param(c, "id"))
	if err == nil {
		err = core.Allow(actor, core.ActTrigger, &project)
	}
	if err != nil {
		return err
	}
	if v.Pipelines, err = p.app.ListPipelines(ctx, actor, project.ID); err != nil {
		return err
	}
	api := "/v1/projects/" + project.ID + "/builds"
	v.Page = page(c, actor, "Trigger a build of "+project.Name, "projects", api)
	v.Alert, v.Project, v.APIURL = alert, project, p.publicURL+api
	v.MayEdit = may(actor, core.ActEditProject, &project)
	if v.Branch.Value == "" {
		v.Branch.Value = project.Branch()
	}
	for _, pipeline := range v.Pipelines {
		if v.Pipeline.Value == "" && pipeline.Enabled {
			v.Pipeline.Value = pipeline.ID
		}
	}
	return p.send(c, status, func(w io.Writer) error { return p.templates.Run(w, v) })
}

// StartBuild is POST /projects/:id/run; it goes on to the new build.
func (p *Pages) StartBuild(c *fiber.Ctx, actor core.Actor) error {
	v := templates.RunView{Pipeline: typed(c, "pipeline_id"), Branch: typed(c, "branch"), Commit: typed(c, "commit_sha")}
	b, err := p.app.TriggerBuild(c.UserContext(), actor, app.TriggerBuild{
		ProjectID: param(c, "id"), PipelineID: v.Pipeline.Value, Branch: v.Branch.Value,
		SHA: strings.ToLower(v.Commit.Value), Type: core.TriggerManual,
	})
	if err == nil {
		return c.Redirect("/builds/"+b.ID, http.StatusSeeOther)
	}
	unresolved := &v.Branch // what the forge was asked for
	if v.Commit.Value != "" {
		unresolved = &v.Commit
	}
	slots := []slot{{"pipeline_id", &v.Pipeline}, {"branch", &v.Branch}, {"commit_sha", &v.Commit}}
	alert, other := place(err, slots...)
	if other != nil {
		return other
	}
	if alert != nil && (coded(err, core.CodeInvalidRef, unresolved) || coded(err, core.CodePipelineDisabled, &v.Pipeline)) {
		alert = nil
	}
	return p.runForm(c, actor, StatusOf(core.KindOf(err)), alert, v)
}
