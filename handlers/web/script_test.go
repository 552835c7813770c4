package web

import (
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/oore-ci/oore/app/core"
)

func TestMarkingLines(t *testing.T) {
	_, address := liveSite(t)
	b := browser(t)
	b.open(address + "/builds/b140")
	b.await(`document.querySelector("#L1000")`)
	if evaluate[bool](b, `[...document.querySelectorAll("[hidden]")].some(e => e.checkVisibility())`) {
		t.Error("what is hidden is shown: the buttons for marked lines, though none is marked")
	}
	b.do(chromedp.Click(chromedp.CSS("#L12 > a")))
	b.script(`document.querySelector("#L15 > a").dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, shiftKey: true }))`)
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
	b.open(address + "/builds")
	b.script(`document.querySelector("[data-row=b141]").dataset.kept = 1; document.querySelector("[data-row=b142] a").focus()`)
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
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	for path, selectors := range map[string][]string{
		"/builds/b142":                 {"#L1931", "#steps ol.steps", "#summary .state", `form[action="/builds/b142/cancel"] button`},
		"/builds/b140?line=1017#L1017": {"#L1017.sel", "#steps a"},
		"/builds":                      {`a[href="/builds/b142"]`, "form.filters button"},
		"/projects/p1/run":             {"form.form button", "#pipeline_id"},
		"/deliveries/d1":               {".alert.big", `a[href="/builds/b142"]`},
		"/apps/fluttershop":            {`a.primary[href="/i/` + artifactAPK + `"]`, "img.appicon"},
		"/i/" + artifactAPK:            {"a.primary", "svg.qr", `form[action$="/share-links"] button`},
		"/i/ooreh_apk":                 {`a.primary[href="/i/ooreh_apk/app"]`, "svg.qr", "img.appicon"},
		"/i/ooreh_once":                {`form[action="/i/ooreh_once/install"] button`},
	} {
		b.open(address + path)
		for _, s := range selectors {
			b.do(chromedp.WaitVisible(chromedp.CSS(s)))
		}
	}
	for _, page := range everyPage() {
		b.open(address + page)
		lacks := evaluate[[]string](b, `[...document.querySelectorAll("main form")].filter(f => !f.querySelector("button:not([type=button])")).map(f => "a button in the form " + f.action).concat(
			document.querySelector("h1").checkVisibility() && document.querySelector("main").innerText.length > 40 ? [] : ["something to read"],
			[...document.querySelectorAll("main [data-key]")].filter(e => e.matches("a:not([href]), button[type=button]:not([hidden])")).map(e => "a way without scripts beside the key " + e.dataset.key))`)
		for _, what := range lacks {
			t.Errorf("%s lacks %s", page, what)
		}
	}
}
