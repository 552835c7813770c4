package web

import (
	"context"
	"io"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// InsightCommands are those that sum up.
type InsightCommands interface {
	Insights(ctx context.Context, actor core.Actor, id, pipelineID string) (app.Insights, error)
}

// Insights is GET /projects/:id/insights: durations, success by week, the slowest steps and
// flaky tests; ?pipeline= narrows all but the tests.
func (p *Pages) Insights(c *fiber.Ctx, actor core.Actor) error {
	pipeline := query(c, "pipeline")
	in, err := p.app.Insights(c.UserContext(), actor, param(c, "id"), pipeline)
	if err != nil {
		return err
	}
	v := templates.InsightsView{
		Page:    page(c, actor, "Insights of "+in.Project.Name, "projects", "/v1/projects/"+in.Project.ID+"/builds"),
		Project: in.Project, Pipelines: in.Pipelines, Pipeline: pipeline, Chart: templates.NewChart(in.Durations), Flaky: in.Flaky, Tested: in.Tested, Cut: in.Cut,
	}
	names := map[string]string{}
	for _, p := range in.Pipelines {
		names[p.ID] = p.Name
	}
	for _, f := range in.Durations {
		v.Figures = append(v.Figures, templates.FigureRow{Figure: f, Pipeline: names[f.PipelineID]})
	}
	for i, w := range in.Weeks {
		v.Weeks = append(v.Weeks, templates.WeekRow{Begins: w.Begins, Judged: w.Judged, Succeeded: w.Succeeded, Column: i})
	}
	for _, s := range in.Steps {
		row := templates.StepRow{Name: s.Name, Median: s.Median, Longest: s.Longest, Builds: s.Builds}
		if slowest := in.Steps[0].Median; slowest > 0 {
			row.Percent = int(100 * s.Median / slowest)
		}
		v.Steps = append(v.Steps, row)
	}
	return p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.Insights(w, v) })
}
