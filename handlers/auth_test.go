package handlers

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
)

func TestWhoIsLetIn(t *testing.T) {
	s := serve(t, nil)
	for _, test := range []struct {
		name    string
		headers []string
		code    string // empty: let in
		actor   string
	}{
		{"nobody", nil, "missing_auth", ""},
		{"bearer", []string{bearer}, "", "deploy"},
		{"bearer in lower case", []string{"Authorization: bearer  token"}, "", "deploy"},
		{"unknown bearer", []string{"Authorization: Bearer x"}, "invalid_session", ""},
		{"empty bearer", []string{"Authorization: Bearer "}, "missing_auth", ""},
		{"cookie", []string{"Cookie: " + cookie}, "", "Ada"},
		{"unknown cookie", []string{"Cookie: __Host-oore=x"}, "invalid_session", ""},
		{"cookie of plain HTTP", []string{"Cookie: oore_session=session"}, "missing_auth", ""},
		{"session as bearer", []string{"Authorization: Bearer session"}, "", "Ada"},
		{"bearer before cookie", []string{bearer, "Cookie: " + cookie}, "", "deploy"},
		{"a bad bearer makes the cookie no better", []string{"Authorization: Bearer x", "Cookie: " + cookie}, "invalid_session", ""},
		{"an empty bearer too", []string{"Authorization: Bearer", "Cookie: " + cookie}, "missing_auth", ""},
		{"a proxy's own password", []string{"Authorization: Basic eDp5", "Cookie: " + cookie}, "", "Ada"},
		{"a stream token elsewhere", []string{"Authorization: Bearer ticket"}, "invalid_session", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := s.ask("GET", "/v1/users/me", "", test.headers...)
			if test.code == "" {
				if got.status != 200 || !strings.Contains(got.body, `"name":"`+test.actor+`"`) {
					t.Errorf("%d %s", got.status, got.body)
				}
				return
			}
			s.expect(got, 401, test.code)
			if got.header.Get("WWW-Authenticate") != "Bearer" {
				t.Errorf("WWW-Authenticate: %q", got.header.Get("WWW-Authenticate"))
			}
		})
	}
}

// pathOf is an address of a route about things.
func pathOf(route fiber.Route) string {
	return strings.NewReplacer(":id<guid>", someID, ":id", someID).Replace(route.Path)
}

// Every route of the table but the public ones wants a credential.
func TestNoRouteIsForgotten(t *testing.T) {
	s := serve(t, nil)
	public := map[string]bool{
		"/healthz": true, "/readyz": true, "/status": true, "/schema/oore.yaml.json": true, "/login": true, "/sign-in/:token": true, "/sign-in/:way": true, "/sign-in/:way/callback": true, "/sign-in/password": true, "/sign-in/proxy": true,
		"/v1/auth/local/login": true, "/static/*": true, "/dl/:secret": true,
		"/badges/:project/:pipeline": true, "/i/:secret": true, "/i/:secret/app": true, "/i/:secret/icon": true, "/i/:secret/manifest.plist": true, "/i/:secret/install": true, "/i/:id/qr.svg": true, "/i/:id/qr.png": true,
		"/v1/webhooks/github": true, "/v1/webhooks/gitlab": true, "/v1/slack/commands": true, "/v1/slack/interactions": true,
		"/v1/openapi.json": true, "/docs/api": true,
		"/v1/settings/system/challenge": true, // wants proof of the server's own key
	}
	seen := 0
	for _, route := range s.http.GetRoutes(true) {
		if public[route.Path] || route.Method == http.MethodHead {
			continue
		}
		seen++
		path := pathOf(route)
		got := s.ask(route.Method, path, "{}")
		switch {
		case strings.HasPrefix(path, "/v1/"):
			s.expect(got, 401, "missing_auth")
		case path == "/logout":
			s.expect(got, 403, "permission_denied")
		case got.status != 303 || !strings.HasPrefix(got.header.Get("Location"), "/login"):
			t.Errorf("%s %s: %d %s", route.Method, path, got.status, got.body)
		}
	}
	if seen < 40 {
		t.Errorf("only %d routes were tried", seen)
	}
	if calls := s.fake.Calls(); len(calls) != 0 {
		t.Errorf("asked: %v", calls)
	}
}

func TestPagesSendToTheSignInPage(t *testing.T) {
	s := serve(t, nil)
	for path, want := range map[string]string{
		"/":                                  "/login",
		"/builds/" + someID:                  "/login?next=%2Fbuilds%2F" + someID,
		"/builds?status=failed&branch=a%2Fb": "/login?next=%2Fbuilds%3Fstatus%3Dfailed%26branch%3Da%252Fb",
	} {
		for _, headers := range [][]string{nil, {"Cookie: __Host-oore=expired"}} {
			if got := s.ask("GET", path, "", headers...); got.status != 303 || got.header.Get("Location") != want {
				t.Errorf("%s: %d %s", path, got.status, got.header.Get("Location"))
			}
		}
	}
	if got := s.ask("POST", "/builds/"+someID+"/cancel", ""); got.status != 303 || got.header.Get("Location") != "/login?unsent=1" {
		t.Errorf("a form: %d %v", got.status, got.header)
	}
	s.expect(s.ask("GET", "/builds", "", "Authorization: Bearer x"), 401, "invalid_session")
	if got := s.ask("GET", "/builds", "", "Cookie: "+cookie); got.status != 200 {
		t.Errorf("signed in: %d %s %s", got.status, got.body, s.log)
	}
}

