package web

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/sse"
)

// live is a site over the fake house whose streams a test can break or refuse.
type live struct {
	*fake
	pages   *Pages
	refuses atomic.Bool
	expired atomic.Bool // the session: rows are answered with the way to the sign-in page
	asked   requests
	slow    atomic.Pointer[slowness] // of rows, if not nil
	stop    chan struct{}
}

// slowness holds answers that are ready.
type slowness struct {
	ready chan struct{} // told of each
	sent  chan struct{} // closed: they are sent
}

func liveSite(t *testing.T) (*live, string) {
	t.Helper()
	l := &live{fake: filled()}
	address, _ := l.serve(t, "127.0.0.1:0")
	return l, address
}

// serve listens; kill ends it as a killed server ends, streams and all.
func (l *live) serve(t *testing.T, at string) (address string, kill func()) {
	t.Helper()
	l.stop = make(chan struct{})
	address, end := serveAt(t, siteWith(t, l.fake, owner(), "http://127.0.0.1:8787", l), at)
	stop := l.stop
	kill = sync.OnceFunc(func() { close(stop); end() })
	t.Cleanup(kill)
	return address, kill
}

// search is the API's.
func (l *live) search(c *fiber.Ctx) error {
	found, err := l.SearchLog(c.UserContext(), owner(), param(c, "id"), app.LogSearch{
		Text: c.Query("q"), Case: c.Query("case") == "true", After: int64(c.QueryInt("after_sequence", -1)), Limit: c.QueryInt("limit"),
	})
	if err != nil {
		return c.Status(http.StatusTooManyRequests).JSON(fiber.Map{"error": err.Error()})
	}
	logs := []fiber.Map{}
	for _, r := range found.Records {
		logs = append(logs, fiber.Map{"sequence": r.Sequence})
	}
	return c.JSON(fiber.Map{"logs": logs, "total": found.Total})
}

// open is how many streams there are.
func (l *live) open() int {
	return l.pages.streams.Total()
}

// door refuses streams if the test wants that.
func (l *live) door(c *fiber.Ctx) error {
	l.asked.note(c)
	if strings.HasSuffix(c.Path(), "/lines") && l.expired.Load() {
		return c.Redirect("/login", http.StatusSeeOther)
	}
	if slow := l.slow.Load(); slow != nil && strings.HasSuffix(c.Path(), "/lines") {
		err := c.Next()
		slow.ready <- struct{}{}
		<-slow.sent
		return err
	}
	if !strings.HasSuffix(c.Path(), "/stream") {
		return c.Next()
	}
	if l.refuses.Load() {
		return c.SendStatus(http.StatusServiceUnavailable)
	}
	return c.Next()
}

const (
	atEnd   = `(l => l.scrollHeight - l.scrollTop - l.clientHeight < 4)(document.getElementById("log"))`
	orderly = `(n => n.every((v, i) => !i || v === n[i-1] + 1))([...document.querySelectorAll(".l")].map(l => +l.id.slice(1)))`
)

func TestLogFollowsTheBuildToItsEnd(t *testing.T) {
	l, address := liveSite(t)
	b := browser(t)
	b.open(address + "/builds/b142")
	b.await(`document.getElementById("follow").textContent === "Following" && ` + atEnd)
	l.print("b142", "\x1b[32mAll tests passed\x1b[0m <b>now</b>")
	b.await(`document.querySelector("#L1932 > span")?.innerHTML === '<span class="f2">All tests passed</span> &lt;b&gt;now&lt;/b&gt;' && ` + atEnd)
	l.end("b142", core.BuildSucceeded)
	b.await(`document.querySelector("#summary[data-status=succeeded] .state")?.textContent === "Succeeded"`)
	b.await(`document.title.startsWith("✓ FlutterShop #142 succeeded") && document.querySelector("link[rel=icon]").href.endsWith("/fav-succeeded.svg")`)
	b.await(`document.getElementById("say").textContent === "Build 142: succeeded" && document.getElementById("follow").hidden`)
	b.await(`document.querySelectorAll(".l").length === 1932 && ` + orderly)
}

func TestScrollingUpPauses(t *testing.T) {
	l, address := liveSite(t)
	b := browser(t)
	b.open(address + "/builds/b142")
	b.await(`document.getElementById("follow").textContent === "Following" && ` + atEnd)
	b.script(`document.getElementById("log").scrollTop -= 200`)
	b.await(`document.getElementById("follow").getAttribute("aria-pressed") === "false"`)
	top := evaluate[float64](b, `document.getElementById("log").scrollTop`)
	for i := range 50 {
		l.print("b142", fmt.Sprint("more ", i))
	}
	b.await(`document.getElementById("follow").textContent === "Paused · 50 new lines"`)
	if now := evaluate[float64](b, `document.getElementById("log").scrollTop`); now != top {
		t.Errorf("the position moved from %v to %v", top, now)
	}
	b.do(chromedp.Click(chromedp.CSS("#follow")))
	b.await(`document.getElementById("L1981") && document.getElementById("follow").textContent === "Following" && ` + atEnd)
}

