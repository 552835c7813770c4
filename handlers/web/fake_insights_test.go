package web

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// Insights knows figures of the first two projects alone.
func (f *fake) Insights(ctx context.Context, actor core.Actor, id, _ string) (app.Insights, error) {
	p, err := f.FindProject(ctx, actor, id)
	in := app.Insights{Project: p, Weeks: make([]app.Week, 12)}
	if err != nil || p.ID > "p2" {
		return in, err
	}
	if in.Pipelines, err = f.ListPipelines(ctx, actor, p.ID); err != nil {
		return in, err
	}
	for i := range in.Weeks {
		in.Weeks[i] = app.Week{Begins: ago(time.Duration(12-i) * 7 * 24 * time.Hour), Judged: i % 5, Succeeded: min(i%5, 2)}
	}
	for i := range 60 {
		figure := core.Figure{BuildID: "b140", PipelineID: "l1", Number: 200 - i, Status: core.BuildSucceeded, Branch: "main", Ended: ago(time.Duration(i) * time.Hour), Took: time.Duration(120+i*i%97) * time.Second}
		if i%7 == 3 {
			figure.Status = core.BuildFailed
		}
		if p.ID == "p2" {
			figure.Branch = hostile
		}
		in.Durations = append(in.Durations, figure)
	}
	in.Steps = []app.StepTime{{Name: "flutter test", Median: 100 * time.Second, Longest: 3 * time.Minute, Builds: 50}, {Name: hostile, Median: 20 * time.Second, Longest: time.Minute, Builds: 49}}
	if in.Tested = 12; p.ID == "p2" {
		in.Flaky = []core.FlakyTest{{Suite: hostile, Name: hostile, Failed: 3, Passed: 2, Last: "b1"}}
	}
	return in, nil
}
