package web

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/oore-ci/oore/app/core"
)

func TestMarkingLines(t *testing.T) {
	_, address := liveSite(t)
	b := browser(t)
	b.open(address + "/builds/b140")
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
	b.open(address + "/builds/b139")
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
