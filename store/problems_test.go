package store_test

import (
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

func TestProblemsAndTestsStayWithTheirBuildAndOutOfLists(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		b := h.queue(t, h.newBuild())
		listed, _, err := h.ListBuilds(ctx, core.BuildFilter{}, core.Page{Limit: 10})
		ok(t, err)
		equal(t, listed, []core.Build{b})
		want := b
		want.Problems = []core.Annotation{
			{Path: "lib/main.dart", Line: 12, Column: 5, Level: core.LevelError, Title: "Dart", Message: "Expected ';' after this\x00."},
			{Level: core.LevelWarning, Message: "No place"},
		}
		want.Tests = &core.TestSummary{
			Passed: 12, Failed: 1, Duration: 1500 * time.Millisecond,
			Failures: []core.TestFailure{{Suite: "test/a_test.dart", Name: "adds", Message: "Expected: <2>", Path: "test/a_test.dart", Line: 7}},
		}
		ok(t, h.UpdateBuild(ctx, want, core.BuildQueued, "", nil))
		found, err := h.FindBuild(ctx, b.ID)
		ok(t, err)
		equal(t, found, want)
		newest, err := h.NewestBuild(ctx, h.pipeline.ID, b.SHA)
		ok(t, err)
		equal(t, newest, want)

		listed, _, err = h.ListBuilds(ctx, core.BuildFilter{}, core.Page{Limit: 10})
		ok(t, err)
		equal(t, listed, []core.Build{b})
		listed[0].TriggerRef = "changed"
		ok(t, h.UpdateBuild(ctx, listed[0], core.BuildQueued, "", nil)) // takes nothing back
		want.TriggerRef = "changed"
		found, err = h.FindBuild(ctx, b.ID)
		ok(t, err)
		equal(t, found, want)
	})
}
