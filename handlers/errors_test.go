package handlers

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
)

func TestEveryKindHasItsStatusAndEnvelope(t *testing.T) {
	s := serve(t, nil)
	for _, test := range []struct {
		err    error
		status int
		code   string
	}{
		{core.Errorf(core.KindInvalid, "x"), 400, "invalid_input"},
		{core.Codef(core.KindInvalid, core.CodeInvalidRef, "x"), 400, "invalid_ref"},
		{core.Codef(core.KindInvalid, core.CodeRepositoryUnknown, "x"), 400, "repository_not_found"},
		{core.Errorf(core.KindUnauthorized, "x"), 401, "invalid_session"},
		{core.Errorf(core.KindForbidden, "x"), 403, "permission_denied"},
		{core.Errorf(core.KindNotFound, "x"), 404, "not_found"},
		{core.Codef(core.KindConflict, core.CodeInvalidTransition, "x"), 409, "invalid_transition"},
		{core.Codef(core.KindConflict, core.CodePipelineDisabled, "x"), 409, "pipeline_disabled"},
		{core.Codef(core.KindConflict, core.CodeContextTaken, "x"), 409, "context_taken"},
		{core.Errorf(core.KindGone, "x"), 410, "gone"},
		{core.Errorf(core.KindTooLarge, "x"), 413, "payload_too_large"},
		{core.Errorf(core.KindLimited, "x"), 429, "rate_limited"},
		{core.Errorf(core.KindUnavailable, "x"), 503, "unavailable"},
		{fmt.Errorf("find project: %w", core.Errorf(core.KindNotFound, "x")), 404, "not_found"},
		{core.Errorf(core.KindInternal, "secret"), 500, "internal"},
		{errors.New("secret"), 500, "internal"},
	} {
		s.fake.Err = test.err
		got := s.ask("GET", "/v1/projects/"+someID, "", bearer)
		s.expect(got, test.status, test.code)
		if strings.Contains(got.body, "secret") {
			t.Errorf("%v leaks: %s", test.err, got.body)
		}
	}
}

func TestDetailsAreShownAndCausesAreNot(t *testing.T) {
	s := serve(t, nil)
	e := core.Errorf(core.KindUnavailable, "The database does not answer").Because(errors.New("dial tcp 10.0.0.1"))
	e.Details = "Try again"
	s.fake.Err = e
	got := s.ask("GET", "/v1/projects/"+someID, "", bearer)
	if got.body != `{"error":"The database does not answer","code":"unavailable","details":"Try again"}` {
		t.Error(got.body)
	}
	if !strings.Contains(s.log.String(), "dial tcp 10.0.0.1") {
		t.Errorf("the log lacks the cause: %s", s.log)
	}
}

func TestRetryAfter(t *testing.T) {
	s := serve(t, nil)
	for _, test := range []struct {
		kind  core.Kind
		pause time.Duration
		want  string
	}{
		{core.KindLimited, 1500 * time.Millisecond, "2"},
		{core.KindLimited, 0, "60"},
		{core.KindUnavailable, 3 * time.Second, "3"},
		{core.KindUnavailable, 0, ""},
		{core.KindConflict, time.Second, ""},
	} {
		e := core.Errorf(test.kind, "x")
		e.RetryAfter = test.pause
		s.fake.Err = e
		if got := s.ask("GET", "/v1/projects/"+someID, "", bearer).header.Get("Retry-After"); got != test.want {
			t.Errorf("%v: got %q, want %q", test, got, test.want)
		}
	}
}

func TestOurFaultsAreLoggedOnceUnderTheirReference(t *testing.T) {
	s := serve(t, nil)
	s.fake.Err = errors.New("disk full")
	_, message := s.ask("GET", "/v1/projects/"+someID, "", bearer).envelope(t)
	if !strings.HasPrefix(message, "Something failed on our side (ref ") {
		t.Error(message)
	}
	if log := s.log.String(); strings.Count(log, "disk full") != 1 || !strings.Contains(log, message) {
		t.Errorf("log: %s", log)
	}
}

func TestAPanicIsAnAnswerAndNoMore(t *testing.T) {
	s := serve(t, nil)
	s.fake.Panic = "index out of range"
	got := s.ask("GET", "/v1/projects", "", bearer)
	s.expect(got, 500, "internal")
	if strings.Contains(got.body, "index") {
		t.Error(got.body)
	}
	if log := s.log.String(); !strings.Contains(log, "index out of range") || !strings.Contains(log, "ListProjects") {
		t.Errorf("the log lacks panic or stack: %s", log)
	}
	if got := s.ask("GET", "/healthz", ""); got.status != 200 {
		t.Errorf("after it: %d", got.status)
	}
}

