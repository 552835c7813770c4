package handlers

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

func TestBodiesUpToTheLimitOfTheirRoute(t *testing.T) {
	var took int
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		took = len(body)
		w.WriteHeader(http.StatusOK)
	}))
	for _, test := range []struct {
		path   string
		limit  int
		ok     int // the status of a body at the limit
		header string
	}{
		{"/v1/projects", 256 << 10, 400, bearer},
		{"/projects", 256 << 10, 303, ""},
		{"/v1/slack/commands", 1 << 20, 404, ""},
		{"/v1/runners/" + someID + "/jobs/" + otherID + "/logs", 8 << 20, 401, "X-Oore-Lease: some"},
		{"/v1/runners/" + someID + "/jobs/" + otherID + "/logs", 256 << 10, 401, ""},
		{"/v1/webhooks/gitlab", 25 << 20, 404, "X-Gitlab-Token: some"},
		{"/v1/webhooks/gitlab", 256 << 10, 404, ""}, // without a proof nobody sends much
		{"/v1/webhooks/other", 256 << 10, 404, "X-Hub-Signature-256: sha256=00"},
		{"/v1/webhooks/github", 256 << 10, 200, ""},
		{"/v1/webhooks/github", 25 << 20, 200, "X-Hub-Signature-256: sha256=00"},
	} {
		fits := bytes.Repeat([]byte(" "), test.limit)
		tooLarge := bytes.Repeat([]byte(" "), test.limit+1<<20)
		for name, reader := range map[string]func([]byte) io.Reader{
			"sized":   func(b []byte) io.Reader { return bytes.NewReader(b) },
			"chunked": func(b []byte) io.Reader { return io.MultiReader(bytes.NewReader(b)) },
		} {
			var headers []string
			if test.header != "" {
				headers = []string{test.header}
			}
			if got := s.send("POST", test.path, reader(fits), headers...); got.status != test.ok {
				t.Errorf("%s, %s, at the limit: %d %s", test.path, name, got.status, got.body)
			}
			s.expect(s.send("POST", test.path, reader(tooLarge), headers...), 413, "payload_too_large")
			s.expect(s.send("POST", test.path, reader(tooLarge[:test.limit+1]), headers...), 413, "payload_too_large")
		}
	}
	if took != 25<<20 {
		t.Errorf("the webhook's door got %d bytes", took)
	}
}

func TestTooLargeIsAnsweredBeforeAnUploadThatWaits(t *testing.T) {
	s := serve(t, nil)
	got := s.send("POST", "/v1/projects", bytes.NewReader(make([]byte, 2<<20)), bearer, "Expect: 100-continue")
	s.expect(got, 413, "payload_too_large")
}

func TestCompressedBodiesAreRefused(t *testing.T) {
	s := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("reached") }))
	for _, path := range []string{"/v1/webhooks/github", "/v1/webhooks/gitlab", "/v1/projects"} {
		s.expect(s.ask("POST", path, "{}", bearer, "Content-Encoding: gzip"), 415, "invalid_input")
	}
}

func TestLimitsByPath(t *testing.T) {
	for uri, want := range map[string]fasthttp.RequestConfig{
		"/v1/projects":                       {},
		"/v1/webhooks/github?x=1":            {MaxRequestBodySize: 25 << 20, ReadTimeout: webhookReadTimeout},
		"/v1/slack/commands":                 {MaxRequestBodySize: 1 << 20},
		"/v1/builds/1/logs/stream?token=abc": {WriteTimeout: time.Hour},
		"/v1/builds?x=/logs/stream":          {},
		"/builds/1/log.txt":                  {WriteTimeout: time.Hour},
		"/i/ooreh_x/app":                     {WriteTimeout: time.Hour},
		"/i/ooreh_x":                         {},
	} {
		var h fasthttp.RequestHeader
		h.SetRequestURI(uri)
		h.Set("X-Hub-Signature-256", "sha256=00")
		if got := headerReceived(&h); got != want {
			t.Errorf("%s: %+v, want %+v", uri, got, want)
		}
	}
}

func TestTheServerIsBounded(t *testing.T) {
	server := newServer(nil).Server()
	if server.StreamRequestBody || server.ReadTimeout == 0 || server.WriteTimeout == 0 || server.IdleTimeout == 0 || server.Concurrency > 1<<16 ||
		server.MaxRequestBodySize != 256<<10 || server.HeaderReceived == nil {
		t.Errorf("%+v", server)
	}
}

// Of requests that a client sent without waiting, all answers but the last were lost, so
// that it took the last for that of the first.
func TestRequestsInAPipelineAreAllAnswered(t *testing.T) {
	s := serve(t, nil)
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(s.url, "http://"), patience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	paths := []string{"/healthz", "/v1/none", "/static/none", "/healthz"}
	all := ""
	for _, path := range paths {
		all += "GET " + path + " HTTP/1.1\r\nHost: oore\r\n\r\n"
	}
	if _, err := io.WriteString(conn, all); err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(conn)
	for i, want := range []int{200, 404, 404, 200} {
		resp, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatalf("the answer for %s: %v", paths[i], err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", paths[i], resp.StatusCode, want)
		}
	}
}

// fiber's parser of nested form keys has had a panic (CVE-2025-48075).
func TestOddFormKeysDoNoHarm(t *testing.T) {
	s := serve(t, nil)
	for _, body := range []string{"a[-1]=x", "a[999999999]=x", "name=" + strings.Repeat("%", 100)} {
		got := s.ask("POST", "/projects", body, "Content-Type: application/x-www-form-urlencoded", "Cookie: "+cookie, "Sec-Fetch-Site: same-origin")
		if got.status >= 500 {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
}
