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

func (w *world) reply(t *testing.T, key, body string) {
	t.Helper()
	if err := w.room.Reply(t.Context(), w.repo(), 3, key, body); err != nil {
		t.Fatal(err)
	}
}

// answers are our notes.
func (w *world) answers() []gitlabtest.Note {
	return slices.DeleteFunc(w.Notes(w.project, 3), func(n gitlabtest.Note) bool { return n.Author != w.User })
}

func TestReplies(t *testing.T) {
	w := newWorld(t)
	note := w.said("mona", "opener", "/oore build")
	key := fmt.Sprint(note.ID)
	marker := "<!-- oore:reply c=" + key + " -->\n"
	w.reply(t, key, "@mona cannot run `build` here.\n\nMore text\n")
	w.reply(t, key, "@mona cannot run `build` here.\r\n\r\nMore text")
	got := w.answers()
	if len(got) != 1 || got[0].Edits != 0 || got[0].Body != marker+"@mona cannot run `build` here.\n\nMore text" {
		t.Fatalf("the same answer twice: %+v", got)
	}
	w.reply(t, key, "Another")
	if got := w.answers(); len(got) != 1 || got[0].Edits != 1 || got[0].Body != marker+"Another" {
		t.Errorf("another answer: %+v", got)
	}
	w.reply(t, key[:len(key)-1], "Of a note whose id begins the same")
	if got := w.answers(); len(got) != 2 || got[0].Edits != 1 {
		t.Errorf("two notes are answered: %+v", got)
	}
	w.DeleteNote(w.project, got[0].ID)
	w.reply(t, key, "Another")
	if got := w.answers(); len(got) != 2 || got[1].ID == got[0].ID || got[1].Body != marker+"Another" {
		t.Errorf("a deleted answer is given again: %+v", got)
	}
	if lines := core.ParseComment(w.answers()[0].Body+"\n/oore build", nil); len(lines) != 0 {
		t.Errorf("an answer holds commands: %+v", lines)
	}
}

// The answer is deleted by somebody between the look and the edit.
func TestRepliesThatVanish(t *testing.T) {
	w := newWorld(t)
	key := fmt.Sprint(w.said("mona", "opener", "/oore build").ID)
	w.reply(t, key, "One")
	w.Fail(func(r *http.Request) *gitlabtest.Failure {
		if r.Method == http.MethodPut {
			w.DeleteNote(w.project, w.answers()[0].ID)
		}
		return nil
	})
	w.reply(t, key, "Two")
	if got := w.answers(); len(got) != 1 || !strings.HasSuffix(got[0].Body, "\nTwo") {
		t.Errorf("got %+v", got)
	}
}

// Others may write what we would; and there may be pages of it, with gaps.
func TestRepliesAreFoundAmongOthers(t *testing.T) {
	w := newWorld(t)
	older := w.AddUser("older")
	w.Open(w.project, gitlabtest.MergeRequest{Number: 3, SHA: w.head})
	for range 150 {
		w.AddNote(w.project, 3, older, "Talk")
	}
	note := w.said("mona", "opener", "/oore help")
	key := fmt.Sprint(note.ID)
	marker := "<!-- oore:reply c=" + key + " -->"
	w.reply(t, key, "Help")
	for i := range 230 {
		n := w.AddNote(w.project, 3, note.Author, marker+"\nI am Oore")
		if i%50 == 0 {
			w.HideNote(w.project, n.ID)
		}
		w.AddNote(w.project, 3, w.User, "Ours, of "+marker)
	}
	before := len(w.Requests())
	w.reply(t, key, "More help")
	if got := w.Requests()[before:]; len(got) != 6 { // five pages and the edit
		t.Errorf("%d requests", len(got))
	}
	edited := 0
	for _, n := range w.Notes(w.project, 3) {
		if n.Edits > 0 {
			edited++
			if n.Author != w.User || n.Body != marker+"\nMore help" {
				t.Errorf("edited: %+v", n)
			}
		}
	}
	if edited != 1 {
		t.Errorf("%d notes were edited", edited)
	}
	last := w.AddNote(w.project, 3, note.Author, "/oore ping")
	before = len(w.Requests())
	w.reply(t, fmt.Sprint(last.ID), "Oore is here.")
	if got := w.Requests()[before:]; len(got) != 2 { // what is older than the command is no answer to it
		t.Errorf("%d requests", len(got))
	}
}

// The sticky note is looked for the same way, whose page may be short of what we may
// not see.
func TestNotesBehindHiddenOnes(t *testing.T) {
	w := newWorld(t)
	mona := w.said("mona", "opener", "Hello")
	for range 120 {
		w.AddNote(w.project, 3, mona.Author, "Talk")
	}
	w.HideNote(w.project, mona.ID)
	first := w.comment(t, sticky(w.head, 3), "")
	if again := w.comment(t, sticky(w.head, 3), ""); again != first {
		t.Errorf("%s, then %s", first, again)
	}
}

// GitLab runs lines that start with a slash with the rights of who writes them.
func TestRepliesRunNoCommands(t *testing.T) {
	w := newWorld(t)
	key := fmt.Sprint(w.said("mona", "opener", "/oore build").ID)
	for _, body := range []string{
		"/approve", "\n/merge", "x\r\n/close", "x\r/close", "\n\r/close", "\r\r\n\r/close", "  /assign @root", "\t/unlabel", "\u00a0/lock", "/oorebuild", "/oore\t/close",
		"```\nlog\n/rebase\n```", "````\n```\n/merge\n````", "> quote\n/reopen", "<details>\n\n/title x\n\n</details>", "/", "//", "--><!--\n/close\n-->",
		"/oore build\n/merge", "x\u2028/lock", "x\v/lock\f/lock",
	} {
		w.reply(t, key, body)
		if ran := w.Commands(w.project); len(ran) != 0 {
			t.Fatalf("%q: GitLab ran %q", body, ran)
		}
		for _, line := range strings.Split(w.answers()[0].Body, "\n") {
			text := strings.TrimLeft(line, " \t\u00a0")
			if strings.HasPrefix(text, "/") && text != "/oore build" {
				t.Errorf("%q: a line starts with a slash: %q", body, line)
			}
		}
	}
	help := strings.Join(core.HelpText(core.DoorForge, ""), "\n")
	w.reply(t, key, help)
	if body := w.answers()[0].Body; !strings.HasSuffix(body, "\n"+help) || !strings.Contains(body, "\n/oore build") {
		t.Errorf("what people copy is not as it was:\n%q", body)
	}
}

func TestRepliesThatGitLabRefuses(t *testing.T) {
	w := newWorld(t)
	key := fmt.Sprint(w.said("mona", "opener", "/oore build").ID)
	wantError(t, "no merge request", w.room.Reply(t.Context(), w.repo(), 4, key, "x"), core.KindNotFound, "!4")
	wantError(t, "no id", w.room.Reply(t.Context(), w.repo(), 3, "1 --><b>", "x"), core.KindInvalid, "")
	w.FailNext(gitlabtest.ServerError(503))
	wantError(t, "broken", w.room.Reply(t.Context(), w.repo(), 3, key, "x"), core.KindUnavailable, "")
	w.Archive(w.project)
	wantError(t, "archived", w.room.Reply(t.Context(), w.repo(), 3, key, "x"), core.KindForbidden, "")
	if got := w.answers(); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}
