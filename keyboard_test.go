package main

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/oore-ci/oore/handlers/web/browsertest"
)

// reader is somebody at a browser with a keyboard and nothing else.
type reader struct {
	testing.TB
	ctx context.Context
}

func (r reader) press(keys string) {
	r.Helper()
	if err := browsertest.Press(r.ctx, keys); err != nil {
		r.Fatal(err)
	}
}

// sees waits until the expression is true in a page, which may yet be on its way.
func (r reader) sees(expression string) {
	r.Helper()
	eventually(r, expression, func() bool {
		seen, err := chromedp.Run(r.ctx, chromedp.Evaluate[bool](`Boolean(`+expression+`)`))
		return err == nil && seen
	})
}

func (r reader) says(expression string) string {
	r.Helper()
	value, err := chromedp.Run(r.ctx, chromedp.Evaluate[string](expression))
	if err != nil {
		r.Fatal(err)
	}
	return value
}

// tabTo goes by Tab to the element.
func (r reader) tabTo(selector string) {
	r.Helper()
	r.sees(fmt.Sprintf(`document.readyState === "complete" && document.querySelector(%q)`, selector))
	for range 120 {
		r.press("\t")
		if r.says(fmt.Sprintf(`String(document.activeElement.matches(%q))`, selector)) == "true" {
			return
		}
	}
	r.Fatalf("Tab does not lead to %s on %s", selector, r.says(`location.href`))
}

// remembers keeps what the page puts into the clipboard, once it is there: a page may not
// read it.
func (r reader) remembers() {
	r.Helper()
	r.says(`const write = navigator.clipboard.writeText.bind(navigator.clipboard);
		navigator.clipboard.writeText = text => write(text).then(() => { document.body.dataset.held = text }); ""`)
}

// copied waits until a button has copied, and looks at what.
func (r reader) copied(button, want string) {
	r.Helper()
	r.sees(fmt.Sprintf(`document.querySelector(%q).textContent === "Copied"`, button))
	if got := r.says(`document.body.dataset.held`); !regexp.MustCompile("^" + want + "$").MatchString(got) {
		r.Errorf("the clipboard holds %q, not %s", got, want)
	}
}

// TestTheKeyboardIsEnough signs in by the first link, starts the demo, breaks it, finds
// the error, copies the link to it, starts a build, follows it and cancels it, all by the keyboard (ux.md,
// acceptance 11).
func TestTheKeyboardIsEnough(t *testing.T) {
	t.Parallel()
	p := newProgram(t, "", nil, "OORE_RUNNERS=1").start()
	link := regexp.MustCompile(`http://\S+/sign-in/\S+`).FindString(p.output.String())
	r := reader{t, browsertest.Open(t)}
	if err := chromedp.Do(r.ctx, chromedp.Navigate(link)); err != nil {
		t.Fatal(err)
	}
	r.sees(`location.pathname === "/setup"`)
	r.tabTo("#name")
	r.press("Sam\tsam@example.com\r")
	r.sees(`location.search === "?step=code"`)
	r.tabTo(`form[action="/setup/demo"] button`)
	r.press("\r")
	r.sees(`location.pathname.startsWith("/builds/") && document.querySelector("#summary")?.dataset.status === "succeeded"`)
	r.tabTo(`button[name="broken"]`)
	r.press("\r")
	r.sees(`location.pathname.startsWith("/projects/")`)
	failed := func() (id string) {
		for _, b := range p.builds("") {
			if b.Status == "failed" {
				id = b.ID
			}
		}
		return id
	}
	eventually(t, "the push breaks the demo", func() bool { return failed() != "" })
	if err := chromedp.Do(r.ctx, chromedp.Navigate(p.url+"/builds/"+failed())); err != nil {
		t.Fatal(err)
	}
	r.tabTo(`#summary .alert a[data-first-error]`)
	r.press("\r")
	r.sees(`location.hash.startsWith("#L") && document.querySelector(".sel")`)
	if marked := r.says(`document.querySelector(".sel").textContent`); marked == "" {
		t.Error("nothing is marked")
	}
	r.remembers()
	address := regexp.QuoteMeta(p.url + "/builds/" + failed())
	r.tabTo("#copy-range")
	r.press("\r")
	r.copied("#copy-range", address+`\?line=\d+(-\d+)?#L\d+(-L\d+)?`)
	r.press(".") // from anywhere on the page: to the build
	r.copied("#copy-link", address)

	_, project, _ := p.shopWith(t, "echo begun; sleep 600")
	if err := chromedp.Do(r.ctx, chromedp.Navigate(p.url+"/projects/"+project.ID)); err != nil {
		t.Fatal(err)
	}
	r.tabTo(fmt.Sprintf(`main a[href^="/projects/%s/run"]`, url.PathEscape(project.ID)))
	r.press("\r")
	r.sees(`document.querySelector("dialog[open] form button[type=submit]")`)
	r.tabTo("dialog[open] form button[type=submit]")
	r.press("\r")
	r.sees(`location.pathname.startsWith("/builds/") && document.querySelector("#log")?.textContent.includes("begun")`)
	r.tabTo("#follow")
	before := r.says(`document.activeElement.ariaPressed`)
	r.press(" ")
	r.sees(fmt.Sprintf(`document.querySelector("#follow").ariaPressed !== %q`, before))
	r.tabTo(`form[action$="/cancel"] button`)
	r.press("\r")
	r.sees(`document.querySelector("#summary")?.dataset.status === "canceled"`)
	if title := r.says(`document.title`); !strings.Contains(title, "canceled") {
		t.Errorf("the title is %q", title)
	}
}
