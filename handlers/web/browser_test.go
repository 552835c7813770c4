package web

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
)

// chromium finds the browser. Without one these tests fail rather than pass unseen.
func chromium(t *testing.T) string {
	t.Helper()
	candidates := []string{"chromium", "chromium-browser", "google-chrome"}
	if runtime.GOOS == "darwin" {
		candidates = append(candidates, "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "/Applications/Chromium.app/Contents/MacOS/Chromium")
	}
	for _, name := range candidates {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("the browser tests need Chromium; `make deps` installs it")
	return ""
}

// tab is a page of an empty browser that a test starts for itself.
type tab struct {
	*testing.T
	ctx context.Context
}

// browser starts one. What a page reports as an error, a breach of the content policy
// included, fails the test, but for what the test expects.
func browser(t *testing.T, expected ...string) tab {
	t.Helper()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(chromium(t)), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-component-update", true),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(allocator)
	b := tab{T: t, ctx: ctx}
	b.do(chromedp.EmulateViewport(1280, 860))
	listened := make(chan struct{})
	messages := chromedp.Console(ctx)
	go func() {
		defer close(listened)
		for m, err := range messages {
			if err != nil {
				return
			}
			isExpected := func(e string) bool { return strings.Contains(m.Text+" "+m.URL, e) }
			if (m.Type == chromedp.ConsoleError || m.IsException()) && !slices.ContainsFunc(expected, isExpected) {
				t.Errorf("the page reports: %s (%s)", m, m.URL)
			}
		}
	}()
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Logf("close the browser: %v", err)
		}
		closeTab()
		<-listened
	})
	return b
}

func (b tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.Fatal(err)
	}
}

func (b tab) open(address string) {
	b.Helper()
	b.do(chromedp.Navigate(address))
}

// script runs a script in the page for its effect.
func (b tab) script(source string) { b.Helper(); b.do(chromedp.Evaluate[chromedp.Void](source)) }

// await waits until the expression is true in the page.
func (b tab) await(expression string) {
	b.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Poll[chromedp.Void](expression, chromedp.WithPollingTimeout(20*time.Second))); err != nil {
		state := evaluate[string](b, `[document.title, document.getElementById("follow")?.textContent, document.querySelectorAll(".l").length + " lines"].join(" | ")`)
		b.Fatalf("never true: %s: %v (%s)", expression, err, state)
	}
}

// evaluate is the value of an expression in the page, awaited if it is a promise.
func evaluate[T any](b tab, expression string) T {
	b.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.Fatal(err)
	}
	return value
}

