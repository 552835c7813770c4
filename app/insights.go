package app

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/oore-ci/oore/app/core"
)

const (
	lookedInsights = 2000 // builds of which shares are made
	lookedTests    = 300  // builds in which flaky tests are looked for
	shownDurations = 60
	shownWeeks     = 12
	stepsOf        = 50 // builds whose steps are compared
	shownSteps     = 10
	shownFlaky     = 20
	week           = 7 * 24 * time.Hour
)

// Insights sum up what a project's builds did, of one pipeline or of all.
type Insights struct {
	Project   core.Project
	Pipelines []core.Pipeline
	Durations []core.Figure    // the last builds that judged, newest first
	Weeks     []Week           // oldest first, this one last
	Steps     []StepTime       // the slowest first
	Flaky     []core.FlakyTest // of all pipelines
	Tested    int              // builds whose tests are known, of the last 300
	Cut       bool             // the weeks are of the last 2,000 builds alone
}

// Week is what ended in seven days.
type Week struct {
	Begins    time.Time
	Judged    int
	Succeeded int
}

// StepTime is how long a step takes in the last 50 builds.
type StepTime struct {
	Name    string
	Median  time.Duration
	Longest time.Duration
	Builds  int
}

// Insights reads them for a project, by its id or slug; pipelineID may be empty.
func (a *App) Insights(ctx context.Context, actor core.Actor, id, pipelineID string) (Insights, error) {
	var in Insights
	var err error
	if in.Project, err = a.FindProject(ctx, actor, id); err != nil {
		return in, err
	}
	if in.Pipelines, err = a.store.ListPipelines(ctx, in.Project.ID); err != nil {
		return in, err
	}
	if pipelineID != "" && !slices.ContainsFunc(in.Pipelines, func(p core.Pipeline) bool { return p.ID == pipelineID }) {
		return in, core.Errorf(core.KindNotFound, "Pipeline not found in this project")
	}
	now := a.now()
	begins := now.Truncate(week).Add(-(shownWeeks - 1) * week)
	figures, err := a.store.ListFigures(ctx, core.FigureFilter{ProjectID: in.Project.ID, PipelineID: pipelineID, Since: begins}, lookedInsights)
	if err != nil {
		return in, err
	}
	in.Cut = len(figures) == lookedInsights
	in.Weeks = weeksOf(figures, begins)
	for _, f := range figures {
		if f.Judges() && len(in.Durations) < shownDurations {
			in.Durations = append(in.Durations, f)
		}
	}
	if in.Steps, err = a.stepTimes(ctx, in.Durations); err != nil {
		return in, err
	}
	tested, err := a.store.ListTested(ctx, in.Project.ID, lookedTests)
	in.Tested, in.Flaky = len(tested), core.FlakyTests(tested)
	in.Flaky = in.Flaky[:min(len(in.Flaky), shownFlaky)]
	return in, err
}

func weeksOf(figures []core.Figure, begins time.Time) []Week {
	weeks := make([]Week, shownWeeks)
	for i := range weeks {
		weeks[i].Begins = begins.Add(time.Duration(i) * week)
	}
	for _, f := range figures {
		if i := int(f.Ended.Sub(begins) / week); f.Judges() && i >= 0 && i < len(weeks) {
			weeks[i].Judged++
			if f.Status == core.BuildSucceeded {
				weeks[i].Succeeded++
			}
		}
	}
	return weeks
}

// stepTimes compares the steps of builds by their names.
func (a *App) stepTimes(ctx context.Context, of []core.Figure) ([]StepTime, error) {
	var ids []string
	for _, f := range of[:min(len(of), stepsOf)] {
		ids = append(ids, f.BuildID)
	}
	steps, err := a.store.ListStepsOf(ctx, ids)
	took := map[string][]time.Duration{}
	for _, s := range steps {
		if s.FinishedAt != nil && s.Status != core.StepSkipped {
			took[s.Name] = append(took[s.Name], s.FinishedAt.Sub(s.StartedAt))
		}
	}
	var times []StepTime
	for name, all := range took {
		times = append(times, StepTime{Name: name, Median: core.Median(all), Longest: slices.Max(all), Builds: len(all)})
	}
	slices.SortFunc(times, func(a, b StepTime) int {
		return cmp.Or(cmp.Compare(b.Median, a.Median), cmp.Compare(b.Longest, a.Longest), cmp.Compare(a.Name, b.Name))
	})
	return times[:min(len(times), shownSteps)], err
}
