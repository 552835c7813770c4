package web

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// Build is GET /builds/:id: what happened, the steps, and windows of the log: the
// first lines, or the last of a live one; ?line=N or ?line=A-B the lines around, with
// these marked; ?from=N the window with that line; ?q= what is found; ?fold= with groups
// folded. ?part=summary is what the script draws anew when the state changes.
func (p *Pages) Build(c *fiber.Ctx, actor core.Actor) error {
	if query(c, "part") == "summary" {
		tab := templates.BuildTab(query(c, "tab"))
		v, err := p.tabView(c, actor, param(c, "id"), tab)
		if err != nil {
			return err
		}
		return p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.BuildParts(w, v) })
	}
	return p.buildPage(c, actor, http.StatusOK, nil)
}

func (p *Pages) buildPage(c *fiber.Ctx, actor core.Actor, status int, alert *templates.Alert) error {
	ctx := c.UserContext()
	v, err := p.tabView(c, actor, param(c, "id"), templates.TabLog)
	if err != nil {
		return err
	}
	v.Page.Alert = alert
	v.Log, err = p.logView(ctx, actor, v, wantedLines(c))
	if core.KindOf(err) == core.KindUnavailable && err != nil { // all else of the build is known
		p.log.Warn("log not shown", "build", v.Build.ID, "error", err)
		e, unavailable := asError(err)
		status, v.Log = unavailable, templates.LogView{URL: "/builds/" + v.Build.ID, Empty: e.Message}
	} else if core.CodeOf(err) == core.CodeLogGone {
		v.Log = templates.LogView{URL: "/builds/" + v.Build.ID, Empty: core.MessageOf(err) + "."}
	} else if err != nil {
		return err
	}
	return p.send(c, status, func(w io.Writer) error { return p.templates.Build(w, v) })
}

// BuildStep is GET /builds/:id/steps/:n: the log where the step begins, from 1.
func (p *Pages) BuildStep(c *fiber.Ctx, actor core.Actor) error {
	detail, err := p.app.FindBuildDetail(c.UserContext(), actor, param(c, "id"))
	if err != nil {
		return err
	}
	n, err := c.ParamsInt("n")
	if err != nil || n < 1 || n > len(detail.Steps) {
		return core.Errorf(core.KindNotFound, "Step not found")
	}
	line := strconv.FormatInt(detail.Steps[n-1].FirstSequence+1, 10)
	return c.Redirect("/builds/"+detail.Build.ID+"?line="+line+"#L"+line, http.StatusFound)
}

// buildTab is GET /builds/:id/artifacts, tests, timeline and config.
func (p *Pages) buildTab(tab templates.BuildTab) func(*fiber.Ctx, core.Actor) error {
	return func(c *fiber.Ctx, actor core.Actor) error {
		v, err := p.tabView(c, actor, param(c, "id"), tab)
		if err != nil {
			return err
		}
		return p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.Build(w, v) })
	}
}

// tabView is all of a build's page but the log itself.
func (p *Pages) tabView(c *fiber.Ctx, actor core.Actor, id string, tab templates.BuildTab) (templates.BuildView, error) {
	ctx := c.UserContext()
	v, err := p.buildView(c, actor, id)
	if err != nil {
		return v, err
	}
	v.Tab = tab
	v.Page.Title = templates.BuildTitle(v.Build, v.Project.Name) + tab.Title()
	switch tab {
	case templates.TabTests:
		if v.History, err = p.app.TestHistory(ctx, actor, v.Build); err == nil {
			v.Tests, err = p.testsView(c, actor, id)
		}
	case templates.TabLog:
		v.Groups, err = p.app.LogOutline(ctx, actor, id)
		if core.KindOf(err) == core.KindUnavailable || core.CodeOf(err) == core.CodeLogGone { // the log's place says so
			err = nil
		}
	case templates.TabConfig:
		v.Ran, err = p.app.BuildRan(ctx, actor, id)
	case templates.TabArtifacts, templates.TabTimeline:
	}
	return v, err
}

