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
