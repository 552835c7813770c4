package web

import (
	"context"
	"io"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

const (
	shownActive = 20  // running and waiting builds on the dashboard
	shownRecent = 10  // ended ones
	lookBack    = 200 // ended builds in which the dashboard looks for red pipelines
)

// Dashboard is GET /: what is red, runs, waits and has ended; without a project, the
// first steps.
func (p *Pages) Dashboard(c *fiber.Ctx, actor core.Actor) error {
	ctx := c.UserContext()
	projects, _, err := p.app.ListProjects(ctx, actor, core.Page{Limit: maxPage})
	if err != nil {
		return err
	}
	v := templates.DashboardView{
		Page: page(c, actor, "Dashboard", "dashboard", "/v1/builds"), FirstRun: len(projects) == 0,
		MayCreate: may(actor, core.ActCreateProject, nil),
	}
	if v.FirstRun {
		v.Page.Title = "Welcome"
	} else if err := p.fillDashboard(ctx, actor, projects, &v); err != nil {
		return err
	}
	return p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.Dashboard(w, v) })
}

func (p *Pages) fillDashboard(ctx context.Context, actor core.Actor, projects []core.Project, v *templates.DashboardView) error {
	n := p.names(actor, projects...)
	ended, err := p.builds(ctx, actor, lookBack, core.BuildSucceeded, core.BuildFailed, core.BuildTimedOut, core.BuildCanceled, core.BuildExpired)
	if err != nil {
		return err
	}
	running, err := p.builds(ctx, actor, shownActive, core.BuildRunning, core.BuildAssigned)
	if err != nil {
		return err
	}
	waiting, err := p.builds(ctx, actor, shownActive, core.BuildQueued)
	if err != nil {
		return err
	}
	red, err := n.red(ctx, ended)
	if err != nil {
		return err
	}
	for _, section := range []struct {
		rows   *[]templates.BuildRow
		builds []core.Build
	}{{&v.Red, red}, {&v.Running, running}, {&v.Waiting, waiting}, {&v.Recent, ended[:min(len(ended), shownRecent)]}} {
		if *section.rows, err = n.rows(ctx, section.builds); err != nil {
			return err
		}
	}
	return nil
}

func (p *Pages) builds(ctx context.Context, actor core.Actor, limit int, statuses ...core.BuildStatus) ([]core.Build, error) {
	builds, _, err := p.app.ListBuilds(ctx, actor, core.BuildFilter{Statuses: statuses}, core.Page{Limit: limit})
	return builds, err
}

// red picks from ended builds, newest first, those pipelines whose newest verdict on
// the default branch is a failure. Canceled and expired builds are no verdict.
func (n *names) red(ctx context.Context, ended []core.Build) ([]core.Build, error) {
	judged := map[string]bool{}
	var red []core.Build
	for _, b := range ended {
		if judged[b.PipelineID] || b.PullRequest != nil || b.Status == core.BuildCanceled || b.Status == core.BuildExpired {
			continue
		}
		project, err := n.project(ctx, b.ProjectID)
		if core.KindOf(err) == core.KindNotFound && err != nil {
			continue
		}
		if err != nil {
			return nil, err
		}
		if b.Branch != project.Branch() {
			continue
		}
		judged[b.PipelineID] = true
		if b.Status != core.BuildSucceeded {
			red = append(red, b)
		}
	}
	return red[:min(len(red), shownActive)], nil
}
