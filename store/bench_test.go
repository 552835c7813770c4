package store_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

// benchEach runs f on both databases with each number of callers and reports how
// many operations there are in a second.
func benchEach(b *testing.B, callers []int, f func(b *testing.B, h house) func(caller, i int) error) {
	databases := []struct {
		name    string
		address func(testing.TB) string
	}{{"sqlite", storetest.SQLite}, {"postgres", storetest.Postgres}}
	for _, database := range databases {
		for _, n := range callers {
			b.Run(fmt.Sprintf("%s/%d", database.name, n), func(b *testing.B) {
				operation := f(b, furnish(b, database.address(b)))
				var next atomic.Int64
				b.ResetTimer()
				ok(b, inParallel(n, func(caller int) error {
					for {
						i := next.Add(1)
						if i > int64(b.N) {
							return nil
						}
						if err := operation(caller, int(i)); err != nil {
							return err
						}
					}
				}))
				b.StopTimer()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
			})
		}
	}
}

// BenchmarkReceiveDelivery stores pushes of 7 KB.
func BenchmarkReceiveDelivery(b *testing.B) {
	payload := []byte(strings.Repeat(`{"ref":"refs/heads/main","id":12345},`, 190))
	benchEach(b, []int{1, 16, 64}, func(b *testing.B, h house) func(int, int) error {
		return func(_, i int) error {
			d := newDelivery(fmt.Sprintf("%08x-%d", uint32(i)*2654435761, i))
			d.Payload = payload
			_, _, err := h.ReceiveDelivery(b.Context(), d)
			return err
		}
	})
}

// BenchmarkClaimAndFinish takes builds through their whole life.
func BenchmarkClaimAndFinish(b *testing.B) {
	benchEach(b, []int{1, 4, 16}, func(b *testing.B, h house) func(int, int) error {
		for range b.N {
			h.queue(b, h.newBuild())
		}
		return func(_, i int) error {
			lease := fmt.Sprintf("lease-%d", i)
			build, err := h.ClaimBuild(b.Context(), linuxRunner(), lease, at(1), at(2))
			if err != nil {
				return err
			}
			event, err := build.Transition(core.BuildCanceled, "one", "", at(2))
			if err != nil {
				return err
			}
			build.LeaseToken = ""
			return h.UpdateBuild(b.Context(), build, core.BuildAssigned, lease, &event)
		}
	})
}

// BenchmarkClaimNothing looks into an empty queue.
func BenchmarkClaimNothing(b *testing.B) {
	benchEach(b, []int{1, 16}, func(b *testing.B, h house) func(int, int) error {
		return func(int, int) error {
			if _, err := h.ClaimBuild(b.Context(), linuxRunner(), "lease", at(1), at(2)); core.KindOf(err) != core.KindNotFound {
				return err
			}
			return nil
		}
	})
}

// BenchmarkAppendLog stores chunks of 64 KiB, each caller for a build of its own.
func BenchmarkAppendLog(b *testing.B) {
	data := bytes.Repeat([]byte("Running Gradle task 'assembleRelease'... and on it goes, line after line\n"), 900)[:64<<10]
	benchEach(b, []int{1, 4, 16}, func(b *testing.B, h house) func(int, int) error {
		var builds [16]core.Build
		var next [16]int64
		for i := range builds {
			h.queue(b, h.newBuild())
			builds[i] = h.claim(b, "lease")
		}
		b.SetBytes(int64(len(data)))
		return func(caller, _ int) error {
			c := core.LogChunk{BuildID: builds[caller].ID, FirstSequence: next[caller], Count: 900, Step: "build-1", At: at(1), Data: data}
			next[caller] = c.Next()
			return h.AppendLog(b.Context(), "lease", []core.LogChunk{c})
		}
	})
}

// BenchmarkFigures asks what the dashboard and the pages of projects ask, with 100,000
// builds of 50 pipelines in the house.
func BenchmarkFigures(b *testing.B) {
	for name, address := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			url := address(b)
			h := furnish(b, url)
			pipelines := h.manyBuilds(b, 50, 2000)
			if name == "postgres" {
				analyze(b, url)
			}
			seen := []string{h.project.ID}
			for question, ask := range map[string]func() error{
				"breaks":         func() error { _, _, err := h.ListBreaks(b.Context(), nil, 10); return err },
				"breaks-of-some": func() error { _, _, err := h.ListBreaks(b.Context(), seen, 10); return err },
				"ended":          func() error { _, err := h.ListEndedBuilds(b.Context(), nil, 10); return err },
				"asked":          func() error { _, err := h.ListAskedBuilds(b.Context(), "user:7", "ann", 100); return err },
				"figures":        func() error { _, err := h.ListFigures(b.Context(), core.FigureFilter{Since: at(0)}, 1000); return err },
				"figures-of-some": func() error {
					_, err := h.ListFigures(b.Context(), core.FigureFilter{ProjectIDs: seen, Since: at(0)}, 1000)
					return err
				},
				"insights": func() error {
					_, err := h.ListFigures(b.Context(), core.FigureFilter{ProjectID: h.project.ID}, 2000)
					return err
				},
				"bars": func() error {
					_, err := h.ListNewestBuilds(b.Context(), core.OfPipeline, pipelines[:10], 20)
					return err
				},
				"newest-of-project": func() error { _, err := h.ListNewestBuilds(b.Context(), core.OfProject, seen, 100); return err },
				"tests":             func() error { _, err := h.ListTested(b.Context(), h.project.ID, 300); return err },
				"queue":             func() error { _, err := h.ReadQueue(b.Context()); return err },
			} {
				b.Run(question, func(b *testing.B) {
					for b.Loop() {
						ok(b, ask())
					}
				})
			}
		})
	}
}

// analyze lets PostgreSQL look at what came, as its own housekeeping does within a minute.
func analyze(b *testing.B, url string) {
	b.Helper()
	db, err := sql.Open("pgx", url)
	ok(b, err)
	_, err = db.ExecContext(b.Context(), "ANALYZE")
	ok(b, err)
	ok(b, db.Close())
}

// manyBuilds stores so many builds of each of so many pipelines, every tenth of them
// failed, and returns the pipelines.
func (h house) manyBuilds(b *testing.B, pipelines, each int) []string {
	b.Helper()
	var all []string
	for n := range pipelines {
		p := newPipeline(h.project, fmt.Sprint("p", n))
		ok(b, h.CreatePipeline(b.Context(), p))
		all = append(all, p.ID)
	}
	for n := range each {
		ok(b, h.InTx(b.Context(), func(tx core.Store) error {
			for i, id := range all {
				build, start, end := h.newBuild(), at(n), at(n+3)
				build.PipelineID, build.Status, build.CreatedAt, build.StartedAt, build.FinishedAt = id, core.BuildSucceeded, at(n), &start, &end
				if build.TriggerActor = fmt.Sprint("user", i); (n+i)%10 == 0 {
					build.Status = core.BuildFailed
				}
				if i == 0 {
					build.TriggerActor = "ann"
				}
				if _, _, err := tx.CreateBuild(b.Context(), build, queued(build)); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	return all
}
