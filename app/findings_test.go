package app_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
)

func TestWhatARunnerFoundReachesTheBuildTheStatusAndTheComment(t *testing.T) {
	h := newHouse(t)
	p := h.project(t)
	h.pipeline(t, p.ID, "Android")
	repo := h.repository(t)
	repo.WebURL = "https://github.com/acme/shop"
	if _, err := h.store.SaveRepository(t.Context(), repo); err != nil {
		t.Fatal(err)
	}
	h.deliver(t, pullRequest(5, "feature", shaB))
	job := h.running(t)
	missing := core.Annotation{Path: "lib/main.dart", Line: 12, Column: 41, Level: core.LevelError, Title: "Dart", Message: "Expected ';' after this."}
	result := core.Result{
		Status: core.BuildFailed, Reason: core.ReasonCommandFailed, Message: "build-2 failed: exit 1",
		Problems: slices.Repeat([]core.Annotation{missing}, core.MaxFindings+1),
		Tests:    &core.TestSummary{Passed: 12, Failed: 1, Failures: []core.TestFailure{{Name: strings.Repeat("x", 500), Path: "../outside"}}},
	}
	if err := h.Finish(t.Context(), job.Lease, result); err != nil {
		t.Fatal(err)
	}
	b := h.find(t, job.Build.ID)
	if len(b.Problems) != core.MaxFindings || b.Problems[0] != missing || b.Tests.String() != "12 passed, 1 failed" || b.Tests.Failures[0].Path != "" {
		t.Errorf("stored %d problems, tests %+v", len(b.Problems), b.Tests)
	}
	h.work(t, func() bool { return h.settled(t, b)() && len(h.forge.said()) > 0 })

	h.forge.mu.Lock()
	status, comment := h.forge.statuses[len(h.forge.statuses)-1], h.forge.comments[len(h.forge.comments)-1]
	h.forge.mu.Unlock()
	if !strings.HasPrefix(status.Description, "build-2 failed: exit 1 · ") || !strings.HasSuffix(status.Description, " · lib/main.dart:12: Expected ';' after this.") {
		t.Errorf("the status says %q", status.Description)
	}
	if len(comment.Reports) != 1 {
		t.Fatalf("the comment has %d reports", len(comment.Reports))
	}
	for what, r := range map[string]core.Report{"status": status, "comment": comment.Reports[0]} {
		if r.FirstError == nil || *r.FirstError != missing || r.FirstErrorURL != "https://github.com/acme/shop/blob/"+shaB+"/lib/main.dart#L12" {
			t.Errorf("the %s leads to %+v at %q", what, r.FirstError, r.FirstErrorURL)
		}
		if len(r.Annotations) != core.MaxFindings+1 || r.Build.Tests.String() != "12 passed, 1 failed" {
			t.Errorf("the %s has %d annotations, tests %v", what, len(r.Annotations), r.Build.Tests)
		}
	}
	h.clock.forward(time.Minute)
	again, err := h.RerunBuild(t.Context(), h.owner, b.ID)
	if err != nil || again.Problems != nil || again.Tests != nil {
		t.Errorf("run again: %+v, %v", again, err)
	}
}

// said are the comments that are complete: those of a build that has ended.
func (f *fakeForge) said() []core.Comment {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.comments), func(c core.Comment) bool { return c.State() != core.ReportFailure })
}
