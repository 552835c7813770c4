package api

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func TestLogsAsJSON(t *testing.T) {
	f := running()
	oddRecords(f)
	s := serve(t, f)
	got := s.ask("GET", "/builds/"+buildID+"/logs", "")
	golden(t, "logs", append(got.body, '\n'))
	if !json.Valid(got.body) || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("%s %s", got.header, got.body)
	}
	for query, want := range map[string]string{
		"?after_sequence=5":         `{"logs":[{"sequence":6,"content":"","stream":"stdout","step":"build-1","time":1763800000.123}],"total":7}`,
		"?after_sequence=6":         `{"logs":[],"total":7}`,
		"?after_sequence=4&limit=1": `{"logs":[{"sequence":5,"content":"Passed","stream":"system","step":"","time":1763800000.123}],"total":7}`,
	} {
		if got := s.ask("GET", "/builds/"+buildID+"/logs"+query, ""); string(got.body) != want {
			t.Errorf("%s: %s", query, got.body)
		}
	}
	for _, query := range []string{"?after_sequence=-2", "?after_sequence=x", "?limit=0", "?limit=5001", "?limit=x"} {
		if got := s.ask("GET", "/builds/"+buildID+"/logs"+query, ""); got.status != 400 || !strings.Contains(string(got.body), "invalid_input") {
			t.Errorf("%s: %d %s", query, got.status, got.body)
		}
	}
}

func TestLogsAsText(t *testing.T) {
	f := running()
	oddRecords(f)
	f.PageLimit = 2 // the text comes in many reads
	s := serve(t, f)
	whole := "Running Gradle task 'assembleRelease'…\ntab\tquote\" slash\\ bell\a return\r esc\x1b[31m\nnot UTF-8: \xff\xc3(\n" +
		"<script>&\u2028\x00\x7f\nno line feedPassed\n\n"
	for query, want := range map[string]string{
		"":                  whole,
		"?system=true":      whole,
		"?system=false":     strings.Replace(whole, "Passed\n", "", 1),
		"?after_sequence=3": "no line feedPassed\n\n",
		"?after_sequence=6": "",
	} {
		got := s.ask("GET", "/builds/"+buildID+"/logs"+query, "", "Accept: text/plain")
		if string(got.body) != want {
			t.Errorf("%s: got %q, want %q", query, got.body, want)
		}
		if got.header.Get("Content-Type") != "text/plain; charset=utf-8" || got.header.Get("Vary") != "Accept" {
			t.Errorf("%s: %v", query, got.header)
		}
	}
	if got := s.ask("GET", "/builds/"+buildID+"/logs?system=maybe", "", "Accept: text/plain"); got.status != 400 {
		t.Errorf("system=maybe: %d", got.status)
	}
	for accept, want := range map[string]string{
		"*/*": "application/json", "application/json": "application/json", "text/plain;q=0.5, application/json": "application/json",
		"application/json;q=0.5, text/plain": "text/plain; charset=utf-8", "text/html": "application/json",
	} {
		if got := s.ask("GET", "/builds/"+buildID+"/logs", "", "Accept: "+accept); got.header.Get("Content-Type") != want {
			t.Errorf("Accept %s: %s", accept, got.header.Get("Content-Type"))
		}
	}
}

