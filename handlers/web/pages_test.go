package web

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
)

func get(t *testing.T, a *fiber.App, path string) (*http.Response, string) {
	t.Helper()
	return do(t, a, httptest.NewRequest(http.MethodGet, path, nil))
}

func post(t *testing.T, a *fiber.App, path string, form url.Values) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return do(t, a, r)
}

func do(t *testing.T, a *fiber.App, r *http.Request) (*http.Response, string) {
	t.Helper()
	answer, err := a.Test(r, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

// everyPage lists an address of every page, in its different conditions.
func everyPage() []string {
	return []string{
		"/", "/?show=mine", "/run", "/validate", "/validate?project=p1&pipeline=l1", "/validate?project=p1&read=1", "/validate?project=p1&ref=dev&read=1", "/builds", "/builds?status=succeeded", "/builds?branch=none", "/queue", "/queue?page=2",
		"/builds/b143", "/builds/b142", "/builds/b141", "/builds/b140", "/builds/b140?line=1017-1019", "/builds/b139", "/builds/b138",
		"/builds/b137", "/builds/b136", "/builds/b135", "/builds/b1", "/builds?q=none&mine=true&project=p1&event=push",
		"/builds/b140?q=gradle&times=clock&wrap=true", "/builds/b140?fold=all", "/builds/b142/artifacts", "/builds/b140/artifacts",
		"/builds/b140/tests", "/builds/b140/tests?status=passed&sort=slowest&page=2", "/builds/b140/tests?q=none", "/builds/b139/tests", "/builds/b140/timeline", "/builds/b140/config", "/builds/b143/config",
		"/projects", "/projects/new", "/projects/p1", "/projects/p2", "/projects/p1/pipelines/new", "/projects/p1/pipelines/l1", "/projects/p1/pipelines/l2", "/projects/p2/pipelines/l3", "/projects/p1/pipelines/l1/edit", "/projects/p2/pipelines/l3/edit", "/projects/p1/pipelines/l1/delete", "/projects/p1/insights", "/projects/p1/insights?pipeline=l1", "/projects/p2/insights", "/projects/p3/insights", "/projects/p1/run", "/projects/p1/run?check=1&branch=main", "/projects/p1/run?check=1&branch=none", "/projects/p2/run",
		"/deliveries", "/deliveries?status=ignored", "/deliveries?repository=none", "/deliveries/d1", "/deliveries/d2", "/deliveries/d3", "/deliveries/d4", "/deliveries/d1?evaluate=1", "/why", "/why?repo=acme/shop&sha=a1b2c3d4e5f60718293a4b5c6d7e8f9012345678", "/why?repo=acme/shop&sha=short", "/login",
		"/projects/new?q=kit", "/projects/new?q=none", "/projects/p1/settings/general", "/projects/p2/settings/general", "/projects/p3/settings/general?done=saved", "/projects/p1/settings/source", "/projects/p3/settings/source", "/projects/p4/settings/source", "/projects/p1/settings/schedules", "/projects/p1/settings/secrets", "/projects/p1/settings/notifications", "/projects/p1/settings/access", "/projects/p1/settings/badge", "/projects/p4/settings/badge", "/projects/p1/settings/limits", "/projects/p1/settings/danger",
		"/setup?step=code", "/setup?repository=/home/me/shop", "/setup?repository=/home/me/notes", "/docs/api", "/status",
		"/commands", "/search", "/search?q=shop", "/search?q=142", "/search?q=none%20at%20all", "/commands?line=/oore%20re", "/commands?line=retry", "/runners", "/settings/system", "/settings/retention", "/settings/slack/link/oore_secret", "/_ui",
		"/apps/fluttershop", "/apps/hostile", "/apps/local", "/i/" + artifactAPK, "/i/" + artifactBareIPA, "/i/" + artifactHostile,
		"/i/ooreh_file", "/i/ooreh_once", "/i/oorei_ipa", // of other artifacts, which have other titles
		"/settings/users", "/settings/users?done=role", "/settings/tokens", "/settings/tokens?done=revoked", "/settings/me", "/settings/me?done=ended",
		"/settings/audit", "/settings/audit?action=user.role&from=2026-01-01", "/settings/audit?actor_id=none&to=yesterday",
		"/settings/general", "/settings/storage", "/settings/sources", "/settings/sources?made=i1", "/settings/sources?done=synced", "/settings/sources/github", "/settings/sources/gitlab",
	}
}

func TestEveryPageIsSound(t *testing.T) {
	a := site(t, filled(), owner(), "http://127.0.0.1:8787")
	forbidden := map[string]*regexp.Regexp{
		"an inline script": regexp.MustCompile(`<script(?:>|[^>]*[^>]>[^<])`), "an inline style": regexp.MustCompile(`<style|<[^>]*\sstyle\s*=`),
		"an event attribute": regexp.MustCompile(`<[^>]*\son[a-z]+\s*=`), "an image from a name": regexp.MustCompile(`<img`),
		"a script address": regexp.MustCompile(`(?:href|action)="\s*javascript:`), "a foreign file": regexp.MustCompile(`(?:src|<link[^>]*href)="(?:https?:)?//`),
	}
	quoted, ownImage := regexp.MustCompile(`"[^"]*"`), regexp.MustCompile(`<img class="(?:appicon|qr|badge)" src="/[^"]*" alt="[^"]*"(?: width="\d+")? height="\d+"(?: loading="lazy")?>`)
	titles := map[string]string{}
	for _, path := range everyPage() {
		answer, body := get(t, a, path)
		if answer.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", path, answer.StatusCode)
		}
		if n := strings.Count(body, "<h1"); n != 1 {
			t.Errorf("%s: %d h1", path, n)
		}
		if n := strings.Count(body, `<nav class="parts"`); n > 1 {
			t.Errorf("%s: %d rows of tabs", path, n)
		}
		title := regexp.MustCompile(`<title>(.+) · Oore</title>`).FindStringSubmatch(body)
		base, _, _ := strings.Cut(path, "?")
		if title == nil {
			t.Errorf("%s: no title", path)
		} else if other, seen := titles[title[1]]; seen && other != base {
			t.Errorf("%s has the title of %s: %s", path, other, title[1])
		} else {
			titles[title[1]] = base
		}
		for what, pattern := range forbidden {
			markup := ownImage.ReplaceAllString(body, "")
			if !strings.HasPrefix(what, "a ") { // what stands in quotes is no markup
				markup = quoted.ReplaceAllString(markup, `""`)
			}
			if found := pattern.FindString(markup); found != "" {
				t.Errorf("%s has %s: %s", path, what, found)
			}
		}
		for _, want := range []string{`<html lang="en"`, `class="skip" href="#main"`, `<main id="main"`, `name="viewport"`} {
			if !strings.Contains(body, want) {
				t.Errorf("%s lacks %s", path, want)
			}
		}
		csp := answer.Header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy %q", path, csp)
		}
		guest := slices.Contains([]string{"/login", "/status", "/docs/api"}, path) || strings.HasPrefix(path, "/i/oore")
		alone := guest || path == "/_ui" || strings.HasPrefix(path, "/commands") || strings.HasPrefix(path, "/settings/slack/")
		if !alone && !strings.Contains(body, "The same by API") {
			t.Errorf("%s does not name its twin at the API", path)
		}
		if guest == strings.Contains(body, `href="/commands"`) {
			t.Errorf("%s leads to the commands, which only who has signed in sees, or does not", path)
		}
	}
}