func (p *Pages) buildView(c *fiber.Ctx, actor core.Actor, id string) (templates.BuildView, error) {
	ctx := c.UserContext()
	var v templates.BuildView
	detail, err := p.app.FindBuildDetail(ctx, actor, id)
	if err != nil {
		return v, err
	}
	v.Build, v.Steps, v.Events, v.Artifacts = detail.Build, detail.Steps, detail.Events, detail.Artifacts
	if v.Project, err = p.app.FindProject(ctx, actor, v.Build.ProjectID); err != nil {
		return v, err
	}
	if v.Pipeline, err = p.app.FindPipeline(ctx, actor, v.Build.PipelineID); err != nil {
		return v, err
	}
	if v.Build.SourceBuildID != "" {
		if source, err := p.app.FindBuild(ctx, actor, v.Build.SourceBuildID); err == nil {
			v.Source = &source
		}
	}
	places, err := p.app.QueuePlaces(ctx, actor, v.Build)
	if err != nil {
		return v, err
	}
	if place, waits := places[v.Build.ID]; waits {
		v.Place = &place
	}
	if v.Usual, err = p.app.UsualTimes(ctx, actor, v.Build); err != nil {
		return v, err
	}
	v.ErrorLine = p.errorLine(ctx, actor, v)
	v.Page = page(c, actor, templates.BuildTitle(v.Build, v.Project.Name), "builds", "/v1/builds/"+v.Build.ID)
	v.Page.State = v.Build.Status
	v.PublicURL = p.publicURL
	v.Demo = may(actor, core.ActEditProject, &v.Project) && p.app.IsDemo(v.Project)
	v.MayRun = may(actor, core.ActTrigger, &v.Project)
	return v, nil
}

// CancelBuild is POST /builds/:id/cancel.
func (p *Pages) CancelBuild(c *fiber.Ctx, actor core.Actor) error {
	return p.changeBuild(c, actor, p.app.CancelBuild)
}

// RerunBuild is POST /builds/:id/rerun; it goes on to the new build.
func (p *Pages) RerunBuild(c *fiber.Ctx, actor core.Actor) error {
	return p.changeBuild(c, actor, p.app.RerunBuild)
}

// changeBuild goes on to the build that the command returns. What does not apply any
// more is said on the page, which shows the state as it is now.
func (p *Pages) changeBuild(
	c *fiber.Ctx, actor core.Actor, command func(context.Context, core.Actor, string) (core.Build, error),
) error {
	b, err := command(c.UserContext(), actor, param(c, "id"))
	if err == nil {
		return c.Redirect("/builds/"+b.ID, http.StatusSeeOther)
	}
	alert, other := refused(err)
	if other != nil {
		return other
	}
	return p.buildPage(c, actor, StatusOf(core.KindOf(err)), alert)
}

// emptyLog says why there are no lines.
func emptyLog(b core.Build, in templates.BuildView, now time.Time) string {
	switch {
	case b.Status == core.BuildQueued && in.Place != nil:
		return "Not started. " + in.Place.Reason.Text + " The log starts when a runner takes the build."
	case b.Status == core.BuildQueued:
		return "The log starts when a runner takes the build."
	case b.Status == core.BuildAssigned:
		return "The runner " + b.RunnerName + " has taken the build; nothing was printed yet."
	case !b.LogComplete():
		return "No output yet."
	case b.Duration(now) == 0:
		return "The build ended before it ran, so it has no log."
	}
	return "The build ended without output."
}

// endedLog says why a log ends in the middle.
func endedLog(b core.Build) string {
	if b.StatusReason != core.ReasonRunnerLost || b.FinishedAt == nil {
		return ""
	}
	return "Output ends here: the runner stopped answering; the build was given up at " + b.FinishedAt.UTC().Format("15:04 UTC") + "."
}
