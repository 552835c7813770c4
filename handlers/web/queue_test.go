package web

import (
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

// plainText is what a page says, without its markup.
func plainText(body string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(body, "<") {
		_, text, _ := strings.Cut(part, ">")
		b.WriteString(text)
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func TestEveryPlaceWhereABuildWaitsSaysWhy(t *testing.T) {
	a := site(t, filled(), owner(), "http://127.0.0.1:8787")
	for _, path := range []string{"/", "/builds", "/builds/b143", "/builds/b143?part=summary", "/projects/p1"} {
		_, body := get(t, a, path)
		if text := plainText(body); !strings.Contains(text, "3rd in line. All 2 slots of the runners with label macos are busy. Expected start:") {
			t.Errorf("%s does not say where #143 stands: %s", path, text)
		}
	}
	for _, path := range []string{"/builds/b142", "/builds?status=failed"} {
		if _, body := get(t, a, path); strings.Contains(body, "in line") {
			t.Errorf("%s shows a place of what does not wait", path)
		}
	}
}

func TestTheQueueShowsWhatWaitsAndWhatRuns(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	_, body := get(t, a, "/queue")
	waiting, running, _ := strings.Cut(body, `id="running"`)
	for what, c := range map[string]struct{ part, has string }{
		"the build that waits": {waiting, "/builds/b143"}, "its place": {waiting, "3rd"}, "why it waits": {waiting, "label macos are busy."},
		"what runs": {running, "/builds/b142"}, "what is assigned": {running, "/builds/b141"}, "the runner": {running, "mac-mini-2"},
		"an end that nobody can tell": {running, "Not known yet"}, "those that are hidden": {running, "2 more builds are of projects that you may not see."},
		"that it changes by itself": {body, "data-active"},
	} {
		if !strings.Contains(c.part, c.has) {
			t.Errorf("the queue does not show %s", what)
		}
	}
	f.builds = nil
	if _, body = get(t, a, "/queue"); !strings.Contains(body, "Nothing waits that you may see.") {
		t.Error("an empty queue does not say so")
	}
}

func TestABuildThatStartsNowHasNoExpectedStart(t *testing.T) {
	p := macPlace()
	if !p.Later() {
		t.Error("in four minutes is not later")
	}
	p.Reason.Code = core.WaitStarting
	if p.Later() {
		t.Error("now is later")
	}
}

func TestAnAdminChangesTheQueueAndOthersSeeNoButtons(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	for path, want := range map[string]string{"/queue/builds/b143/first": "/queue", "/queue/builds/b143/cancel": "/queue", "/queue/pause": "/queue"} {
		if answer, _ := post(t, a, path, nil); answer.StatusCode != 303 || answer.Header.Get("Location") != want {
			t.Errorf("%s: %d %s", path, answer.StatusCode, answer.Header.Get("Location"))
		}
	}
	if len(f.putFirst) != 1 || f.putFirst[0] != "b143" || f.paused == nil {
		t.Errorf("first %v, paused %v", f.putFirst, f.paused)
	}
	_, body := get(t, a, "/queue")
	for _, part := range []string{"Claiming is paused</strong> by " + owner().Name + " since", `action="/queue/resume"`} {
		if !strings.Contains(body, part) {
			t.Errorf("the paused queue lacks %q", part)
		}
	}
	viewer := site(t, f, core.Actor{Kind: core.ActorUser, Name: "vera", Role: core.RoleViewer}, "http://127.0.0.1:8787")
	_, body = get(t, viewer, "/queue")
	if !strings.Contains(body, "Claiming is paused") || strings.Contains(body, `action="/queue/`) {
		t.Error("a viewer does not see the pause, or sees buttons")
	}
	f.refuse = core.Codef(core.KindConflict, core.CodeInvalidTransition, "The build no longer waits; look at it again")
	if answer, body := post(t, a, "/queue/builds/b143/first", nil); answer.StatusCode != 409 || !strings.Contains(body, "no longer waits") || !strings.Contains(body, ">Queue</h1>") {
		t.Errorf("too late: %d", answer.StatusCode)
	}
}
