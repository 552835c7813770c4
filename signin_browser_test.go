package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/oore-ci/oore/handlers/web/browsertest"
)

// certified starts the OpenID provider of handlers/oidc/testdata, for a client that comes
// back to the address, and returns its issuer.
func certified(t *testing.T, redirect, secret string) string {
	t.Helper()
	folder := filepath.Join("handlers", "oidc", "testdata")
	if _, err := os.Stat(filepath.Join(folder, "node_modules")); err != nil {
		t.Fatalf("%v; `make deps` installs it", err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "provider.mjs", redirect, secret)
	cmd.Dir = folder
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait() // it ends with its input, or with the test
	})
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the provider does not start")
	}
	issuer := lines.Text()
	go func() {
		for lines.Scan() {
		}
	}()
	return issuer
}

func (r reader) does(actions ...chromedp.Action[chromedp.Void]) {
	r.Helper()
	if err := chromedp.Do(r.ctx, actions...); err != nil {
		r.Fatal(err)
	}
}

// click presses a button and waits until the expression is true in the page that it leads to.
func (r reader) click(selector, until string) {
	r.Helper()
	r.sees(`document.readyState === "complete" && document.querySelector(` + "`" + selector + "`" + `)`)
	r.does(chromedp.Click(chromedp.CSS(selector)))
	r.sees(until)
}

// atProvider types who the person is into the provider's own pages, and agrees there.
func (r reader) atProvider(issuer, email string) {
	r.Helper()
	there := `location.href.startsWith("` + issuer + `/interaction/") && document.readyState === "complete" && document.querySelector`
	r.sees(there + `("input[name=login]")`)
	r.does(chromedp.SendKeys(chromedp.CSS("input[name=login]"), email), chromedp.SendKeys(chromedp.CSS("input[name=password]"), "any"), chromedp.Click(chromedp.CSS("[type=submit]")))
	r.sees(there + `("input[name=prompt][value=consent]")`)
	r.does(chromedp.Click(chromedp.CSS("[type=submit]")))
}

// TestARealBrowserSignsInAtARealProvider goes the whole way with a certified provider and
// Chromium, with scripts and without: the content policy holds, and what the cookies are is
// what browsers keep.
func TestARealBrowserSignsInAtARealProvider(t *testing.T) {
	p := newProgram(t, "", nil, "OORE_RUNNERS=0", "OORE_SIGN_IN_DOMAINS=example.org")
	issuer := certified(t, p.url+"/sign-in/oidc/callback", "secret-of-the-client")
	p.env = append(p.env, "OORE_OIDC_ISSUER="+issuer, "OORE_OIDC_CLIENT_ID=oore", "OORE_OIDC_CLIENT_SECRET=secret-of-the-client")
	p.start()
	p.invited("ada@example.com", "developer")

	r := reader{t, browsertest.Open(t, "fonts.googleapis.com", "favicon.ico", "status of 403", "status of 400")}
	r.does(chromedp.Navigate(p.url + "/builds?status=failed"))
	r.click(`form[action="/sign-in/oidc"] button`, `location.href.startsWith("`+issuer+`")`)
	r.atProvider(issuer, "ada@example.com")
	r.sees(`location.pathname === "/builds" && location.search === "?status=failed" && document.querySelector(".who")`)
	if who := r.says(`document.querySelector('.who a[href="/settings/me"]').textContent`); who != "ada" {
		t.Errorf("signed in as %q", who)
	}
	if seen := r.says(`document.cookie`); strings.Contains(seen, "oore") {
		t.Errorf("scripts see the cookies %q", seen)
	}
	r.click(`form[action="/logout"] button`, `location.pathname === "/login"`)
	r.does(chromedp.Navigate(p.url + "/builds"))
	r.sees(`location.pathname === "/login"`)

	// The provider still knows her; one click is enough.
	r.click(`form[action="/sign-in/oidc"] button`, `location.origin === "`+p.url+`" && document.querySelector('.who a[href="/settings/me"]')?.textContent === "ada"`)

	for email, says := range map[string]string{"unverified@example.org": "no verified e-mail address", "eve@example.com": "no user with the e-mail eve@example.com"} {
		other := reader{t, browsertest.Open(t, "fonts.googleapis.com", "favicon.ico", "status of 403", "status of 400")}
		other.does(chromedp.Navigate(p.url + "/login"))
		other.click(`form[action="/sign-in/oidc"] button`, `location.href.startsWith("`+issuer+`")`)
		other.atProvider(issuer, email)
		other.sees(`location.origin === "` + p.url + `" && document.querySelector("[role=alert]")`)
		if text := other.says(`document.querySelector("[role=alert]").textContent`); !strings.Contains(text, says) {
			t.Errorf("%s is told %q", email, text)
		}
	}
}
