package web

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
)

func TestSignIn(t *testing.T) {
	for _, test := range []struct {
		publicURL, cookie string
		secure            bool
	}{{"http://127.0.0.1:8787", "oore_session", false}, {"https://ci.example.com", "__Host-oore", true}} {
		a := site(t, filled(), owner(), test.publicURL)
		answer, _ := get(t, a, "/sign-in/good")
		if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/" {
			t.Errorf("%s: %d to %s", test.publicURL, answer.StatusCode, answer.Header.Get("Location"))
		}
		cookies := answer.Cookies()
		if len(cookies) != 1 {
			t.Fatalf("%s: cookies %v", test.publicURL, cookies)
		}
		c := cookies[0]
		if c.Name != test.cookie || c.Value != "session-secret" || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure != test.secure || c.Path != "/" || c.Domain != "" {
			t.Errorf("%s: %+v", test.publicURL, c)
		}
	}
}

func TestSignInGoesOnlyToOurPages(t *testing.T) {
	a := site(t, filled(), owner(), "http://127.0.0.1:8787")
	for next, want := range map[string]string{
		"/builds/b1": "/builds/b1", "https://evil.example": "/", "//evil.example": "/", `/\evil.example`: "/", "": "/", "builds": "/",
	} {
		if answer, _ := get(t, a, "/sign-in/good?next="+url.QueryEscape(next)); answer.Header.Get("Location") != want {
			t.Errorf("next=%q goes to %q", next, answer.Header.Get("Location"))
		}
	}
}

func TestUsedSignInLink(t *testing.T) {
	a := site(t, filled(), owner(), "http://127.0.0.1:8787")
	answer, body := get(t, a, "/sign-in/bad")
	if answer.StatusCode != http.StatusUnauthorized || !strings.Contains(body, "used already") || !strings.Contains(body, "oore signin-link") {
		t.Errorf("%d: does not say why and what to do", answer.StatusCode)
	}
	if len(answer.Cookies()) > 0 {
		t.Error("a refused link sets a cookie")
	}
}

func TestSignOut(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	r := httptest.NewRequest(http.MethodPost, "/logout", nil)
	r.AddCookie(&http.Cookie{Name: "oore_session", Value: "session-secret"})
	answer, _ := do(t, a, r)
	if len(f.signedOut) != 1 || f.signedOut[0] != "session-secret" || answer.Header.Get("Location") != "/login" {
		t.Errorf("signed out %v, to %s", f.signedOut, answer.Header.Get("Location"))
	}
	if c := answer.Cookies(); len(c) != 1 || c[0].Value != "" || c[0].Expires.Year() > 1970 {
		t.Errorf("the cookie stays: %v", c)
	}
}

func TestErrorPages(t *testing.T) {
	var fail error
	a := site(t, filled(), owner(), "http://127.0.0.1:8787")
	a.Get("/fail", func(*fiber.Ctx) error { return fail })
	for _, test := range []struct {
		err    error
		status int
		shows  string
		hides  string
	}{
		{core.Errorf(core.KindNotFound, "Project Secret not found"), 404, "not yours to see", "Secret"},
		{core.Errorf(core.KindForbidden, "This needs the role admin"), 403, "This needs the role admin", "Reference"},
		{core.Errorf(core.KindUnauthorized, "Sign in again"), 401, "oore signin-link", "Reference"},
		{core.Errorf(core.KindUnavailable, "The database is down").Because(errors.New("dial 10.0.0.7")), 503, "The database is down", "10.0.0.7"},
		{core.Errorf(core.KindConflict, "It is there already"), 409, "It is there already", "Reference"},
		{errors.New("SQL: near SELECT"), 500, "Reference", "SQL"},
		{core.Errorf(core.KindInternal, "secret detail"), 500, "Reference", "secret detail"},
		{fiber.ErrRequestEntityTooLarge, 413, "Too large", "Reference"},
	} {
		fail = test.err
		answer, body := get(t, a, "/fail")
		if answer.StatusCode != test.status || !strings.Contains(body, test.shows) || strings.Contains(body, test.hides) {
			t.Errorf("%v: status %d, shows %t, hides %t", test.err, answer.StatusCode, strings.Contains(body, test.shows), !strings.Contains(body, test.hides))
		}
	}
	_, missing := get(t, a, "/builds/none")
	_, unknown := get(t, a, "/no/such/page")
	if missing != unknown {
		t.Error("what is missing and what was never there look different")
	}
}

func TestStaticFiles(t *testing.T) {
	a := site(t, filled(), owner(), "http://127.0.0.1:8787")
	_, body := get(t, a, "/login")
	_, file, _ := strings.Cut(body, `<link rel="stylesheet" href="`)
	file, _, _ = strings.Cut(file, `"`)
	answer, css := get(t, a, file)
	if answer.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" || answer.Header.Get("Content-Type") != "text/css; charset=utf-8" || !strings.Contains(css, "light-dark") {
		t.Errorf("%s: %v", file, answer.Header)
	}
	answer, old := get(t, a, "/static/0000000000/app.css")
	if answer.Header.Get("Cache-Control") != "no-cache" || old != css {
		t.Error("a page of another release does not get its file")
	}
	if answer, _ := get(t, a, "/static/0000000000/../fake_test.go"); answer.StatusCode != http.StatusNotFound {
		t.Errorf("a file that is none: %d", answer.StatusCode)
	}
}
