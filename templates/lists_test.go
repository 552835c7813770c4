package templates

import (
	"testing"

	"github.com/oore-ci/oore/app/core"
)

func TestACommitThatWasNotBuiltCanBeRun(t *testing.T) {
	none := core.DeliveryVerdict{PipelineID: "l1", ProjectID: "p1", Code: core.WhyBranch}
	built, off := none, none
	built.BuildID, off.Code = "b1", core.WhyPipelineOff
	for name, c := range map[string]struct {
		ref      string
		verdicts []core.DeliveryVerdict
		want     string
	}{
		"a branch that no pattern matches":  {"refs/heads/docs/typo", []core.DeliveryVerdict{built, none}, "/projects/p1/run?branch=docs%2Ftypo&commit_sha=abc&pipeline=l1"},
		"all that is on has built it":       {"refs/heads/main", []core.DeliveryVerdict{built, off}, ""},
		"nobody was asked":                  {"refs/heads/main", nil, ""},
		"a pull request may be of a fork":   {"refs/pull/7/head", []core.DeliveryVerdict{none}, ""},
		"a tag is no branch to be run from": {"refs/tags/v1", []core.DeliveryVerdict{none}, ""},
	} {
		v := DeliveryView{Delivery: core.Delivery{Ref: c.ref, SHA: "abc", Verdicts: c.verdicts}}
		if got := v.RunURL(); got != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestAListSaysWhatWentWrong(t *testing.T) {
	b := core.Build{Status: core.BuildFailed, StatusMessage: "build-2 failed: exit 1"}
	if got := (BuildRow{Build: b}).Trouble(); got != b.StatusMessage {
		t.Errorf("a failed build: %q", got)
	}
	b.Status = core.BuildSucceeded
	if got := (BuildRow{Build: b}).Trouble(); got != "" {
		t.Errorf("a succeeded one: %q", got)
	}
}
