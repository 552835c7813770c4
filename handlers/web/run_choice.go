package web

import (
	"io"
	"net/http"
	"net/url"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// RunChoice is GET /run?project=&pipeline=&ref=: on to the project's own form; without a
// project, the choice of one.
func (p *Pages) RunChoice(c *fiber.Ctx, actor core.Actor) error {
	ctx := c.UserContext()
	if id := query(c, "project"); id != "" {
		project, err := p.app.FindProject(ctx, actor, id)
		if err != nil {
			return err
		}
		return c.Redirect(runPath(project, query(c, "pipeline"), query(c, "ref")), http.StatusSeeOther)
	}
	projects, _, err := p.app.ListProjects(ctx, actor, core.Page{Limit: maxPage})
	if err != nil {
		return err
	}
	v := templates.RunChoiceView{Page: page(c, actor, "Trigger a build", "builds", "/v1/projects"), MayCreate: may(actor, core.ActCreateProject, nil)}
	for _, project := range projects {
		if may(actor, core.ActTrigger, &project) {
			v.Projects = append(v.Projects, project)
		}
	}
	if len(v.Projects) == 1 {
		return c.Redirect(runPath(v.Projects[0], query(c, "pipeline"), query(c, "ref")), http.StatusSeeOther)
	}
	return p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.RunChoice(w, v) })
}

// runPath is a project's form, with what is known already.
func runPath(project core.Project, pipeline, ref string) string {
	q := url.Values{}
	if pipeline != "" {
		q.Set("pipeline", pipeline)
	}
	if ref != "" {
		q.Set("ref", ref)
	}
	path := "/projects/" + project.ID + "/run"
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	return path
}
