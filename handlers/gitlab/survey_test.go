package gitlab_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/gitlab/gitlabtest"
)

func TestHeads(t *testing.T) {
	w := newWorld(t)
	w.git.Branch("release/1", w.base)
	w.git.Tag("v1", w.base, "")
	w.git.Tag("v2", w.head, "An annotated one")
	w.git.TagFile("license", "README.md")
	w.Open(w.project, gitlabtest.MergeRequest{Number: 3, Title: "Cart", Author: "mona", SourceBranch: "release/1", SHA: w.base, Draft: true})
	w.Open(w.project, gitlabtest.MergeRequest{Number: 4, SHA: w.head, Fork: true})
	w.Open(w.project, gitlabtest.MergeRequest{Number: 5, SHA: w.head, ForkGone: true})
	w.Open(w.project, gitlabtest.MergeRequest{Number: 6, SHA: w.head, State: "merged"})
	heads, err := w.room.Heads(t.Context(), w.repo())
	if err != nil {
		t.Fatal(err)
	}
	byRef := map[string]core.Event{}
	for _, e := range heads {
		wantSound(t, e, nil)
		byRef[e.Ref] = e
	}
	if len(heads) != 7 || len(byRef) != 7 {
		t.Fatalf("got %+v", heads)
	}
	main := byRef["refs/heads/main"]
	if main.Kind != core.EventPush || main.Branch != "main" || main.SHA != w.head || main.RepositoryID != fmt.Sprint(w.project.ID) || main.Message != "Second\n\nWith a body" || main.Author != "Tanuki" {
		t.Errorf("main: %+v", main)
	}
	mr := byRef["refs/merge-requests/3/head"]
	if mr.Kind != core.EventPullRequest || mr.Action != "opened" || mr.Branch != "release/1" || mr.TargetBranch != "main" || mr.SHA != w.base || !mr.Draft || mr.Opener != "mona" || !numeric.MatchString(mr.OpenerID) ||
		*mr.PullRequest != (core.PullRequest{Number: 3, Title: "Cart", URL: w.URL() + "/acme/mobile/shop/-/merge_requests/3"}) {
		t.Errorf("!3: %+v %+v", mr, mr.PullRequest)
	}
	for _, ref := range []string{"refs/merge-requests/4/head", "refs/merge-requests/5/head"} {
		if pull := byRef[ref].PullRequest; pull == nil || !pull.Fork {
			t.Errorf("%s: %+v", ref, pull)
		}
	}
	for tag, sha := range map[string]string{"v1": w.base, "v2": w.head} {
		e, told := byRef["refs/tags/"+tag], decode(t, "Tag Push Hook", w.TagPayload(w.project, tag))
		if e.Kind != core.EventTag || e.Tag != tag || e.Branch != "" || e.SHA != sha || e.Ref != told.Ref || e.SHA != told.SHA || e.Message != told.Message || e.Author != "Tanuki" {
			t.Errorf("%s: %+v, by webhook %+v", tag, e, told)
		}
	}
	// The refs are those of the webhooks, so that nothing is taken for new.
	e := decode(t, "Merge Request Hook", w.MergeRequestPayload(w.project, "open", gitlabtest.MergeRequest{Number: 3, SHA: w.base}, ""))
	if e.Ref != mr.Ref {
		t.Errorf("the webhook says %s, the survey %s", e.Ref, mr.Ref)
	}
}

func TestHeadsThatAreTheSameAreNotSentAgain(t *testing.T) {
	w := newWorld(t)
	for i := range 130 {
		w.git.Branch(fmt.Sprintf("b%03d", i), w.base)
	}
	look := func() []core.Event {
		heads, err := w.room.Heads(t.Context(), w.repo())
		if err != nil {
			t.Fatal(err)
		}
		return heads
	}
	first := look()
	before := len(w.Requests())
	second := look()
	if len(first) != 131 || len(second) != 131 {
		t.Errorf("%d heads, then %d", len(first), len(second))
	}
	for _, r := range w.Requests()[before:] {
		if r.Status != http.StatusNotModified {
			t.Errorf("%s %s?%s: %d", r.Method, r.Path, r.Query, r.Status)
		}
	}
	w.git.Tag("v1", w.head, "")
	if tagged := look(); !slices.ContainsFunc(tagged, func(e core.Event) bool { return e.Tag == "v1" && e.SHA == w.head }) {
		t.Error("a new tag is not seen")
	}
	w.git.Branch("b000", w.head)
	moved := look()
	if !slices.ContainsFunc(moved, func(e core.Event) bool { return e.Branch == "b000" && e.SHA == w.head }) {
		t.Error("a branch moved and the old page was shown")
	}
	w.Fail(func(r *http.Request) *gitlabtest.Failure {
		if r.URL.Query().Get("page") == "2" {
			f := gitlabtest.ServerError(500)
			return &f
		}
		return nil
	})
	_, err := w.room.Heads(t.Context(), w.repo())
	wantError(t, "half of the branches", err, core.KindUnavailable, "")
}

func TestPaths(t *testing.T) {
	w := newWorld(t)
	renamed := w.git.Rename("feature", "README.md", "readme.md")
	tip := w.git.Commit("feature", map[string]string{"new.txt": "1"}, "More")
	w.Open(w.project, gitlabtest.MergeRequest{Number: 3, SourceBranch: "feature", SHA: tip})
	event := func(kind core.EventKind, before, sha string) core.Event {
		return core.Event{Kind: kind, Before: before, SHA: sha}
	}
	pull := event(core.EventPullRequest, "", tip)
	pull.PullRequest = &core.PullRequest{Number: 3}
	tests := []struct {
		name     string
		event    core.Event
		paths    []string
		complete bool
	}{
		{"forward", event(core.EventPush, w.base, w.head), []string{"README.md", "lib/main.dart"}, true},
		{"back, as by force", event(core.EventPush, tip, w.head), []string{"README.md", "new.txt", "readme.md"}, true},
		{"a rename", event(core.EventPush, w.head, renamed), []string{"README.md", "readme.md"}, true},
		{"the same", event(core.EventPush, w.head, w.head), nil, true},
		{"a new branch", event(core.EventPush, "", w.head), nil, false},
		{"a tag", event(core.EventTag, w.base, w.head), nil, false},
		{"a merge request", pull, []string{"README.md", "new.txt", "readme.md"}, true},
	}
	for _, tt := range tests {
		paths, complete, err := w.room.Paths(t.Context(), w.repo(), tt.event)
		slices.Sort(paths)
		if err != nil || complete != tt.complete || !slices.Equal(paths, tt.paths) {
			t.Errorf("%s: %v, %v, %v", tt.name, paths, complete, err)
		}
	}
	_, _, err := w.room.Paths(t.Context(), w.repo(), event(core.EventPush, w.base, strings.Repeat("a", 40)))
	wantError(t, "an unknown commit", err, core.KindNotFound, "")
}

func TestPathsOfALargeMergeRequest(t *testing.T) {
	w := newWorld(t)
	files := map[string]string{}
	for i := range 1001 {
		files[fmt.Sprintf("f/%04d", i)] = "x"
	}
	tip := w.git.Commit("large", files, "Many")
	w.Open(w.project, gitlabtest.MergeRequest{Number: 3, SourceBranch: "large", SHA: tip})
	e := core.Event{Kind: core.EventPullRequest, SHA: tip, PullRequest: &core.PullRequest{Number: 3}}
	paths, complete, err := w.room.Paths(t.Context(), w.repo(), e)
	if err != nil || complete || len(paths) != 1000 {
		t.Errorf("%d paths, %v, %v", len(paths), complete, err)
	}
}
