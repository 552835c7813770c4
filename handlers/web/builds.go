package web

import (
	"io"
	"net/http"
	"net/url"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// Builds is GET /builds: all builds, newest first, narrowed by project, status and
// branch.
func (p *Pages) Builds(c *fiber.Ctx, actor core.Actor) error {
	ctx := c.UserContext()
	projects, _, err := p.app.ListProjects(ctx, actor, core.Page{Limit: maxPage})
	if err != nil {
		return err
	}
	v := templates.BuildsView{
		Page:     page(c, actor, "Builds", "builds", "/v1/builds"),
		Projects: projects, Project: query(c, "project"), Status: core.BuildStatus(query(c, "status")), Branch: query(c, "branch"),
	}
	filter := core.BuildFilter{ProjectID: v.Project, Branch: v.Branch}
	if v.Status.Valid() {
		filter.Statuses = []core.BuildStatus{v.Status}
	}
	at := window(c)
	builds, total, err := p.app.ListBuilds(ctx, actor, filter, at)
	if err != nil {
		return err
	}
	if v.Rows, err = p.names(actor, projects...).rows(ctx, builds); err != nil {
		return err
	}
	filters := url.Values{"project": {v.Project}, "status": {string(v.Status)}, "branch": {v.Branch}}
	v.Pager = pager("/builds", filters, at, len(builds), total)
	return p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.Builds(w, v) })
}