// noPages are the routes that answer no page, and why.
func noPages() map[string]string {
	const other, file, stream = "goes on to another page", "is a file", "is a stream"
	return map[string]string{
		"/static/*": file, "/badges/:project/:pipeline": file, "/builds/:id/log.txt": file, "/i/:id/qr.svg": file, "/i/:id/qr.png": file, "/i/:secret/manifest.plist": file,
		"/stream": stream, "/builds/:id/stream": stream, "/builds/:id/lines": "is a part of a page", "/builds/:id/steps/:n": other,
		"/artifacts/:id/icon": file, "/i/:secret/icon": file,
		"/sign-in/:token": other, "/sign-in/:way/callback": other, "/settings": other, "/projects/:id/settings": other, "/projects/:id/builds/:number": other, "/projects/:id/run/commit": "is a part of a page", "/settings/sources/github/callback": other,
		"/settings/sources/github/installed": other, "/settings/sources/gitlab/callback": other,
	}
}

// Every route for people is among the pages that these tests look at, or says why not: a
// new one fails here until somebody has decided that.
func TestEveryRouteIsLookedAt(t *testing.T) {
	a := site(t, filled(), owner(), "http://127.0.0.1:8787")
	seen := noPages()
	for _, path := range everyPage() {
		answer, _ := get(t, a, path)
		seen[answer.Header.Get("Test-Route")] = "seen"
	}
	routes := map[string]bool{}
	for _, route := range a.GetRoutes(true) {
		if route.Method == http.MethodGet {
			routes[route.Path] = true
			if seen[route.Path] == "" {
				t.Errorf("no test looks at %s: give an address of it to everyPage, or to noPages why it is none", route.Path)
			}
		}
	}
	for path := range noPages() {
		if !routes[path] {
			t.Errorf("%s is no route any more", path)
		}
	}
}

func TestHostileNamesStayText(t *testing.T) {
	a := site(t, filled(), owner(), "http://127.0.0.1:8787")
	for _, path := range []string{"/", "/builds", "/builds/b1", "/builds/b1/tests", "/builds/b1/timeline", "/builds/b1/config", "/projects", "/projects/p2", "/projects/p2/run", "/projects/p2/pipelines/l3", "/projects/p2/pipelines/l3/edit", "/projects/p1/insights", "/projects/p2/insights", "/projects/p2/settings/general", "/projects/p2/settings/badge", "/projects/new", "/deliveries", "/deliveries/d3", "/settings/sources", "/apps/hostile", "/i/" + artifactHostile, "/i/ooreh_hostile", "/i/" + artifactAPK, "/settings/users", "/settings/tokens", "/settings/me", "/settings/audit", "/projects/p1/settings/access", "/search?q=" + url.QueryEscape(hostile)} {
		_, body := get(t, a, path)
		if strings.Contains(body, "<script>alert") || !strings.Contains(body, "&lt;script&gt;alert(1)&lt;/script&gt;") {
			t.Errorf("%s does not show the hostile name as text", path)
		}
	}
}