// A line that was printed while the rows around it were on their way stayed a gap, in view,
// for as long as the page followed.
func TestLinesPrintedWhileTheirWindowIsFilled(t *testing.T) {
	l, address := liveSite(t)
	b := browser(t)
	b.open(address + "/builds/b142")
	b.await(`document.getElementById("follow").textContent === "Following" && ` + atEnd)
	b.script(`document.getElementById("log").scrollTop -= 200`)
	b.await(`document.getElementById("follow").getAttribute("aria-pressed") === "false"`)
	l.print("b142", "not followed")
	b.await(`document.getElementById("follow").textContent === "Paused · 1 new line"`)
	slow := &slowness{ready: make(chan struct{}, 9), sent: make(chan struct{})}
	l.slow.Store(slow)
	b.do(chromedp.Click(chromedp.CSS("#follow")))
	<-slow.ready
	l.print("b142", "meanwhile")
	b.await(`document.getElementById("log-note").textContent === "1,933 lines"`)
	l.slow.Store(nil)
	close(slow.sent)
	b.await(`document.getElementById("L1932") && document.getElementById("L1933") && !document.querySelector(".gap")`)
}

// Acceptance 6 of ux.md: no line is missing and none is there twice.
func TestServerIsKilledDuringALiveLog(t *testing.T) {
	l := &live{fake: filled()}
	address, kill := l.serve(t, "127.0.0.1:0")
	b := browser(t, "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION")
	b.open(address + "/builds/b142")
	for i := range 300 {
		l.print("b142", fmt.Sprint("before ", i))
	}
	b.await(`document.getElementById("L2231")`)
	kill()
	for i := range 700 {
		l.print("b142", fmt.Sprint("away ", i))
	}
	_, kill = l.serve(t, strings.TrimPrefix(address, "http://"))
	defer kill()
	l.print("b142", "back")
	b.await(`document.getElementById("L2932") && ` + atEnd)
	b.script(`document.getElementById("log").scrollTop = 0`)
	l.end("b142", core.BuildSucceeded)
	b.await(`document.querySelectorAll(".l").length === 2932 && !document.querySelector(".gap")`)
	if !evaluate[bool](b, orderly) {
		t.Error("a line is missing or twice")
	}
	same := `fetch("/builds/b142/log.txt").then(r => r.text()).then(raw => raw.trimEnd().split("\n").slice(1931).join() ===
		[...document.querySelectorAll(".l > span")].slice(1931).map(s => s.textContent).join())`
	if !evaluate[bool](b, same) {
		t.Error("the lines are not those of the raw log")
	}
}

// A restart in good order is no word to the reader: its server said that it stops.
func TestAServerThatIsRestartedIsNoTrouble(t *testing.T) {
	l := &live{fake: filled()}
	address, stop := l.serve(t, "127.0.0.1:0")
	b := browser(t, "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION")
	b.open(address + "/builds/b142")
	l.print("b142", "before")
	b.await(`document.getElementById("L1932")`)
	b.script(`new MutationObserver(() => { window.troubled ||= !!document.getElementById("delayed") }).observe(document.body, { childList: true, subtree: true })`)
	told := time.Now()
	stop()
	time.Sleep(2 * time.Second) // so long it is away: connections fail
	_, stop = l.serve(t, strings.TrimPrefix(address, "http://"))
	defer stop()
	l.print("b142", "back")
	b.await(`document.getElementById("L1933")`)
	if away := time.Since(told); away < 8*time.Second && evaluate[bool](b, `!!window.troubled`) {
		t.Errorf("the page spoke of trouble within %s", away)
	}
}

func TestWithoutAStreamThePageAsks(t *testing.T) {
	l, address := liveSite(t)
	l.refuses.Store(true)
	b := browser(t, "503")
	b.open(address + "/builds/b142")
	b.await(`document.getElementById("delayed")?.textContent.includes("delayed")`)
	l.print("b142", "by asking")
	b.await(`document.getElementById("L1932")`)
	l.end("b142", core.BuildFailed)
	b.await(`document.title.startsWith("✕ FlutterShop #142 failed")`)
}

func TestHiddenPageClosesItsStream(t *testing.T) {
	l, address := liveSite(t)
	b := browser(t)
	b.open(address + "/builds/b142")
	l.print("b142", "one")
	b.await(`document.getElementById("L1932")`)
	hide := `(v => { Object.defineProperty(document, "hidden", { value: v, configurable: true }); document.dispatchEvent(new Event("visibilitychange")); })`
	b.script(hide + "(true)")
	l.waitStreams(t, 0)
	l.print("b142", "two")
	b.script(hide + "(false)")
	b.await(`document.getElementById("L1933")`)
	l.waitStreams(t, 1)
}

