//go:build bench

package main

import (
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/oore-ci/oore/handlers/github/githubtest"
	"github.com/oore-ci/oore/store/storetest"
)

// The benchmarks drive the built program from outside, as the tests do; its load
// comes from this process, which shares the machine with it. Each does a fixed
// amount of work once (-benchtime 1x) and fails when anything is lost or wrong, never
// because it is slow. docs/benchmarks.md says what each figure includes.

// opener makes an empty database and returns its address.
type opener func(b *testing.B) string

// bothDatabases runs a benchmark on SQLite and on PostgreSQL.
func bothDatabases(b *testing.B, f func(b *testing.B, open opener)) {
	b.Run("sqlite", func(b *testing.B) { f(b, func(*testing.B) string { return "" }) })
	b.Run("postgres", func(b *testing.B) { f(b, func(b *testing.B) string { return storetest.Postgres(b) }) })
}

// report prints a figure beside the others of its benchmark; the time that the whole
// benchmark took says nothing and is left out.
func report(b *testing.B, value float64, unit string) {
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(value, unit)
}

// reportQuantiles prints p50-ms, p95-ms and so on.
func reportQuantiles(b *testing.B, samples []time.Duration, percents ...int) {
	sorted := slices.Sorted(slices.Values(samples))
	for _, p := range percents {
		rank := int(math.Ceil(float64(p) / 100 * float64(len(sorted))))
		report(b, milliseconds(sorted[max(rank, 1)-1]), fmt.Sprintf("p%d-ms", p))
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// acceptStatuses lets GitHub take every commit status at once, whatever commit it is
// for: the double would ask git about each.
func acceptStatuses(gh *githubtest.Server) {
	gh.Fail(func(r *http.Request) *githubtest.Failure {
		if r.Method != http.MethodPost || !strings.Contains(r.URL.Path, "/statuses/") {
			return nil
		}
		return &githubtest.Failure{Status: http.StatusCreated, Body: "{}"}
	})
}

// count is the total of a list.
func (p *program) count(path string) int {
	p.t.Helper()
	var list struct{ Total int }
	p.must("GET", path, nil, &list)
	return list.Total
}

// await is eventually for what may take minutes.
func await(b *testing.B, what string, done func() bool) {
	b.Helper()
	for end := time.Now().Add(10 * time.Minute); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			b.Fatalf("it did not happen within ten minutes: %s", what)
		}
	}
}

// fifos is a folder with named pipes, through which builds and benchmark meet.
type fifos struct {
	b   *testing.B
	dir string
}

func newFIFOs(b *testing.B, names ...string) fifos {
	b.Helper()
	f := fifos{b: b, dir: b.TempDir()}
	for _, name := range names {
		if err := syscall.Mkfifo(f.path(name), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	return f
}

func (f fifos) path(name string) string { return filepath.Join(f.dir, name) }

// writer opens the pipe as soon as a build reads from it. Closing it ends the read.
func (f fifos) writer(name string) *os.File {
	f.b.Helper()
	var w *os.File
	eventually(f.b, "a build reads from "+name, func() (opened bool) {
		file, err := os.OpenFile(f.path(name), os.O_WRONLY|syscall.O_NONBLOCK, 0)
		w = file
		return err == nil
	})
	return w
}

// BenchmarkDisk tells what the disk can do, since every answer to a webhook waits
// for it.
func BenchmarkDisk(b *testing.B) {
	const writes = 500
	file, err := os.Create(filepath.Join(b.TempDir(), "journal"))
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	block := make([]byte, 4<<10)
	var samples []time.Duration
	start := time.Now()
	for range writes {
		before := time.Now()
		if _, err := file.Write(block); err != nil {
			b.Fatal(err)
		}
		if err := file.Sync(); err != nil {
			b.Fatal(err)
		}
		samples = append(samples, time.Since(before))
	}
	report(b, writes/time.Since(start).Seconds(), "fsyncs/s")
	reportQuantiles(b, samples, 50, 99)
}
