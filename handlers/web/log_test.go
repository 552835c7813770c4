package web

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/oore-ci/oore/app/core"
)

// long gives a build a log of so many lines.
func (f *fake) long(id string, n int) {
	f.records[id], f.steps[id] = nil, nil
	f.fillLog(id, n)
}

const (
	filledWindows = `[...document.querySelectorAll(".w")].filter(w => w.querySelector(".l")).length`
	inLog         = `(w => w.offsetTop < document.getElementById("log").scrollTop + 600 && w.offsetTop + w.offsetHeight > document.getElementById("log").scrollTop)`
	inView        = `(l => { const r = l?.getBoundingClientRect(), b = document.getElementById("log").getBoundingClientRect(); return !!r && r.top >= b.top - 1 && r.bottom <= b.bottom + 1 })`
)

// Acceptance 4 of ux.md, but for what it costs: that is BenchmarkLongLogPage's.
func TestLogOf200000Lines(t *testing.T) {
	l, address := liveSite(t)
	l.long("b140", 200_000)
	b := browser(t)
	b.open(address + "/builds/b140")
	b.await(`document.querySelectorAll(".w").length === 400`)
	const exact = `(h => Math.abs(document.getElementById("log").scrollHeight - 200000 * h) < 40)(parseFloat(getComputedStyle(document.getElementById("log")).lineHeight))`
	if !evaluate[bool](b, exact) {
		t.Error("the places are not as high as the rows will be")
	}
	// A drag through all of it: each place is looked at for a moment.
	for i := range 40 {
		b.script(fmt.Sprintf(`(l => { l.scrollTop = l.scrollHeight * %d / 40 })(document.getElementById("log"))`, i+1))
		b.await(`[...document.querySelectorAll(".w")].some(w => w.querySelector(".l") && ` + inLog + `(w))`)
	}
	b.await(`document.getElementById("L200000") !== null`)
	if n := evaluate[int](b, filledWindows); n > 20 {
		t.Errorf("%d windows are in the page after a drag", n)
	}
	b.open(address + "/builds/b140#L150000")
	b.await(inView + `(document.getElementById("L150000")) && document.querySelector("#L150000.sel") !== null`)
	b.open(address + "/builds/b140?line=1017-1031#L1017-L1031")
	b.await(inView + `(document.getElementById("L1017")) && document.querySelectorAll(".sel").length === 15`)
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	b.open(address + "/builds/b140?line=150000#L150000")
	b.do(chromedp.WaitVisible(chromedp.CSS("#L150000.sel")))
	_, body := get(t, site(t, l.fake, owner(), "http://127.0.0.1:8787"), "/builds/b140?line=150000")
	if shown(t, body) != "149501-150500" {
		t.Errorf("without scripts: %s", shown(t, body))
	}
}

func TestSearchInThePage(t *testing.T) {
	l, address := liveSite(t)
	l.long("b140", 30_000)
	for i := range 2500 {
		l.records["b140"][i*10].Content = []byte(fmt.Sprintf("a Needle at %d", i))
	}
	b := browser(t)
	b.open(address + "/builds/b140?fold=all")
	b.do(chromedp.SendKeys(chromedp.CSS("#q"), "needle\r"))
	b.await(`document.getElementById("found").textContent === "1 of 2,500"`)
	b.open(address + "/builds/b140")
	b.do(chromedp.SendKeys(chromedp.CSS("#q"), "needle\r"))
	b.await(`document.getElementById("found").textContent === "1 of 2,500" && document.querySelector("#L1.current") !== null`)
	b.script(`document.getElementById("find-prev").click()`)
	b.await(`document.getElementById("found").textContent === "1,000 of 2,500" && ` + inView + `(document.querySelector("#L9991.current"))`)
	b.script(`document.getElementById("find-next").click()`)
	b.await(`document.getElementById("found").textContent === "1,001 of 2,500" && ` + inView + `(document.querySelector("#L10001.current"))`)
	if !evaluate[bool](b, `CSS.highlights.get("found").size > 10`) {
		t.Error("the matches are not marked")
	}
	b.script(`document.querySelector("#find [name=case]").click()`)
	b.await(`document.getElementById("found").textContent === "Not found"`)
	b.open(address + "/builds/b140?q=needle&line=24981#L24981") // the form without scripts leads here
	b.await(`document.getElementById("found").textContent === "1,000 of 2,500" || document.getElementById("found").textContent.endsWith("of 2,500")`)
}

