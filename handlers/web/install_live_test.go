package web

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/oore-ci/oore/app/core"
)

// What a build made is there when it ends, without a reload, and its link can be copied.
func TestTheLinkOfAnAppThatWasJustBuiltIsCopied(t *testing.T) {
	l, address := liveSite(t)
	b := browser(t)
	b.open(address + "/builds/b142")
	b.await(`!document.querySelector("[data-copy*='/i/']")`)
	l.mu.Lock()
	l.artifacts["b142"] = l.artifacts["b139"]
	l.mu.Unlock()
	l.end("b142", core.BuildSucceeded)
	const button = `[data-copy="http://127.0.0.1:8787/i/` + artifactAPK + `"]`
	b.do(chromedp.WaitVisible(chromedp.CSS(button)))
	b.script(`navigator.clipboard.writeText = async text => { document.body.dataset.got = text; }`)
	b.do(chromedp.Click(chromedp.CSS(button)))
	b.await(`document.body.dataset.got === "http://127.0.0.1:8787/i/` + artifactAPK + `"`)
	b.script(`document.querySelector('details img.qr').closest("details").open = true`)
	b.await(`document.querySelector("img.qr").naturalWidth > 0`)
}

// A phone has no use for a code that it would have to photograph from itself.
func TestAPhoneIsShownTheButtonAndNoCode(t *testing.T) {
	_, address := liveSite(t)
	b := browser(t)
	for _, c := range []struct {
		width int64
		shown bool
	}{{1280, true}, {390, false}} {
		b.do(chromedp.EmulateViewport(c.width, 844))
		for _, page := range []string{"/i/ooreh_apk", "/i/" + artifactAPK} {
			b.open(address + page)
			if shown := evaluate[bool](b, `document.querySelector("svg.qr").getBoundingClientRect().width > 0`); shown != c.shown {
				t.Errorf("%s at %d px: shown %t", page, c.width, shown)
			}
			if height := evaluate[float64](b, `document.querySelector("a.large").getBoundingClientRect().height`); height < 44 {
				t.Errorf("%s: the button is %.0f px high", page, height)
			}
		}
	}
}

// Names that mean harm reach the pages as text, in a browser too.
func TestHostileAppsRunNothing(t *testing.T) {
	f := filled()
	address := serve(t, site(t, f, owner(), overHTTPS))
	b := browser(t)
	for _, page := range []string{"/apps/hostile", "/i/" + artifactHostile, "/i/ooreh_hostile", "/i/" + artifactAPK} {
		b.open(address + page)
		if !evaluate[bool](b, `document.body.textContent.includes("<script>alert(1)</script>") && !document.querySelector("main script, main img:not(.appicon)")`) {
			t.Errorf("%s: the name is no text", page)
		}
	}
	if got := evaluate[string](b, `document.querySelector("img.appicon").src`); got != address+"/artifacts/"+artifactAPK+"/icon" {
		t.Errorf("the icon is %s", got)
	}
	answer, _ := get(t, site(t, f, owner(), overHTTPS), "/i/ooreh_hostile")
	if answer.StatusCode != http.StatusOK {
		t.Errorf("status %d", answer.StatusCode)
	}
}
