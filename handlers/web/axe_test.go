package web

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/oore-ci/oore/app/core"
)

// TestPagesAreAccessible runs axe-core on every page in both themes, on a desk and on
// a phone, and looks that nothing is wider than the phone.
func TestPagesAreAccessible(t *testing.T) {
	l, address := liveSite(t)
	for id, records := range l.records {
		l.records[id] = records[:min(len(records), 80)] // axe looks at every row
	}
	eachLook(t, func(b tab, audit func(page string)) {
		for _, page := range everyPage() {
			b.open(address + page)
			audit(page)
		}
	})
}

// TestAnsweredFormsAreAccessible does the same with the pages that only a form leads to.
func TestAnsweredFormsAreAccessible(t *testing.T) {
	f := filled()
	address := serve(t, site(t, f, owner(), "http://127.0.0.1:8787"))
	empty := serve(t, site(t, &fake{}, owner(), "http://127.0.0.1:8787"))
	eachLook(t, func(b tab, audit func(page string)) {
		b.open(empty + "/settings/sources")
		audit("no sources")
		b.open(address + "/builds")
		b.press("?")
		b.await(`document.querySelector("dialog[open]")`)
		audit("the list of keys")
		b.open(address + "/queue")
		b.press("/")
		b.await(`document.querySelectorAll("dialog #found a").length > 5`)
		audit("the palette")
		b.open(address + "/none")
		audit("not found")
		f.refuse = core.Errorf(core.KindUnavailable, "The database does not answer")
		b.open(address + "/status")
		audit("not well")
		for _, form := range []struct{ page, action, wrong, leadsTo string }{
			{"/settings/sources/github", "/settings/sources/github", "", `form[action^="https://github.example/"]`},
			{"/settings/sources/github", "/settings/sources/github", "web_url must be an address", "#web_url-e .wrong"},
			{"/settings/sources/gitlab", "/settings/sources/gitlab", "The token lacks the scope api", "#token-e .wrong"},
			{"/projects/new", "/projects", "", "#repository_id-e .wrong"},
			{"/validate?project=p1&pipeline=l1", "/validate", "", "#result"},
			{"/projects/p1/pipelines/l1/edit", "/projects/p1/pipelines/l1/edit", "labels[0] must be shorter", "#labels-e .wrong"},
			{"/projects/p1/run", "/projects/p1/run", "note: at most 255 printable characters", "#note-e .wrong"},
			{"/projects/p1/settings/source", "/projects/p1/settings", "checks must be one of status, check_run", "#checks-e .wrong"},
			{"/projects/p1/settings/danger", "/projects/p1/delete", "", "#confirm-e .wrong"},
			{"/projects/p3/settings/source", "/projects/p3/settings/webhook-secret", "", "pre.code"},
			{"/projects/p1/settings/access", "/projects/p1/members", "email is of nobody here", "#member_email-e .wrong"},
			{"/settings/users", "/settings/users", "", "pre.code"},
			{"/settings/users", "/settings/users", "email must be an address", "#email-e .wrong"},
			{"/settings/tokens", "/settings/tokens", "", "pre.code"},
			{"/settings/tokens", "/settings/tokens", "name: give the token a name", "#name-e .wrong"},
			{"/projects/p1/settings/access", "/projects/p1/access", "visibility must be one of", "#visibility-e .wrong"},
			{"/settings/me", "/settings/me/password", "new_password must have 12 characters", "#new_password-e .wrong"},
			{"/login", "/sign-in/password", "This e-mail address and password", ".alert"},
			{"/settings/slack/link/s1", "/settings/slack/link/s1", "", `main a[href="/commands"]`},
			{"/i/" + artifactAPK, "/i/" + artifactAPK + "/share-links", "", ".alert code"},
			{"/i/" + artifactAPK, "/i/" + artifactAPK + "/share-links", "expires_in is too long", ".alert"},
			{"/i/ooreh_once", "/i/ooreh_once/install", "", `a[href="/i/oorei_ipa/app"]`},
			{"/settings/slack/link/s1", "/settings/slack/link/s1", "This link was used already", ".alert"},
		} {
			f.refuse = nil
			if form.wrong != "" {
				f.refuse = core.Errorf(core.KindInvalid, "%s", form.wrong)
			}
			b.open(address + form.page)
			b.script(`document.querySelectorAll("form").forEach(f => { f.noValidate = true }); document.querySelectorAll("details").forEach(d => { d.open = true })`)
			b.do(chromedp.Click(chromedp.CSS(`form[action="`+form.action+`"] [type=submit]`)), chromedp.WaitVisible(chromedp.CSS(form.leadsTo)))
			audit("POST " + form.action + " " + form.wrong)
		}
	}, "the server responded with a status of 400", "the server responded with a status of 404", "the server responded with a status of 503")
}

// looks are a desk and a phone, in both themes. What axe finds depends on the theme only as
// far as it is about colors.
func looks() []aLook {
	const colors = `{ runOnly: ["color-contrast", "link-in-text-block"] }`
	return []aLook{{"light", 1280, `{}`}, {"dark", 1280, colors}, {"light", 390, `{}`}, {"dark", 390, colors}}
}

type aLook struct {
	theme string
	width int64
	rules string
}

// eachLook shows pages in a browser. audit looks at the page that is open as on a desk and
// on a phone, in both themes. expected is what pages may report.
func eachLook(t *testing.T, show func(b tab, audit func(page string)), expected ...string) {
	t.Helper()
	path := filepath.Join("..", "..", "templates", "testdata", "node_modules", "axe-core", "axe.min.js")
	axe, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; `make deps` installs it", err)
	}
	b := browser(t, expected...)
	show(b, func(page string) {
		b.script(string(axe))
		for _, l := range looks() {
			b.do(chromedp.EmulateViewport(l.width, 844))
			_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
				{Name: "prefers-color-scheme", Value: l.theme}, {Name: "prefers-reduced-motion", Value: "reduce"},
			}})
			if err != nil {
				t.Fatal(err)
			}
			found := evaluate[[]string](b, `axe.run(`+l.rules+`).then(r => r.passes.length + r.incomplete.length === 0 ? ["axe looked at nothing"] :
				r.violations.flatMap(v => v.nodes.map(n => v.id + ": " + n.target + ": " + n.failureSummary.replace(/\s+/g, " "))))`)
			for _, violation := range found {
				t.Errorf("%s %s %d: %s", page, l.theme, l.width, violation)
			}
			if wide := evaluate[int64](b, `document.documentElement.scrollWidth`); wide > l.width {
				t.Errorf("%s %s: %d px wide on %d", page, l.theme, wide, l.width)
			}
		}
		light(b, page)
	})
}

// light looks that a page asks nobody but this server, for little.
func light(b tab, page string) {
	b.Helper()
	weight := evaluate[[]int](b, `(entries => [entries.length, entries.reduce((sum, e) => sum + e.encodedBodySize, 0), entries.filter(e => !e.name.startsWith(location.origin + "/")).length])
		([...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource").filter(e => e.initiatorType !== "fetch" && e.initiatorType !== "other")])`)
	if weight[0] > 8+evaluate[int](b, `document.images.length`) || weight[1] > 100<<10 || weight[2] > 0 {
		b.Errorf("%s needs %d requests for %d bytes, %d of them to others", page, weight[0], weight[1], weight[2])
	}
}
