package handlers

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/api/apitest"
	"github.com/oore-ci/oore/handlers/web"
	"github.com/oore-ci/oore/templates"
)

const (
	someID    = "0b7c3f1e-5a0d-4d3f-9c55-0d6f6d1c0001"
	otherID   = "0b7c3f1e-5a0d-4d3f-9c55-0d6f6d1c0002"
	publicURL = "https://ci.example.com"
	cookie    = "__Host-oore=session"
	bearer    = "Authorization: Bearer token"
)

var (
	tokenActor   = core.Actor{Kind: core.ActorToken, Name: "deploy", Role: core.RoleDeveloper}
	sessionActor = core.Actor{Kind: core.ActorUser, UserID: otherID, Name: "Ada", Role: core.RoleOwner}
)

// testServer is the whole door over TCP, with stand-ins for what lies behind.
type testServer struct {
	pages  *web.Pages
	t      *testing.T
	fake   *apitest.Commands
	http   *fiber.App
	url    string
	client *http.Client
	log    *lockedBuffer
	stop   func() // the server is about to stop
}

// patience is how long a test waits for what must happen: a machine may have more to do than
// our tests, so only what never happens may outlast it.
const patience = 3 * time.Minute

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func serve(t *testing.T, github http.Handler) *testServer {
	t.Helper()
	fake := &apitest.Commands{
		Actors: map[string]core.Actor{"token": tokenActor, "session": sessionActor},
		Stream: map[string]core.Actor{"ticket": {Kind: core.ActorToken, Role: core.RoleViewer, Scope: someID}},
		Secret: "session", Expires: time.Now().Add(time.Hour),
	}
	fake.Detail.Build = core.Build{ID: someID, Status: core.BuildRunning}
	logs := &lockedBuffer{}
	logger := slog.New(slog.NewTextHandler(logs, nil))
	set, err := templates.New()
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	stops := sync.OnceFunc(func() { close(stop) })
	pages := web.New(web.Options{App: fake, Templates: set, PublicURL: publicURL, Log: logger})
	server := build(Options{Pages: pages, GitHub: github, PublicURL: publicURL, Log: logger, Stop: stop, Version: "1.2.3"}, fake)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Listener(listener) }()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{
		Jar: jar, Transport: &http.Transport{}, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		stops()
		if err := server.ShutdownWithTimeout(patience); err != nil {
			t.Error(err)
		}
		<-served
	})
	return &testServer{t: t, fake: fake, http: server, url: "http://" + listener.Addr().String(), client: client, log: logs, pages: pages, stop: stops}
}

type answer struct {
	status int
	header http.Header
	body   string
}

// envelope reads the published form of an error.
func (a answer) envelope(t *testing.T) (code, message string) {
	t.Helper()
	var e struct{ Error, Code, Details string }
	d := json.NewDecoder(strings.NewReader(a.body))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil || e.Error == "" || e.Code == "" {
		t.Errorf("no envelope (%v): %d %s", err, a.status, a.body)
	}
	if !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") {
		t.Errorf("Content-Type: %s", a.header.Get("Content-Type"))
	}
	return e.Code, e.Error
}

// ask sends a request; headers are given as "Name: value".
func (s *testServer) ask(method, path, body string, headers ...string) answer {
	s.t.Helper()
	return s.send(method, path, strings.NewReader(body), headers...)
}

func (s *testServer) send(method, path string, body io.Reader, headers ...string) answer {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	if method == http.MethodPost || method == http.MethodPatch {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
		if name == "Host" {
			req.Host = value
		}
	}
	resp, err := s.client.Do(req)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer{resp.StatusCode, resp.Header, string(data)}
}

func (s *testServer) expect(a answer, status int, code string) {
	s.t.Helper()
	got, _ := a.envelope(s.t)
	if a.status != status || got != code {
		s.t.Errorf("got %d %s, want %d %s: %s", a.status, got, status, code, a.body)
	}
}
