package runner

import (
	"bytes"
	"encoding/json"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

const (
	maxEventLine  = 1 << 20 // longer ones are passed over
	maxLiveTests  = 10_000  // that have started and not ended
	maxTestSuites = 10_000
)

// testEvents reads what `flutter test --machine` prints: Dart's JSON reporter, an
// object a line. One goroutine owns it.
type testEvents struct {
	found  *findings
	from   place
	line   []byte // of which the end has not come
	skips  bool   // the line is too long
	suites map[int]string
	live   map[int]*liveTest
	sum    tally
	newest time.Duration // the time of the newest event
}

type liveTest struct {
	suite, name string
	path        string // of the source that Line is of
	line        int
	message     string
	trace       string
	began       int64 // as testEvent.Time
}

// testEvent is the union of the events that matter.
type testEvent struct {
	Type  string `json:"type"`
	Time  int64  `json:"time"` // milliseconds since the start
	Suite struct {
		ID   int    `json:"id"`
		Path string `json:"path"`
	} `json:"suite"`
	Test struct {
		ID       int    `json:"id"`
		SuiteID  int    `json:"suiteID"`
		Name     string `json:"name"`
		Line     int    `json:"line"`
		URL      string `json:"url"`
		RootLine int    `json:"root_line"`
		RootURL  string `json:"root_url"`
	} `json:"test"`
	TestID     int    `json:"testID"`
	Error      string `json:"error"`
	StackTrace string `json:"stackTrace"`
	Result     string `json:"result"`
	Skipped    bool   `json:"skipped"`
	Hidden     bool   `json:"hidden"`
}

func newTestEvents(f *findings, from place) *testEvents {
	return &testEvents{found: f, from: from, suites: map[int]string{}, live: map[int]*liveTest{}}
}

// see takes a record of the output; partial: its line goes on.
func (t *testEvents) see(content []byte, partial bool) {
	if t.skips || len(t.line)+len(content) > maxEventLine {
		t.line, t.skips = nil, partial
		return
	}
	if len(t.line) == 0 && !partial {
		t.event(content)
		return
	}
	t.line = append(t.line, content...)
	if !partial {
		t.event(t.line)
		t.line = nil
	}
}

func (t *testEvents) event(line []byte) {
	var e testEvent
	if !bytes.HasPrefix(line, []byte("{")) || json.Unmarshal(line, &e) != nil {
		return
	}
	t.newest = max(t.newest, time.Duration(e.Time)*time.Millisecond)
	switch e.Type {
	case "start": // several runs of one command count each
		t.sum.Duration += t.newest
		t.newest = 0
		clear(t.suites)
		clear(t.live)
	case "suite":
		if len(t.suites) < maxTestSuites {
			t.suites[e.Suite.ID] = e.Suite.Path
		}
	case "testStart":
		t.start(e)
	case "error":
		if test := t.live[e.TestID]; test != nil && test.message == "" {
			test.message, test.trace = clipped(e.Error), clipped(e.StackTrace)
		}
	case "testDone":
		t.end(e)
	}
}

func (t *testEvents) start(e testEvent) {
	if len(t.live) >= maxLiveTests {
		return
	}
	test := &liveTest{suite: t.suites[e.Test.SuiteID], name: clipped(e.Test.Name), path: e.Test.URL, line: e.Test.Line, began: e.Time}
	if e.Test.RootURL != "" { // the test's own call lies in a package, as testWidgets does
		test.path, test.line = e.Test.RootURL, e.Test.RootLine
	}
	t.live[e.Test.ID] = test
}

func (t *testEvents) end(e testEvent) {
	test := t.live[e.TestID]
	delete(t.live, e.TestID)
	if test == nil || e.Hidden {
		return
	}
	one := core.TestCase{Suite: t.found.tidy(test.suite), Name: t.found.tidy(test.name), Status: core.TestFailed, Duration: time.Duration(e.Time-test.began) * time.Millisecond}
	switch {
	case e.Skipped:
		one.Status = core.TestSkipped
	case e.Result == "success":
		one.Status = core.TestPassed
	case len(t.sum.Failures) < core.MaxFindings:
		t.sum.Failures = append(t.sum.Failures, t.failure(test))
	}
	t.sum.count(one)
}

func (t *testEvents) failure(test *liveTest) core.TestFailure {
	f := core.TestFailure{
		Suite: t.found.tidy(test.suite), Name: t.found.tidy(test.name), Message: strings.TrimSpace(t.found.tidy(test.message)),
	}
	if f.Path, _ = t.found.locate(t.from, test.suite); f.Path == "" {
		return f
	}
	if u, err := url.Parse(test.path); err == nil && u.Path == test.suite {
		f.Line = test.line
	}
	for _, frame := range dartFrame.FindAllStringSubmatch(test.trace, -1) {
		if path, _ := t.found.locate(t.from, frame[1]); path == f.Path {
			f.Line, _ = strconv.Atoi(frame[2]) // where it failed, rather than where it begins
			break
		}
	}
	return f
}

// dartFrame is a line of a stack trace in a file of the package itself.
var dartFrame = regexp.MustCompile(`(?m)^\s*((?:file://)?[^\s:]+\.dart) (\d+):\d+\s`)

func (t *testEvents) summary() tally {
	t.sum.Duration += t.newest
	t.newest = 0
	return t.sum
}

// clipped keeps the beginning of a text of any length.
func clipped(text string) string {
	return strings.Clone(text[:whole([]byte(text[:min(len(text), maxMatched)]))])
}