func TestLogsAreSearched(t *testing.T) {
	f := running()
	f.Append("Needle")
	s := serve(t, f)
	const found = `{"logs":[{"sequence":0,"content":"Needle","stream":"stdout","step":"build-1","time":1763800000.123}],"total":70}`
	for query, want := range map[string]app.LogSearch{
		"?q=needle": {Text: "needle", After: -1, Limit: 1000},
		"?q=a%20%C3%BC%26&after_sequence=7&limit=5000&case=true": {Text: "a ü&", Case: true, After: 7, Limit: 5000},
	} {
		got := s.ask("GET", "/builds/"+buildID+"/logs/search"+query, "")
		call := f.Last()
		if string(got.body) != found || got.header.Get("Content-Type") != "application/json" || call.Command != "SearchLog" || call.ID != buildID || call.In != want {
			t.Errorf("%s: %s, asked for %+v", query, got.body, call)
		}
	}
	for _, query := range []string{"?q=%ff", "?q=x&after_sequence=-2", "?q=x&limit=0", "?q=x&limit=5001", "?q=x&case=yes"} {
		if got := s.ask("GET", "/builds/"+buildID+"/logs/search"+query, ""); got.status != 400 {
			t.Errorf("%s: %d %s", query, got.status, got.body)
		}
	}
	f.Fail(core.Errorf(core.KindUnavailable, "log object missing: x"))
	if got := s.ask("GET", "/builds/"+buildID+"/logs/search?q=x", ""); !strings.Contains(string(got.body), "log object missing") {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestLongTextIsWhole(t *testing.T) {
	f := running()
	var want strings.Builder
	for range 300 {
		line := strings.Repeat("0123456789abcdef", 1000)
		f.Append(line)
		want.WriteString(line + "\n")
	}
	f.PageLimit = 50
	s := serve(t, f)
	if got := s.ask("GET", "/builds/"+buildID+"/logs", "", "Accept: text/plain"); string(got.body) != want.String() {
		t.Errorf("got %d bytes, want %d", len(got.body), want.Len())
	}
}

func TestReadersShareTheEncodingOfALine(t *testing.T) {
	c := newEventCache()
	records := []core.LogRecord{{Sequence: 0, Content: []byte("a"), Time: at(0)}, {Sequence: 1, Content: []byte("b"), Time: at(0)}}
	first, second := c.encode("x", records), c.encode("x", records)
	if &first[0] != &second[0] {
		t.Error("the second reader's events were made anew")
	}
	if got := c.encode("x", records[:1]); bytes.Equal(got, first) {
		t.Error("a shorter page got a longer one's events")
	}
	if got := c.encode("y", []core.LogRecord{{Sequence: 0, Content: []byte("other")}, {Sequence: 1}}); bytes.Equal(got, first) {
		t.Error("another build got this build's events")
	}
	for i := range int64(3 * cachedPages) {
		c.encode("z", []core.LogRecord{{Sequence: i}})
	}
	if len(c.pages) != cachedPages {
		t.Errorf("%d pages are kept", len(c.pages))
	}
	before := len(c.pages)
	c.encode("long", []core.LogRecord{{Content: make([]byte, 2*cachedPageBytes)}})
	if len(c.pages) != before || c.pages[before-1].buildID == "long" {
		t.Error("a page beyond the bound is kept")
	}
}

func FuzzRecord(f *testing.F) {
	for _, seed := range []string{"", "plain", "\xff", "\xc3(", "é", "\"\\\n\r\t\b\x00\x1f\x7f", "\u2028\ufffd", "\xed\xa0\x80", "\xf0\x9f\x98"} {
		f.Add([]byte(seed), int64(7), int64(1763800000123), true)
	}
	f.Fuzz(func(t *testing.T, content []byte, sequence, millis int64, partial bool) {
		millis %= 1 << 42 // within what a float holds to the millisecond
		r := core.LogRecord{Sequence: sequence, Content: content, Stream: core.StreamStderr, Step: string(content), Time: time.UnixMilli(millis), Partial: partial}
		data := appendRecord(nil, &r)
		if !utf8.Valid(data) || bytes.ContainsAny(data, "\r\n") {
			t.Fatalf("%q does not fit in one line of an event", data)
		}
		var got struct {
			Sequence int64
			Content  string
			Stream   string
			Step     string
			Time     float64
			Partial  bool
		}
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		reference, err := json.Marshal(string(content))
		if err != nil {
			t.Fatal(err)
		}
		var want string
		if err := json.Unmarshal(reference, &want); err != nil {
			t.Fatal(err)
		}
		if got.Content != want || got.Step != want || got.Sequence != sequence || got.Stream != "stderr" || got.Partial != partial ||
			got.Time != float64(millis)/1000 {
			t.Errorf("got %+v from %q, want content %q", got, data, want)
		}
	})
}