func TestChangesByCookieMustComeFromOurPages(t *testing.T) {
	s := serve(t, nil)
	for _, test := range []struct {
		name    string
		headers []string
		allowed bool
	}{
		{"nothing said", nil, false},
		{"same origin", []string{"Sec-Fetch-Site: same-origin"}, true},
		{"typed by hand", []string{"Sec-Fetch-Site: none"}, true},
		{"another site", []string{"Sec-Fetch-Site: cross-site"}, false},
		{"a sister host", []string{"Sec-Fetch-Site: same-site"}, false},
		{"the browser's word counts", []string{"Sec-Fetch-Site: cross-site", "Origin: " + publicURL}, false},
		{"the public origin", []string{"Origin: " + publicURL}, true},
		{"the public origin in capitals", []string{"Origin: HTTPS://CI.EXAMPLE.COM"}, true},
		{"the public host without TLS", []string{"Origin: http://ci.example.com"}, false},
		{"the host asked for", []string{"Host: 127.0.0.1:9", "Origin: http://127.0.0.1:9"}, true},
		{"another port", []string{"Host: 127.0.0.1:9", "Origin: http://127.0.0.1:10"}, false},
		{"a longer name", []string{"Origin: https://ci.example.com.evil.org"}, false},
		{"a forwarded host", []string{"X-Forwarded-Host: evil.org", "Origin: https://evil.org"}, false},
		{"an opaque origin", []string{"Origin: null"}, false},
		{"no origin at all", []string{"Origin: "}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, change := range []string{"POST /v1/builds/%/cancel", "PATCH /v1/projects/%", "DELETE /v1/projects/%", "POST /v1/auth/logout", "POST /builds/%/cancel", "POST /logout", "POST /sign-in/password", "POST /sign-in/oidc"} {
				method, path, _ := strings.Cut(strings.ReplaceAll(change, "%", someID), " ")
				before := len(s.fake.Calls())
				body := ""
				if method == "PATCH" {
					body = `{"name":"x"}`
				}
				got := s.ask(method, path, body, append(test.headers, "Cookie: "+cookie)...)
				if test.allowed != (got.status < 400) || test.allowed != (len(s.fake.Calls()) > before) {
					t.Errorf("%s: %d %s", change, got.status, got.body)
				}
				if !test.allowed {
					s.expect(got, 403, "permission_denied")
				}
				got = s.ask(method, path, body, append(test.headers, bearer)...)
				if path != "/logout" && !strings.HasPrefix(path, "/sign-in/") && got.status >= 400 {
					t.Errorf("%s by bearer: %d %s", change, got.status, got.body)
				}
			}
			if got := s.ask("GET", "/v1/projects", "", append(test.headers, "Cookie: "+cookie)...); got.status != 200 {
				t.Errorf("reading: %d %s", got.status, got.body)
			}
		})
	}
}

func TestStreamTokens(t *testing.T) {
	s := serve(t, nil)
	s.fake.Append("hello")
	s.fake.End(core.BuildSucceeded)
	path := "/v1/builds/" + someID + "/logs/stream"
	for _, ok := range [][]string{{path + "?token=ticket"}, {path, bearer}, {path, "Cookie: " + cookie}, {path + "?token=x", bearer}} {
		if got := s.ask("GET", ok[0], "", ok[1:]...); got.status != 200 || !strings.Contains(got.body, "event: done") {
			t.Errorf("%v: %d %s", ok, got.status, got.body)
		}
	}
	s.expect(s.ask("GET", path+"?token=x", "", "Cookie: "+cookie), 401, "invalid_session")
	s.expect(s.ask("GET", path+"?token=", ""), 401, "missing_auth")
	s.expect(s.ask("GET", path+"?token=token", ""), 401, "invalid_session")
	s.expect(s.ask("GET", "/v1/builds/"+otherID+"/logs/stream?token=ticket", ""), 404, "not_found")
	s.expect(s.ask("GET", "/v1/builds/"+someID+"/logs?token=ticket", ""), 401, "missing_auth")
}

func TestLogoutEndsTheSessionThatAsks(t *testing.T) {
	s := serve(t, nil)
	got := s.ask("POST", "/v1/auth/logout", "", "Cookie: "+cookie, "Sec-Fetch-Site: same-origin")
	if got.status != 200 || got.body != `{"ok":true}` || s.fake.Last().ID != "session" {
		t.Errorf("%d %s %v", got.status, got.body, s.fake.Last())
	}
	set := got.header.Get("Set-Cookie")
	for _, part := range []string{"__Host-oore=;", "expires=Thu, 01 Jan 1970", "path=/", "secure", "HttpOnly"} {
		if !strings.Contains(set, part) {
			t.Errorf("Set-Cookie %q lacks %s", set, part)
		}
	}
	if s.ask("POST", "/v1/auth/logout", "", "Authorization: Bearer session"); s.fake.Last().ID != "session" {
		t.Errorf("by bearer: %v", s.fake.Last())
	}
}

func TestTheVersionIsToldToThoseInsideAlone(t *testing.T) {
	s := serve(t, nil)
	if got := s.ask("GET", "/v1/users/me", "", bearer).header.Get("Oore-Version"); got != "1.2.3" {
		t.Errorf("inside: %q", got)
	}
	for _, path := range []string{"/v1/users/me", "/healthz", "/readyz", "/login"} {
		if got := s.ask("GET", path, ""); strings.Contains(got.body, "1.2.3") || got.header.Get("Oore-Version") != "" || got.header.Get("Server") != "" {
			t.Errorf("%s: %v", path, got)
		}
	}
}
