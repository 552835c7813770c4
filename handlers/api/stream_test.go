package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/api/apitest"
	"github.com/oore-ci/oore/handlers/sse"
)

// patience is how long a test waits for what must happen: a machine may have more to do than
// our tests, so only what never happens may outlast it.
const patience = 3 * time.Minute

// message is one block of a stream.
type message struct{ id, event, data, comment, retry string }

// stream is an open log stream.
type stream struct {
	t      *testing.T
	body   io.ReadCloser
	lines  *bufio.Reader
	header http.Header
	cancel context.CancelFunc
}

func (s *testServer) open(query string, headers ...string) *stream {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	s.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/builds/"+buildID+"/logs/stream"+query, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != http.StatusOK {
		data, _ := io.ReadAll(resp.Body)
		s.t.Fatalf("%d %s", resp.StatusCode, data)
	}
	return &stream{t: s.t, body: resp.Body, lines: bufio.NewReader(resp.Body), header: resp.Header, cancel: cancel}
}

func (s *stream) next() (message, error) {
	var m message
	for {
		line, err := s.lines.ReadString('\n')
		if err != nil {
			return m, err
		}
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			return m, nil
		}
		name, value, ok := strings.Cut(line, ": ")
		switch {
		case ok && name == "id":
			m.id = value
		case ok && name == "event":
			m.event = value
		case ok && name == "data":
			m.data += value
		case ok && name == "retry":
			m.retry = value
		case ok && name == "":
			m.comment = value
		default:
			return m, fmt.Errorf("no line of an event stream: %q", line)
		}
	}
}

// expect reads messages up to one of the event and returns it.
func (s *stream) expect(event string) message {
	s.t.Helper()
	for {
		m, err := s.next()
		if err != nil {
			s.t.Fatalf("waiting for %s: %v", event, err)
		}
		if m.event == event {
			return m
		}
	}
}

// expectEnd reads to the end of the stream.
func (s *stream) expectEnd() {
	s.t.Helper()
	for {
		if m, err := s.next(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			s.t.Fatal(err)
		} else if m.event == "log" {
			s.t.Fatalf("more log: %v", m)
		}
	}
}

func running() *apitest.Commands {
	f := emptyCommands()
	f.Detail.Build.Status = core.BuildRunning
	return f
}

func oddRecords(f *apitest.Commands) {
	at := time.UnixMilli(1763800000123)
	for _, r := range []core.LogRecord{
		{Content: []byte("Running Gradle task 'assembleRelease'…"), Stream: core.StreamStdout, Step: "build-1", Time: at},
		{Content: []byte("tab\tquote\" slash\\ bell\a return\r esc\x1b[31m"), Stream: core.StreamStderr, Step: "build-1", Time: at.Add(time.Millisecond)},
		{Content: []byte("not UTF-8: \xff\xc3("), Stream: core.StreamStdout, Step: "build-1", Time: at},
		{Content: []byte("<script>&\u2028\x00\x7f"), Stream: core.StreamStdout, Step: "build-1", Time: at},
		{Content: []byte("no line feed"), Stream: core.StreamStdout, Step: "build-1", Time: at, Partial: true},
		{Content: []byte("Passed"), Stream: core.StreamSystem, Step: "", Time: at},
		{Content: nil, Stream: core.StreamStdout, Step: "build-1", Time: at},
	} {
		f.AppendRecord(r)
	}
}

func TestStreamOfAnEndedBuildIsWhole(t *testing.T) {
	f := running()
	oddRecords(f)
	f.End(core.BuildSucceeded)
	s := serve(t, f)
	got := s.ask("GET", "/builds/"+buildID+"/logs/stream", "")
	golden(t, "stream", got.body)
	for name, want := range map[string]string{
		"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store", "X-Accel-Buffering": "no",
	} {
		if got.header.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, got.header.Get(name), want)
		}
	}
}

func TestStreamFollowsALivingBuild(t *testing.T) {
	f := running()
	f.Detail.Build.Status = core.BuildQueued
	s := serve(t, f)
	r := s.open("")
	if m, err := r.next(); err != nil || m.retry != "2000" {
		t.Fatalf("got %v %v, want retry", m, err)
	}
	status := func(want core.BuildStatus) {
		t.Helper()
		var b buildJSON
		if err := json.Unmarshal([]byte(r.expect("status").data), &b); err != nil || b.Status != want || b.ID != buildID {
			t.Fatalf("got %+v %v, want %s", b, err, want)
		}
	}
	status(core.BuildQueued)
	f.Move(core.BuildAssigned)
	status(core.BuildAssigned)
	f.Move(core.BuildRunning)
	status(core.BuildRunning)
	for i := range 5 {
		f.Append(fmt.Sprint("line ", i))
		want := fmt.Sprintf(`{"sequence":%d,"content":"line %d","stream":"stdout","step":"build-1","time":1763800000.123}`, i, i)
		if m := r.expect("log"); m.data != want || m.id != fmt.Sprint(i) {
			t.Fatalf("got %v, want %s", m, want)
		}
	}
	f.Move(core.BuildSucceeded) // ended, but its runner still holds the log
	status(core.BuildSucceeded)
	f.Append("last words")
	r.expect("log")
	f.End(core.BuildSucceeded)
	if m := r.expect("done"); m.data != `{"status":"succeeded"}` {
		t.Errorf("done: %s", m.data)
	}
	r.expectEnd()
}

