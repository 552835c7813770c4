package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/oore-ci/oore/app/core"
)

// standIn is GitHub as the manifest flow sees it: it takes the form, shows a page with
// a button, and sends the person back.
type standIn struct {
	mu       sync.Mutex
	back     string // our callback
	manifest string
	origin   string
}

func (s *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Content-Type", "text/html")
	switch r.Method + " " + r.URL.Path {
	case "POST /settings/apps/new":
		s.manifest, s.origin = r.PostFormValue("manifest"), r.Header.Get("Origin")
		fmt.Fprintf(w, `<title>GitHub</title><form method="post" action="/made?state=%s"><button>Create</button></form>`, r.FormValue("state"))
	case "POST /made":
		http.Redirect(w, r, s.back+"?code=c1&state="+r.FormValue("state"), http.StatusFound)
	}
}

// The whole way through the browser, over the border between two origins: what the
// policy of a page forbids would stop it, and no page needs a script.
func TestAGitHubAppIsMadeWithoutScripts(t *testing.T) {
	github := &standIn{}
	elsewhere := httptest.NewServer(github)
	t.Cleanup(elsewhere.Close)
	f := filled()
	address := serve(t, site(t, f, owner(), "http://127.0.0.1:8787"))
	github.back = address + "/settings/sources/github/callback"
	f.form = core.AppForm{Action: elsewhere.URL + "/settings/apps/new?state=s1", Manifest: `{"name":"Oore \"ci\" <1>"}`}

	b := browser(t, "favicon.ico")
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	b.open(address + "/settings/sources")
	for _, selector := range []string{
		`a[href="/settings/sources/github"]`, `form[action="/settings/sources/github"] [type=submit]`,
		`form[action^="` + elsewhere.URL + `"] [type=submit]`, `form[action^="/made"] button`, `.alert a[href="https://github.com/apps/oore-ci-1a2b3c/installations/new"]`,
	} {
		b.do(chromedp.WaitVisible(chromedp.CSS(selector)))
		if selector[0] != '.' {
			b.do(chromedp.Click(chromedp.CSS(selector)))
		}
	}
	github.mu.Lock()
	defer github.mu.Unlock()
	if github.manifest != f.form.Manifest || github.origin != address {
		t.Errorf("GitHub got the manifest %q from %q", github.manifest, github.origin)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Equal(f.asked, []string{"start", "complete c1 s1"}) {
		t.Errorf("asked %v", f.asked)
	}
}