// serve listens on a free port and returns the address.
func serve(t *testing.T, a *fiber.App) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- a.Listener(listener) }()
	t.Cleanup(func() {
		if err := a.ShutdownWithTimeout(time.Second); err != nil {
			t.Logf("stop the server: %v", err)
		}
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return "http://" + listener.Addr().String()
}

// live is the API that a build's page follows, over the fake house. A test breaks
// the stream by raising breaks, or refuses it.
type live struct {
	*fake
	breaks  atomic.Int64 // streams end without done when it grows
	refuses atomic.Bool
	streams atomic.Int64
	stop    chan struct{}
}

func liveSite(t *testing.T) (*live, string) {
	t.Helper()
	l := &live{fake: filled(), stop: make(chan struct{})}
	a := site(t, l.fake, owner(), "http://127.0.0.1:8787")
	a.Get("/v1/builds/:id/logs", func(c *fiber.Ctx) error {
		page, err := l.ReadLog(c.UserContext(), owner(), param(c, "id"), int64(c.QueryInt("after_sequence", -1)), 0)
		if err != nil {
			return err
		}
		logs := []map[string]any{}
		for _, r := range page.Records {
			logs = append(logs, wire(r))
		}
		return c.JSON(fiber.Map{"logs": logs, "total": page.Total})
	})
	a.Get("/v1/builds/:id/logs/stream", func(c *fiber.Ctx) error {
		if l.refuses.Load() {
			return c.SendStatus(http.StatusServiceUnavailable)
		}
		id, after := param(c, "id"), int64(c.QueryInt("after_sequence", -1))
		c.Set("Content-Type", "text/event-stream")
		c.Context().SetBodyStreamWriter(func(w *bufio.Writer) { l.stream(w, id, after) })
		return nil
	})
	address := serve(t, a)
	t.Cleanup(func() { close(l.stop) }) // before the server stops
	return l, address
}

func wire(r core.LogRecord) map[string]any {
	return map[string]any{"sequence": r.Sequence, "content": string(r.Content), "stream": r.Stream, "step": r.Step, "time": 1763800000.5}
}

func (l *live) stream(w *bufio.Writer, id string, after int64) {
	l.streams.Add(1)
	defer l.streams.Add(-1)
	breaks, status := l.breaks.Load(), core.BuildStatus("")
	for l.breaks.Load() == breaks {
		page, err := l.ReadLog(context.Background(), owner(), id, after, 0)
		if err != nil {
			return
		}
		if page.Build.Status != status {
			status = page.Build.Status
			send(w, "status", -1, map[string]any{"status": status})
		}
		for _, r := range page.Records {
			send(w, "log", r.Sequence, wire(r))
		}
		after = page.Next - 1
		if page.Build.LogComplete() && len(page.Records) == 0 {
			send(w, "done", -1, map[string]any{"status": status})
			_ = w.Flush()
			return
		}
		if w.Flush() != nil {
			return
		}
		select {
		case <-l.stop:
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func send(w *bufio.Writer, event string, id int64, data any) {
	text, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	fmt.Fprintf(w, "event: %s\n", event)
	if id >= 0 {
		fmt.Fprintf(w, "id: %d\n", id)
	}
	fmt.Fprintf(w, "data: %s\n\n", text)
}

func (l *live) print(id string, lines ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range lines {
		l.records[id] = append(l.records[id], core.LogRecord{
			Sequence: int64(len(l.records[id])), Content: []byte(line), Stream: core.StreamStdout, Step: "flutter test", Time: time.Now(),
		})
	}
}

func (l *live) end(id string, status core.BuildStatus) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.builds {
		if l.builds[i].ID == id {
			l.builds[i].Status, l.builds[i].LeaseToken, l.builds[i].FinishedAt, l.builds[i].UpdatedAt = status, "", ptr(time.Now()), time.Now()
		}
	}
}

const (
	atEnd   = `(l => l.scrollHeight - l.scrollTop - l.clientHeight < 4)(document.getElementById("log"))`
	orderly = `(n => n.every((v, i) => !i || v === n[i-1] + 1))([...document.querySelectorAll(".l")].map(l => +l.id.slice(1)))`
)

func TestLogFollowsTheBuildToItsEnd(t *testing.T) {
	l, address := liveSite(t)
	b := browser(t)
	b.open(address+"/builds/b142")
	b.await(`document.getElementById("follow").textContent === "Following" && `+atEnd)
	l.print("b142", "\x1b[32mAll tests passed\x1b[0m <b>now</b>")
	b.await(`document.querySelector("#L1932 > span")?.innerHTML === '<span class="f2">All tests passed</span> &lt;b&gt;now&lt;/b&gt;' && `+atEnd)
	l.end("b142", core.BuildSucceeded)
	b.await(`document.querySelector("#summary[data-status=succeeded] .state")?.textContent === "Succeeded"`)
	b.await(`document.title.startsWith("✓ FlutterShop #142 succeeded") && document.querySelector("link[rel=icon]").href.endsWith("/fav-succeeded.svg")`)
	b.await(`document.getElementById("say").textContent === "Build 142: succeeded" && document.getElementById("follow").hidden`)
	if !evaluate[bool](b, orderly) {
		t.Error("a line is missing or twice")
	}
}

func TestScrollingUpPauses(t *testing.T) {
	l, address := liveSite(t)
	b := browser(t)
	b.open(address+"/builds/b142")
	b.await(`document.getElementById("follow").textContent === "Following" && `+atEnd)
	b.do(chromedp.Evaluate[chromedp.Void](`document.getElementById("log").scrollTop -= 200`))
	b.await(`document.getElementById("follow").getAttribute("aria-pressed") === "false"`)
	top := evaluate[float64](b, `document.getElementById("log").scrollTop`)
	for i := range 50 {
		l.print("b142", fmt.Sprint("more ", i))
	}
	b.await(`document.getElementById("follow").textContent === "Paused · 50 new lines"`)
	if now := evaluate[float64](b, `document.getElementById("log").scrollTop`); now != top {
		t.Errorf("the position moved from %v to %v", top, now)
	}
	b.do(chromedp.Click(chromedp.CSS("#follow"))
	b.await(`document.getElementById("L1981") && document.getElementById("follow").textContent === "Following" && `+atEnd)
}

func TestStreamIsResumedWithoutLossOrRepeat(t *testing.T) {
	l, address := liveSite(t)
	b := browser(t, "ERR_INCOMPLETE_CHUNKED_ENCODING")
	b.open(address+"/builds/b142")
	l.print("b142", "before")
	b.await(`document.getElementById("L1932")`)
	l.breaks.Add(1)
	l.print("b142", "while nobody listened")
	b.await(`document.getElementById("L1933")`)
	if !evaluate[bool](b, orderly) {
		t.Error("a line is missing or twice")
	}
}

func TestWithoutAStreamThePageAsks(t *testing.T) {
	l, address := liveSite(t)
	l.refuses.Store(true)
	b := browser(t, "503")
	b.open(address+"/builds/b142")
	b.await(`document.getElementById("delayed")?.textContent.includes("delayed")`)
	l.print("b142", "by asking")
	b.await(`document.getElementById("L1932")`)
	l.end("b142", core.BuildFailed)
	b.await(`document.title.startsWith("✕ FlutterShop #142 failed")`)
}

func TestLongLiveLogStaysBounded(t *testing.T) {
	l, address := liveSite(t)
	b := browser(t)
	b.open(address+"/builds/b142")
	b.await(`document.getElementById("follow").textContent === "Following"`)
	lines := make([]string, 12000)
	for i := range lines {
		lines[i] = fmt.Sprint("line ", i)
	}
	l.print("b142", lines...)
	b.await(`document.getElementById("L13931") && `+atEnd)
	if n := evaluate[int](b, `document.querySelectorAll(".l").length`); n != 10000 {
		t.Errorf("%d lines in the page", n)
	}
	if !evaluate[bool](b, orderly) || !evaluate[bool](b, `document.querySelector("#log .more").textContent.includes("Raw")`) {
		t.Error("the page does not say that older lines are gone")
	}
}

func TestHiddenPageClosesItsStream(t *testing.T) {
	l, address := liveSite(t)
	b := browser(t)
	b.open(address+"/builds/b142")
	l.print("b142", "one")
	b.await(`document.getElementById("L1932")`)
	hide := `(v => { Object.defineProperty(document, "hidden", { value: v, configurable: true }); document.dispatchEvent(new Event("visibilitychange")); })`
	b.do(chromedp.Evaluate[chromedp.Void](hide+"(true)"))
	l.waitStreams(t, 0)
	l.print("b142", "two")
	b.do(chromedp.Evaluate[chromedp.Void](hide+"(false)"))
	b.await(`document.getElementById("L1933")`)
	l.waitStreams(t, 1)
}

func (l *live) waitStreams(t *testing.T, n int64) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); l.streams.Load() != n; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d streams are open, want %d", l.streams.Load(), n)
		}
	}
}

