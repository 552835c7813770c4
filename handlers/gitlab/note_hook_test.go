package gitlab_test

import (
	"fmt"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/gitlab"
	"github.com/oore-ci/oore/handlers/gitlab/gitlabtest"
)

// said opens merge request !3, of opener, and has somebody write a comment there.
func (w *world) said(author, opener, body string) gitlabtest.Note {
	w.opener = w.AddUser(opener)
	mr := w.Open(w.project, gitlabtest.MergeRequest{Number: 3, SHA: w.head, Author: opener, Fork: true})
	return w.AddNote(w.project, mr.Number, w.AddUser(author), body)
}

func TestComments(t *testing.T) {
	w := newWorld(t)
	note := w.said("mona", "opener", "/oore build\r\nplease")
	for _, action := range []string{"create", ""} {
		e := decode(t, gitlabtest.NoteHook, w.NotePayload(w.project, action, note))
		want := core.Chat{
			ID: fmt.Sprint(note.ID), Body: "/oore build\r\nplease", AuthorID: fmt.Sprint(note.Author.ID), Author: "mona",
			Number: 3, Open: true, SHA: w.head, OpenerID: fmt.Sprint(w.opener.ID), Reactable: true,
		}
		if e.Chat == nil || *e.Chat != want {
			t.Fatalf("action %q: %+v, want %+v", action, e.Chat, want)
		}
		if e.Kind != core.EventNone || e.Action != action || e.Ignored != nil || e.Provider != core.ProviderGitLab || e.RepositoryID != fmt.Sprint(w.project.ID) ||
			e.RepositoryName != "acme/mobile/shop" || e.Actor != "mona" || e.Ref != "refs/merge-requests/3/head" {
			t.Errorf("action %q: %+v", action, e)
		}
	}
}

func TestWhatCommentsTellOfThemselves(t *testing.T) {
	w := newWorld(t)
	mona := w.AddUser("mona")
	w.Open(w.project, gitlabtest.MergeRequest{Number: 3, SHA: w.head, Author: "mona"})
	note := w.AddNote(w.project, 3, mona, "/oore retry")
	payload := w.NotePayload(w.project, "create", note)
	if c := decode(t, gitlabtest.NoteHook, payload).Chat; c.OpenerID != fmt.Sprint(mona.ID) || c.AuthorID != c.OpenerID {
		t.Errorf("who wrote it opened the merge request: %+v", c)
	}
	others := edit(t, payload, func(p map[string]any) { p["merge_request"].(map[string]any)["author_id"] = 77 })
	if c := decode(t, gitlabtest.NoteHook, others).Chat; c.OpenerID != "77" {
		t.Errorf("somebody else opened it: %+v", c)
	}
	for what, tt := range map[string]struct {
		event string
		edit  func(p map[string]any)
	}{
		"the header":     {gitlabtest.ConfidentialNoteHook, func(map[string]any) {}},
		"the event type": {gitlabtest.NoteHook, func(p map[string]any) { p["event_type"] = "confidential_note" }},
		"the note":       {gitlabtest.NoteHook, func(p map[string]any) { attributes(p)["internal"] = true }},
	} {
		if c := decode(t, tt.event, edit(t, payload, tt.edit)).Chat; !c.Internal {
			t.Errorf("%s says that it is internal: %+v", what, c)
		}
	}
	for username, bot := range map[string]bool{
		"project_7_bot_4ffca233d8298ea1": true, "group_12_bot": true, "project_7_bot3": true,
		"projectbot": false, "project_x_bot": false, "my_project_7_bot": false,
	} {
		named := edit(t, payload, func(p map[string]any) { p["user"].(map[string]any)["username"] = username })
		if c := decode(t, gitlabtest.NoteHook, named).Chat; c.Bot != bot {
			t.Errorf("%s: bot %v", username, c.Bot)
		}
	}
	for _, state := range []string{"closed", "merged", "locked", ""} {
		gone := edit(t, payload, func(p map[string]any) {
			mr := p["merge_request"].(map[string]any)
			mr["state"], mr["last_commit"] = state, nil
		})
		if c := decode(t, gitlabtest.NoteHook, gone).Chat; c.Open || c.SHA != "" {
			t.Errorf("%q: %+v", state, c)
		}
	}
}

func TestCommentsThatAreNotRead(t *testing.T) {
	w := newWorld(t)
	note := w.said("mona", "opener", "/oore build")
	payload := w.NotePayload(w.project, "create", note)
	with := func(field string, value any) []byte {
		return edit(t, payload, func(p map[string]any) { attributes(p)[field] = value })
	}
	for what, tt := range map[string]struct {
		payload    []byte
		code, text string
	}{
		"edited":                         {w.NotePayload(w.project, "update", note), core.WhyAction, "edited"},
		"removed":                        {with("action", "destroy"), core.WhyAction, "removed"},
		"edited, by a GitLab before":     {edit(t, w.NotePayload(w.project, "", note), func(p map[string]any) { attributes(p)["updated_by_id"] = 5 }), core.WhyAction, "edited"},
		"written by GitLab":              {with("system", true), core.WhyNoCommand, "GitLab itself"},
		"on an issue":                    {with("noteable_type", "Issue"), core.WhyNoCommand, "not on a merge request"},
		"on a commit":                    {with("noteable_type", "Commit"), core.WhyNoCommand, "not on a merge request"},
		"on something new":               {with("noteable_type", []any{}), core.WhyNoCommand, "not on a merge request"},
		"written by one, sent by others": {with("author_id", 5), core.WhyPayload, "User 5"},
		"another project's": {edit(t, payload, func(p map[string]any) {
			p["merge_request"].(map[string]any)["target_project_id"] = 4
		}), core.WhyPayload, "project 4"},
	} {
		e := decode(t, gitlabtest.NoteHook, tt.payload)
		wantIgnored(t, what, e, tt.code, tt.text)
		if e.Chat != nil {
			t.Errorf("%s: %+v", what, e.Chat)
		}
	}
}

func TestCommentsThatNobodyDocuments(t *testing.T) {
	w := newWorld(t)
	payload := w.NotePayload(w.project, "create", w.said("mona", "opener", "/oore build"))
	part := func(name string) func(map[string]any) map[string]any {
		return func(p map[string]any) map[string]any { return p[name].(map[string]any) }
	}
	for what, tt := range map[string]struct {
		in    func(map[string]any) map[string]any
		field string
		value any
	}{
		"no iid":            {part("merge_request"), "iid", nil},
		"an iid of 0":       {part("merge_request"), "iid", 0},
		"no target":         {part("merge_request"), "target_project_id", nil},
		"no id":             {attributes, "id", "x"},
		"an author's path":  {part("user"), "id", "7/../8"},
		"no name":           {part("user"), "username", nil},
		"two projects":      {func(p map[string]any) map[string]any { return p }, "project_id", 999},
		"no merge request":  {func(p map[string]any) map[string]any { return p }, "merge_request", nil},
		"a list of authors": {func(p map[string]any) map[string]any { return p }, "user", []any{}},
	} {
		bad := edit(t, payload, func(p map[string]any) { tt.in(p)[tt.field] = tt.value })
		e, err := gitlab.Decoder{}.Decode(gitlabtest.NoteHook, bad)
		if err == nil || core.KindOf(err) != core.KindInvalid {
			t.Errorf("%s: %+v, %v", what, e, err)
		}
	}
}
