package web

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
)

var rowIDs = regexp.MustCompile(`<div class="l[^"]*" id="L(\d+)"`)

// shown is the first and the last line number of a build's page.
func shown(t *testing.T, body string) string {
	t.Helper()
	rows := rowIDs.FindAllStringSubmatch(body, -1)
	if len(rows) == 0 {
		return "none"
	}
	return rows[0][1] + "-" + rows[len(rows)-1][1]
}

func TestLogWindows(t *testing.T) {
	f := filled()
	f.readLimit = 300 // a read is bounded by bytes, so it may give fewer lines than asked
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	for _, test := range []struct{ path, lines string }{
		{"/builds/b140", "1-1000"},
		{"/builds/b142", "1001-1931"}, // runs: its end
		{"/builds/b140?from=1001", "1001-1931"},
		{"/builds/b140?from=1", "1-1000"},
		{"/builds/b140?from=99999", "1501-1931"},
		{"/builds/b140?line=1017", "501-1500"},
		{"/builds/b140?line=1017-1600", "1001-1931"},
		{"/builds/b140?line=10-9", "1-1000"},
		{"/builds/b140?line=-5", "1-1000"},
		{"/builds/b140?line=zero&from=x", "1-1000"},
		{"/builds/b140?line=9223372036854775807", "1-1000"},
		{"/builds/b140?line=5000", "1001-1931"},
		{"/builds/b143", "none"},
	} {
		if _, body := get(t, a, test.path); shown(t, body) != test.lines {
			t.Errorf("%s shows %s, want %s", test.path, shown(t, body), test.lines)
		}
	}
}

// A build whose log cannot be read now shows all else, and says why.
func TestALogThatCannotBeReadLeavesTheRestOfThePage(t *testing.T) {
	f := filled()
	f.logGone = core.Errorf(core.KindUnavailable, "log object missing: <restore> it")
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	resp, body := get(t, a, "/builds/b140")
	if resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("answered %d", resp.StatusCode)
	}
	for _, part := range []string{`id="log-empty">log object missing: &lt;restore&gt; it<`, `class="steps"`, "/builds/b140/rerun"} {
		if !strings.Contains(body, part) {
			t.Errorf("the page lacks %s", part)
		}
	}
	if resp, body := get(t, a, "/builds/b140/log.txt"); resp.StatusCode != http.StatusServiceUnavailable || body == "" {
		t.Errorf("the raw log is answered %d %q", resp.StatusCode, body)
	}
	f.logGone = core.Errorf(core.KindInternal, "a defect")
	if resp, _ := get(t, a, "/builds/b140"); resp.StatusCode != http.StatusInternalServerError {
		t.Errorf("a defect is answered %d", resp.StatusCode)
	}
}

func TestALinkToARangeMarksIt(t *testing.T) {
	a := site(t, filled(), owner(), "http://127.0.0.1:8787")
	_, body := get(t, a, "/builds/b140?line=1017-1019")
	if !strings.Contains(body, `id="L1017-L1019"`) {
		t.Error("the range has no anchor of its own, so the link needs a script")
	}
	marked := regexp.MustCompile(`class="l sel" id="L(\d+)"`).FindAllStringSubmatch(body, -1)
	if len(marked) != 3 || marked[0][1] != "1017" {
		t.Errorf("marked %v", marked)
	}
}

