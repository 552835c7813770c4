package github_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

func TestPush(t *testing.T) {
	w := newWorld(t)
	e := decode(t, "push", w.PushPayload(w.repo, "main", w.base, w.head))
	slices.Sort(e.Paths)
	if e.Kind != core.EventPush || e.Branch != "main" || e.Ref != "refs/heads/main" || e.SHA != w.head || e.Tag != "" || e.Ignored != nil {
		t.Errorf("got %+v", e)
	}
	if e.RepositoryID != fmt.Sprint(w.repo.ID) || e.InstallationID != w.repo.InstallationID || e.RepositoryName != "acme/shop" || e.Provider != core.ProviderGitHub {
		t.Errorf("got %+v", e)
	}
	if e.Message != "Second\n\nWith a body" || e.Author != "Octo Cat" || e.Actor == "" {
		t.Errorf("got %+v", e)
	}
	if !e.PathsComplete || !slices.Equal(e.Paths, []string{"README.md", "lib/main.dart"}) {
		t.Errorf("paths %v, complete %v", e.Paths, e.PathsComplete)
	}
}

func TestPathsAreCompleteOnlyWhereNothingCanBeMissing(t *testing.T) {
	w := newWorld(t)
	other := w.git.PullCommit(1, map[string]string{"x": "y"}, "Aside")
	whole := w.PushPayload(w.repo, "main", w.base, w.head)
	tests := []struct {
		name    string
		payload []byte
	}{
		{"a new branch", w.PushPayload(w.repo, "main", "", w.head)},
		{"a forced push", w.PushPayload(w.repo, "main", other, w.head)},
		{"no commits", edit(t, whole, func(p map[string]any) { p["commits"] = []any{} })},
		{"commits at the cut", edit(t, whole, func(p map[string]any) {
			p["commits"] = slices.Repeat(p["commits"].([]any), 1000)
		})},
		{"files at the cut", edit(t, whole, func(p map[string]any) {
			p["commits"].([]any)[0].(map[string]any)["added"] = slices.Repeat([]any{"a"}, 300)
		})},
	}
	for _, tt := range tests {
		if e := decode(t, "push", tt.payload); e.PathsComplete || e.Ignored != nil {
			t.Errorf("%s: %+v", tt.name, e)
		}
	}
}

// edit changes a payload.
func edit(t *testing.T, payload []byte, change func(map[string]any)) []byte {
	t.Helper()
	var p map[string]any
	if err := json.Unmarshal(payload, &p); err != nil {
		t.Fatal(err)
	}
	change(p)
	out, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestPushesThatBuildNothing(t *testing.T) {
	w := newWorld(t)
	push := w.PushPayload(w.repo, "main", w.base, w.head)
	with := func(field string, value any) []byte {
		return edit(t, push, func(p map[string]any) { p[field] = value })
	}
	tests := []struct {
		name    string
		payload []byte
		code    string
	}{
		{"a deleted branch", w.DeletedPayload(w.repo, "refs/heads/old", w.base), core.WhyBranchDeleted},
		{"a deleted tag", w.DeletedPayload(w.repo, "refs/tags/v1", w.base), core.WhyBranchDeleted},
		{"the zero SHA", with("after", strings.Repeat("0", 40)), core.WhyEmptyPush},
		{"the longer zero SHA", with("after", strings.Repeat("0", 64)), core.WhyEmptyPush},
		{"a branch of the merge queue", with("ref", "refs/heads/gh-readonly-queue/main/pr-1-abc"), core.WhyMergeQueue},
		{"notes", with("ref", "refs/notes/commits"), core.WhyRefUnknown},
		{"no branch name", with("ref", "refs/heads/"), core.WhyRefUnknown},
	}
	for _, tt := range tests {
		e := decode(t, "push", tt.payload)
		if e.Ignored == nil || e.Ignored.Code != tt.code || e.Kind != core.EventNone || !strings.HasSuffix(e.Ignored.Text, ".") {
			t.Errorf("%s: %+v", tt.name, e.Ignored)
		}
		if e.RepositoryID == "" || e.Ref == "" {
			t.Errorf("%s: the log of deliveries would not say where: %+v", tt.name, e)
		}
	}
}

// Builds that wait for a deleted branch are found by its name.
func TestADeletedBranchIsNamed(t *testing.T) {
	w := newWorld(t)
	e := decode(t, "push", w.DeletedPayload(w.repo, "refs/heads/old", w.base))
	if e.Branch != "old" || e.Tag != "" || e.Ref != "refs/heads/old" || e.SHA != "" {
		t.Errorf("a branch: %+v", e)
	}
	if e = decode(t, "push", w.DeletedPayload(w.repo, "refs/tags/v1", w.base)); e.Branch != "" || e.Tag != "v1" {
		t.Errorf("a tag: %+v", e)
	}
	if e = decode(t, "push", w.PushPayload(w.repo, "main", w.head, w.base)); !e.Forced {
		t.Errorf("a forced push: %+v", e)
	}
}

func TestTags(t *testing.T) {
	w := newWorld(t)
	w.git.Tag("v1", w.base, "")
	w.git.Tag("v2", w.base, "Annotated")
	for _, tag := range []string{"v1", "v2"} {
		payload := w.TagPayload(w.repo, tag)
		e := decode(t, "push", payload)
		if e.Kind != core.EventTag || e.Tag != tag || e.Branch != "" || e.SHA != w.base || e.PathsComplete {
			t.Errorf("%s: %+v", tag, e)
		}
		var p struct{ After string }
		if err := json.Unmarshal(payload, &p); err != nil {
			t.Fatal(err)
		}
		if annotated := p.After != w.base; annotated != (tag == "v2") {
			t.Errorf("%s: after is %s, which proves nothing", tag, p.After)
		}
	}
	of := edit(t, w.TagPayload(w.repo, "v1"), func(p map[string]any) { p["head_commit"] = nil })
	if e := decode(t, "push", of); e.Ignored == nil || e.Ignored.Code != core.WhyEmptyPush {
		t.Errorf("a tag of a tree: %+v", e)
	}
}
