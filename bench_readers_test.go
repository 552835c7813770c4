//go:build bench

package main

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	manyReaders    = 500
	stuckReaders   = 10
	floodPerSecond = 1000
	manyFor        = 30 * time.Second
	clockTicks     = 100 // of /proc/*/stat, a second
	noteEvery      = 50  // lines: so often a reader keeps an age for the quantiles
)

// BenchmarkManyReaders lets 500 readers follow one log over TCP while its build prints 1,000
// lines a second, and 10 more that never take anything of what they asked for. It fails
// when a reader misses a line or gets one twice.
func BenchmarkManyReaders(b *testing.B) {
	bothDatabases(b, func(b *testing.B, open opener) {
		pipes := newFIFOs(b, "lines")
		s := newSite(b, open(b), workflow("cat "+pipes.path("lines")), "OORE_RUNNERS=1")
		acceptStatuses(s.gh)
		project := s.githubProject("acme/shop", nil)
		pipeline := s.program.pipeline(project.ID, "Android", nil)
		var build buildView
		s.must("POST", "/v1/projects/"+project.ID+"/builds", map[string]any{"pipeline_id": pipeline.ID}, &build)
		mouth := pipes.writer("lines")

		for range stuckReaders {
			conn, err := askForLog(s.program, build.ID)
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
		}
		var reading sync.WaitGroup
		ages := make([]lineAges, manyReaders)
		for i := range ages {
			conn, err := askForLog(s.program, build.ID)
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			reading.Go(func() {
				if err := ages[i].follow(conn); err != nil {
					b.Errorf("reader %d: %v", i, err)
				}
			})
		}
		await(b, "all readers are there", func() bool { return s.streams(b) == manyReaders+stuckReaders })

		rest, before := s.footprint(b), s.processorTime(b)
		start := time.Now()
		printed := printLines(b, mouth, manyFor)
		took := time.Since(start)
		worked, busy := s.processorTime(b)-before, s.footprint(b)
		if err := mouth.Close(); err != nil {
			b.Fatal(err)
		}
		reading.Wait()
		if v := s.ended(build.ID); v.Status != "succeeded" {
			b.Fatalf("the build ended as %+v", v)
		}
		report(b, float64(printed)/took.Seconds(), "lines/s")
		report(b, rest.megabytes, "waiting-MB")
		report(b, busy.megabytes, "busy-MB")
		report(b, worked.Seconds()/took.Seconds(), "server-cores")
		tellAges(b, ages, printed)
	})
}

// printLines writes 1,000 lines a second that carry their time, evenly, and returns how many.
func printLines(b *testing.B, to *os.File, length time.Duration) (printed int) {
	want := int(length.Seconds() * floodPerSecond)
	tick := time.NewTicker(time.Second / floodPerSecond)
	defer tick.Stop()
	for start := time.Now(); printed < want; <-tick.C {
		due := min(int(time.Since(start)*floodPerSecond/time.Second), want)
		for ; printed < due; printed++ {
			if _, err := fmt.Fprintf(to, "%d Running Gradle task assembleRelease, line after line\n", time.Now().UnixNano()); err != nil {
				b.Fatal(err)
			}
		}
	}
	return printed
}

// tellAges reports how old lines were when they came, of all readers and of the worst.
func tellAges(b *testing.B, ages []lineAges, printed int) {
	var kept []time.Duration
	var worst time.Duration
	lost := 0
	for i := range ages {
		lost += printed - ages[i].lines
		worst = max(worst, ages[i].oldest)
		kept = append(kept, ages[i].kept...)
	}
	reportQuantiles(b, kept, 50, 95, 99)
	report(b, milliseconds(worst), "max-ms")
	report(b, float64(lost), "lost-lines")
	if lost != 0 {
		b.Errorf("%d lines did not come", lost)
	}
}

// askForLog asks for a build's log stream on a connection of its own, and reads nothing.
func askForLog(p *program, buildID string) (net.Conn, error) {
	conn, err := net.Dial("tcp", p.addr)
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(conn, "GET /v1/builds/%s/logs/stream HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", buildID, p.addr, adminToken)
	return conn, err
}

// lineAges is what a reader notes.
type lineAges struct {
	lines  int // that the build printed itself
	next   int // the sequence that must come next
	oldest time.Duration
	kept   []time.Duration
}

// follow reads until the stream is done. It minds every sequence and every line's age with
// little work: it shares the machine with the server.
func (a *lineAges) follow(conn net.Conn) error {
	answer, err := http.ReadResponse(bufio.NewReaderSize(conn, 16<<10), nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	lines := bufio.NewReaderSize(answer.Body, 16<<10)
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("after record %d: %w", a.next-1, err)
		}
		switch {
		case bytes.HasPrefix(line, []byte("event: done")):
			return nil
		case bytes.HasPrefix(line, []byte("id: ")):
			if n, err := strconv.Atoi(string(bytes.TrimSpace(line[4:]))); err != nil || n != a.next {
				return fmt.Errorf("record %s came, want %d", bytes.TrimSpace(line[4:]), a.next)
			}
			a.next++
		case bytes.Contains(line, []byte(`"stream":"stdout"`)):
			if err := a.note(line, time.Now()); err != nil {
				return err
			}
		}
	}
}

func (a *lineAges) note(line []byte, now time.Time) error {
	_, content, found := bytes.Cut(line, []byte(`"content":"`))
	stamp, _, ended := bytes.Cut(content, []byte(" "))
	written, err := strconv.ParseInt(string(stamp), 10, 64)
	if !found || !ended || err != nil {
		return cmp.Or(err, errors.New("a line without its time"))
	}
	age := now.Sub(time.Unix(0, written))
	a.lines++
	a.oldest = max(a.oldest, age)
	if a.lines%noteEvery == 0 {
		a.kept = append(a.kept, age)
	}
	return nil
}

// streams is how many log streams the server has.
func (p *program) streams(b *testing.B) int {
	b.Helper()
	for line := range strings.Lines(p.raw("/metrics", "")) {
		if count, found := strings.CutPrefix(line, "oore_sse_connections "); found {
			n, err := strconv.ParseFloat(strings.TrimSpace(count), 64)
			if err != nil {
				b.Fatal(err)
			}
			return int(n)
		}
	}
	return 0
}

// processorTime is what the server's process has used.
func (p *program) processorTime(b *testing.B) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), "stat"))
	if err != nil {
		b.Fatalf("processor time is measured on Linux alone: %v", err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var ticks int
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(field)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / clockTicks
}
