package web

import (
	"context"
	"net"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/gofiber/fiber/v2"
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
			t.Logf("close the browser: %v", err)
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
