package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestTheRunFormGuardsItselfAndRemembers(t *testing.T) {
	f := filled()
	f.pipelines[0].Execution.Platforms = []string{"android", "ios"}
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	_, body := get(t, a, "/projects/p1/run")
	key := regexp.MustCompile(`name="key" value="([A-Z0-9]{20,})"`).FindStringSubmatch(body)
	if key == nil {
		t.Fatal("the form has no key of its own")
	}
	for _, want := range []string{`<option value="release/1.5">`, "Will run on 2 of 3 runners · usual time 5m 40s", `name="platforms.l1" value="ios"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the form lacks %s", want)
		}
	}
	answer, _ := post(t, a, "/projects/fluttershop/run", url.Values{
		"key": {key[1]}, "pipeline_id": {"l1"}, "branch": {"release/1.5"}, "commit_sha": {"A1B2C3D"}, "note": {"for QA"}, "platforms.l1": {"ios"}, "platforms.l2": {"android"},
	})
	if answer.StatusCode != http.StatusSeeOther || len(f.triggered) != 1 {
		t.Fatalf("status %d", answer.StatusCode)
	}
	in := f.triggered[0]
	if in.Key != key[1] || in.ProjectID != "p1" || len(in.SHA) != 40 || in.Note != "for QA" || !slices.Equal(in.Platforms, []string{"ios"}) {
		t.Errorf("asked for %+v", in)
	}
	cookies := answer.Cookies()
	if len(cookies) != 1 || cookies[0].Path != "/projects/p1/run" {
		t.Fatalf("cookies %v", cookies)
	}
	r := httptest.NewRequest(http.MethodGet, "/projects/p1/run", nil)
	r.AddCookie(cookies[0])
	if _, body := do(t, a, r); !strings.Contains(body, `name="branch" list="branches" value="release/1.5"`) {
		t.Error("the branch chosen last is forgotten")
	}
	if _, body := get(t, a, "/projects/p1/run?ref=dev&pipeline=l2"); !strings.Contains(body, `value="dev"`) {
		t.Error("the branch of the address is not taken")
	}
}

func TestTheRunFormShowsTheCommit(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	_, body := get(t, a, "/projects/p1/run?check=1&pipeline_id=l1&branch=main&note=hello&key=K")
	for _, want := range []string{"Will build <code", "Speed up cold start", ", <time datetime=", `value="hello"`, `value="K"`} {
		if !strings.Contains(body, want) {
			t.Errorf("without a script: no %s", want)
		}
	}
	if _, body := get(t, a, "/projects/p1/run?check=1&branch=none"); !strings.Contains(body, "has no branch, tag or commit none") {
		t.Error("it does not say that the branch is not there")
	}
	_, body = get(t, a, "/projects/p1/run/commit?branch=main&commit_sha=ffffffff")
	if strings.Contains(body, "<html") || !strings.Contains(body, "No commit begins with ffffffff") {
		t.Errorf("for the script: %s", body)
	}
}

func TestRunLeadsToTheProject(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	if answer, _ := get(t, a, "/run?project=fluttershop&pipeline=l1&ref=dev"); answer.Header.Get("Location") != "/projects/p1/run?pipeline=l1&ref=dev" {
		t.Errorf("went to %s", answer.Header.Get("Location"))
	}
	f.projects = f.projects[:1]
	if answer, _ := get(t, a, "/run"); answer.Header.Get("Location") != "/projects/p1/run" {
		t.Errorf("of one project: went to %s", answer.Header.Get("Location"))
	}
}

func TestTriggerBuildOpensAsADialog(t *testing.T) {
	l, address := liveSite(t)
	b := browser(t, "/builds/new") // which the fake does not have
	b.open(address + "/projects/p1")
	b.do(chromedp.Click(chromedp.CSS(`main .primary[data-run]`)))
	b.await(`document.querySelector("dialog[open] #resolved")?.textContent.includes("Will build a1b2c3d")`)
	b.await(`document.activeElement.id === "branch"`)
	if !evaluate[bool](b, `[...document.querySelectorAll("dialog [data-of]")].every(e => e.hidden === (e.dataset.of !== "l1"))`) {
		t.Error("what is of other pipelines is shown")
	}
	b.script(`{ const i = document.querySelector("dialog #branch"); i.value = "none"; i.dispatchEvent(new Event("change")); }`)
	b.await(`document.querySelector("dialog #resolved .wrong") !== null`)
	b.do(chromedp.Click(chromedp.CSS(`dialog [data-close]`)))
	b.await(`!document.querySelector("dialog") && document.activeElement.matches("[data-run]") && location.pathname === "/projects/p1"`)
	b.do(chromedp.Click(chromedp.CSS(`main .primary[data-run]`)), chromedp.WaitVisible(chromedp.CSS(`dialog[open]`)), chromedp.Click(chromedp.CSS(`dialog .primary`)),
		chromedp.WaitNotPresent(chromedp.CSS(`[data-run]`)))
	if len(l.triggered) != 1 || l.triggered[0].Key == "" {
		t.Errorf("asked for %+v", l.triggered)
	}
}