// No page holds what terminals obey, or what turns the direction of the text around it,
// and nothing in it came from a name but text.
func TestNamesAreInertOnEveryPage(t *testing.T) {
	a := site(t, filled(), owner(), "http://127.0.0.1:8787")
	wrong := regexp.MustCompile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
	script, image := regexp.MustCompile(`<script[^>]*>`), regexp.MustCompile(`<img[^>]*>`)
	found := 0
	for _, path := range append(everyPage(), "/search?q="+url.QueryEscape(hostile), "/none/"+url.PathEscape(hostile), "/commands?line="+url.QueryEscape(hostile)) {
		_, body := get(t, a, path)
		if at := wrong.FindStringIndex(body); at != nil {
			t.Errorf("%s holds %q: …%q", path, body[at[0]:at[1]], body[max(0, at[0]-80):at[1]])
		}
		for _, tag := range script.FindAllString(body, -1) {
			if !strings.HasPrefix(tag, `<script type="module" src="/static/`) {
				t.Errorf("%s holds %s", path, tag)
			}
		}
		for _, tag := range image.FindAllString(body, -1) {
			if !strings.HasPrefix(tag, `<img class="`) {
				t.Errorf("%s holds %s", path, tag)
			}
		}
		found += strings.Count(body, "&lt;script&gt;alert(1)")
	}
	if found < 40 {
		t.Errorf("only %d hostile names are shown", found)
	}
}

func TestFirstRunShowsTheWay(t *testing.T) {
	a := site(t, &fake{}, owner(), "http://127.0.0.1:8787")
	_, body := get(t, a, "/")
	if !strings.Contains(body, `href="/projects/new"`) || strings.Count(body, "<h1") != 1 {
		t.Error("the first page of an empty house does not lead to the first project")
	}
}

func TestDashboardNamesWhatIsRed(t *testing.T) {
	a := site(t, filled(), owner(), "http://127.0.0.1:8787")
	_, body := get(t, a, "/")
	_, red, _ := strings.Cut(body, `id="red"`)
	red, _, _ = strings.Cut(red, "</section>")
	if !strings.Contains(red, "/builds/b140") || !strings.Contains(red, "/builds/b138") {
		t.Error("the newest failures on the default branch are not listed as red")
	}
	if strings.Contains(red, "/builds/b139") {
		t.Error("a succeeded build is listed as red")
	}
}

func TestPagesAreCompressedOnRequest(t *testing.T) {
	a := site(t, filled(), owner(), "http://127.0.0.1:8787")
	r := httptest.NewRequest(http.MethodGet, "/builds", nil)
	r.Header.Set("Accept-Encoding", "gzip, br")
	answer, body := do(t, a, r)
	if answer.Header.Get("Content-Encoding") != "gzip" || !strings.Contains(answer.Header.Get("Vary"), "Accept-Encoding") {
		t.Fatalf("headers %v", answer.Header)
	}
	z, err := gzip.NewReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil || !strings.Contains(string(plain), "<h1>Builds</h1>") {
		t.Errorf("unpacked: %v", err)
	}
}

// A page and all it loads stay light (ux.md, acceptance 2).
func TestWeight(t *testing.T) {
	a := site(t, filled(), owner(), "http://127.0.0.1:8787")
	for _, path := range []string{"/", "/builds", "/builds/b140", "/projects/p1", "/projects/p1/pipelines/l1/edit", "/projects/p1/insights"} {
		_, body := get(t, a, path)
		files := regexp.MustCompile(`(?:href|src)="(/static/[^"]+)"`).FindAllStringSubmatch(body, -1)
		sum := 0
		for _, f := range append(files, []string{"", path}) {
			r := httptest.NewRequest(http.MethodGet, f[1], nil)
			r.Header.Set("Accept-Encoding", "gzip")
			answer, packed := do(t, a, r)
			if answer.StatusCode != http.StatusOK {
				t.Errorf("%s loads %s: %d", path, f[1], answer.StatusCode)
			}
			sum += len(packed)
		}
		t.Logf("%s: %d bytes in %d requests", path, sum, len(files)+1)
		if sum > 75<<10 || len(files)+1 > 8 {
			t.Errorf("%s weighs %d bytes in %d requests", path, sum, len(files)+1)
		}
	}
	if _, body := get(t, a, "/builds/b140"); strings.Count(body, `class="l`) < 1000 {
		t.Error("the weighed build page does not have 1,000 lines")
	}
}
