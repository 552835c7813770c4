package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/gofiber/fiber/v2"
)

// chromium finds the browser. Without one these tests fail rather than pass unseen.
func chromium() (string, error) {
	candidates := []string{"chromium", "chromium-browser", "google-chrome"}
	if runtime.GOOS == "darwin" {
		candidates = append(candidates, "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "/Applications/Chromium.app/Contents/MacOS/Chromium")
	}
	for _, name := range candidates {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("the browser tests need Chromium; `make deps` installs it")
}

// chrome is the one browser of all tests, started by the first that needs it. stop ends it.
type chrome struct {
	ctx  context.Context
	stop func()
}

var theBrowser = sync.OnceValues(func() (*chrome, error) {
	path, err := chromium()
	if err != nil {
		return nil, err
	}
	profile, err := os.MkdirTemp("", "oore-chromium-")
	if err != nil {
		return nil, err
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(profile),
		chromedp.Flag("disable-component-update", true),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	started.Store(true)
	return &chrome{ctx, func() {
		if err := chromedp.Cancel(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "close the browser:", err)
		}
		cancel()
		stop()
		os.RemoveAll(profile)
	}}, chromedp.Do(ctx)
})

var started atomic.Bool

func TestMain(m *testing.M) {
	code := m.Run()
	if started.Load() {
		if c, _ := theBrowser(); c != nil {
			c.stop()
		}
	}
	os.Exit(code)
}

// tab is a page of the browser, with cookies of its own.
type tab struct {
	*testing.T
	ctx context.Context
}

// browser opens one. What a page reports as an error, a breach of the content policy
// included, fails the test, but for what the test expects.
func browser(t *testing.T, expected ...string) tab {
	t.Helper()
	c, err := theBrowser()
	if err != nil {
		t.Fatal(err)
	}
	ctx, closeTab := chromedp.NewContext(c.ctx, chromedp.WithNewBrowserContext())
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1280, 860)); err != nil {
		t.Fatal(err)
	}
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
			t.Logf("close the tab: %v", err)
		}
		closeTab()
		<-listened
	})
	return tab{T: t, ctx: ctx}
}

// step bounds one action, so that a page which never does it fails the test and does
// not hang it.
func (b tab) step() (context.Context, context.CancelFunc) {
	return context.WithTimeout(b.ctx, time.Minute)
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
	if _, err := chromedp.Run(ctx, chromedp.Poll[chromedp.Void](expression, chromedp.WithPollingTimeout(50*time.Second))); err != nil {
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
