package store_test

import (
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

// judged stores a build that ended, number by number a minute later.
func (h house) judged(tb testing.TB, minute int, status core.BuildStatus, change ...func(*core.Build)) core.Build {
	tb.Helper()
	created, start, end := at(minute), at(minute), at(minute+2)
	b := h.newBuild()
	b.Status, b.CreatedAt, b.StartedAt, b.FinishedAt = status, created, &start, &end
	for _, c := range change {
		c(&b)
	}
	return h.queue(tb, b)
}

func ids(builds []core.Build) []string {
	all := []string{}
	for _, b := range builds {
		all = append(all, b.ID)
	}
	return all
}

func TestBreaksNameTheFirstAndTheLastFailure(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		breaks := func(projects []string) []core.Break {
			t.Helper()
			all, total, err := h.ListBreaks(ctx, projects, 10)
			ok(t, err)
			equal(t, total, len(all))
			return all
		}
		equal(t, breaks(nil), []core.Break{})
		h.judged(t, 1, core.BuildFailed)
		h.judged(t, 2, core.BuildSucceeded)
		equal(t, breaks(nil), []core.Break{})
		first := h.judged(t, 3, core.BuildTimedOut)
		h.judged(t, 4, core.BuildFailed)
		last := h.judged(t, 5, core.BuildFailed)
		// None of these says anything about the branch.
		h.judged(t, 6, core.BuildCanceled)
		h.judged(t, 7, core.BuildSucceeded, func(b *core.Build) { b.Branch = "dev" })
		h.judged(t, 8, core.BuildSucceeded, func(b *core.Build) { b.PullRequest = &core.PullRequest{Number: 1, Fork: true} })
		h.judged(t, 9, core.BuildSucceeded, func(b *core.Build) { b.Tag = "v1" })
		h.judged(t, 10, core.BuildSucceeded, func(b *core.Build) { b.TriggerEvent = string(core.EventMergeGroup) })
		h.queue(t, h.newBuild())
		want := []core.Break{{First: first, Last: last, Green: true}}
		equal(t, breaks(nil), want)
		equal(t, breaks([]string{h.project.ID}), want)
		equal(t, breaks([]string{}), []core.Break{})
		equal(t, breaks([]string{"other"}), []core.Break{})

		one := h
		one.pipeline = newPipeline(h.project, "never-green")
		ok(t, h.CreatePipeline(ctx, one.pipeline))
		only := one.judged(t, 1, core.BuildFailed)
		equal(t, breaks(nil), append(want, core.Break{First: only, Last: only}))
		some, total, err := h.ListBreaks(ctx, nil, 1)
		ok(t, err)
		equal(t, some, want)
		equal(t, total, 2)
		one.pipeline.Enabled = false
		ok(t, h.UpdatePipeline(ctx, one.pipeline))
		equal(t, breaks(nil), want)
		h.judged(t, 20, core.BuildSucceeded)
		equal(t, breaks(nil), []core.Break{})
	})
}