func TestMarkingLines(t *testing.T) {
	_, address := liveSite(t)
	b := browser(t)
	b.do(chromedp.Navigate(address+"/builds/b140"), chromedp.WaitVisible(chromedp.CSS("#L12")))
	b.do(chromedp.Click(chromedp.CSS("#L12 > a")), chromedp.Evaluate[chromedp.Void](`document.querySelector("#L15 > a").dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, shiftKey: true }))`))
	if got := evaluate[string](b, `location.search + location.hash`); got != "?line=12-15#L12-L15" {
		t.Errorf("the address is %s", got)
	}
	if got := evaluate[int](b, `document.querySelectorAll(".sel").length`); got != 4 {
		t.Errorf("%d lines are marked", got)
	}
}

func TestListRefreshesRowsInPlace(t *testing.T) {
	l, address := liveSite(t)
	b := browser(t)
	b.do(chromedp.Navigate(address+"/builds"),
		chromedp.Evaluate[chromedp.Void](`document.querySelector("[data-row=b141]").dataset.kept = 1; document.querySelector("[data-row=b142] a").focus()`))
	l.end("b142", core.BuildSucceeded)
	b.await(`document.querySelector("[data-row=b142] .state").textContent === "Succeeded"`)
	if !evaluate[bool](b, `document.querySelector("[data-row=b141]").dataset.kept === "1"`) {
		t.Error("a row that did not change was replaced")
	}
	if !evaluate[bool](b, `document.activeElement === document.querySelector("[data-row=b142] a")`) {
		t.Error("the focus is gone")
	}
}

