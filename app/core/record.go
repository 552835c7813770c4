package core

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

// Record is what a runner tells of a build beside its log and its steps. What is nil
// leaves what is known.
type Record struct {
	Ran   *Ran       `json:"ran,omitempty"`
	Tests []TestCase `json:"tests,omitempty"`
}

// Ran is what a runner was about to do for a build. Of the environment and of secrets it
// has no values.
type Ran struct {
	Source    string        `json:"source,omitempty"` // path of the commit's file; empty: the pipeline's own configuration
	Flutter   string        `json:"flutter,omitempty"`
	Env       []string      `json:"env,omitempty"` // names
	Secrets   int           `json:"secrets,omitempty"`
	Cache     []RanCache    `json:"cache,omitempty"`
	Artifacts []string      `json:"artifacts,omitempty"`
	JUnit     []string      `json:"junit,omitempty"`
	Timeout   time.Duration `json:"timeout_ns,omitempty"`
}

// RanCache is a rule of a cache, its key as it was written.
type RanCache struct {
	Key   string   `json:"key"`
	Paths []string `json:"paths"`
}

// TestStatus is what a test came to.
type TestStatus string

// What tests come to.
const (
	TestFailed  TestStatus = "failed"
	TestPassed  TestStatus = "passed"
	TestSkipped TestStatus = "skipped"
)

// TestStatuses lists them, the worst first.
func TestStatuses() []TestStatus { return []TestStatus{TestFailed, TestPassed, TestSkipped} }

// MaxTestCases is how many single tests of a build are kept; beyond it those that failed
// push others out.
const MaxTestCases = 10_000

// TestCase is one test that a build has run.
type TestCase struct {
	Suite    string        `json:"suite,omitempty"`
	Name     string        `json:"name"`
	Status   TestStatus    `json:"status"`
	Duration time.Duration `json:"duration_ns,omitempty"` // 0: not known
}

// Bounded is the test within the limits of what is kept.
func (c TestCase) Bounded() TestCase {
	c.Suite, c.Name, c.Duration = boundedText(c.Suite, maxFindingTitle), boundedText(c.Name, maxFindingTitle), max(c.Duration, 0)
	if c.Status != TestFailed && c.Status != TestSkipped {
		c.Status = TestPassed
	}
	return c
}

const (
	maxRanNames = 500
	maxRanText  = 500
)

// Bounded is the record within the limits of what is kept.
func (r Record) Bounded() Record {
	tests := r.Tests[:min(len(r.Tests), MaxTestCases)]
	r.Tests = make([]TestCase, len(tests))
	for i, c := range tests {
		r.Tests[i] = c.Bounded()
	}
	if r.Ran == nil {
		return r
	}
	ran := *r.Ran
	ran.Source, ran.Flutter = boundedText(ran.Source, maxRanText), boundedText(ran.Flutter, maxRanText)
	ran.Env, ran.Artifacts, ran.JUnit = boundedTexts(ran.Env), boundedTexts(ran.Artifacts), boundedTexts(ran.JUnit)
	ran.Secrets, ran.Timeout = max(ran.Secrets, 0), max(ran.Timeout, 0)
	var rules []RanCache
	for _, rule := range ran.Cache[:min(len(ran.Cache), maxRanNames)] {
		rule.Key, rule.Paths = boundedText(rule.Key, maxRanText), boundedTexts(rule.Paths)
		rules = append(rules, rule)
	}
	ran.Cache = rules
	r.Ran = &ran
	return r
}

func boundedTexts(texts []string) []string {
	var out []string
	for _, text := range texts[:min(len(texts), maxRanNames)] {
		out = append(out, boundedText(text, maxRanText))
	}
	return out
}

// TestOrder is how a list of tests is sorted.
type TestOrder string

// The orders. The default is the worst first, and the slowest of those.
const (
	TestsWorst   TestOrder = ""
	TestsSlowest TestOrder = "slowest"
	TestsNamed   TestOrder = "name"
)

// TestFilter narrows and sorts the tests of a build; zero fields do not narrow.
type TestFilter struct {
	Status TestStatus
	Text   string // part of the name or the suite, whatever the case
	Order  TestOrder
}

// Of gives those that the filter lets through, sorted.
func (f TestFilter) Of(all []TestCase) []TestCase {
	text := strings.ToLower(f.Text)
	found := slices.DeleteFunc(slices.Clone(all), func(c TestCase) bool {
		return f.Status != "" && c.Status != f.Status || !strings.Contains(strings.ToLower(c.Suite+" "+c.Name), text)
	})
	order := TestStatuses()
	slices.SortStableFunc(found, func(a, b TestCase) int {
		worst, slow := cmp.Compare(slices.Index(order, a.Status), slices.Index(order, b.Status)), cmp.Compare(b.Duration, a.Duration)
		named := cmp.Or(cmp.Compare(a.Suite, b.Suite), cmp.Compare(a.Name, b.Name))
		switch f.Order {
		case TestsSlowest:
			return cmp.Or(slow, named)
		case TestsNamed:
			return named
		case TestsWorst:
		}
		return cmp.Or(worst, slow, named)
	})
	return found
}

// TestObject is where the single tests of a build lie in the BlobStore. The zero value
// says that none are kept.
type TestObject struct {
	SHA256 string
	Size   int64 // bytes, compressed
	Count  int
}

// RecordStore keeps what runners record of builds. A build that is not there is
// KindNotFound where something is saved.
type RecordStore interface {
	SaveRan(ctx context.Context, buildID string, r Ran) error
	SaveTests(ctx context.Context, buildID string, o TestObject) error
	SaveLogTally(ctx context.Context, buildID string, t LogTally) error
	// FindRecord gives what was saved last; of a build of which nothing was, nil and zero.
	FindRecord(ctx context.Context, buildID string) (*Ran, TestObject, error)
}