func TestNewestEndedAndAskedBuilds(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		other := h
		other.pipeline = newPipeline(h.project, "other")
		ok(t, h.CreatePipeline(ctx, other.pipeline))
		a := h.judged(t, 1, core.BuildSucceeded)
		b := h.judged(t, 2, core.BuildFailed, func(b *core.Build) { b.TriggerUser = "user:7" })
		c := other.judged(t, 3, core.BuildCanceled, func(b *core.Build) { b.StartedAt, b.TriggerActor = nil, "sam" })
		waits := h.newBuild()
		waits.CreatedAt, waits.TriggerActor = at(4), "sam"
		waits = h.queue(t, waits)

		newest, err := h.ListNewestBuilds(ctx, core.OfPipeline, []string{h.pipeline.ID, other.pipeline.ID, "none"}, 2)
		ok(t, err)
		equal(t, ids(newest), []string{waits.ID, c.ID, b.ID})
		newest, err = h.ListNewestBuilds(ctx, core.OfProject, []string{h.project.ID}, 1)
		ok(t, err)
		equal(t, newest, []core.Build{waits})
		ended, err := h.ListEndedBuilds(ctx, nil, 2)
		ok(t, err)
		equal(t, ended, []core.Build{c, b})
		ended, err = h.ListEndedBuilds(ctx, []string{"other"}, 2)
		ok(t, err)
		equal(t, ended, []core.Build{})
		asked, err := h.ListAskedBuilds(ctx, "user:7", "sam", 2)
		ok(t, err)
		equal(t, ids(asked), []string{waits.ID, c.ID})
		asked, err = h.ListAskedBuilds(ctx, "user:7", "", 9)
		ok(t, err)
		equal(t, ids(asked), []string{b.ID})

		figure := func(b core.Build, took time.Duration) core.Figure {
			return core.Figure{
				BuildID: b.ID, ProjectID: h.project.ID, PipelineID: b.PipelineID, Number: b.Number, Status: b.Status, Branch: "main", Ended: *b.FinishedAt, Took: took,
			}
		}
		all := []core.Figure{figure(c, 0), figure(b, 2*time.Minute), figure(a, 2*time.Minute)}
		for _, f := range []core.FigureFilter{{}, {ProjectID: h.project.ID}, {ProjectIDs: []string{h.project.ID}}, {ProjectID: h.project.ID, Since: at(1)}} {
			figures, err := h.ListFigures(ctx, f, 9)
			ok(t, err)
			equal(t, figures, all)
		}
		figures, err := h.ListFigures(ctx, core.FigureFilter{PipelineID: h.pipeline.ID, Since: at(4)}, 9)
		ok(t, err)
		equal(t, figures, all[1:2])
	})
}

func TestStepsTestsLabelsAndSweepsOfMany(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		tests := &core.TestSummary{Passed: 2, Failed: 1, Failures: []core.TestFailure{{Name: "adds"}}}
		a := h.judged(t, 1, core.BuildFailed, func(b *core.Build) { b.Tests = tests })
		b := h.judged(t, 2, core.BuildSucceeded)
		one, two := core.Step{BuildID: a.ID, Name: "checkout", Status: core.StepSucceeded, StartedAt: at(1)}, core.Step{BuildID: b.ID, Name: "checkout", Status: core.StepSucceeded, StartedAt: at(2)}
		ok(t, h.SaveStep(ctx, one))
		ok(t, h.SaveStep(ctx, two))
		steps, err := h.ListStepsOf(ctx, []string{a.ID, b.ID})
		ok(t, err)
		equal(t, steps, []core.Step{one, two})
		tested, err := h.ListTested(ctx, h.project.ID, 2)
		ok(t, err)
		equal(t, tested, []core.Build{a})
		tested, err = h.ListTested(ctx, h.project.ID, 1)
		ok(t, err)
		equal(t, tested, []core.Build{})

		bare := newPipeline(h.project, "bare")
		bare.Labels = []string{}
		ok(t, h.CreatePipeline(ctx, bare))
		labeled, err := h.ListLabeledPipelines(ctx)
		ok(t, err)
		equal(t, labeled, []core.Pipeline{{ID: h.pipeline.ID, ProjectID: h.project.ID, Name: "android", Labels: []string{"linux"}, Enabled: true}})

		d := newDelivery("swept")
		d.Event = "sweep"
		_, _, err = h.ReceiveDelivery(ctx, d)
		ok(t, err)
		_, _, err = h.ReceiveDelivery(ctx, newDelivery("told"))
		ok(t, err)
		swept, err := h.ListSwept(ctx, d.ReceivedAt, 9)
		ok(t, err)
		equal(t, len(swept), 1)
		equal(t, swept[0].ID, d.ID)
		swept, err = h.ListSwept(ctx, d.ReceivedAt.Add(time.Second), 9)
		ok(t, err)
		equal(t, swept, []core.Delivery{})

		found, err := h.FindProjectBySlug(ctx, "app")
		ok(t, err)
		equal(t, found.ID, h.project.ID)
		_, err = h.FindProjectBySlug(ctx, h.project.ID)
		refused(t, err, core.KindNotFound, core.CodeNotFound)
	})
}
