package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

// BenchmarkListBuilds lists 50 of 100,000 builds as the page of builds asks for them, and
// reports the median and the 95th percentile.
func BenchmarkListBuilds(b *testing.B) {
	for name, address := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		url := address(b)
		h := furnish(b, url)
		last := h.longList(b, 100_000)
		if name == "postgres" {
			analyze(b, url)
		}
		for what, ask := range map[string]struct {
			filter core.BuildFilter
			page   core.Page
		}{
			"newest":  {core.BuildFilter{}, core.Page{Limit: 51}},
			"older":   {core.BuildFilter{}, core.Page{Limit: 51, Older: &core.Cursor{CreatedAt: at(50_000), ID: last.ID}}},
			"project": {core.BuildFilter{ProjectID: h.project.ID, Statuses: []core.BuildStatus{core.BuildQueued}, Newest: 10_000}, core.Page{Limit: 51}},
			"branch":  {core.BuildFilter{ProjectIDs: []string{h.project.ID}, Branch: "branch-7"}, core.Page{Limit: 51}},
			"text":    {core.BuildFilter{Text: "number 99", Newest: 10_000}, core.Page{Limit: 51}},
			"rare":    {core.BuildFilter{Text: "number 99998 ", Newest: 10_000}, core.Page{Limit: 51}},
		} {
			b.Run(name+"/"+what, func(b *testing.B) {
				var took []time.Duration
				for range b.N {
					start := time.Now()
					builds, _, err := h.ListBuilds(b.Context(), ask.filter, ask.page)
					if err != nil || len(builds) == 0 {
						b.Fatalf("%d builds, %v", len(builds), err)
					}
					took = append(took, time.Since(start))
				}
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)/2])/float64(time.Millisecond), "p50-ms")
				b.ReportMetric(float64(took[len(took)*95/100])/float64(time.Millisecond), "p95-ms")
			})
		}
	}
}

// longList stores builds, a minute apart, in a few transactions.
func (h house) longList(b *testing.B, count int) (last core.Build) {
	b.Helper()
	for from := 0; from < count; from += 5000 {
		ok(b, h.InTx(b.Context(), func(tx core.Store) error {
			for i := from; i < min(from+5000, count); i++ {
				last = h.newBuild()
				last.Branch, last.CommitMessage, last.CreatedAt = fmt.Sprintf("branch-%d", i%50), fmt.Sprintf("Change number %d of many, with a text as people write them", i), at(i)
				if _, _, err := tx.CreateBuild(b.Context(), last, queued(last)); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	return last
}
