package store_test

import (
	"bytes"
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