func TestStreamResumes(t *testing.T) {
	f := running()
	f.Append("0", "1", "2", "3", "4")
	f.End(core.BuildSucceeded)
	s := serve(t, f)
	for _, test := range []struct {
		query  string
		header []string
		want   string
	}{
		{"", nil, "01234"},
		{"?after_sequence=-1", nil, "01234"},
		{"?after_sequence=0", nil, "1234"},
		{"?after_sequence=1", []string{"Last-Event-ID: 3"}, "4"},
		{"", []string{"Last-Event-ID: 4"}, ""},
		{"", []string{"Last-Event-ID: 40"}, ""},
	} {
		r, got := s.open(test.query, test.header...), ""
		for {
			m, err := r.next()
			if err != nil {
				t.Fatalf("%v: the stream ended before done: %v", test, err)
			}
			if m.event == "done" {
				break
			}
			if m.event == "log" {
				got += m.id
			}
		}
		if got != test.want {
			t.Errorf("%v: got %s", test, got)
		}
	}
	for _, query := range []string{"?after_sequence=x", "?after_sequence=-2", "?after_sequence=9223372036854775807"} {
		if got := s.ask("GET", "/builds/"+buildID+"/logs/stream"+query, ""); got.status != 400 {
			t.Errorf("%s: %d", query, got.status)
		}
	}
	for _, id := range []string{"x", "-2", "9223372036854775807"} {
		if got := s.ask("GET", "/builds/"+buildID+"/logs/stream", "", "Last-Event-ID: "+id); got.status != 400 {
			t.Errorf("Last-Event-ID %s: %d", id, got.status)
		}
	}
}

// Readers that come and go while the log grows see every sequence once.
func TestStreamHasNoGapAndNoRepeat(t *testing.T) {
	const lines, readers = 3000, 12
	f := running()
	f.PageLimit = 70
	s := serve(t, f)
	var wg sync.WaitGroup
	for reader := range readers {
		wg.Go(func() {
			expected := 0
			for done := false; !done; {
				r := s.open("", fmt.Sprint("Last-Event-ID: ", expected-1))
				for until := expected + 97*(reader+1); expected < until; {
					m, err := r.next()
					if err != nil {
						t.Error(err)
						return
					}
					if m.event == "done" {
						done = true
						break
					}
					if m.event != "log" {
						continue
					}
					if m.id != fmt.Sprint(expected) {
						t.Errorf("reader %d got %s, want %d", reader, m.id, expected)
						return
					}
					expected++
				}
				r.cancel()
				r.body.Close()
			}
			if expected != lines {
				t.Errorf("reader %d got %d lines", reader, expected)
			}
		})
	}
	for i := range lines / 10 {
		batch := make([]string, 10)
		for j := range batch {
			batch[j] = fmt.Sprint(i, j)
		}
		f.Append(batch...)
	}
	f.End(core.BuildSucceeded)
	wg.Wait()
}

func TestStreamHasAHeartbeat(t *testing.T) {
	s := serve(t, running(), func(a *API) { a.timing.heartbeat = 10 * time.Millisecond })
	r := s.open("")
	r.expect("status")
	for range 3 {
		if m, err := r.next(); err != nil || m.comment == "" {
			t.Fatalf("got %v %v, want a comment", m, err)
		}
	}
}

func TestStreamFindsWhatNoRingTold(t *testing.T) {
	f := running()
	s := serve(t, f, func(a *API) { a.timing.reread = 10 * time.Millisecond })
	r := s.open("")
	r.expect("status")
	f.AppendUnheard("from another replica")
	if m := r.expect("log"); m.id != "0" {
		t.Errorf("got %v", m)
	}
}

func TestStreamEndsWhenTheServerStops(t *testing.T) {
	s := serve(t, running())
	r := s.open("")
	r.expect("status")
	close(s.stop)
	r.expect("reconnect")
	r.expectEnd()
}

// Who was far behind held the stop: only who waited was told of it.
func TestStreamOfAReaderFarBehindEndsWhenTheServerStops(t *testing.T) {
	f := running()
	for range 20_000 {
		f.Append(strings.Repeat("x", 100))
	}
	s := serve(t, f)
	close(s.stop)
	r := s.open("")
	r.expect("reconnect")
	r.expectEnd()
}

