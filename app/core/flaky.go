package core

import (
	"cmp"
	"slices"
)

// FlakyTest is a test that failed and passed on one and the same commit.
type FlakyTest struct {
	Suite  string
	Name   string
	Failed int    // builds of those commits in which it failed
	Passed int    // builds of those commits in which it passed
	Last   string // id of the newest build in which it failed
}

// commitTests are what the builds of one pipeline and commit say of tests.
type commitTests struct {
	builds int            // whose failures are all known
	failed map[string]int // by suite and name
	last   map[string]string
	names  map[string]TestFailure
}

// FlakyTests finds them in builds whose tests are known, the newest first. A build that
// had more failures than are kept says of no test that it passed. The worst come first.
func FlakyTests(builds []Build) []FlakyTest {
	commits := map[string]*commitTests{}
	var order []*commitTests
	for _, b := range builds {
		if b.Tests == nil || b.SHA == "" || b.Tests.Total() == 0 {
			continue
		}
		key := b.PipelineID + ":" + b.SHA
		c := commits[key]
		if c == nil {
			c = &commitTests{failed: map[string]int{}, last: map[string]string{}, names: map[string]TestFailure{}}
			commits[key] = c
			order = append(order, c)
		}
		c.add(b)
	}
	found := map[string]*FlakyTest{}
	var all []*FlakyTest
	for _, c := range order {
		for name, failed := range c.failed {
			if failed >= c.builds {
				continue
			}
			f := found[name]
			if f == nil {
				f = &FlakyTest{Suite: c.names[name].Suite, Name: c.names[name].Name, Last: c.last[name]}
				found[name] = f
				all = append(all, f)
			}
			f.Failed, f.Passed = f.Failed+failed, f.Passed+c.builds-failed
		}
	}
	out := make([]FlakyTest, len(all))
	for i, f := range all {
		out[i] = *f
	}
	slices.SortFunc(out, func(a, b FlakyTest) int {
		return cmp.Or(cmp.Compare(b.Failed, a.Failed), cmp.Compare(a.Suite, b.Suite), cmp.Compare(a.Name, b.Name))
	})
	return out
}

func (c *commitTests) add(b Build) {
	if len(b.Tests.Failures) < b.Tests.Failed {
		return
	}
	c.builds++
	seen := map[string]bool{}
	for _, f := range b.Tests.Failures {
		key := f.Suite + "\n" + f.Name
		if seen[key] { // a suite may run a test of one name several times
			continue
		}
		seen[key] = true
		c.failed[key]++
		c.names[key] = f
		if c.last[key] == "" {
			c.last[key] = b.ID
		}
	}
}
