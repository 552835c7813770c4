package web

import (
	"context"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/handlers/web/browsertest"
)

// patience is how long a test waits for what must happen: a machine may have more to do than
// our tests, so only what never happens may outlast it.
const patience = 3 * time.Minute

func TestMain(m *testing.M) {
	code := m.Run()
	browsertest.Stop()
	os.Exit(code)
}

// tab is a page of the browser, with cookies of its own.
type tab struct {
	*testing.T
	ctx context.Context
}

func browser(t *testing.T, expected ...string) tab {
	t.Helper()
	return tab{T: t, ctx: browsertest.Open(t, expected...)}
}

// another is one more tab of the same browser.
func (b tab) another() tab {
	b.Helper()
	ctx, closeTab := chromedp.NewContext(b.ctx)
	b.Cleanup(closeTab)
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1280, 860)); err != nil {
		b.Fatal(err)
	}
	return tab{T: b.T, ctx: ctx}
}

// step bounds one action, so that a page which never does it fails the test and does
// not hang it.
func (b tab) step() (context.Context, context.CancelFunc) {
	return context.WithTimeout(b.ctx, patience)
}

func (b tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	ctx, cancel := b.step()
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
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
	ctx, cancel := b.step()
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Poll[chromedp.Void](expression, chromedp.WithPollingTimeout(patience-10*time.Second))); err != nil {
		state := evaluate[string](b, `[document.title, document.getElementById("follow")?.textContent, document.querySelectorAll(".l").length + " lines"].join(" | ")`)
		b.Fatalf("never true: %s: %v (%s)", expression, err, state)
	}
}

// arrive waits until the page of the path has loaded, on the way to which the browser
// may still be.
func (b tab) arrive(path string) {
	b.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		at, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.readyState === "complete" ? location.pathname + location.search : ""`))
		if err == nil && at == path {
			return
		}
	}
	b.Fatalf("the browser never came to %s", path)
}

// evaluate is the value of an expression in the page, awaited if it is a promise.
func evaluate[T any](b tab, expression string) T {
	b.Helper()
	ctx, cancel := b.step()
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.Fatal(err)
	}
	return value
}

// serve listens on a free port and returns the address.
func serve(t *testing.T, a *fiber.App) string {
	t.Helper()
	address, end := serveAt(t, a, "127.0.0.1:0")
	t.Cleanup(end)
	return address
}

// serveAt listens at an address until end is called.
func serveAt(t *testing.T, a *fiber.App, at string) (address string, end func()) {
	t.Helper()
	listener, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- a.Listener(listener) }()
	return "http://" + listener.Addr().String(), sync.OnceFunc(func() {
		if err := a.ShutdownWithTimeout(time.Second); err != nil {
			t.Logf("stop the server: %v", err)
		}
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
}
