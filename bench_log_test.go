//go:build bench

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"
)

const (
	talkingBuilds = 4
	linesPerBuild = 60
)

// BenchmarkLiveLine measures from the writing of a line to its reading from the log
// stream. Four builds run at once, each of which prints a line every 50 to 900 ms;
// the readers watch the first, and one more reader watches each of the others.
func BenchmarkLiveLine(b *testing.B) {
	bothDatabases(b, func(b *testing.B, open opener) {
		for _, readers := range []int{1, 100} {
			b.Run(fmt.Sprintf("%d-readers", readers), func(b *testing.B) { liveLines(b, open(b), readers, nil, func(s *site) *program { return s.program }) })
		}
	})
}

// liveLines lets builds print what comes out of pipes, by cat: so the time when a
// line was written is known here, and one more process is on its way. The readers watch
// at the server that at returns.
func liveLines(b *testing.B, database string, readers int, env []string, at func(*site) *program) {
	names := make([]string, talkingBuilds)
	for i := range names {
		names[i] = strconv.Itoa(i + 1)
	}
	pipes := newFIFOs(b, names...)
	s := newSite(b, database, workflow(`cat "`+pipes.dir+`/$OORE_BUILD_NUMBER"`), append(env, fmt.Sprintf("OORE_RUNNERS=%d", talkingBuilds))...)
	watched := at(s)
	project := s.githubProject("acme/shop", nil)
	pipeline := s.program.pipeline(project.ID, "Android", nil)
	acceptStatuses(s.gh)
	var mu sync.Mutex
	var samples []time.Duration
	var watching, connected sync.WaitGroup
	var mouths []*os.File
	for i, name := range names {
		var build buildView
		s.must("POST", "/v1/projects/"+project.ID+"/builds", map[string]any{"pipeline_id": pipeline.ID}, &build)
		mouths = append(mouths, pipes.writer(name))
		watchers := 1
		if i == 0 {
			watchers = readers
		}
		for range watchers {
			connected.Add(1)
			watching.Go(func() {
				took, err := watched.watch(b.Context(), build.ID, sync.OnceFunc(connected.Done))
				if err != nil || len(took) != linesPerBuild {
					b.Errorf("a reader had %d of %d lines: %v", len(took), linesPerBuild, err)
				}
				if i == 0 {
					mu.Lock()
					samples = append(samples, took...)
					mu.Unlock()
				}
			})
		}
	}
	connected.Wait()
	for _, mouth := range mouths {
		watching.Go(func() {
			for range linesPerBuild {
				time.Sleep(50*time.Millisecond + rand.N(850*time.Millisecond))
				if _, err := fmt.Fprintln(mouth, time.Now().UnixNano()); err != nil {
					b.Error(err)
				}
			}
			if err := mouth.Close(); err != nil {
				b.Error(err)
			}
		})
	}
	watching.Wait()
	reportQuantiles(b, samples, 50, 95, 99)
}

// watch reads a build's log stream to its end and returns how old each of the
// build's own lines was when it came. begun is called once the stream runs.
func (p *program) watch(ctx context.Context, buildID string, begun func()) ([]time.Duration, error) {
	defer begun()
	var took []time.Duration
	var wrong error
	err := p.stream(ctx, buildID, "", func(e logEvent) {
		now := time.Now()
		begun()
		if e.Event != "log" {
			return
		}
		var r struct{ Content, Stream string }
		wrong = errors.Join(wrong, json.Unmarshal(e.Data, &r))
		if r.Stream != "stdout" {
			return
		}
		written, err := strconv.ParseInt(r.Content, 10, 64)
		wrong = errors.Join(wrong, err)
		took = append(took, now.Sub(time.Unix(0, written)))
	})
	return took, errors.Join(err, wrong)
}

const floodLines = 2_000_000

