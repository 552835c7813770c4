package templates

import (
	"fmt"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// BuildTab is one of the pages of a build.
type BuildTab string

// The tabs, by the last part of their address.
const (
	TabLog       BuildTab = ""
	TabArtifacts BuildTab = "artifacts"
	TabTests     BuildTab = "tests"
	TabTimeline  BuildTab = "timeline"
	TabConfig    BuildTab = "config"
)

// BuildTabs are those beside the log.
func BuildTabs() []BuildTab { return []BuildTab{TabArtifacts, TabTests, TabTimeline, TabConfig} }

// Title is what the tab adds to the title of the build's page.
func (t BuildTab) Title() string {
	if t == TabLog {
		return ""
	}
	return ", " + t.word()
}

func (t BuildTab) word() string {
	return map[BuildTab]string{TabLog: "log", TabArtifacts: "artifacts", TabTests: "tests", TabTimeline: "timeline", TabConfig: "configuration"}[t]
}

// TabLink is a tab as the page shows it.
type TabLink struct {
	Label, URL string
	Current    bool
}

// Tabs are the pages of the build, with how much there is on them.
func (v BuildView) Tabs() []TabLink {
	var links []TabLink
	for _, t := range append([]BuildTab{TabLog}, BuildTabs()...) {
		l := TabLink{Label: word(t.word()), URL: "/builds/" + v.Build.ID, Current: t == v.Tab}
		if t != TabLog {
			l.URL += "/" + string(t)
		}
		switch {
		case t == TabArtifacts:
			l.Label = fmt.Sprintf("%s (%d)", l.Label, len(v.Artifacts))
		case t == TabTests && v.Build.Tests != nil && v.Build.Tests.Failed > 0:
			l.Label = fmt.Sprintf("%s (%d failed)", l.Label, v.Build.Tests.Failed)
		case t == TabTests && v.Build.Tests != nil:
			l.Label = fmt.Sprintf("%s (%d)", l.Label, v.Build.Tests.Total())
		}
		links = append(links, l)
	}
	return links
}

// TestGroup is the failed tests of one file or suite.
type TestGroup struct {
	Name  string
	Tests []TestRow
}

// TestRow is a test that failed, with what became of it in the builds before.
type TestRow struct {
	core.TestFailure
	URL     string // its line at the forge; empty: not known
	History []TestMark
	Flaky   string // a sentence if it fails now and then on the same commit
}

// Where is the test's place in the repository.
func (t TestRow) Where() string { return core.Annotation{Path: t.Path, Line: t.Line}.Where() }

// TestMark is what became of a test in a build.
type TestMark struct {
	Build  core.Build
	Failed bool
}

// Word is its meaning.
func (m TestMark) Word() string {
	if m.Failed {
		return "failed"
	}
	return "did not fail"
}

// State is the shape that shows it.
func (m TestMark) State() string {
	if m.Failed {
		return "failed"
	}
	return "succeeded"
}

// FailedTests are the failed tests by their file.
func (v BuildView) FailedTests() []TestGroup {
	var groups []TestGroup
	at := map[string]int{}
	for _, f := range v.Build.Tests.Failures {
		name := f.Path
		if name == "" {
			name = f.Suite
		}
		i, seen := at[name]
		if !seen {
			i = len(groups)
			at[name] = i
			groups = append(groups, TestGroup{Name: name})
		}
		row := TestRow{TestFailure: f, URL: v.Project.Repository.FileURL(v.Build.SHA, f.Path, f.Line), History: v.marks(f)}
		row.Flaky = flaky(row.History)
		groups[i].Tests = append(groups[i].Tests, row)
	}
	return groups
}

// marks are what became of a test in the last builds, the oldest first. A build of which
// not all failures are kept says nothing of the others.
func (v BuildView) marks(f core.TestFailure) []TestMark {
	var marks []TestMark
	for i := len(v.History) - 1; i >= 0; i-- {
		b := v.History[i]
		failed := false
		for _, other := range b.Tests.Failures {
			failed = failed || other.Suite == f.Suite && other.Name == f.Name
		}
		if failed || len(b.Tests.Failures) == b.Tests.Failed {
			marks = append(marks, TestMark{b, failed})
		}
	}
	return marks
}

const flakyWithin = 14 * 24 * time.Hour

// flaky says of a test that it failed and did not fail on the same commit.
func flaky(marks []TestMark) string {
	type count struct{ failed, not int }
	commits := map[string]count{}
	for _, m := range marks {
		if m.Build.SHA == "" || marks[len(marks)-1].Build.CreatedAt.Sub(m.Build.CreatedAt) > flakyWithin {
			continue
		}
		c := commits[m.Build.SHA]
		if m.Failed {
			c.failed++
		} else {
			c.not++
		}
		commits[m.Build.SHA] = c
	}
	for _, m := range marks {
		if c := commits[m.Build.SHA]; c.failed > 0 && c.not > 0 {
			return fmt.Sprintf("Flaky: on the same commit %s it failed in %d and not in %d of the builds of 14 days.", short(m.Build.SHA), c.failed, c.not)
		}
	}
	return ""
}

// Span is a stretch of a build's time, in thousandths of the whole.
type Span struct {
	Name    string
	State   string
	Start   time.Time
	Took    time.Duration
	X, W    int
	Running bool
	Usual   time.Duration // 0: not known
	Command string
}

// Timeline is where a build's time went: its waiting, what came before the first step,
// and its steps.
func (v BuildView) Timeline() []Span {
	b, end := v.Build, v.Now
	if b.FinishedAt != nil {
		end = *b.FinishedAt
	}
	for _, s := range v.Steps {
		if s.FinishedAt != nil && s.FinishedAt.After(end) {
			end = *s.FinishedAt
		}
	}
	begin, whole := b.QueuedAt, max(end.Sub(b.QueuedAt), time.Millisecond)
	add := func(spans []Span, s Span, until *time.Time) []Span {
		s.Running = until == nil && !b.Status.Terminal()
		if until == nil {
			until = &end
		}
		s.Took = max(until.Sub(s.Start), 0)
		s.X = int(1000 * max(s.Start.Sub(begin), 0) / whole)
		s.W = max(int(1000*s.Took/whole), 2)
		s.X = min(s.X, 1000-s.W)
		return append(spans, s)
	}
	spans := add(nil, Span{Name: "Waiting for a runner", State: "queued", Start: b.QueuedAt}, b.AssignedAt)
	if b.AssignedAt != nil {
		until := b.StartedAt
		if len(v.Steps) > 0 && (until == nil || v.Steps[0].StartedAt.Before(*until)) {
			until = &v.Steps[0].StartedAt
		}
		spans = add(spans, Span{Name: "Getting ready", State: "assigned", Start: *b.AssignedAt}, until)
	}
	for _, s := range v.Steps {
		if s.Status != core.StepSkipped {
			spans = add(spans, Span{Name: s.Name, State: string(s.Status), Start: s.StartedAt, Usual: v.Usual.Steps[s.Name], Command: s.Command}, s.FinishedAt)
		}
	}
	return spans
}

// ConfigFile is a file that may say what a build runs.
type ConfigFile struct{ Path, URL string }

// ConfigFiles are those of the build's commit, the best first.
func (v BuildView) ConfigFiles() []ConfigFile {
	var files []ConfigFile
	for _, path := range v.Pipeline.ConfigPaths() {
		files = append(files, v.ConfigFile(path))
	}
	return files
}

// ConfigFile is a file of the build's commit.
func (v BuildView) ConfigFile(path string) ConfigFile {
	return ConfigFile{path, v.Project.Repository.FileURL(v.Build.SHA, path, 0)}
}

// RanConfig is what ran.
func (v BuildView) RanConfig() (string, error) { return core.RanConfig(v.Build, v.Steps, v.Ran) }
