package github_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/github/githubtest"
)

func files(prefix string, n int) map[string]string {
	out := map[string]string{}
	for i := range n {
		out[fmt.Sprintf("%s/%04d", prefix, i)] = fmt.Sprint(prefix, i)
	}
	return out
}

func TestPathsOfPushes(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	moved := w.git.Commit("main", map[string]string{"lib/main.dart": "other", "docs/a.md": "a"}, "Third")
	renamed := w.git.Rename("main", "lib/main.dart", "lib/app.dart")
	many := w.git.Commit("main", files("many", 299), "Many")
	tooMany := w.git.Commit("main", files("more", 300), "Too many")
	tests := []struct {
		name          string
		before, after string
		count         int
		some          []string
		complete      bool
	}{
		{"forward by two commits", w.base, moved, 3, []string{"README.md", "docs/a.md", "lib/main.dart"}, true},
		{"a rename has both names", moved, renamed, 2, []string{"lib/app.dart", "lib/main.dart"}, true},
		{"no change", moved, moved, 0, nil, true},
		{"back", moved, w.base, 0, nil, false},
		{"as many as there may be", renamed, many, 299, nil, true},
		{"more than GitHub lists", many, tooMany, 300, nil, false},
	}
	for _, tt := range tests {
		for _, kind := range []core.EventKind{core.EventPush, core.EventMergeGroup} {
			got, complete, err := f.Paths(t.Context(), w.coreRepository(), core.Event{Kind: kind, Before: tt.before, SHA: tt.after})
			slices.Sort(got)
			if err != nil || len(got) != tt.count || complete != tt.complete || tt.some != nil && !slices.Equal(got, tt.some) {
				t.Errorf("%s: %d %.60q complete %v, %v", tt.name, len(got), got, complete, err)
			}
		}
	}
	side := w.git.Commit("side", map[string]string{"side": "1"}, "Side")
	w.git.Commit("main", map[string]string{"main": "1"}, "Main")
	_, complete, err := f.Paths(t.Context(), w.coreRepository(), core.Event{Kind: core.EventPush, Before: w.git.Commit("main", map[string]string{"main": "2"}, "Main"), SHA: side})
	if err != nil || complete {
		t.Errorf("forced: complete %v, %v", complete, err)
	}
}

func TestPathsOfPullRequests(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	ask := func(number int) ([]string, bool, error) {
		return f.Paths(t.Context(), w.coreRepository(), core.Event{Kind: core.EventPullRequest, PullRequest: &core.PullRequest{Number: number}})
	}
	for number, n := range map[int]int{1: 1, 2: 250, 3: 3000} {
		head := w.git.PullCommit(number, files("pull", n), "Pull")
		w.PullRequestPayload("opened", w.repo, githubtest.Pull{Number: number, HeadBranch: "feature", HeadSHA: head})
		got, complete, err := ask(number)
		slices.Sort(got)
		if err != nil || len(slices.Compact(got)) != n || complete != (n < 3000) {
			t.Errorf("%d files: %d, complete %v, %v", n, len(got), complete, err)
		}
	}
	_, _, err := ask(99)
	wantError(t, "unknown", err, core.KindNotFound, core.CodeNotFound)
}

func TestPathsThatGitHubIsNotAskedFor(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	before := len(w.Requests())
	for name, e := range map[string]core.Event{
		"a new branch": {Kind: core.EventPush, SHA: w.head, Paths: []string{"a"}},
		"a tag":        {Kind: core.EventTag, SHA: w.head, Before: w.base, Paths: []string{"a"}},
		"no commits":   {Kind: core.EventPush, SHA: "main", Before: "main~1", Paths: []string{"a"}},
	} {
		got, complete, err := f.Paths(t.Context(), w.coreRepository(), e)
		if err != nil || complete || !slices.Equal(got, []string{"a"}) {
			t.Errorf("%s: %v, complete %v, %v", name, got, complete, err)
		}
	}
	if n := len(w.Requests()) - before; n != 0 {
		t.Errorf("%d requests", n)
	}
	_, _, err := f.Paths(t.Context(), w.coreRepository(), core.Event{Kind: core.EventPush, SHA: w.head, Before: "abcdefabcdefabcdefabcdefabcdefabcdefabcd"})
	wantError(t, "a commit that is gone", err, core.KindNotFound, core.CodeNotFound)
}

// The events that the decoder makes lead to the files.
func TestPathsOfDecodedEvents(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	for name, payload := range map[string][]byte{
		"push": w.PushPayload(w.repo, "main", w.base, w.head), "merge_group": w.MergeGroupPayload(w.repo, "main", w.head),
	} {
		if name == "merge_group" {
			payload = edit(t, payload, func(p map[string]any) { p["merge_group"].(map[string]any)["base_sha"] = w.base })
		}
		got, complete, err := f.Paths(t.Context(), w.coreRepository(), decode(t, name, payload))
		slices.Sort(got)
		if err != nil || !complete || !slices.Equal(got, []string{"README.md", "lib/main.dart"}) {
			t.Errorf("%s: %v, complete %v, %v", name, got, complete, err)
		}
	}
	if e := decode(t, "push", w.PushPayload(w.repo, "new", "", w.head)); e.Before != "" {
		t.Errorf("a new branch stood at %q", e.Before)
	}
}