func TestUnknownAddressesAndMethods(t *testing.T) {
	s := serve(t, nil)
	html := "Accept: text/html,*/*;q=0.8"
	for _, path := range []string{"/v1", "/v1/", "/v1/nothing", "/v1/projects/", "/v1/Projects", "/v1/%2e%2e/healthz", "/v1/%2561", "/v1//projects/x/y", "/V1/projects"} {
		headers := []string{bearer}
		if strings.HasPrefix(path, "/v1") {
			headers = append(headers, html) // JSON even to a browser
		}
		s.expect(s.ask("GET", path, "", headers...), 404, "not_found")
	}
	for path, allow := range map[string]string{
		"/v1/projects": "GET, HEAD, POST", "/v1/projects/" + someID: "GET, HEAD, DELETE, PATCH", "/v1/webhooks/github": "POST", "/healthz": "GET, HEAD",
	} {
		got := s.ask("PUT", path, "", bearer)
		s.expect(got, 405, "method_not_allowed")
		if got.header.Get("Allow") != allow {
			t.Errorf("%s: Allow: %s", path, got.header.Get("Allow"))
		}
	}
	got := s.ask("GET", "/nothing", "", html)
	if got.status != 404 || !strings.HasPrefix(got.header.Get("Content-Type"), "text/html") || !strings.Contains(got.body, "Not found") {
		t.Errorf("a page: %d %s", got.status, got.body)
	}
	if got := s.ask("PUT", "/builds", "", html); got.status != 405 {
		t.Errorf("a page's method: %d", got.status)
	}
	s.expect(s.ask("GET", "/nothing", ""), 404, "not_found")
}

func TestOurFaultOnAPageIsLoggedOnce(t *testing.T) {
	s := serve(t, nil)
	s.fake.Err = errors.New("disk full")
	got := s.ask("GET", "/builds/"+someID, "", "Accept: text/html", "Cookie: "+cookie)
	if got.status != 500 || strings.Contains(got.body, "disk full") || !strings.HasPrefix(got.header.Get("Content-Type"), "text/html") {
		t.Errorf("%d %s", got.status, got.body)
	}
	if log := s.log.String(); strings.Count(log, "disk full") != 1 {
		t.Errorf("log: %s", log)
	}
}

func TestHealthAndReadiness(t *testing.T) {
	s := serve(t, nil)
	for _, path := range []string{"/healthz", "/readyz"} {
		if got := s.ask("GET", path, ""); got.status != 200 || got.body != `{"ok":true}` {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	s.fake.Err = core.Errorf(core.KindUnavailable, "The schema is older than this program")
	got := s.ask("GET", "/readyz", "", "Accept: text/html")
	s.expect(got, 503, "unavailable")
	if !strings.Contains(got.body, "The schema is older") {
		t.Error(got.body)
	}
	s.fake.Err = errors.New("secret")
	got = s.ask("GET", "/readyz", "")
	s.expect(got, 503, "unavailable")
	if strings.Contains(got.body, "secret") {
		t.Error(got.body)
	}
	if got := s.ask("GET", "/healthz", ""); got.status != 200 {
		t.Errorf("healthz while not ready: %d", got.status)
	}
}

func TestWhatIsNoHTTPIsAnsweredInTheEnvelope(t *testing.T) {
	s := serve(t, nil)
	for request, want := range map[string]int{
		"GET /v1/projects HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 2*headerLimit) + "\r\n\r\n": 431,
		"BREW /v1/projects HTTP/1.1\r\nHost: x\r\n\r\n":                                                 405,
		"nonsense\r\n\r\n": 400,
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write([]byte(request)); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%.30s: %v", request, err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != want || resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%.30s: %d %v", request, resp.StatusCode, resp.Header)
		}
	}
}

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	s := serve(t, nil)
	for _, request := range []string{"GET /healthz", "GET /v1/users/me", "GET /nothing", "PUT /v1/projects", "POST /v1/webhooks/github", "GET /login", "GET /static/none", "GET /builds", "POST /logout"} {
		method, path, _ := strings.Cut(request, " ")
		got := s.ask(method, path, "", "Accept: text/html")
		policy := got.header.Get("Content-Security-Policy")
		if strings.Contains(policy, "unsafe") || !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("%s: Content-Security-Policy %q", request, policy)
		}
		if got.header.Get("X-Content-Type-Options") != "nosniff" || got.header.Get("Referrer-Policy") != "same-origin" {
			t.Errorf("%s: %v", request, got.header)
		}
		if strings.HasPrefix(path, "/v1/") && got.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: Cache-Control %q", request, got.header.Get("Cache-Control"))
		}
	}
}
