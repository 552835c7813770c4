package gitlab_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/gitlab"
	"github.com/oore-ci/oore/handlers/gitlab/gitlabtest"
)

var update = flag.Bool("update", false, "write the golden files anew")

var numeric = regexp.MustCompile(`^[1-9][0-9]*$`)

var wholeSHA = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// hookOf is the X-Gitlab-Event that a recorded payload came with.
func hookOf(file string) string {
	name := strings.TrimSuffix(filepath.Base(file), ".json")
	hook, known := map[string]string{
		"build": "Job Hook", "deployment": "Deployment Hook", "feature_flag": "Feature Flag Hook", "group_merge_request": "Merge Request Hook",
		"issue": "Issue Hook", "job": "Job Hook", "member": "Member Hook", "merge_request": "Merge Request Hook", "note_commit": "Note Hook",
		"note_issue": "Confidential Note Hook", "note_merge_request": "Note Hook", "note_snippet": "Note Hook", "pipeline": "Pipeline Hook",
		"push": "Push Hook", "release": "Release Hook", "resource_access_token_group": "Resource Access Token Hook",
		"resource_access_token_project": "Resource Access Token Hook", "service_merge_request": "Service Hook", "subgroup": "Subgroup Hook",
		"tag_push": "Tag Push Hook", "wiki_page": "Wiki Page Hook",
	}[name]
	if !known {
		return "System Hook"
	}
	return hook
}