func TestBuildPageTellsWhatFailed(t *testing.T) {
	a := site(t, filled(), owner(), "http://127.0.0.1:8787")
	_, body := get(t, a, "/builds/b140")
	for _, want := range []string{
		"<title>✕ FlutterShop #140 failed · Oore</title>", "/fav-failed.svg", "flutter test ended with exit code 1.",
		`href="/deliveries/d1"`, `href="https://github.example/acme/shop/commit/a1b2c3d4e5f60718293a4b5c6d7e8f9012345678"`, `href="/builds/b140/log.txt"`,
		`action="/builds/b140/rerun"`,
		`First error: <a href="https://github.example/acme/shop/blob/a1b2c3d4e5f60718293a4b5c6d7e8f9012345678/test/cart_test.dart#L42" rel="noopener noreferrer"><code>test/cart_test.dart:42</code></a> adds two items: Expected: &lt;2&gt;`,
		`<dt>Tests</dt><dd>213 passed, 1 failed</dd>`, `<summary>2 problems</summary>`, `<code>lib/main.dart:12</code></a> Unused import <span class="muted">(unused_import)</span>`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

func TestBuildPageShowsWhatABuildWasAskedForWith(t *testing.T) {
	a := site(t, filled(), owner(), "http://127.0.0.1:8787")
	_, body := get(t, a, "/builds/b136")
	for _, want := range []string{"<dt>Note</dt><dd>for the &lt;testers&gt;</dd>", "<dt>Platforms</dt><dd>android, ios</dd>"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if _, body = get(t, a, "/builds/b140"); strings.Contains(body, "<dt>Note</dt>") || strings.Contains(body, "<dt>Platforms</dt>") {
		t.Error("the page shows what is not there")
	}
}

func TestBuildPartsHaveNoLog(t *testing.T) {
	a := site(t, filled(), owner(), "http://127.0.0.1:8787")
	_, body := get(t, a, "/builds/b142?part=summary")
	if !strings.Contains(body, `id="summary"`) || !strings.Contains(body, `id="steps"`) || strings.Contains(body, `id="log"`) {
		t.Error("the part is not the head and the steps alone")
	}
}

func TestLogText(t *testing.T) {
	f := filled()
	f.readLimit = 2
	f.records["b1"] = []core.LogRecord{
		{Sequence: 0, Content: []byte("Checking out"), Stream: core.StreamSystem},
		{Sequence: 1, Content: []byte("\x1b[31mred \xff bytes"), Partial: true},
		{Sequence: 2, Content: []byte(" go on")},
		{Sequence: 3, Content: []byte("no line feed"), Partial: true},
	}
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	answer, body := get(t, a, "/builds/b1/log.txt")
	if want := "Checking out\n\x1b[31mred \xff bytes go on\nno line feed"; body != want {
		t.Errorf("got %q, want %q", body, want)
	}
	for name, want := range map[string]string{
		"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff", "Content-Disposition": `inline; filename="build-1.log"`,
	} {
		if got := answer.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if _, body := get(t, a, "/builds/b1/log.txt?system=false"); strings.Contains(body, "Checking out") {
		t.Error("our own lines were not left out")
	}
	if answer, _ := get(t, a, "/builds/none/log.txt"); answer.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown build: %d", answer.StatusCode)
	}
}

func TestCancelAndRerun(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	answer, _ := post(t, a, "/builds/b142/cancel", nil)
	if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/builds/b142" {
		t.Errorf("cancel: %d %s", answer.StatusCode, answer.Header.Get("Location"))
	}
	f.refuse = core.Codef(core.KindConflict, core.CodeInvalidTransition, "Build #140 is failed and cannot become canceled")
	answer, body := post(t, a, "/builds/b140/cancel", nil)
	if answer.StatusCode != http.StatusConflict || !strings.Contains(body, "cannot become canceled") || !strings.Contains(body, "<h1>Build #140</h1>") {
		t.Errorf("a refusal is not told on the build's page: %d", answer.StatusCode)
	}
	if answer, _ := post(t, a, "/builds/none/rerun", nil); answer.StatusCode != http.StatusNotFound {
		t.Errorf("rerun of an unknown build: %d", answer.StatusCode)
	}
}

func TestButtonsFollowTheRole(t *testing.T) {
	f := filled()
	f.projects[0].TriggerRole = core.RoleDeveloper
	a := site(t, f, core.Actor{Kind: core.ActorUser, Name: "vi", Role: core.RoleViewer}, "http://127.0.0.1:8787")
	for path, hidden := range map[string]string{
		"/builds/b142": "/builds/b142/cancel", "/projects/p1": "/projects/p1/run", "/projects": "/projects/new", "/deliveries/d1": "/redeliver",
	} {
		if _, body := get(t, a, path); strings.Contains(body, hidden) {
			t.Errorf("%s shows %s to a viewer who may not", path, hidden)
		}
	}
	for _, path := range []string{"/projects/p1/run", "/projects/new", "/projects/p1/pipelines/new"} {
		if answer, _ := get(t, a, path); answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", path, answer.StatusCode)
		}
	}
}

// The page of a build whose log retention has deleted was "Gone" itself.
func TestABuildOutlivesItsLog(t *testing.T) {
	f := filled()
	f.logGone = core.LogGone(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
	for _, path := range []string{"/builds/b140", "/builds/b140?part=summary"} {
		if answer, body := get(t, site(t, f, owner(), "http://127.0.0.1:8787"), path); answer.StatusCode != http.StatusOK || !strings.Contains(body, `id="summary"`) {
			t.Errorf("%s: %d\n%s", path, answer.StatusCode, body)
		}
	}
	if _, body := get(t, site(t, f, owner(), "http://127.0.0.1:8787"), "/builds/b140"); !strings.Contains(body, "deleted by retention on 2026-11-01") {
		t.Error("the page does not say what became of the log")
	}
}

// Who was signed out while the text of a log was sent was sent the rest of it.
func TestTheTextOfALogEndsWithTheSession(t *testing.T) {
	f := filled()
	f.long("b140", 100)
	f.readLimit, f.signedOff = 10, true
	answer, body := get(t, site(t, f, owner(), "http://127.0.0.1:8787"), "/builds/b140/log.txt")
	if lines := strings.Count(body, "\n"); answer.StatusCode != http.StatusOK || lines < 10 || lines > 13 || !strings.Contains(body, "The rest of the log could not be read") {
		t.Errorf("%d, %d lines", answer.StatusCode, lines)
	}
	f.signedOff = false
	if _, body := get(t, site(t, f, owner(), "http://127.0.0.1:8787"), "/builds/b140/log.txt"); strings.Count(body, "\n") != 100 {
		t.Errorf("who is signed in is sent %d of 100 lines", strings.Count(body, "\n"))
	}
}
