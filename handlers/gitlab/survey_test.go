package gitlab_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

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

func TestNothingIsMissed(t *testing.T) {
	w := newWorld(t)
	if missed, err := w.room.Missed(t.Context(), time.Time{}); err != nil || len(missed) != 0 {
		t.Errorf("%v, %v", missed, err)
	}
	wantError(t, "redeliver", w.room.Redeliver(t.Context(), core.MissedDelivery{ID: "1"}), core.KindInvalid, "Webhooks")
}

const hookAddress = "https://ci.example.com/v1/webhooks/gitlab"

func TestEnsureHook(t *testing.T) {
	w := newWorld(t)
	ensure := func(address, secret string) gitlabtest.Hook {
		t.Helper()
		if err := w.room.EnsureHook(t.Context(), w.repo(), address, secret); err != nil {
			t.Fatal(err)
		}
		hooks := w.Hooks(w.project)
		return hooks[len(hooks)-1]
	}
	other := ensure("https://other.example.com/hook", "theirs")
	first := ensure(hookAddress, "one")
	if !first.Push || !first.TagPush || !first.MergeRequests || !first.Notes || !first.VerifySSL || first.Token != "one" || first.URL != hookAddress {
		t.Errorf("got %+v", first)
	}
	again := ensure(hookAddress, "two")
	if again.ID != first.ID || again.Token != "two" || len(w.Hooks(w.project)) != 2 {
		t.Errorf("not edited: %+v", w.Hooks(w.project))
	}
	if kept := w.Hooks(w.project)[0]; kept != other {
		t.Errorf("somebody else's webhook was changed: %+v", kept)
	}
	w.DisableHooks(w.project, false)
	if enabled := ensure(hookAddress, "two"); enabled.ID != first.ID || enabled.AlertStatus != "executable" {
		t.Errorf("still disabled: %+v", enabled)
	}
	w.DisableHooks(w.project, true)
	if anew := ensure(hookAddress, "two"); anew.ID == first.ID || anew.AlertStatus != "executable" || len(w.Hooks(w.project)) != 2 {
		t.Errorf("still disabled: %+v", w.Hooks(w.project))
	}
	if plain := ensure("http://ci.example.com/hook", "x"); plain.VerifySSL {
		t.Errorf("got %+v", plain)
	}
}

func TestEnsureHookAmongMany(t *testing.T) {
	w := newWorld(t)
	for i := range 105 {
		if err := w.room.EnsureHook(t.Context(), w.repo(), fmt.Sprintf("https://x.example.com/%d", i), "s"); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(time.Second)
	}
	if err := w.room.EnsureHook(t.Context(), w.repo(), "https://x.example.com/104", "new"); err != nil {
		t.Fatal(err)
	}
	if hooks := w.Hooks(w.project); len(hooks) != 105 || hooks[104].Token != "new" {
		t.Errorf("%d webhooks", len(hooks))
	}
}

func TestEnsureHookSaysWhatToDoByHand(t *testing.T) {
	w := newWorld(t)
	w.SetAccess(w.project, w.User, gitlabtest.Developer)
	err := w.room.EnsureHook(t.Context(), w.repo(), hookAddress, "s3cret-value")
	wantError(t, "a developer", err, core.KindForbidden, hookAddress)
	wantError(t, "a developer", err, core.KindForbidden, "Maintainer")
	w.SetAccess(w.project, w.User, gitlabtest.Maintainer)
	w.FailNext(gitlabtest.Failure{}, gitlabtest.Failure{Status: 422, Body: `{"message":"Invalid url given"}`})
	err = w.room.EnsureHook(t.Context(), w.repo(), "http://127.0.0.1:8787/v1/webhooks/gitlab", "s3cret-value")
	wantError(t, "a local address", err, core.KindInvalid, "Outbound requests")
	w.FailNext(gitlabtest.ServerError(500))
	err = w.room.EnsureHook(t.Context(), w.repo(), hookAddress, "s3cret-value")
	wantError(t, "a problem", err, core.KindUnavailable, "")
}
