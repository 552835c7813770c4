package web

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// searchedBuilds is how many of the newest builds are looked through for what no index
// helps to find.
const searchedBuilds = 10_000

// Builds is GET /builds: all builds, newest first, narrowed by project, pipeline, status,
// event, branch, who asked (?mine=true) and a text. ?older= and ?newer= are places in it.
func (p *Pages) Builds(c *fiber.Ctx, actor core.Actor) error {
	ctx := c.UserContext()
	projects, _, err := p.app.ListProjects(ctx, actor, core.Page{Limit: maxPage})
	if err != nil {
		return err
	}
	v := templates.BuildsView{
		Page: page(c, actor, "Builds", "builds", "/v1/builds"), Projects: projects,
		Filter: templates.BuildsFilter{
			Project: query(c, "project"), Pipeline: query(c, "pipeline"), Status: core.BuildStatus(query(c, "status")), Event: query(c, "event"),
			Branch: query(c, "branch"), Text: query(c, "q"), Mine: query(c, "mine") == "true",
		},
		MayFilterMine: actor.Identity() != "",
	}
	if err := p.pipelineChoices(ctx, actor, &v); err != nil {
		return err
	}
	at := core.Page{Limit: pageSize + 1, Older: cursor(query(c, "older")), Newer: cursor(query(c, "newer"))}
	builds, total, err := p.app.ListBuilds(ctx, actor, buildFilter(v.Filter, actor), at)
	if err != nil {
		return err
	}
	if at.Newer != nil && len(builds) <= pageSize {
		return c.Redirect(buildsURL(v.Filter.Values()), http.StatusSeeOther) // nothing is before the first page
	}
	builds, v.Pager = keyset(v.Filter, builds, at)
	v.Pager.Total, v.Still = int64(total), at.Older != nil || at.Newer != nil
	if v.Rows, err = p.names(actor, projects...).rows(ctx, builds); err != nil {
		return err
	}
	return p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.Builds(w, v) })
}

// pipelineChoices are those of the chosen project.
func (p *Pages) pipelineChoices(ctx context.Context, actor core.Actor, v *templates.BuildsView) (err error) {
	if v.Filter.Project == "" {
		return nil
	}
	v.Pipelines, err = p.app.ListPipelines(ctx, actor, v.Filter.Project)
	if core.KindOf(err) == core.KindNotFound && err != nil {
		return nil // the list says that nothing matches
	}
	return err
}

// buildFilter is what the store is asked for. A text may be a build's number or the
// beginning of a commit's id.
func buildFilter(in templates.BuildsFilter, actor core.Actor) core.BuildFilter {
	f := core.BuildFilter{ProjectID: in.Project, PipelineID: in.Pipeline, Branch: in.Branch}
	if in.Status.Valid() {
		f.Statuses = []core.BuildStatus{in.Status}
		if in.Project+in.Pipeline+in.Branch != "" { // each has an index, but not both together
			f.Newest = searchedBuilds
		}
	}
	switch t := core.TriggerType(in.Event); t {
	case "":
	case core.TriggerManual, core.TriggerAPI, core.TriggerChat, core.TriggerSchedule, core.TriggerRerun, core.TriggerWebhook:
		f.TriggerType, f.Newest = t, searchedBuilds
	default:
		f.TriggerEvent, f.Newest = in.Event, searchedBuilds
	}
	if in.Mine && actor.Identity() != "" {
		f.TriggerUser, f.Newest = actor.Identity(), searchedBuilds
	}
	number, err := strconv.Atoi(strings.TrimPrefix(in.Text, "#"))
	switch {
	case strings.HasPrefix(in.Text, "#") && err == nil && number > 0:
		f.Number = number
		if in.Project == "" { // only within a project do numbers have an index
			f.Newest = searchedBuilds
		}
	case shaPrefix(in.Text):
		f.SHAPrefix = strings.ToLower(in.Text)
	case in.Text != "":
		f.Text, f.Newest = in.Text, searchedBuilds
	}
	return f
}

// shaPrefix tells whether people mean a commit: seven hex digits or more, not all letters
// of a word or digits of a number.
func shaPrefix(text string) bool {
	if len(text) < 7 || len(text) > 40 || !strings.ContainsAny(text, "0123456789") {
		return false
	}
	return strings.Trim(strings.ToLower(text), "0123456789abcdef") == ""
}

// cursor reads a build's place, "<microseconds>-<id>"; nil: it is none.
func cursor(text string) *core.Cursor {
	at, id, ok := strings.Cut(text, "-")
	micros, err := strconv.ParseInt(at, 10, 64)
	if !ok || err != nil || id == "" {
		return nil
	}
	return &core.Cursor{CreatedAt: time.UnixMicro(micros), ID: id}
}

func cursorOf(b core.Build) string {
	return strconv.FormatInt(b.CreatedAt.UnixMicro(), 10) + "-" + b.ID
}

// keyset leaves the page's builds and links the pages around. One more than a page's was
// asked for, to know whether there is another page.
func keyset(f templates.BuildsFilter, builds []core.Build, at core.Page) ([]core.Build, templates.Pager) {
	link := func(name, place string) string {
		v := f.Values()
		v.Set(name, place)
		return buildsURL(v)
	}
	more := len(builds) > pageSize
	var pager templates.Pager
	switch {
	case at.Newer != nil:
		builds = builds[1:]
		pager.Newer = link("newer", cursorOf(builds[0]))
	case at.Older != nil && len(builds) > 0:
		pager.Newer = link("newer", cursorOf(builds[0]))
	case at.Older != nil:
		pager.Newer = buildsURL(f.Values())
	}
	builds = builds[:min(len(builds), pageSize)]
	if len(builds) > 0 && (more || at.Newer != nil) {
		pager.Older = link("older", cursorOf(builds[len(builds)-1]))
	}
	return builds, pager
}

func buildsURL(v url.Values) string {
	if len(v) == 0 {
		return "/builds"
	}
	return "/builds?" + v.Encode()
}
