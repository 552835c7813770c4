package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

func TestPagesOfBuildsByPlace(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		var all []core.Build // newest first
		for i := range 9 {
			b := h.newBuild()
			b.CreatedAt = at(i / 3) // three at once
			all = append([]core.Build{h.queue(t, b)}, all...)
		}
		list := func(page core.Page) ([]string, int) {
			builds, total, err := h.ListBuilds(ctx, core.BuildFilter{ProjectID: h.project.ID}, page)
			ok(t, err)
			return ids(builds), total
		}
		place := func(i int) *core.Cursor { return &core.Cursor{CreatedAt: all[i].CreatedAt, ID: all[i].ID} }
		for _, test := range []struct {
			page     core.Page
			from, to int
		}{
			{core.Page{Limit: 4}, 0, 4},
			{core.Page{}, 0, 9},
			{core.Page{Limit: 9}, 0, 9},
			{core.Page{Limit: 10}, 0, 9},
			{core.Page{Limit: 4, Offset: 8}, 8, 9},
			{core.Page{Limit: 4, Offset: 9}, 9, 9},
			{core.Page{Limit: 4, Older: place(3)}, 4, 8},
			{core.Page{Limit: 4, Older: place(7)}, 8, 9},
			{core.Page{Limit: 4, Older: place(8)}, 9, 9},
			{core.Page{Limit: 3, Newer: place(4)}, 1, 4},
			{core.Page{Limit: 3, Newer: place(1)}, 0, 1},
			{core.Page{Limit: 3, Newer: place(0)}, 0, 0},
		} {
			got, total := list(test.page)
			equal(t, got, ids(all[test.from:test.to]))
			equal(t, total, 9)
		}
	})
}

func TestBuildsAreFoundByText(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		for i, change := range []func(*core.Build){
			func(b *core.Build) { b.CommitMessage, b.TriggerUser = "Add Stripe\n\nlong text", "user:1" },
			func(b *core.Build) { b.Branch, b.TriggerEvent = "feature/stripe_v3", "push" },
			func(b *core.Build) { b.CommitAuthor = "Ann 100% O'Hara" },
			func(b *core.Build) { b.Tag = "v1!stripe" },
		} {
			b := h.newBuild()
			b.CreatedAt = at(i)
			change(&b)
			h.queue(t, b)
		}
		for _, test := range []struct {
			filter core.BuildFilter
			want   []int // numbers
		}{
			{core.BuildFilter{Text: "sTRIPE"}, []int{4, 2, 1}},
			{core.BuildFilter{Text: "stripe_"}, []int{2}},
			{core.BuildFilter{Text: "0% o'h"}, []int{3}},
			{core.BuildFilter{Text: "1!s"}, []int{4}},
			{core.BuildFilter{Text: "%"}, []int{3}},
			{core.BuildFilter{Text: "nothing"}, nil},
			{core.BuildFilter{Text: "stripe", Newest: 3}, []int{4, 2}},
			{core.BuildFilter{Newest: 2}, []int{4, 3}},
			{core.BuildFilter{Newest: 2, PipelineID: h.pipeline.ID, ProjectID: h.project.ID}, []int{4, 3}},
			{core.BuildFilter{Newest: 200}, []int{4, 3, 2, 1}},
			{core.BuildFilter{TriggerUser: "user:1"}, []int{1}},
			{core.BuildFilter{TriggerEvent: "push"}, []int{2}},
		} {
			builds, total, err := h.ListBuilds(ctx, test.filter, core.Page{Limit: 10})
			ok(t, err)
			var got []int
			for _, b := range builds {
				got = append(got, b.Number)
			}
			equal(t, got, test.want)
			equal(t, total, len(test.want))
		}
	})
}

// took stores a build that ran for so long, with one step that took half of it.
func (h house) took(t *testing.T, minute int, took time.Duration) core.Build {
	t.Helper()
	b := h.newBuild()
	b.CreatedAt = at(minute)
	b = h.queue(t, b)
	start, end := at(minute), at(minute).Add(took)
	from := b.Status
	b.Status, b.StartedAt, b.FinishedAt, b.UpdatedAt = core.BuildSucceeded, &start, &end, end
	b.Tests = &core.TestSummary{Passed: minute, Failed: 1}
	ok(t, h.UpdateBuild(t.Context(), b, from, "", nil))
	half := start.Add(took / 2)
	ok(t, h.SaveStep(t.Context(), core.Step{BuildID: b.ID, Name: "build-1", Status: core.StepSucceeded, StartedAt: start, FinishedAt: &half}))
	ok(t, h.SaveStep(t.Context(), core.Step{BuildID: b.ID, Index: 1, Name: "build-2", Status: core.StepRunning, StartedAt: half}))
	return b
}

func TestUsualTimesAreMediansOfTheLastTen(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		usual, err := h.UsualTimes(ctx, h.pipeline.ID)
		ok(t, err)
		equal(t, usual, core.UsualTimes{Steps: map[string]time.Duration{}})
		for i := range 5 {
			h.took(t, i, time.Hour) // long ago
		}
		for i := range 10 {
			h.took(t, 100+i, time.Duration(i+1)*time.Minute)
		}
		h.queue(t, h.newBuild()) // says nothing
		usual, err = h.UsualTimes(ctx, h.pipeline.ID)
		ok(t, err)
		equal(t, usual, core.UsualTimes{Build: 6 * time.Minute, Steps: map[string]time.Duration{"build-1": 3 * time.Minute}})
		with, _, err := h.ListBuilds(ctx, core.BuildFilter{PipelineID: h.pipeline.ID, WithTests: true}, core.Page{Limit: 1})
		ok(t, err)
		equal(t, with[0].Tests, &core.TestSummary{Passed: 109, Failed: 1})
	})
}

func TestBuildsVersionChangesWithEveryChange(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		seen := map[string]bool{}
		note := func(what string) {
			v, err := h.BuildsVersion(ctx)
			ok(t, err)
			key := fmt.Sprint(v.UpdatedAt.UnixMicro(), " ", v.Active)
			if seen[key] {
				t.Errorf("%s changes nothing: %s", what, key)
			}
			seen[key] = true
		}
		note("no build")
		b := h.queue(t, h.newBuild())
		note("a build")
		b.Status, b.UpdatedAt = core.BuildCanceled, at(3)
		ok(t, h.UpdateBuild(ctx, b, core.BuildQueued, "", nil))
		note("its end")
	})
}