func (l *live) waitStreams(t *testing.T, n int) {
	t.Helper()
	for end := time.Now().Add(patience); l.open() != n; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d streams are open, want %d", l.open(), n)
		}
	}
}

// A tab that is not looked at has no stream, and windows side by side leave room for one
// more page: acceptance 5 of ux.md.
func TestEightTabsLeaveRoomForAnother(t *testing.T) {
	l, address := liveSite(t)
	b := browser(t)
	b.open(address + "/builds/b142")
	b.await(`document.getElementById("follow").textContent === "Following"`)
	for range 7 {
		b.another().open(address + "/builds/b142")
	}
	last := b.another()
	last.open(address + "/builds")
	last.await(`document.querySelector("h1").textContent === "Builds"`)
	if n := l.open(); n < 1 || n > 6 {
		t.Errorf("%d streams are open", n)
	}
	l.print("b142", "for all of them")
	b.await(`document.getElementById("L1932")`)
}

func TestStreamsOfOnePersonAreBounded(t *testing.T) {
	p := &Pages{}
	var ends []func()
	for range maxStreams {
		end, err := p.beginStream(owner())
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, end)
	}
	if _, err := p.beginStream(owner()); core.KindOf(err) != core.KindLimited {
		t.Errorf("one more: %v", err)
	}
	other, err := p.beginStream(core.Actor{Kind: core.ActorUser, UserID: "u2"})
	if err != nil {
		t.Errorf("somebody else: %v", err)
	}
	for _, end := range append(ends, other) {
		end()
	}
	if n := p.streams.Total(); n != 0 {
		t.Errorf("left over: %d", n)
	}
}

// A project that has all its streams: the page of its build asks instead and stays current,
// and lists have theirs.
func TestAPageWhoseProjectHasAllItsStreamsAsksInstead(t *testing.T) {
	l, address := liveSite(t)
	build, err := l.FindBuild(t.Context(), owner(), "b142")
	if err != nil {
		t.Fatal(err)
	}
	var ends []func()
	for range sse.PerProject {
		end, err := l.pages.ProjectStreams().BeginOf(build.ProjectID)
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, end)
	}
	refused := listen(t, address+"/builds/b142/stream")
	if refused.answer.StatusCode != http.StatusTooManyRequests {
		t.Errorf("%d", refused.answer.StatusCode)
	}
	if name, _, _ := listen(t, address+"/stream").next(); name == "" {
		t.Error("a list has no stream")
	}
	b := browser(t, "429")
	b.open(address + "/builds/b142")
	b.await(`document.getElementById("delayed")`)
	l.print("b142", "without a stream")
	b.await(`document.getElementById("L1932")`)
	for _, end := range ends {
		end()
	}
	b.await(`!document.getElementById("delayed")`)
	if n := l.pages.ProjectStreams().Total(); n != 1 {
		t.Errorf("%d streams are counted, want the page's", n)
	}
}

// A build that prints 1,000 lines a second: the page follows it to its end, and a reader who
// has scrolled up by a pixel stays there. What it costs the browser is BenchmarkLivePage's.
func TestLiveFlood(t *testing.T) {
	const length = 4 * time.Second
	l, address := liveSite(t)
	b := browser(t)
	b.open(address + "/builds/b142")
	b.await(`document.getElementById("follow").textContent === "Following" && ` + atEnd)
	flood := func(length time.Duration) {
		for end := time.Now().Add(length); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			lines := make([]string, 50)
			for i := range lines {
				lines[i] = fmt.Sprintf("\x1b[33mRunning\x1b[0m Gradle task assembleRelease at lib/main.dart:%d, %s", i+1, strings.Repeat("word ", 10))
			}
			l.print("b142", lines...)
		}
	}
	flood(length)
	total := l.lines("b142")
	b.await(fmt.Sprintf(`document.getElementById("L%d") && document.getElementById("follow").textContent === "Following" && `, total) + atEnd)
	if n := evaluate[int](b, `[...document.querySelectorAll(".w")].filter(w => w.querySelector(".l")).length`); n > 20 {
		t.Errorf("%d windows are in the page", n)
	}
	b.script(`document.getElementById("log").scrollTop -= 1`)
	b.await(`document.getElementById("follow").getAttribute("aria-pressed") === "false"`)
	top := evaluate[float64](b, `document.getElementById("log").scrollTop`)
	flood(length / 2)
	if now := evaluate[float64](b, `document.getElementById("log").scrollTop`); now != top {
		t.Errorf("the position moved from %v to %v", top, now)
	}
	b.await(fmt.Sprintf(`document.getElementById("follow").textContent === "Paused · %s new lines"`, humanNumber(l.lines("b142")-total)))
}