func TestStreamAnswersErrors(t *testing.T) {
	f := running()
	s := serve(t, f)
	r := s.open("")
	r.expect("status")
	f.Fail(core.Errorf(core.KindNotFound, "Build not found"))
	r.expectEnd()
	got := s.ask("GET", "/builds/"+buildID+"/logs/stream", "")
	if got.status != 400 || !strings.Contains(string(got.body), "not_found") {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestHeadOfAStreamEnds(t *testing.T) {
	s := serve(t, running())
	if got := s.ask("HEAD", "/builds/"+buildID+"/logs/stream", ""); got.status != 200 || got.header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
		t.Errorf("%d %v", got.status, got.header)
	}
}

// The reader's session or token is looked at when something has happened to it, at its end
// and now and then; a stream whose reader is gone ends.
func TestStreamsEndWithTheirReadersRight(t *testing.T) {
	gone := core.Errorf(core.KindUnauthorized, "This token or session is unknown or has expired")
	quick := func(a *API) {
		a.timing = timing{heartbeat: time.Second, reread: 20 * time.Millisecond, recheck: time.Hour, patience: patience}
	}
	t.Run("revoked", func(t *testing.T) {
		f := running()
		f.Append("0")
		r := serve(t, f, quick).open("")
		r.expect("log")
		f.Append("1")
		r.expect("log")
		f.Revoke(nil) // something changed, and it may read still
		f.Append("2")
		r.expect("log")
		f.Revoke(gone)
		r.expectEnd()
	})
	t.Run("revoked before it began", func(t *testing.T) {
		f := running()
		f.Revoke(gone)
		r := serve(t, f, quick).open("")
		r.expectEnd()
	})
	t.Run("unheard", func(t *testing.T) {
		f := running()
		r := serve(t, f, quick, func(a *API) { a.timing.recheck = 100 * time.Millisecond }).open("")
		r.expect("status")
		f.RevokeUnheard(gone)
		r.expectEnd()
	})
	t.Run("expired", func(t *testing.T) {
		f := running()
		var now atomic.Int64
		s := serve(t, f, quick, func(a *API) { a.now = func() time.Time { return at(now.Load()) } })
		f.Until(at(60))
		r := s.open("")
		f.Append("0")
		r.expect("log")
		now.Store(60)
		r.expectEnd()
	})
	t.Run("the text of a log", func(t *testing.T) {
		f := running()
		f.PageLimit = 1
		f.Append("0", "1", "2")
		f.Revoke(gone)
		req, err := http.NewRequest(http.MethodGet, serve(t, f, quick).url+"/builds/"+buildID+"/logs", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", "text/plain")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if text, err := io.ReadAll(resp.Body); string(text) != "0\n" || err == nil { // cut off, and seen to be
			t.Errorf("%q, %v", text, err)
		}
	})
}

// A reader that takes nothing is let go; one that reads stays.
func TestStalledReadersAreGone(t *testing.T) {
	f, meter := running(), &sums{}
	s := serve(t, f, func(a *API) {
		a.timing = timing{heartbeat: 20 * time.Millisecond, reread: 20 * time.Millisecond, patience: 6 * time.Second}
		a.sent = sse.NewStreams(meter)
	})
	const stalled = 10
	for range stalled {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "GET /builds/%s/logs/stream HTTP/1.1\r\nHost: x\r\n\r\n", buildID)
	}
	reader := s.open("")
	reader.expect("status")
	eventually(t, "all connected", func() bool { return s.http.Server().GetOpenConnectionsCount() == stalled+1 })
	cut := make(chan error, 1)
	go func() {
		for {
			if _, err := reader.next(); err != nil {
				cut <- err
				return
			}
		}
	}()
	line := strings.Repeat("x", 16<<10)
	for range 160 { // 25 MiB, beyond what the sockets of a stalled reader hold
		f.Append(line, line, line, line, line, line, line, line, line, line)
	}
	eventually(t, "the stalled gone", func() bool { return s.http.Server().GetOpenConnectionsCount() <= 1 })
	eventually(t, "the stalled counted", func() bool { return meter.of(core.MetricStreamsDropped+" stall") == stalled })
	select {
	case err := <-cut:
		t.Error("the other reader was cut: ", err)
	default:
	}
}

// sums is a meter that adds up.
type sums struct{ all sync.Map }

// Note is core.Meter's.
func (s *sums) Note(metric string, value float64, labels ...string) {
	sum, _ := s.all.LoadOrStore(strings.Join(append([]string{metric}, labels...), " "), new(atomic.Int64))
	sum.(*atomic.Int64).Add(int64(value))
}

func (s *sums) of(name string) int64 {
	sum, _ := s.all.LoadOrStore(name, new(atomic.Int64))
	return sum.(*atomic.Int64).Load()
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never: ", what)
		}
	}
}

func TestStatusNeverGoesBack(t *testing.T) {
	s := &logStream{api: New(Options{})}
	newer := core.Build{Status: core.BuildSucceeded, UpdatedAt: at(2)}
	for _, b := range []core.Build{newer, {Status: core.BuildRunning, UpdatedAt: at(1)}, newer} {
		s.page.Build = b
		s.sendStatus()
	}
	if len(s.queue) != 1 {
		t.Errorf("got %q", s.queue)
	}
}