func recorded(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/payloads/*.json")
	if err != nil || len(files) != 31 {
		t.Fatalf("%d payloads, %v", len(files), err)
	}
	all := map[string][]byte{}
	for _, file := range files {
		if all[file], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// Every recorded payload decodes, to what the golden file says.
func TestRecordedPayloads(t *testing.T) {
	var table strings.Builder
	payloads := recorded(t)
	for _, file := range slices.Sorted(maps.Keys(payloads)) {
		e, err := gitlab.Decoder{}.Decode(hookOf(file), payloads[file])
		if err != nil {
			fmt.Fprintf(&table, "%s (%s): %v\n", filepath.Base(file), hookOf(file), err)
			continue
		}
		fmt.Fprintf(&table, "%s (%s): project=%s %s actor=%s ", filepath.Base(file), hookOf(file), e.RepositoryID, e.RepositoryName, e.Actor)
		switch {
		case e.Ignored != nil:
			fmt.Fprintf(&table, "ignored=%s %s closed=%v\n", e.Ignored.Code, e.Ignored.Text, e.Closed)
			if e.Kind != core.EventNone {
				t.Errorf("%s: ignored, and of kind %s", file, e.Kind)
			}
		case e.Change != nil:
			r := e.Change.Repositories[0]
			fmt.Fprintf(&table, "change=%s %s(%s private=%v)\n", e.Change.Kind, r.FullName, r.ExternalID, r.Private)
		case e.Chat != nil:
			fmt.Fprintf(&table, "action=%s ref=%s chat=%+v\n", e.Action, e.Ref, *e.Chat)
		default:
			fmt.Fprintf(&table, "kind=%s action=%s ref=%s branch=%s target=%s tag=%s sha=%s before=%s author=%q message=%q draft=%v paths=%v,%v pull=%+v\n",
				e.Kind, e.Action, e.Ref, e.Branch, e.TargetBranch, e.Tag, e.SHA, e.Before, e.Author, e.Message, e.Draft, e.Paths, e.PathsComplete, e.PullRequest)
		}
	}
	golden := "testdata/decoded.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(table.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if table.String() != string(want) {
		t.Errorf("differs from %s; go test -update, then look at the difference:\n%s", golden, table.String())
	}
}

func decode(t *testing.T, event string, payload []byte) core.Event {
	t.Helper()
	e, err := gitlab.Decoder{}.Decode(event, payload)
	if err != nil {
		t.Fatal(err)
	}
	return e
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

func attributes(p map[string]any) map[string]any { return p["object_attributes"].(map[string]any) }

func wantIgnored(t *testing.T, what string, e core.Event, code, text string) {
	t.Helper()
	if e.Ignored == nil || e.Ignored.Code != code || !strings.Contains(e.Ignored.Text, text) || e.Kind != core.EventNone {
		t.Errorf("%s: %+v %+v, want %s %q", what, e, e.Ignored, code, text)
	}
}

func TestPush(t *testing.T) {
	w := newWorld(t)
	e := decode(t, "Push Hook", w.PushPayload(w.project, "feature/x", w.base, w.head))
	if e.Kind != core.EventPush || e.Provider != core.ProviderGitLab || e.RepositoryID != fmt.Sprint(w.project.ID) || e.RepositoryName != "acme/mobile/shop" ||
		e.Branch != "feature/x" || e.Ref != "refs/heads/feature/x" || e.SHA != w.head || e.Before != w.base || e.Actor != "jsmith" ||
		e.Message != "Second\n\nWith a body" || e.Author != "Tanuki" || !slices.Equal(e.Paths, []string{"lib/main.dart", "README.md"}) {
		t.Errorf("got %+v", e)
	}
	if e.PathsComplete {
		t.Error("GitLab does not say whether a push was forced, so the paths are never known to be all")
	}
	e = decode(t, "Push Hook", w.PushPayload(w.project, "new", "", w.head))
	if e.Kind != core.EventPush || e.Before != "" || e.SHA != w.head {
		t.Errorf("a new branch: %+v", e)
	}
	push := w.PushPayload(w.project, "main", w.base, w.head)
	for what, tt := range map[string]struct {
		payload    []byte
		code, text string
	}{
		"a deleted branch": {w.DeletedPayload(w.project, "refs/heads/old", w.base), core.WhyBranchDeleted, "refs/heads/old"},
		"a deleted tag":    {w.DeletedPayload(w.project, "refs/tags/v1", w.base), core.WhyBranchDeleted, "refs/tags/v1"},
		"ci.skip": {edit(t, push, func(p map[string]any) {
			p["push_options"] = map[string]any{"ci": map[string]any{"skip": true}}
		}), core.WhySkipMark, "ci.skip"},
		"ci.skip as text": {edit(t, push, func(p map[string]any) {
			p["push_options"] = map[string]any{"ci": map[string]any{"skip": "true"}}
		}), core.WhySkipMark, "ci.skip"},
		"a merge train": {edit(t, push, func(p map[string]any) { p["ref"] = "refs/merge-requests/7/train" }), core.WhyMergeQueue, "train"},
		"a note":        {edit(t, push, func(p map[string]any) { p["ref"] = "refs/notes/commits" }), core.WhyRefUnknown, "refs/notes/commits"},
		"nothing":       {edit(t, push, func(p map[string]any) { p["ref"] = "refs/heads/" }), core.WhyRefUnknown, "refs/heads/"},
	} {
		e := decode(t, "Push Hook", tt.payload)
		wantIgnored(t, what, e, tt.code, tt.text)
		if tt.code == core.WhySkipMark && e.SHA != w.head {
			t.Errorf("%s tells of commit %q: a survey would take it for one that nobody told of", what, e.SHA)
		}
	}
	e = decode(t, "Push Hook", edit(t, push, func(p map[string]any) { p["push_options"] = map[string]any{"ci": "skip"} }))
	if e.Kind != core.EventPush {
		t.Errorf("options of another form: %+v", e)
	}
}

func TestTags(t *testing.T) {
	w := newWorld(t)
	w.git.Tag("v1", w.base, "")
	w.git.Tag("v2", w.head, "An annotated one")
	for tag, sha := range map[string]string{"v1": w.base, "v2": w.head} {
		e := decode(t, "Tag Push Hook", w.TagPayload(w.project, tag))
		if e.Kind != core.EventTag || e.Tag != tag || e.Branch != "" || e.SHA != sha || e.Before != "" || e.Author != "Tanuki" {
			t.Errorf("%s: %+v", tag, e)
		}
	}
	blob := edit(t, w.TagPayload(w.project, "v2"), func(p map[string]any) { p["checkout_sha"] = nil })
	wantIgnored(t, "a tag of a file", decode(t, "Tag Push Hook", blob), core.WhyEmptyPush, "v2")
}

func TestMergeRequests(t *testing.T) {
	w := newWorld(t)
	mr := gitlabtest.MergeRequest{Number: 7, Title: "Add a cart", Author: "mona", SourceBranch: "feature/cart", SHA: w.head, TargetBranch: "main"}
	payload := func(action, old string, change func(p map[string]any)) []byte {
		return edit(t, w.MergeRequestPayload(w.project, action, mr, old), change)
	}
	same := func(map[string]any) {}
	changes := func(field string, before, after any) func(map[string]any) {
		return func(p map[string]any) {
			p["changes"] = map[string]any{field: map[string]any{"previous": before, "current": after}}
		}
	}
	for what, body := range map[string][]byte{
		"open": payload("open", "", same), "reopen": payload("reopen", "", same), "a push": payload("update", w.base, same),
		"no draft any more": payload("update", "", changes("draft", true, false)), "not in progress any more": payload("update", "", changes("work_in_progress", "true", "false")),
		"another target": payload("update", "", changes("target_branch", "main", "next")),
	} {
		e := decode(t, "Merge Request Hook", body)
		want := core.PullRequest{Number: 7, Title: "Add a cart", URL: w.URL() + "/acme/mobile/shop/-/merge_requests/7"}
		if e.Kind != core.EventPullRequest || e.Branch != "feature/cart" || e.TargetBranch != "main" || e.SHA != w.head || e.Ref != "refs/merge-requests/7/head" ||
			e.RepositoryID != fmt.Sprint(w.project.ID) || e.Actor != "mona" || e.Opener != "mona" || e.Draft || e.Closed || e.Message != "Second\n\nWith a body" || *e.PullRequest != want {
			t.Errorf("%s: %+v %+v", what, e, e.PullRequest)
		}
		if (e.Before == w.base) != (what == "a push") {
			t.Errorf("%s: it stood at %q before", what, e.Before)
		}
	}
	for what, tt := range map[string]struct {
		body []byte
		text string
	}{
		"edited":             {payload("update", "", changes("title", "a", "b")), "edited"},
		"the same revision":  {payload("update", w.head, same), "edited"},
		"a draft again":      {payload("update", "", changes("draft", false, true)), "edited"},
		"approved":           {payload("approved", "", same), "approved"},
		"an action of later": {payload("teleported", "", same), "teleported"},
		"the Test button":    {payload("open", "", func(p map[string]any) { delete(attributes(p), "action") }), "Test button"},
		"closed before":      {payload("update", w.base, func(p map[string]any) { attributes(p)["state"] = "merged" }), "merged"},
	} {
		e := decode(t, "Merge Request Hook", tt.body)
		wantIgnored(t, what, e, core.WhyAction, tt.text)
		if e.SHA != w.head || e.Closed {
			t.Errorf("%s: %+v", what, e)
		}
	}
	for _, action := range []string{"close", "merge"} {
		e := decode(t, "Merge Request Hook", payload(action, "", same))
		wantIgnored(t, action, e, core.WhyAction, "closed or merged")
		if !e.Closed || e.PullRequest == nil || e.PullRequest.Number != 7 {
			t.Errorf("%s: %+v", action, e)
		}
	}
	foreign := payload("open", "", func(p map[string]any) { attributes(p)["target_project_id"] = 4 })
	wantIgnored(t, "another project's", decode(t, "Merge Request Hook", foreign), core.WhyPayload, "project 4")
}

func TestForksAndDrafts(t *testing.T) {
	w := newWorld(t)
	tests := []struct {
		name        string
		mr          gitlabtest.MergeRequest
		fork, draft bool
	}{
		{"the same project", gitlabtest.MergeRequest{}, false, false},
		{"a fork", gitlabtest.MergeRequest{Fork: true}, true, false},
		{"a fork that is gone", gitlabtest.MergeRequest{ForkGone: true}, true, false},
		{"a draft", gitlabtest.MergeRequest{Draft: true}, false, true},
	}
	for _, tt := range tests {
		tt.mr.Number, tt.mr.SHA = 7, w.head
		e := decode(t, "Merge Request Hook", w.MergeRequestPayload(w.project, "open", tt.mr, ""))
		if e.PullRequest.Fork != tt.fork || e.Draft != tt.draft {
			t.Errorf("%s: fork %v, draft %v", tt.name, e.PullRequest.Fork, e.Draft)
		}
	}
	payload := edit(t, w.MergeRequestPayload(w.project, "update", gitlabtest.MergeRequest{Number: 8, SHA: w.head, Author: "mona", Fork: true}, w.base), func(p map[string]any) {
		p["user"] = map[string]any{"id": 5, "username": "pusher"}
		p["reviewers"] = []any{map[string]any{"id": attributes(p)["author_id"], "username": "mona"}}
	})
	if e := decode(t, "Merge Request Hook", payload); e.Actor != "pusher" || e.Opener != "mona" {
		t.Errorf("the author is not who pushed: %q, %q", e.Actor, e.Opener)
	}
	payload = edit(t, payload, func(p map[string]any) { p["reviewers"] = nil })
	if e := decode(t, "Merge Request Hook", payload); e.Opener != "" || !numeric.MatchString(e.OpenerID) {
		t.Errorf("nobody in the payload is the author, and it is %q, number %q", e.Opener, e.OpenerID)
	}
}

func TestSystemHooks(t *testing.T) {
	w := newWorld(t)
	for event, kind := range map[string]core.ChangeKind{
		"project_create": core.ChangeRepository, "project_rename": core.ChangeRepository, "project_transfer": core.ChangeRepository,
		"project_update": core.ChangeRepository, "project_destroy": core.ChangeDeleted,
	} {
		e := decode(t, "System Hook", w.SystemPayload(w.project, event))
		want := core.Repository{Provider: core.ProviderGitLab, ExternalID: fmt.Sprint(w.project.ID), FullName: "acme/mobile/shop", Private: true}
		if e.Change == nil || e.Change.Kind != kind || len(e.Change.Repositories) != 1 || e.Change.Repositories[0] != want || e.Ignored != nil {
			t.Errorf("%s: %+v %+v", event, e, e.Change)
		}
	}
	push := edit(t, w.PushPayload(w.project, "main", w.base, w.head), func(map[string]any) {})
	wantIgnored(t, "a push", decode(t, "System Hook", push), core.WhyEventUnknown, "own webhook")
	wantIgnored(t, "a user", decode(t, "System Hook", []byte(`{"event_name":"user_create","username":"x"}`)), core.WhyEventUnknown, "user_create")
}

func TestEventsWithoutMeaning(t *testing.T) {
	tests := []struct{ event, payload, text string }{
		{"Pipeline Hook", `{"object_kind":"pipeline"}`, "pipelines"},
		{"Emoji Hook", `{"object_kind":"emoji"}`, "Emoji Hook"},
		{"Event of 2040", `{"object_kind":17,"project":"a/b"}`, "Event of 2040"},
		{"-", `{}`, `"-"`},
	}
	for _, tt := range tests {
		wantIgnored(t, tt.event, decode(t, tt.event, []byte(tt.payload)), core.WhyEventUnknown, tt.text)
	}
}

func TestPayloadsThatNobodyDocuments(t *testing.T) {
	w := newWorld(t)
	push := w.PushPayload(w.project, "main", w.base, w.head)
	mr := w.MergeRequestPayload(w.project, "open", gitlabtest.MergeRequest{Number: 1, SHA: w.head}, "")
	set := func(payload []byte, value any, path ...string) string {
		return string(edit(t, payload, func(p map[string]any) {
			for _, field := range path[:len(path)-1] {
				p = p[field].(map[string]any)
			}
			p[path[len(path)-1]] = value
		}))
	}
	tests := []struct{ event, payload string }{
		{"Push Hook", `null`},
		{"Push Hook", `[]`},
		{"Push Hook", `"x"`},
		{"Push Hook", `{}`},
		{"Push Hook", ``},
		{"Push Hook", `{`},
		{"Push Hook", `{"ref":1}`},
		{"Push Hook", set(push, nil, "after")},
		{"Push Hook", set(push, nil, "ref")},
		{"Push Hook", set(push, 999, "project_id")}, // contradicts project.id
		{"Push Hook", set(push, "--upload-pack=touch /tmp/x", "after")},
		{"Push Hook", set(push, w.head[:12], "after")},
		{"Push Hook", set(push, strings.ToUpper(w.head), "after")},
		{"Push Hook", string(edit(t, push, func(p map[string]any) { delete(p, "project"); delete(p, "project_id") }))},
		{"Push Hook", string(edit(t, push, func(p map[string]any) { delete(p, "project"); p["project_id"] = "1e1" }))},
		{"Merge Request Hook", `{}`},
		{"Merge Request Hook", set(mr, "x", "object_attributes")},
		{"Merge Request Hook", set(mr, nil, "object_attributes", "iid")},
		{"Merge Request Hook", set(mr, nil, "object_attributes", "last_commit")},
		{"Merge Request Hook", set(mr, "main", "object_attributes", "last_commit", "id")},
		{"Merge Request Hook", set(mr, []any{}, "object_attributes", "source_branch")},
		{"Merge Request Hook", set(mr, 5, "object_attributes", "target_branch")},
		{"Merge Request Hook", set(mr, nil, "object_attributes", "target_project_id")},
		{"Merge Request Hook", set(mr, nil, "project")},
		{"System Hook", `[]`},
		{"System Hook", `{"event_name":"project_rename","project_id":5}`},
		{"System Hook", `{"event_name":"project_destroy","path_with_namespace":"a/b"}`},
		{"Note Hook", `[]`},
		{"Event of 2040", `{`},
	}
	for _, tt := range tests {
		e, err := gitlab.Decoder{}.Decode(tt.event, []byte(tt.payload))
		if err == nil || core.KindOf(err) != core.KindInvalid {
			t.Errorf("%s %.80s: %+v, %v", tt.event, tt.payload, e, err)
		}
	}
}

// wantSound is what holds for every decoded payload.
func wantSound(t *testing.T, e core.Event, err error) {
	t.Helper()
	switch {
	case err != nil:
		if core.KindOf(err) != core.KindInvalid {
			t.Errorf("error of another kind: %v", err)
		}
	case e.Ignored != nil:
		if e.Kind != core.EventNone || e.Ignored.Code == "" || e.Ignored.Text == "" || e.Change != nil || e.Chat != nil {
			t.Errorf("ignored without a reason: %+v", e)
		}
	case e.Change != nil:
		if r := e.Change.Repositories; e.Kind != core.EventNone || len(r) != 1 || r[0].ExternalID != e.RepositoryID || e.RepositoryID == "" || r[0].FullName == "" {
			t.Errorf("a change of nothing: %+v %+v", e, e.Change)
		}
	case e.Chat != nil:
		if c := e.Chat; e.Kind != core.EventNone || e.RepositoryID == "" || c.ID == "" || c.AuthorID == "" || c.Author == "" || c.Number < 1 {
			t.Errorf("a comment of nobody, or on nothing: %+v %+v", e, e.Chat)
		}
	case e.Kind == core.EventNone || e.RepositoryID == "" || !wholeSHA.MatchString(e.SHA) || (e.Branch == "") == (e.Tag == ""):
		t.Errorf("an event that cannot be built: %+v", e)
	case e.Kind == core.EventPullRequest && (e.PullRequest == nil || e.PullRequest.Number < 1 || e.TargetBranch == ""):
		t.Errorf("a merge request without number: %+v", e)
	}
}

// GitLab changes the types of fields. Whatever they become, nothing is built but what
// the payload was about.
func TestFieldsOfOtherTypes(t *testing.T) {
	w := newWorld(t)
	w.git.Tag("v1", w.head, "An annotated one")
	mr := gitlabtest.MergeRequest{Number: 3, SHA: w.head, Fork: true, Draft: true}
	payloads := recorded(t)
	payloads["testdata/payloads/push.json"] = w.PushPayload(w.project, "main", w.base, w.head)
	payloads["testdata/payloads/tag_push.json"] = w.TagPayload(w.project, "v1")
	payloads["testdata/payloads/merge_request.json"] = w.MergeRequestPayload(w.project, "update", mr, w.base)
	payloads["testdata/payloads/system_project_rename.json"] = w.SystemPayload(w.project, "project_rename")
	random := rand.New(rand.NewPCG(4711, 1))
	built := 0
	for _, file := range slices.Sorted(maps.Keys(payloads)) {
		right, err := gitlab.Decoder{}.Decode(hookOf(file), payloads[file])
		wantSound(t, right, err)
		for range 300 {
			var p any
			if err := json.Unmarshal(payloads[file], &p); err != nil {
				t.Fatal(err)
			}
			for range 1 + random.IntN(4) {
				flip(random, p)
			}
			payload, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			e, err := gitlab.Decoder{}.Decode(hookOf(file), payload)
			wantSound(t, e, err)
			if a, b := e.Chat, right.Chat; a != nil && (a.ID != b.ID || a.Number != b.Number || a.AuthorID != b.AuthorID || a.Open && !b.Open || e.RepositoryID != right.RepositoryID) {
				t.Errorf("%s: another comment, of somebody else or elsewhere: %+v\n%s", file, a, payload)
			}
			if err != nil || e.Kind == core.EventNone {
				continue
			}
			built++
			switch {
			case e.SHA != right.SHA || e.RepositoryID != right.RepositoryID || e.Kind != right.Kind || e.Branch != right.Branch || e.Tag != right.Tag:
				t.Errorf("%s builds something else: %+v\n%s", file, e, payload)
			case right.PullRequest != nil && (e.PullRequest.Number != right.PullRequest.Number || right.PullRequest.Fork && !e.PullRequest.Fork):
				t.Errorf("%s builds another merge request, or trusts a fork: %+v\n%s", file, e.PullRequest, payload)
			}
		}
	}
	if built < 200 {
		t.Errorf("only %d of the payloads were built: the test shows little", built)
	}
}

// flip gives one random field of a value another type.
func flip(random *rand.Rand, v any) {
	switch v := v.(type) {
	case map[string]any:
		keys := slices.Sorted(maps.Keys(v))
		if len(keys) == 0 {
			return
		}
		key := keys[random.IntN(len(keys))]
		if nested(v[key]) && random.IntN(4) > 0 {
			flip(random, v[key])
			return
		}
		v[key] = other(random, v[key])
	case []any:
		if len(v) > 0 {
			i := random.IntN(len(v))
			if nested(v[i]) {
				flip(random, v[i])
				return
			}
			v[i] = other(random, v[i])
		}
	}
}

func nested(v any) bool {
	_, object := v.(map[string]any)
	_, list := v.([]any)
	return object || list
}

// other says the same in another type, or something of another type.
func other(random *rand.Rand, v any) any {
	forms := []any{nil, true, []any{v}, map[string]any{"id": v}, -1.5, []any{}, map[string]any{}}
	if _, text := v.(string); !text {
		forms = append(forms, "", "x")
	}
	if n, ok := v.(float64); ok && random.IntN(2) == 0 {
		return fmt.Sprintf("%.0f", n)
	}
	if b, ok := v.(bool); ok && random.IntN(2) == 0 {
		return fmt.Sprint(b)
	}
	return forms[random.IntN(len(forms))]
}

func FuzzDecode(f *testing.F) {
	for file, payload := range recorded(f) {
		f.Add(hookOf(file), payload)
	}
	f.Fuzz(func(t *testing.T, event string, payload []byte) {
		e, err := gitlab.Decoder{}.Decode(event, payload)
		wantSound(t, e, err)
	})
}
