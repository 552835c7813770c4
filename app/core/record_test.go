package core

import (
	"strings"
	"testing"
	"time"
)

func TestTestsAreSortedAndFiltered(t *testing.T) {
	all := []TestCase{
		{Suite: "b", Name: "fast", Status: TestPassed, Duration: time.Millisecond},
		{Suite: "a", Name: "slow", Status: TestPassed, Duration: time.Second},
		{Suite: "b", Name: "left out", Status: TestSkipped},
		{Suite: "b", Name: "Broken", Status: TestFailed, Duration: 2 * time.Millisecond},
		{Suite: "a", Name: "broken too", Status: TestFailed, Duration: 3 * time.Millisecond},
	}
	for _, test := range []struct {
		filter TestFilter
		want   string
	}{
		{TestFilter{}, "broken too, Broken, slow, fast, left out"},
		{TestFilter{Order: TestsSlowest}, "slow, broken too, Broken, fast, left out"},
		{TestFilter{Order: TestsNamed}, "broken too, slow, Broken, fast, left out"},
		{TestFilter{Status: TestPassed}, "slow, fast"},
		{TestFilter{Text: "BROKEN"}, "broken too, Broken"},
		{TestFilter{Text: "a b"}, "broken too"},
		{TestFilter{Text: "none"}, ""},
	} {
		var names []string
		for _, c := range test.filter.Of(all) {
			names = append(names, c.Name)
		}
		if got := strings.Join(names, ", "); got != test.want {
			t.Errorf("%+v: %s, want %s", test.filter, got, test.want)
		}
	}
}

func TestARecordIsBounded(t *testing.T) {
	long := strings.Repeat("x", 1000)
	many := make([]string, 1000)
	r := Record{
		Ran:   &Ran{Source: long, Env: many, Cache: []RanCache{{Key: long, Paths: many}}, Secrets: -1, Timeout: -1},
		Tests: make([]TestCase, MaxTestCases+1),
	}
	r.Tests[0] = TestCase{Suite: long, Name: "a\x00b", Status: "fine", Duration: -5}
	r = r.Bounded()
	if c := r.Tests[0]; len(r.Tests) != MaxTestCases || len(c.Suite) > 250 || strings.Contains(c.Name, "\x00") || c.Status != TestPassed || c.Duration != 0 {
		t.Errorf("%d tests, the first %+v", len(r.Tests), r.Tests[0])
	}
	if ran := r.Ran; len(ran.Source) > 510 || len(ran.Env) != 500 || len(ran.Cache[0].Key) > 510 || len(ran.Cache[0].Paths) != 500 || ran.Secrets != 0 || ran.Timeout != 0 {
		t.Errorf("%+v", ran)
	}
}

func TestTheConfigurationThatRanHasNoValues(t *testing.T) {
	b := Build{Labels: []string{"macos"}, Timeout: time.Minute}
	steps := []Step{{Name: "checkout"}, {Name: "build-1", Command: "make"}}
	ran := &Ran{
		Source: ".oore.yaml", Env: []string{"API_URL"}, Secrets: 1, Artifacts: []string{"*.apk"}, JUnit: []string{"r.xml"},
		Cache: []RanCache{{Key: "pub", Paths: []string{".dart_tool"}}}, Timeout: time.Hour, Flutter: "3.35.1",
	}
	text, err := RanConfig(b, steps, ran)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text, "API_URL") {
		t.Errorf("it has names of variables without their values, which is no configuration:\n%s", text)
	}
	w, err := ParseWorkflow([]byte(text))
	if err != nil || w.FlutterVersion != "3.35.1" || w.Timeout != time.Hour || len(w.Cache) != 1 || len(w.ArtifactPatterns) != 1 || len(w.JUnitPatterns) != 1 || w.Commands.Build[0].Run != "make" {
		t.Errorf("it is read as %+v (%v):\n%s", w, err, text)
	}
	if text, err = RanConfig(b, steps, nil); err != nil || !strings.Contains(text, "timeout: 1m0s") || strings.Contains(text, "artifacts") {
		t.Errorf("of an older build: %s, %v", text, err)
	}
}
