package gitlab_test

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/gitlab/gitlabtest"
)

func TestPermission(t *testing.T) {
	w := newWorld(t)
	for level, want := range map[int]core.Permission{
		0: core.PermissionNone, 5: core.PermissionNone, gitlabtest.Guest: core.PermissionRead, 15: core.PermissionRead, gitlabtest.Reporter: core.PermissionRead,
		gitlabtest.Developer: core.PermissionWrite, gitlabtest.Maintainer: core.PermissionAdmin, gitlabtest.Owner: core.PermissionAdmin, 60: core.PermissionAdmin,
	} {
		u := w.AddUser(fmt.Sprint("user", level))
		w.SetAccess(w.project, u, level)
		for _, login := range []string{u.Username, "was-renamed"} {
			got, err := w.room.Permission(t.Context(), w.repo(), fmt.Sprint(u.ID), login)
			if err != nil || got != want {
				t.Errorf("level %d, %s: %s, %v; want %s", level, login, got, err, want)
			}
		}
	}
}

// Who cannot be asked about may nothing.
func TestPermissionThatIsNotKnown(t *testing.T) {
	w := newWorld(t)
	mona := w.AddUser("mona")
	w.SetAccess(w.project, mona, gitlabtest.Owner)
	ask := func(id string) (core.Permission, error) { return w.room.Permission(t.Context(), w.repo(), id, "mona") }
	for _, id := range []string{"", "mona", "0", "-1", fmt.Sprintf("%d/../%d", w.User.ID, mona.ID), fmt.Sprint(mona.ID, "?x"), "99999"} {
		if got, err := ask(id); got != core.PermissionNone || err != nil {
			t.Errorf("%q: %s, %v", id, got, err)
		}
	}
	for what, f := range map[string]gitlabtest.Failure{
		"broken": gitlabtest.ServerError(500), "busy": {Status: 409}, "gone": {Drop: true}, "cut": {Truncate: true},
		"somebody else":   {Status: 200, Body: `{"id":1,"access_level":50}`},
		"a proxy":         {Status: 200, Body: `[]`},
		"a level in text": {Status: 200, Body: fmt.Sprintf(`{"id":%d,"access_level":"50"}`, mona.ID)},
	} {
		w.Fail(func(*http.Request) *gitlabtest.Failure { return &f })
		got, err := ask(fmt.Sprint(mona.ID))
		w.Heal()
		wantError(t, what, err, core.KindUnavailable, "")
		if got != core.PermissionNone {
			t.Errorf("%s: %s", what, got)
		}
	}
}

func TestFindPullRequest(t *testing.T) {
	w := newWorld(t)
	mr := gitlabtest.MergeRequest{Number: 3, Title: "A cart", Author: "mona", SourceBranch: "cart", SHA: w.head, TargetBranch: "main", Fork: true, Draft: true}
	w.Open(w.project, mr)
	find := func() core.Event {
		t.Helper()
		e, err := w.room.FindPullRequest(t.Context(), w.repo(), 3)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	heads, err := w.room.Heads(t.Context(), w.repo())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(heads, func(e core.Event) bool { return e.Kind == core.EventPullRequest })
	if got, want := find(), heads[i]; !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, a survey tells %+v", got, want)
	}
	for _, state := range []string{"closed", "merged", "locked"} {
		mr.State = state
		w.Open(w.project, mr)
		if e := find(); !e.Closed || e.Kind != core.EventPullRequest || e.SHA != w.head || !e.PullRequest.Fork || e.Opener != "mona" {
			t.Errorf("%s: %+v", state, e)
		}
	}
	_, err = w.room.FindPullRequest(t.Context(), w.repo(), 4)
	wantError(t, "no such merge request", err, core.KindNotFound, "!4")
	w.FailNext(gitlabtest.Failure{Status: 200, Body: `{"iid":3,"state":"opened","source_branch":"a","target_branch":"b","sha":null}`})
	_, err = w.room.FindPullRequest(t.Context(), w.repo(), 3)
	wantError(t, "without a commit", err, core.KindUnavailable, "")
}

func TestReact(t *testing.T) {
	w := newWorld(t)
	note := w.said("mona", "opener", "/oore build")
	chat := core.Chat{ID: fmt.Sprint(note.ID), Number: 3, Reactable: true}
	for _, reaction := range []core.Reaction{core.ReactionSeen, core.ReactionSeen, core.ReactionDone, core.ReactionNo, core.ReactionNo} {
		if err := w.room.React(t.Context(), w.repo(), chat, reaction); err != nil {
			t.Fatalf("%s: %v", reaction, err)
		}
	}
	var names []string
	for _, a := range w.Awards(w.project, note.ID) {
		if a.User != w.User {
			t.Errorf("of somebody else: %+v", a)
		}
		names = append(names, a.Name)
	}
	if !slices.Equal(names, []string{"eyes", "rocket", "thumbsdown"}) {
		t.Errorf("got %v", names)
	}
}

func TestReactionsThatGitLabRefuses(t *testing.T) {
	w := newWorld(t)
	note := w.said("mona", "opener", "/oore build")
	react := func(id string, number int) error {
		return w.room.React(t.Context(), w.repo(), core.Chat{ID: id, Number: number}, core.ReactionSeen)
	}
	wantError(t, "no note", react("99999", 3), core.KindNotFound, "99999")
	wantError(t, "no merge request", react(fmt.Sprint(note.ID), 4), core.KindNotFound, "!4")
	wantError(t, "no id", react("1/../2", 3), core.KindInvalid, "")
	w.FailNext(gitlabtest.ServerError(502))
	wantError(t, "broken", react(fmt.Sprint(note.ID), 3), core.KindUnavailable, "")
	w.Fail(func(r *http.Request) *gitlabtest.Failure {
		if r.Method == http.MethodPost {
			return &gitlabtest.Failure{Status: http.StatusNotFound, Body: `{"message":"404 Award Emoji Not Found"}`}
		}
		return nil
	})
	wantError(t, "a locked discussion", react(fmt.Sprint(note.ID), 3), core.KindNotFound, "may not react")
	if got := w.Awards(w.project, note.ID); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}