func TestSearchWithoutScripts(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	for i := range 10 {
		f.records["b140"][100+i*100].Content = []byte("a needle <here>")
	}
	_, body := get(t, a, "/builds/b140?q=NEEDLE")
	for _, want := range []string{`1 of 10</span>`, `href="?q=NEEDLE&amp;line=1001#L1001"`, `href="?q=NEEDLE&amp;line=201#L201"`, `class="l sel found" id="L101"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if _, body = get(t, a, "/builds/b140?q=NEEDLE&line=501"); !strings.Contains(body, `5 of 10</span>`) {
		t.Error("the page does not say which of them it shows")
	}
	if _, body = get(t, a, "/builds/b140?q=NEEDLE&case=true"); !strings.Contains(body, `Not found</span>`) {
		t.Error("the case is not minded")
	}
	if answer, body := get(t, a, "/builds/b140?q=busy"); answer.StatusCode != http.StatusOK || !strings.Contains(body, "Others search long logs just now") {
		t.Errorf("busy: %d", answer.StatusCode)
	}
}

func TestGroupsFold(t *testing.T) {
	f := filled()
	f.long("b139", 200_000)
	f.steps["b139"][3].Status = core.StepSucceeded
	at := func(n int, text string) { f.records["b139"][n].Content = []byte(text) }
	at(120_000, "::group::Downloading <b>")
	at(121_000, "::endgroup::")
	at(130_000, "section_start:1:second\r\x1b[0KThe second")
	at(130_500, "section_end:1:second")
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	_, body := get(t, a, "/builds/b139?fold=120001&line=120001")
	for _, want := range []string{
		`<a class="fold" tabindex="-1" aria-expanded="false" href="?line=120001#L120001">▸ <b>Downloading &lt;b&gt;</b></a><span class="d"> 1,000 lines, `,
		`id="L121002"`, `data-rows="199000"`, `data-hidden="120002-121001"`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("folded: the page lacks %s", want)
		}
	}
	if strings.Contains(body, `id="L120500"`) {
		t.Error("a folded line is shown")
	}
	_, body = get(t, a, "/builds/b139?fold=120001&line=120500") // a link into it opens it
	if !strings.Contains(body, `class="l sel" id="L120500"`) {
		t.Error("a link into a folded group does not open it")
	}
	_, body = get(t, a, "/builds/b139?fold=all")
	if n := strings.Count(body, `class="l`); n > 10 || !strings.Contains(body, "▸ <b>flutter test</b>") {
		t.Errorf("all folded: %d rows", n)
	}
	_, body = get(t, a, "/builds/b139/lines?from=119900&n=200&fold=120001")
	if rows := shown(t, body); rows != "119901-121100" || strings.Count(body, `class="l`) != 200 {
		t.Errorf("rows with a folded group: %s", rows)
	}
}

func TestLinesCarryTheirLinksAndWarnings(t *testing.T) {
	a := site(t, filled(), owner(), "http://127.0.0.1:8787")
	_, body := get(t, a, "/builds/b140?times=clock")
	for _, want := range []string{
		`<a href="https://pub.example/packages?a=1&amp;b=2" rel="noopener nofollow ugc">https://pub.example/packages?a=1&amp;b=2</a>.`,
		`<span class="m" title="hidden: a secret">***</span>`,
		`<a href="https://github.example/acme/shop/blob/a1b2c3d4e5f60718293a4b5c6d7e8f9012345678/test/cart_test.dart#L42" rel="noopener nofollow ugc">test/cart_test.dart:42:7</a>`,
		`<div class="l err" id="L25"`, `<span>gnp.exe and a link</span>`, `data-at="`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the log lacks %s", want)
		}
	}
	for _, wrong := range []string{"\u202e", "evil.example", "\x1b"} {
		if strings.Contains(body, wrong) {
			t.Errorf("the log has %q", wrong)
		}
	}
	if !strings.Contains(body, `data-key="e" href="?times=clock&amp;line=1800#L1800"`) || !strings.Contains(body, `href="/builds/b140?line=1800#L1800" data-first-error>Line 1,800 of the log`) {
		t.Error("the page does not lead to the line of the first error")
	}
}

