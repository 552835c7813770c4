package web

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
)

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
		fmt.Fprint(w, ": still here\n\n") // a reader that has gone shows only when written to
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
	b.open(address + "/builds/b142")
	b.await(`document.getElementById("follow").textContent === "Following" && ` + atEnd)
	l.print("b142", "\x1b[32mAll tests passed\x1b[0m <b>now</b>")
	b.await(`document.querySelector("#L1932 > span")?.innerHTML === '<span class="f2">All tests passed</span> &lt;b&gt;now&lt;/b&gt;' && ` + atEnd)
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

func TestStreamIsResumedWithoutLossOrRepeat(t *testing.T) {
	l, address := liveSite(t)
	b := browser(t, "ERR_INCOMPLETE_CHUNKED_ENCODING")
	b.open(address + "/builds/b142")
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
	b.open(address + "/builds/b142")
	b.await(`document.getElementById("delayed")?.textContent.includes("delayed")`)
	l.print("b142", "by asking")
	b.await(`document.getElementById("L1932")`)
	l.end("b142", core.BuildFailed)
	b.await(`document.title.startsWith("✕ FlutterShop #142 failed")`)
}

func TestLongLiveLogStaysBounded(t *testing.T) {
	l, address := liveSite(t)
	b := browser(t)
	b.open(address + "/builds/b142")
	b.await(`document.getElementById("follow").textContent === "Following"`)
	lines := make([]string, 12000)
	for i := range lines {
		lines[i] = fmt.Sprint("line ", i)
	}
	l.print("b142", lines...)
	b.await(`document.getElementById("L13931") && ` + atEnd)
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

func (l *live) waitStreams(t *testing.T, n int64) {
	t.Helper()
	for end := time.Now().Add(patience); l.streams.Load() != n; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d streams are open, want %d", l.streams.Load(), n)
		}
	}
}
