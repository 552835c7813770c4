package web

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// RunCommands are those about builds that a person starts.
type RunCommands interface {
	TriggerBuild(ctx context.Context, actor core.Actor, in app.TriggerBuild) (core.Build, error)
	ResolveCommit(ctx context.Context, actor core.Actor, projectID, ref, commit string) (core.Commit, error)
	KnownBranches(ctx context.Context, actor core.Actor, projectID string) ([]string, error)
	Forecast(ctx context.Context, actor core.Actor, projectID string) (map[string]app.Forecast, error)
	FitFor(ctx context.Context, actor core.Actor, labels []string) (app.Forecast, error)
	ReadWorkflow(ctx context.Context, actor core.Actor, in app.WorkflowAt) (app.WorkflowFile, error)
}

// runCookie keeps what was chosen last in a project: its path is that of the form.
const runCookie = "oore_run"

// RunForm is GET /projects/:id/run: select a pipeline (?pipeline=), a branch (?ref=) and
// optionally a commit. ?check= shows the commit that would be built.
func (p *Pages) RunForm(c *fiber.Ctx, actor core.Actor) error {
	v := templates.RunView{
		Pipeline: asked(c, "pipeline_id", "pipeline"), Branch: asked(c, "branch", "ref"), Commit: asked(c, "commit_sha"), Note: asked(c, "note"), Key: query(c, "key"),
	}
	v.Platforms = platformsOf(c.Context().QueryArgs().PeekMulti("platforms." + v.Pipeline.Value))
	if last, err := url.ParseQuery(strings.Clone(c.Cookies(runCookie))); err == nil && v.Branch.Value == "" {
		v.Branch.Value = last.Get("branch")
		if v.Pipeline.Value == "" {
			v.Pipeline.Value = last.Get("pipeline")
		}
	}
	if query(c, "check") != "" {
		resolved, err := p.resolved(c, actor, v.Branch.Value, v.Commit.Value)
		if err != nil {
			return err
		}
		v.Resolved = &resolved
	}
	return p.runForm(c, actor, http.StatusOK, nil, v)
}

// asked is the first of the query's parameters that is set.
func asked(c *fiber.Ctx, names ...string) templates.Field {
	for _, name := range names {
		if value := query(c, name); value != "" {
			return templates.Field{Value: value}
		}
	}
	return templates.Field{}
}

func platformsOf(values [][]byte) []string {
	var out []string
	for _, v := range values {
		out = append(out, string(v))
	}
	return out
}

// RunCommit is GET /projects/:id/run/commit: the commit that would be built, for the script.
func (p *Pages) RunCommit(c *fiber.Ctx, actor core.Actor) error {
	v, err := p.resolved(c, actor, query(c, "branch"), query(c, "commit_sha"))
	if err != nil {
		return err
	}
	return p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.RunResolved(w, v) })
}

// resolved says what would be built. What a person can mend, or a forge that does not
// answer, is no reason to lose the form.
func (p *Pages) resolved(c *fiber.Ctx, actor core.Actor, ref, commit string) (templates.Resolved, error) {
	found, err := p.app.ResolveCommit(c.UserContext(), actor, param(c, "id"), ref, strings.ToLower(commit))
	var e *core.Error
	if errors.As(err, &e) && (e.Kind == core.KindInvalid || e.Kind == core.KindUnavailable || e.Kind == core.KindLimited) {
		_, text, cut := strings.Cut(e.Message, ": ")
		if !cut || e.Kind != core.KindInvalid {
			text = e.Message
		}
		return templates.Resolved{Error: capital(text)}, nil
	}
	return templates.Resolved{Commit: found}, err
}