func TestKeysHaveTheirControls(t *testing.T) {
	_, address := liveSite(t)
	b := browser(t)
	b.open(address + "/builds/b140")
	b.await(`!document.getElementById("times").hidden`)
	press := func(key string) { b.script(`document.querySelector('[data-key="` + key + `"]').click()`) }
	press("t")
	b.await(`document.getElementById("log").classList.contains("times") && /^\d+:\d\d\.\d{3}$/.test(document.querySelector("#L900").dataset.at)`)
	press("t")
	press("t")
	b.await(`!document.getElementById("log").classList.contains("times")`)
	press("w")
	b.await(`document.getElementById("log").classList.contains("wrap")`)
	press("w")
	press("e")
	b.await(inView + `(document.querySelector("#L1800.sel"))`)
	press("[")
	b.await(`document.getElementById("log").scrollTop < 15000`)
	press("]")
	b.await(`document.getElementById("log").scrollTop > 10000`)
	press("l")
	b.await(`document.activeElement.id === "goto-line"`)
	b.do(chromedp.SendKeys(chromedp.CSS("#goto-line"), "1500-1502\r"))
	b.await(inView + `(document.querySelector("#L1500.sel")) && location.search === "?line=1500-1502" && document.getElementById("copy-range").dataset.copy.endsWith("/builds/b140?line=1500-1502#L1500-L1502")`)
	for _, key := range []string{"f", "n", "N", "."} {
		if !evaluate[bool](b, `document.querySelector('[data-key="`+key+`"]') !== null`) {
			t.Errorf("no control has the key %s", key)
		}
	}
}

func TestStepsHaveAddresses(t *testing.T) {
	a := site(t, filled(), owner(), "http://127.0.0.1:8787")
	answer, _ := get(t, a, "/builds/b140/steps/2")
	if answer.StatusCode != http.StatusFound || answer.Header.Get("Location") != "/builds/b140?line=243#L243" {
		t.Errorf("%d %s", answer.StatusCode, answer.Header.Get("Location"))
	}
	for _, path := range []string{"/builds/b140/steps/0", "/builds/b140/steps/9", "/builds/b140/steps/x", "/builds/none/steps/1", "/builds/b140/none", "/builds/none/tests"} {
		if answer, _ := get(t, a, path); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, answer.StatusCode)
		}
	}
}

func TestTabsTell(t *testing.T) {
	f := filled()
	for i, b := range f.builds { // the same test on the same commit, not failing
		if b.ID == "b139" {
			f.builds[i].Tests = &core.TestSummary{Passed: 214}
		}
	}
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	for path, wants := range map[string][]string{
		"/builds/b140/tests":     {"Tests (1 failed)</a>", `<code>test/cart_test.dart</code> <span class="muted">1 failed`, "Expected: &lt;2&gt;", "Flaky: on the same commit a1b2c3d it failed in 1 and not in 1 of the builds", `href="/builds/b139/tests" title="#139 did not fail"`},
		"/builds/b140/timeline":  {"Waiting for a runner", "flutter analyze", `<rect x="`, "2m 00s"},
		"/builds/b140/config":    {"run: flutter pub get\n", "Time limit</dt><dd>40m", `/blob/a1b2c3d4e5f60718293a4b5c6d7e8f9012345678/.oore.yaml"`},
		"/builds/b140/artifacts": {"This build kept no file"},
		"/builds/b142":           {"usual 4m 10s", "about 1 min left", `of 2m 00s`},
		"/builds/b140":           {`href="/builds/b140/tests">Open the test report</a>`, "1 of 214 tests failed", "Read the failed tests", `1 group</summary>`, `>Downloading &lt;packages&gt;</a>`},
		"/builds/b136":           {"Start a runner"},
	} {
		_, body := get(t, a, path)
		for _, want := range wants {
			if !strings.Contains(body, want) {
				t.Errorf("%s lacks %s", path, want)
			}
		}
	}
}

// A session that ends while somebody reads brought the sign-in page into the log.
func TestASessionThatHasEndedLeavesTheLogAlone(t *testing.T) {
	l, address := liveSite(t)
	l.long("b140", 20_000)
	b := browser(t)
	b.open(address + "/builds/b140")
	b.await(`document.querySelectorAll(".w").length === 40`)
	l.expired.Store(true)
	b.script(`(l => { l.scrollTop = l.scrollHeight / 2 })(document.getElementById("log"))`)
	b.await(`[...document.querySelectorAll("#log .w")].some(w => w.textContent.includes("did not load")) || document.querySelector("#log input") !== null`)
	if evaluate[bool](b, `document.querySelector("#log input") !== null`) {
		t.Error("the sign-in page stands in the log")
	}
}
