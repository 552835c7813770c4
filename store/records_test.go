package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

func TestRecordsOfBuilds(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		b := h.queue(t, h.newBuild())
		ran, o, err := h.FindRecord(ctx, b.ID)
		ok(t, err)
		equal(t, ran, (*core.Ran)(nil))
		equal(t, o, core.TestObject{})

		want := core.Ran{Source: ".oore.yaml", Env: []string{"A"}, Cache: []core.RanCache{{Key: "k", Paths: []string{"p"}}}, Timeout: time.Minute}
		object := core.TestObject{SHA256: strings.Repeat("ab", 32), Size: 99, Count: 7}
		ok(t, h.SaveTests(ctx, b.ID, core.TestObject{SHA256: strings.Repeat("cd", 32), Size: 1, Count: 1}))
		ok(t, h.SaveRan(ctx, b.ID, want))
		ok(t, h.SaveTests(ctx, b.ID, object))
		ok(t, h.SaveLogTally(ctx, b.ID, core.LogTally{Next: 1}))
		ran, o, err = h.FindRecord(ctx, b.ID)
		ok(t, err)
		equal(t, ran, &want)
		equal(t, o, object)

		refused(t, h.SaveRan(ctx, "none", want), core.KindNotFound, core.CodeNotFound)
		unused := func() []string {
			sums, err := h.UnusedBlobs(ctx, []string{object.SHA256, strings.Repeat("cd", 32)}, time.Time{})
			ok(t, err)
			return sums
		}
		equal(t, unused(), []string{strings.Repeat("cd", 32)})
		ok(t, h.DeleteProject(ctx, h.project.ID))
		equal(t, unused(), []string{object.SHA256, strings.Repeat("cd", 32)})
	})
}
