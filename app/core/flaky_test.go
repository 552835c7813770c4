package core

import (
	"reflect"
	"testing"
)

func TestATestIsFlakyThatFailedAndPassedOnOneCommit(t *testing.T) {
	build := func(id, pipeline, sha string, failed ...string) Build {
		s := &TestSummary{Passed: 3, Failed: len(failed)}
		for _, name := range failed {
			s.Failures = append(s.Failures, TestFailure{Suite: "cart", Name: name})
		}
		return Build{ID: id, PipelineID: pipeline, SHA: sha, Tests: s}
	}
	cut := build("cut", "p", "s2")
	cut.Tests.Failed = 60
	builds := []Build{
		build("9", "p", "s1", "adds"), build("8", "p", "s1"), build("7", "p", "s1", "adds", "adds", "drops"),
		build("6", "p", "s2", "always"), cut,
		{ID: "none", PipelineID: "p", SHA: "s2"}, // nothing is known of the last two
		build("5", "q", "s2"),                    // of another pipeline
		build("4", "p", "s3", "adds"), build("3", "p", "s3"),
	}
	want := []FlakyTest{{"cart", "adds", 3, 2, "9"}, {"cart", "drops", 1, 2, "7"}}
	if got := FlakyTests(builds); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := FlakyTests(nil); len(got) != 0 {
		t.Errorf("of nothing: %+v", got)
	}
}
