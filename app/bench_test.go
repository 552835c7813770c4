package app_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

// longLog is a log of 200,000 lines and 30 MB, one line of six in color.
func longLog() (records []core.LogRecord, size int64) {
	rng := rand.New(rand.NewPCG(3, 1))
	words := strings.Fields("Running Gradle task assembleRelease compileReleaseKotlin UP-TO-DATE warning: deprecated API used in lib/src/widgets/checkout.dart Downloading package " +
		"resolving dependencies BUILD transform classes with R8 /home/ci/.pub-cache/hosted/pub.dev note: see org.jetbrains.kotlin:kotlin-stdlib:1.9.22 [ +12 ms] executing")
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for i := range 200_000 {
		var line strings.Builder
		for length := 76 + rng.IntN(110); line.Len() < length; {
			line.WriteString(words[rng.IntN(len(words))])
			line.WriteByte(' ')
		}
		fmt.Fprintf(&line, "%x", rng.Uint32())
		text := line.String()
		if i%6 == 0 {
			text = "\x1b[33m" + text[:20] + "\x1b[0m" + text[20:]
		}
		size += int64(len(text)) + 1
		at = at.Add(time.Duration(rng.IntN(3000)) * time.Microsecond)
		records = append(records, core.LogRecord{Sequence: int64(i), Content: []byte(text), Stream: core.StreamStdout, Step: "build-1", Time: at})
	}
	records[150_000].Content = append(records[150_000].Content, " FAILURE: Build failed with an exception"...)
	return records, size
}

// benchLog runs f on the log in the rows of each database, and in an object.
func benchLog(b *testing.B, f func(b *testing.B, h *house, build core.Build, size int64)) {
	records, size := longLog()
	for name, address := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		h := newSite(b, address(b)).server(b, nil)
		build := h.printed(b, rand.New(rand.NewPCG(1, 1)), records)
		b.Run(name+"/rows", func(b *testing.B) { f(b, h, build, size) })
		if name == "sqlite" {
			h.archived(b)
			b.Run("object", func(b *testing.B) { f(b, h, build, size) })
		}
	}
}

// processor is the processor time that this process has taken: what a busy machine
// cannot blur.
func processor(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// timed runs f and reports its quantiles, and what it took of all processors.
func timed(b *testing.B, f func(i int)) {
	b.Helper()
	var took []time.Duration
	before := processor(b)
	for i := range b.N {
		start := time.Now()
		f(i)
		took = append(took, time.Since(start))
	}
	b.ReportMetric(float64(processor(b)-before)/float64(b.N)/float64(time.Millisecond), "cpu-ms")
	slices.Sort(took)
	for _, p := range []float64{50, 95} {
		rank := max(int(math.Ceil(p/100*float64(len(took)))), 1)
		b.ReportMetric(float64(took[rank-1])/float64(time.Millisecond), fmt.Sprintf("p%.0f-ms", p))
	}
}

// BenchmarkArchiveLog moves a log of 30 MB from the database to the blob store.
func BenchmarkArchiveLog(b *testing.B) {
	records, size := longLog()
	for name, address := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			h := newSite(b, address(b)).server(b, nil)
			b.SetBytes(size)
			for range b.N {
				b.StopTimer()
				build := h.printed(b, rand.New(rand.NewPCG(1, 1)), records)
				before := processor(b)
				b.StartTimer()
				h.archived(b)
				b.StopTimer()
				b.ReportMetric(float64(processor(b)-before)/float64(time.Millisecond), "cpu-ms")
				extent, err := h.store.FindLog(b.Context(), build.ID)
				if err != nil || extent.Object == nil {
					b.Fatalf("%+v, %v", extent, err)
				}
				b.ReportMetric(float64(size)/float64(extent.Object.Size), "ratio")
				b.StartTimer()
			}
		})
	}
}

// BenchmarkLogWindow reads 500 lines anywhere in a log of 30 MB.
func BenchmarkLogWindow(b *testing.B) {
	benchLog(b, func(b *testing.B, h *house, build core.Build, _ int64) {
		rng := rand.New(rand.NewPCG(1, 2))
		timed(b, func(int) {
			from := rng.Int64N(199_500)
			page, err := h.ReadLog(b.Context(), h.owner, build.ID, from-1, 500)
			if err != nil || len(page.Records) != 500 || page.Records[0].Sequence != from {
				b.Fatalf("%d records, %v", len(page.Records), err)
			}
		})
	})
}

// BenchmarkSearchLog searches a log of 30 MB for what is there once, and for what is
// in many lines.
func BenchmarkSearchLog(b *testing.B) {
	benchLog(b, func(b *testing.B, h *house, build core.Build, size int64) {
		for text, least := range map[string]int64{"build FAILED with": 1, "Kotlin": 50_000} {
			b.Run(strings.ReplaceAll(text, " ", "-"), func(b *testing.B) {
				b.SetBytes(size)
				timed(b, func(int) {
					found, err := h.SearchLog(b.Context(), h.owner, build.ID, app.LogSearch{Text: text, After: -1, Limit: 1000})
					if err != nil || found.Total < least {
						b.Fatalf("%d found, %v", found.Total, err)
					}
				})
			})
		}
	})
}
