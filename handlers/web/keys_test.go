package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/oore-ci/oore/handlers/web/browsertest"
)

// press sends keys to the page as a keyboard does.
func (b tab) press(keys string) {
	b.Helper()
	ctx, cancel := b.step()
	defer cancel()
	if err := browsertest.Press(ctx, keys); err != nil {
		b.Fatal(err)
	}
}

func TestKeys(t *testing.T) {
	_, address := liveSite(t)
	b := browser(t)
	b.open(address + "/")
	b.press("gb")
	b.arrive("/builds")
	b.press("j")
	if got := evaluate[string](b, `document.activeElement.closest("[data-row]")?.dataset.row ?? ""`); got != "b143" {
		t.Errorf("j went to the row %q", got)
	}
	b.press("jjk")
	b.press(kb.Enter)
	b.arrive("/builds/b142")

	b.open(address + "/builds")
	b.press("?")
	b.await(`document.querySelector("dialog[open]")`)
	if list := evaluate[string](b, `document.querySelector("dialog").innerText`); !strings.Contains(list, "Dashboard") || !strings.Contains(list, "Next row") {
		t.Errorf("the list of keys says %q", list)
	}
	b.press("gd")
	b.press(kb.Escape)
	b.await(`!document.querySelector("dialog") && location.pathname === "/builds"`)
	if got := evaluate[string](b, `location.pathname`); got != "/builds" {
		t.Errorf("a key worked under an open dialog: %s", got)
	}

	b.do(chromedp.Focus(chromedp.CSS("main input")))
	b.press("gq")
	if got := evaluate[string](b, `document.activeElement.value + location.pathname`); got != "gq/builds" {
		t.Errorf("typing in a field gave %s", got)
	}
}

func TestKeysAreTurnedOff(t *testing.T) {
	_, address := liveSite(t)
	b := browser(t)
	b.open(address + "/settings/me")
	b.script(`document.getElementById("keys").value = "off"; document.getElementById("theme").value = "dark"`)
	b.do(chromedp.Click(chromedp.CSS(`form[action="/settings/me/look"] button`)))
	b.arrive("/settings/me?done=look")
	if got := evaluate[string](b, `document.documentElement.dataset.theme + getComputedStyle(document.body).color`); got != "darkrgb(232, 235, 240)" {
		t.Errorf("the theme is %s", got)
	}
	b.press("gbj")
	b.press("?")
	if got := evaluate[string](b, `location.pathname + document.querySelectorAll("dialog").length`); got != "/settings/me0" {
		t.Errorf("a key that is off did something: %s", got)
	}
}

func TestOneClickSwitchesAllTimes(t *testing.T) {
	_, address := liveSite(t)
	b := browser(t)
	b.open(address + "/builds")
	b.await(`[...document.querySelectorAll("main time")].some(t => t.textContent.includes("ago"))`)
	b.do(chromedp.Click(chromedp.CSS("main time")))
	b.await(`[...document.querySelectorAll("main time")].every(t => !t.textContent.includes("ago"))`)
	b.open(address + "/deliveries")
	b.await(`document.documentElement.dataset.times === "absolute" && document.querySelector("main time").textContent.match(/20\d\d/)`)
}

func TestAnotherReleaseIsTold(t *testing.T) {
	_, address := liveSite(t)
	b := browser(t)
	b.open(address + "/queue")
	b.script(`document.head.append(Object.assign(document.createElement("meta"), { name: "release", content: "1.0" }));
		import(document.querySelector("script[src$='app.js']").src).then(m => { const h = new Headers({ "oore-version": "1.1" }); m.seen({ headers: h }); m.seen({ headers: h }) })`)
	b.await(`document.querySelectorAll("#updated a").length === 1`)
}

func TestLookIsReadWithCare(t *testing.T) {
	a := site(t, filled(), owner(), "https://ci.example.com")
	for cookie, want := range map[string]string{
		"theme=dark&times=absolute&zone=utc&keys=off": `<html lang="en" data-theme="dark" data-times="absolute" data-zone="utc" data-keys="off">`,
		"theme=dark%22onload=x&keys=on":               `<html lang="en">`,
		"%zz;":                                        `<html lang="en">`,
	} {
		r := httptest.NewRequest(http.MethodGet, "/builds", nil)
		r.Header.Set("Cookie", lookCookie+"="+cookie)
		if _, body := do(t, a, r); !strings.Contains(body, want) {
			t.Errorf("%s does not give %s", cookie, want)
		}
	}
	answer, _ := post(t, a, "/settings/me/look", url.Values{"theme": {"light"}, "zone": {"mars"}})
	if got := answer.Header.Get("Set-Cookie"); !strings.HasPrefix(got, lookCookie+"=theme=light; ") || !strings.Contains(got, "secure") {
		t.Errorf("the cookie is %q", got)
	}
}

func TestThePaletteFindsBuilds(t *testing.T) {
	_, address := liveSite(t)
	b := browser(t)
	b.open(address + "/queue")
	b.press("/")
	b.await(`document.activeElement.name === "q" && document.querySelectorAll("#found a").length > 5`)
	b.press("142")
	b.await(`document.querySelector("#found a")?.textContent.includes("#142")`)
	b.press(kb.ArrowDown)
	if got := evaluate[string](b, `document.activeElement.getAttribute("href")`); got != "/builds/b142" {
		t.Errorf("the arrow leads to %s", got)
	}
	b.press(kb.ArrowUp)
	b.press(kb.Enter)
	b.arrive("/builds/b142")
	b.open(address + "/queue")
	b.do(chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	b.await(`document.querySelector("dialog.palette[open]")`)
	b.press(kb.Escape)
	b.await(`!document.querySelector("dialog")`)
}
