// Package browsertest is the one Chromium of a test binary.
package browsertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
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

// Stop ends it; TestMain calls it after the last test.
func Stop() {
	if !started.Load() {
		return
	}
	if c, _ := theBrowser(); c != nil {
		c.stop()
	}
}

// Open opens a page of it, with cookies of its own, for chromedp. What a page reports as
// an error, a breach of the content policy included, fails the test, but for what the test
// expects. Without a browser the test fails rather than passes unseen.
func Open(t testing.TB, expected ...string) context.Context {
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
	return ctx
}

// Press sends keys to the page as a keyboard does: what a page takes as a key of its own is
// not typed as well.
func Press(ctx context.Context, keys string) error {
	for _, r := range keys {
		events := kb.Encode(r)
		down, up := *events[0], *events[len(events)-1]
		if len(events) == 3 {
			down.Text, down.UnmodifiedText = events[1].Text, events[1].UnmodifiedText
		}
		if r == '\r' {
			down.Text = "\r"
		}
		for _, e := range []input.DispatchKeyEventParams{down, up} {
			if _, err := chromedp.Call(ctx, input.DispatchKeyEvent, e); err != nil {
				return err
			}
		}
	}
	return nil
}
