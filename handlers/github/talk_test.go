package github_test

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/github/githubtest"
)

func TestPermission(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	for i, tt := range []struct {
		role string
		want core.Permission
	}{
		{"admin", core.PermissionAdmin},
		{"maintain", core.PermissionWrite},
		{"write", core.PermissionWrite},
		{"triage", core.PermissionRead},
		{"read", core.PermissionRead},
		{"none", core.PermissionNone},
		{"release-manager:write", core.PermissionWrite},
		{"guest:read", core.PermissionRead},
		{"Admin:read", core.PermissionRead},
		{"made-up:owner", core.PermissionNone},
	} {
		id := int64(100 + i)
		w.SetPermissionOf(w.repo, "mona", id, tt.role)
		got, err := f.Permission(t.Context(), w.coreRepository(), fmt.Sprint(id), "Mona")
		if err != nil || got != tt.want {
			t.Errorf("%s: %s, %v; want %s", tt.role, got, err, tt.want)
		}
	}
}

func TestPermissionOfALoginThatIsNotTheirs(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	w.SetPermissionOf(w.repo, "mona", 17, "admin")
	for name, who := range map[string]struct{ id, login string }{
		"changed hands":   {"16", "mona"},
		"no id":           {"", "mona"},
		"nobody's":        {"18", "ghost"},
		"no login":        {"17", ""},
		"a way elsewhere": {"17", "mona/permission?x="},
		"a way up":        {"17", ".."},
	} {
		got, err := f.Permission(t.Context(), w.coreRepository(), who.id, who.login)
		if err != nil || got != core.PermissionNone {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
}

// What GitHub does not say is never taken for a yes.
func TestPermissionThatCannotBeAsked(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	w.SetPermissionOf(w.repo, "mona", 17, "admin")
	ask := func() (core.Permission, error) {
		return f.Permission(t.Context(), w.coreRepository(), "17", "mona")
	}
	if p, err := ask(); err != nil || p != core.PermissionAdmin {
		t.Fatalf("%s, %v", p, err)
	}
	w.FailNext(githubtest.ServerError(500))
	p, err := ask()
	wantError(t, "500", err, core.KindUnavailable, core.CodeUnavailable)
	if p != core.PermissionNone {
		t.Errorf("500: %s", p)
	}
	w.FailNext(githubtest.Failure{Status: 200, Body: `{}`})
	if p, err := ask(); p != core.PermissionNone {
		t.Errorf("an empty answer: %s, %v", p, err)
	}
	w.SetPermission(w.repo.InstallationID, "metadata", "")
	f = newForge(t, w)
	p, err = ask()
	wantError(t, "no right to ask", err, core.KindForbidden, core.CodePermissionDenied)
	if p != core.PermissionNone {
		t.Errorf("no right to ask: %s", p)
	}
}

// A pull request that is read is the one that its event tells of.
func TestFindPullRequest(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	for i, pull := range []githubtest.Pull{
		{Title: "A cart", Author: "mona"},
		{Draft: true, BaseBranch: "release"},
		{Fork: true},
		{ForkGone: true},
		{Closed: true},
	} {
		pull.Number, pull.HeadBranch, pull.HeadSHA = i+1, "feature/cart", w.head
		action := "opened"
		if pull.Closed {
			action = "closed"
		}
		want := decode(t, "pull_request", w.PullRequestPayload(action, w.repo, pull))
		want.Ignored = nil
		got, err := f.FindPullRequest(t.Context(), w.coreRepository(), pull.Number)
		if err != nil || !reflect.DeepEqual(got, want) || got.Closed != pull.Closed {
			t.Errorf("%+v: %+v %+v, %v; want %+v %+v", pull, got, got.PullRequest, err, want, want.PullRequest)
		}
	}
	_, err := f.FindPullRequest(t.Context(), w.coreRepository(), 99)
	wantError(t, "unknown", err, core.KindNotFound, core.CodeNotFound)
	w.FailNext(githubtest.ServerError(502))
	_, err = f.FindPullRequest(t.Context(), w.coreRepository(), 1)
	wantError(t, "502", err, core.KindUnavailable, core.CodeUnavailable)
	w.FailNext(githubtest.Failure{Status: 200, Body: `{"number":1,"state":"open"}`})
	_, err = f.FindPullRequest(t.Context(), w.coreRepository(), 1)
	wantError(t, "without a head", err, core.KindUnavailable, core.CodeUnavailable)
}

func TestReact(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	w.open(t, 3)
	id := w.AddComment(w.repo, 3, "mona", "/oore build").ID
	c := core.Chat{ID: fmt.Sprint(id), Number: 3, Reactable: true}
	for _, r := range []core.Reaction{core.ReactionSeen, core.ReactionSeen, core.ReactionDone, core.ReactionNo, core.ReactionDone} {
		if err := f.React(t.Context(), w.coreRepository(), c, r); err != nil {
			t.Errorf("%s: %v", r, err)
		}
	}
	if got := w.Reactions(id); !slices.Equal(got, []string{"eyes", "rocket", "-1"}) {
		t.Errorf("got %v", got)
	}
	before := len(w.Requests())
	c.Reactable = false
	if err := f.React(t.Context(), w.coreRepository(), c, core.ReactionSeen); err != nil || len(w.Requests()) != before {
		t.Errorf("a review: %v, and %d calls", err, len(w.Requests())-before)
	}
	gone := core.Chat{ID: "1", Reactable: true}
	wantError(t, "deleted", f.React(t.Context(), w.coreRepository(), gone, core.ReactionDone), core.KindNotFound, core.CodeNotFound)
	gone.ID = "1/../2"
	wantError(t, "no id", f.React(t.Context(), w.coreRepository(), gone, core.ReactionDone), core.KindInvalid, core.CodeInvalidInput)
	for _, name := range []string{"issues", "pull_requests"} {
		w.SetPermission(w.repo.InstallationID, name, "read")
	}
	err := newForge(t, w).React(t.Context(), w.coreRepository(), core.Chat{ID: fmt.Sprint(id), Reactable: true}, core.ReactionDone)
	wantError(t, "no right to", err, core.KindForbidden, core.CodePermissionDenied)
}

// That a command was seen takes none of the turns that are kept for results.
func TestReactGivesWayToResults(t *testing.T) {
	w := newWorld(t)
	c := &clock{now: time.Now()}
	f := newForgeAt(t, w, c)
	w.open(t, 3)
	chat := core.Chat{ID: fmt.Sprint(w.AddComment(w.repo, 3, "mona", "/oore build").ID), Reactable: true}
	for range 15 {
		if err := f.SetStatus(t.Context(), w.coreRepository(), report(w.head, core.ReportSuccess)); err != nil {
			t.Fatal(err)
		}
	}
	wantError(t, "seen", f.React(t.Context(), w.coreRepository(), chat, core.ReactionSeen), core.KindLimited, core.CodeRateLimited)
	if err := f.React(t.Context(), w.coreRepository(), chat, core.ReactionDone); err != nil {
		t.Errorf("done: %v", err)
	}
	if err := f.Reply(t.Context(), w.coreRepository(), 3, chat.ID, "An answer"); err != nil {
		t.Errorf("an answer: %v", err)
	}
}

func TestReply(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	w.open(t, 3)
	reply := func(key, body string) {
		t.Helper()
		if err := f.Reply(t.Context(), w.coreRepository(), 3, key, body); err != nil {
			t.Fatal(err)
		}
	}
	reply("12", "First")
	reply("12", "First")
	if got := w.Comments(w.repo, 3); len(got) != 1 || got[0].Edits != 0 || got[0].Body != "<!-- oore:reply c=12 -->\nFirst" || got[0].Login != w.Slug+"[bot]" {
		t.Fatalf("got %+v", got)
	}
	reply("12", "Second")
	reply("1", "Another's")
	got := w.Comments(w.repo, 3)
	if len(got) != 2 || got[0].Edits != 1 || !strings.HasSuffix(got[0].Body, "\nSecond") || got[1].Body != "<!-- oore:reply c=1 -->\nAnother's" {
		t.Fatalf("got %+v", got)
	}
	w.DeleteComment(w.repo, got[0].ID)
	reply("12", "Third")
	if got := w.Comments(w.repo, 3); len(got) != 2 || !strings.HasSuffix(got[1].Body, "\nThird") {
		t.Errorf("after it was deleted: %+v", got)
	}
	w.Fail(func(r *http.Request) *githubtest.Failure {
		if r.Method == http.MethodPatch {
			return &githubtest.Failure{Status: http.StatusNotFound}
		}
		return nil
	})
	reply("12", "Fourth")
	if got := w.Comments(w.repo, 3); len(got) != 3 || !strings.HasSuffix(got[2].Body, "\nFourth") {
		t.Errorf("deleted meanwhile: %+v", got)
	}
	wantError(t, "no such pull request", f.Reply(t.Context(), w.coreRepository(), 99, "12", "x"), core.KindNotFound, core.CodeNotFound)
}

// An answer that got lost, and a long talk since, must not lead to a second reply; nor
// must others who write what we would.
func TestReplyFindsItsOwn(t *testing.T) {
	for name, since := range map[string]int{"at once": 0, "on the first page": 40, "in the middle": 260} {
		w := newWorld(t)
		f := newForge(t, w)
		w.open(t, 3)
		const marker = "<!-- oore:reply c=12 -->"
		for i := range 150 {
			w.AddComment(w.repo, 3, "mona", fmt.Sprintf("%s\n%d", marker, i))
		}
		w.AddComment(w.repo, 3, "other-app[bot]", marker+"\nAnswer")
		w.AddComment(w.repo, 3, w.Slug+"[bot]", "<!-- oore:reply c=11 -->\n"+marker+"\nAnswer")
		w.Fail(func(r *http.Request) *githubtest.Failure {
			if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/comments") {
				return &githubtest.Failure{Truncate: true}
			}
			return nil
		})
		wantError(t, name, f.Reply(t.Context(), w.coreRepository(), 3, "12", "Answer"), core.KindUnavailable, core.CodeUnavailable)
		w.Heal()
		for i := range since {
			w.AddComment(w.repo, 3, "mona", fmt.Sprint(i))
		}
		if err := f.Reply(t.Context(), w.coreRepository(), 3, "12", "Answer, corrected"); err != nil {
			t.Fatal(err)
		}
		got := w.Comments(w.repo, 3)
		if len(got) != 153+since || got[152].Body != marker+"\nAnswer, corrected" {
			t.Errorf("%s: %d comments, %+v", name, len(got), got[152])
		}
		for i, c := range got {
			if c.Edits > 0 && i != 152 {
				t.Errorf("%s: edited a comment of %s: %s", name, c.Login, c.Body)
			}
		}
	}
}

// However long the talk, an answer takes a handful of calls.
func TestReplyInALongTalk(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	w.open(t, 3)
	for i := range 1250 {
		w.AddComment(w.repo, 3, "mona", fmt.Sprint(i))
	}
	for range 2 {
		if err := f.Reply(t.Context(), w.coreRepository(), 3, "12", "Answer"); err != nil {
			t.Fatal(err)
		}
	}
	var pages []string
	for _, r := range w.Requests() {
		if r.API && r.Method == http.MethodGet && strings.HasSuffix(r.Path, "/comments") {
			pages = append(pages, r.Query)
		}
	}
	if got := w.Comments(w.repo, 3); len(got) != 1251 || len(pages) != 6+2 {
		t.Errorf("%d comments, pages %q", len(got), pages)
	}
}

// Nothing in an answer makes it a command, hides its marker or is lost.
func TestReplyWithHostileText(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	w.open(t, 3)
	for i, body := range []string{
		"/oore build\n@" + w.Slug + " build",
		"--><script>alert(1)</script>\n<!-- oore:reply c=7 -->",
		"<!--", "```\n/oore cancel all", "\r\n\r\n/oore build", "", "\u202e/oore build\u0000\xff",
		strings.Repeat("é", 70_000),
		strings.Repeat("😀", 64_990),
	} {
		key := fmt.Sprint(100 + i)
		for range 2 {
			if err := f.Reply(t.Context(), w.coreRepository(), 3, key, body); err != nil {
				t.Fatalf("%.40q: %v", body, err)
			}
		}
		all := w.Comments(w.repo, 3)
		got := all[len(all)-1].Body
		if len(all) != i+1 || !strings.HasPrefix(got, "<!-- oore:reply c="+key+" -->\n") || utf8.RuneCountInString(got) > 65_000 {
			t.Errorf("%.40q: %d comments, %d characters: %.80q", body, len(all), utf8.RuneCountInString(got), got)
		}
		if found := core.ParseComment(got, []string{w.Slug}); len(found) != 0 {
			t.Errorf("%.40q is read as a command: %+v", body, found)
		}
		if want := strings.ToValidUTF8(body, "\uFFFD"); len(body) < 1000 && !strings.HasSuffix(got, want) {
			t.Errorf("%.40q became %q", body, got)
		}
	}
}

// Rooms with several Apps let the one talk that reaches the repository.
func TestTheRoomTalksThroughTheRightApp(t *testing.T) {
	a, b, room := twoHosts(t)
	for _, w := range []*world{a, b} {
		w.open(t, 3)
	}
	a.SetPermissionOf(a.repo, "mona", 17, "read")
	b.SetPermissionOf(b.repo, "mona", 17, "admin")
	if p, err := room.Permission(t.Context(), b.known("b"), "17", "mona"); err != nil || p != core.PermissionAdmin {
		t.Errorf("permission %s, %v", p, err)
	}
	id := b.AddComment(b.repo, 3, "mona", "/oore build").ID
	if err := room.React(t.Context(), b.known("b"), core.Chat{ID: fmt.Sprint(id), Reactable: true}, core.ReactionDone); err != nil || len(b.Reactions(id)) != 1 {
		t.Errorf("reactions %v, %v", b.Reactions(id), err)
	}
	if err := room.Reply(t.Context(), b.known("b"), 3, "1", "Answer"); err != nil || len(b.Comments(b.repo, 3)) != 2 || len(a.Comments(a.repo, 3)) != 0 {
		t.Errorf("reply: %v", err)
	}
	if e, err := room.FindPullRequest(t.Context(), b.known("b"), 3); err != nil || e.SHA != b.head {
		t.Errorf("pull request %+v, %v", e, err)
	}
	_, err := room.Permission(t.Context(), b.known("c"), "17", "mona")
	wantError(t, "an App that is gone", err, core.KindGone, core.CodeOf(err))
}