func (p *Pages) runForm(c *fiber.Ctx, actor core.Actor, status int, alert *templates.Alert, v templates.RunView) error {
	ctx := c.UserContext()
	project, err := p.projectFor(c, actor, core.ActTrigger)
	if err != nil {
		return err
	}
	pipelines, err := p.app.ListPipelines(ctx, actor, project.ID)
	if err != nil {
		return err
	}
	forecasts, err := p.app.Forecast(ctx, actor, project.ID)
	if err != nil {
		return err
	}
	if v.Branches, err = p.app.KnownBranches(ctx, actor, project.ID); err != nil {
		return err
	}
	api := "/v1/projects/" + project.ID + "/builds"
	v.Page = page(c, actor, "Trigger a build of "+project.Name, "projects", api)
	v.Alert, v.Project, v.APIURL = alert, project, p.publicURL+api
	v.MayEdit = may(actor, core.ActEditProject, &project)
	if v.Branch.Value == "" {
		v.Branch.Value = project.Branch()
	}
	if v.Key == "" {
		v.Key = rand.Text()
	}
	known := slices.ContainsFunc(pipelines, func(p core.Pipeline) bool { return p.ID == v.Pipeline.Value })
	for _, pipeline := range pipelines {
		if !known && pipeline.Enabled {
			v.Pipeline.Value, known = pipeline.ID, true
		}
		f := forecasts[pipeline.ID]
		v.Pipelines = append(v.Pipelines, templates.RunPipeline{
			Pipeline: pipeline, Usual: f.Usual, Fit: f.Fit, Runners: f.Runners, Platforms: platformChoice(pipeline, v.Platforms),
		})
	}
	return p.send(c, status, func(w io.Writer) error { return p.templates.Run(w, v) })
}

// platformChoice is what can be left out of a pipeline's build: commands that a person
// wrote are of no platform.
func platformChoice(p core.Pipeline, chosen []string) []templates.Tick {
	if len(p.Execution.Platforms) < 2 || len(p.Execution.Commands.Build) > 0 {
		return nil
	}
	var ticks []templates.Tick
	for _, t := range formPlatforms() {
		if slices.Contains(p.Execution.Platforms, t.Value) {
			t.On = slices.Contains(chosen, t.Value)
			ticks = append(ticks, t)
		}
	}
	return ticks
}

// StartBuild is POST /projects/:id/run; it goes on to the new build. The same form sent
// again goes on to the same build.
func (p *Pages) StartBuild(c *fiber.Ctx, actor core.Actor) error {
	v := templates.RunView{
		Pipeline: typed(c, "pipeline_id"), Branch: typed(c, "branch"), Commit: typed(c, "commit_sha"), Note: typed(c, "note"), Key: form(c, "key"),
	}
	v.Platforms = platformsOf(c.Request().PostArgs().PeekMulti("platforms." + v.Pipeline.Value))
	project, err := p.projectFor(c, actor, core.ActTrigger)
	if err != nil {
		return err
	}
	b, err := p.startBuild(c, actor, project, v)
	if err == nil {
		p.rememberRun(c, project, v)
		return c.Redirect("/builds/"+b.ID, http.StatusSeeOther)
	}
	unresolved := &v.Branch // what the forge was asked for
	if v.Commit.Value != "" {
		unresolved = &v.Commit
	}
	slots := []slot{{"pipeline_id", &v.Pipeline}, {"branch", &v.Branch}, {"commit_sha", &v.Commit}, {"note", &v.Note}}
	alert, other := place(err, slots...)
	if other != nil {
		return other
	}
	if alert != nil && (coded(err, core.CodeInvalidRef, unresolved) || coded(err, core.CodePipelineDisabled, &v.Pipeline)) {
		alert = nil
	}
	return p.runForm(c, actor, StatusOf(core.KindOf(err)), alert, v)
}

func (p *Pages) startBuild(c *fiber.Ctx, actor core.Actor, project core.Project, v templates.RunView) (core.Build, error) {
	in := app.TriggerBuild{
		ProjectID: project.ID, PipelineID: v.Pipeline.Value, Branch: v.Branch.Value, SHA: strings.ToLower(v.Commit.Value),
		Type: core.TriggerManual, Note: v.Note.Value, Platforms: v.Platforms, Key: v.Key,
	}
	if in.SHA != "" && !core.ValidSHA(in.SHA) {
		found, err := p.app.ResolveCommit(c.UserContext(), actor, in.ProjectID, in.Branch, in.SHA)
		if err != nil {
			return core.Build{}, err
		}
		in.SHA = found.SHA
	}
	return p.app.TriggerBuild(c.UserContext(), actor, in)
}

func (p *Pages) rememberRun(c *fiber.Ctx, project core.Project, v templates.RunView) {
	c.Cookie(&fiber.Cookie{
		Name: runCookie, Value: url.Values{"branch": {v.Branch.Value}, "pipeline": {v.Pipeline.Value}}.Encode(), Path: "/projects/" + project.ID + "/run",
		Expires: time.Now().AddDate(0, 6, 0), Secure: secure(p.publicURL), HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode,
	})
}