// BenchmarkFlood measures a build that prints 2,000,000 lines as fast as it can, while
// somebody watches, and then the reading of the whole log.
func BenchmarkFlood(b *testing.B) {
	bothDatabases(b, func(b *testing.B, open opener) {
		pipes := newFIFOs(b, "before", "after")
		// The build cannot end before the reader has had all lines: they came live.
		s := newSite(b, open(b), workflow(fmt.Sprintf(
			`cat %s; yes 'Running Gradle task assembleRelease, line after line' | head -n %d; cat %s`,
			pipes.path("before"), floodLines, pipes.path("after"))))
		acceptStatuses(s.gh)
		project := s.githubProject("acme/shop", nil)
		pipeline := s.program.pipeline(project.ID, "Android", nil)
		var build buildView
		s.must("POST", "/v1/projects/"+project.ID+"/builds", map[string]any{"pipeline_id": pipeline.ID}, &build)
		before := pipes.writer("before")
		eventually(b, "the log tells of the command", func() bool { return bytes.Contains(s.logPage(b, build.ID, -1), []byte("$ cat")) })
		live, err := s.openStream(b.Context(), build.ID)
		if err != nil {
			b.Fatal(err)
		}
		defer live.Close()
		if err := live.read(s.count("/v1/builds/" + build.ID + "/logs?limit=1")); err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		if err := before.Close(); err != nil {
			b.Fatal(err)
		}
		if err := live.read(1); err != nil {
			b.Fatal(err)
		}
		first := time.Now()
		if err := live.read(floodLines - 1); err != nil {
			b.Fatal(err)
		}
		last := time.Now()
		if err := pipes.writer("after").Close(); err != nil {
			b.Fatal(err)
		}
		report(b, (floodLines-1)/last.Sub(first).Seconds(), "live-lines/s")
		report(b, milliseconds(first.Sub(start)), "first-ms")
		if err := live.end(); err != nil {
			b.Fatal(err)
		}
		if v := s.ended(build.ID); v.Status != "succeeded" {
			b.Fatalf("the build ended as %+v", v)
		}
		s.readBack(b, build.ID)
	})
}

// readBack reads an ended log in the three ways there are.
func (p *program) readBack(b *testing.B, buildID string) {
	b.Helper()
	start := time.Now()
	replay, err := p.openStream(b.Context(), buildID)
	if err != nil {
		b.Fatal(err)
	}
	defer replay.Close()
	if err := replay.end(); err != nil {
		b.Fatal(err)
	}
	report(b, milliseconds(time.Since(start)), "stream-ms")

	start = time.Now()
	text := p.rawLog(buildID)
	report(b, milliseconds(time.Since(start)), "text-ms")
	if n := bytes.Count([]byte(text), []byte("\n")); n != floodLines {
		b.Fatalf("the text has %d lines, want %d", n, floodLines)
	}

	start = time.Now()
	var pages [][]byte
	for after := -1; after+1 < replay.next; after += 5000 {
		pages = append(pages, p.logPage(b, buildID, after))
	}
	report(b, milliseconds(time.Since(start)), "pages-ms")
	read := 0
	for _, data := range pages {
		var page struct {
			Logs []struct{ Sequence int }
		}
		if err := json.Unmarshal(data, &page); err != nil {
			b.Fatal(err)
		}
		for _, line := range page.Logs {
			if line.Sequence != read {
				b.Fatalf("line %d of the pages has the sequence %d", read, line.Sequence)
			}
			read++
		}
	}
	if read != replay.next {
		b.Fatalf("the pages have %d lines, the stream %d", read, replay.next)
	}
}

// logPage reads a page and leaves it as it came: to decode it costs this process more
// than the server.
func (p *program) logPage(b *testing.B, buildID string, after int) []byte {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet,
		fmt.Sprintf("%s/v1/builds/%s/logs?limit=5000&after_sequence=%d", p.url, buildID, after), nil)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		b.Fatalf("a page of the log was answered %d: %v", resp.StatusCode, err)
	}
	return page
}

// floodReader reads a log stream with as little work as a check of every sequence
// allows: it shares the machine with the server.
type floodReader struct {
	io.Closer
	lines *bufio.Reader
	next  int // the sequence that must come next
}

func (p *program) openStream(ctx context.Context, buildID string) (*floodReader, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/v1/builds/"+buildID+"/logs/stream", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fmt.Errorf("the stream was answered %d", resp.StatusCode)
	}
	return &floodReader{Closer: resp.Body, lines: bufio.NewReaderSize(resp.Body, 256<<10)}, nil
}

var errDone = errors.New("the stream is done")

// read returns when so many records have come.
func (r *floodReader) read(count int) error {
	for until := r.next + count; r.next < until; {
		line, err := r.lines.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("after record %d: %w", r.next-1, err)
		}
		if bytes.HasPrefix(line, []byte("event: done")) {
			return errDone
		}
		id, found := bytes.CutPrefix(line, []byte("id: "))
		if !found {
			continue
		}
		if n, err := strconv.Atoi(string(bytes.TrimSpace(id))); err != nil || n != r.next {
			return fmt.Errorf("record %s came, want %d", bytes.TrimSpace(id), r.next)
		}
		r.next++
	}
	return nil
}

// end reads until the stream is done.
func (r *floodReader) end() error {
	if err := r.read(1 << 62); !errors.Is(err, errDone) {
		return err
	}
	return nil
}