func TestPagesReadWithoutScripts(t *testing.T) {
	_, address := liveSite(t)
	b := browser(t)
	b.do(emulation.SetScriptExecutionDisabled(true))
	for path, selectors := range map[string][]string{
		"/builds/b142":                 {"#L1931", "#steps ol.steps", "#summary .state", `form[action="/builds/b142/cancel"] button`},
		"/builds/b140?line=1017#L1017": {"#L1017.sel", "#steps a"},
		"/builds":                      {`a[href="/builds/b142"]`, "form.filters button"},
		"/projects/p1/run":             {"form.form button", "#pipeline_id"},
		"/deliveries/d1":               {".alert.big", `a[href="/builds/b142"]`},
	} {
		b.open(address+path)
		for _, s := range selectors {
			if err := chromedp.Run(ctx, chromedp.WaitVisible(s)); err != nil {
				t.Errorf("%s does not show %s: %v", path, s, err)
			}
		}
	}
}

// Lines that arrive later look as if the server had drawn them.
func TestAnsiTwins(t *testing.T) {
	l, address := liveSite(t)
	l.records["b139"] = nil
	lines := []string{
		"\x1b[1;31mred\x1b[0m & <plain>", "\x1b[38;5;196mx\x1b[48;5;236my\x1b[7mz", "carried on", "\x1b[0;7minverse", "\x1b[38:2::10:200:10mgreen\x1b[38;2;1;2", "\x1b[mx",
		"10%\r50%\r\x1b[32m100%\x1b[0m\r", "\x1b]0;title\x07a\x1b]8;;u\x1b\\b\x1b]unfinished", "\x1b[?25l\x1b[2K\x1b[31 mx\x1bP1\x1b\\y\x1b(B", "\x1b[4:3mu\x1b[4:0mn\x1b[99999999999m",
		"a\x00\x07\tb\x7f\u0085\u202e", "\x1b", "\x1b[", "\x1b[31", "x\x1b[3é", "\x1b[;1;;22;90;107mx\x1b[39;49my", "bad \xff utf-8 \xf0\x9f", "\U0001F600 \x1b[35mwide\x1b[m", "\x1b[\"><script>mx", "",
	}
	l.print("b139", lines...)
	b := browser(t)
	b.do(chromedp.Navigate(address+"/builds/b139"), chromedp.WaitVisible(chromedp.CSS("#L1")))
	contents := make([]string, len(lines))
	for i, line := range lines {
		contents[i] = strings.ToValidUTF8(line, "\uFFFD")
	}
	// The API's JSON has one U+FFFD for each broken byte, as the page has.
	contents[16] = "bad \uFFFD utf-8 \uFFFD\uFFFD"
	arg, err := json.Marshal(contents)
	if err != nil {
		t.Fatal(err)
	}
	different := evaluate[[]string](b, `(async () => {
		const { Ansi } = await import(document.querySelector("script[src$='log.js']").src.replace("log.js", "ansi.js"));
		const ansi = new Ansi(), out = [];
		`+string(arg)+`.forEach((content, i) => {
			const box = document.createElement("span");
			box.append(ansi.line(content));
			const served = document.querySelector("#L" + (i + 1) + " > span").innerHTML;
			if (box.innerHTML !== served) out.push(i + ": " + box.innerHTML + " | " + served);
		});
		return out;
	})()`)
	for _, d := range different {
		t.Errorf("line %s", d)
	}
}
