// Package slacktest is a Slack for tests: an app's bot in a workspace, its channels,
// and response URLs. It checks what Slack checks (tokens, scopes, membership, the limits
// of Block Kit, how often and how long a response URL may be used), sends slash commands
// and pressed buttons signed as Slack does, records every request, and misbehaves on
// demand.
package slacktest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// TB is the part of testing.TB that the double needs, so that programs without tests
// can use it too.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Cleanup(f func())
}

// How the app of the double is known.
const (
	SigningSecret = "signing-secret-of-the-test-app"
	BotToken      = "xoxb-test-token-of-the-bot"
	Team          = "T0TEST"
	Channel       = "C0BUILDS" // the bot is in it
	User          = "U0ALICE"
	UserName      = "alice"
)

// Message is what was said in a channel, or to one person.
type Message struct {
	Channel      string
	TS           string // empty for a response
	Text         string
	Blocks       json.RawMessage // nil: none
	Edits        int
	ResponseType string
	Mentions     []string // whoever would be notified: <!here>, <@U1>, …
}

// Request is a request as it came.
type Request struct {
	Path   string
	Header http.Header
	Body   string
}

// Server is the double. All its methods are safe for concurrent use.
type Server struct {
	http *httptest.Server
	done chan struct{} // closes when hanging requests must be let go

	mu        sync.Mutex
	offset    time.Duration
	token     string
	scopes    []string
	channels  map[string]bool // known ones; true: the bot is in it
	messages  []*Message
	responses map[string]*response
	queue     []Failure
	requests  []Request
	lastID    int
}

// New starts a double and stops it when the test ends.
func New(tb TB) *Server {
	tb.Helper()
	s := &Server{
		done: make(chan struct{}), token: BotToken, scopes: []string{"commands", "chat:write"},
		channels: map[string]bool{Channel: true}, responses: map[string]*response{},
	}
	s.http = httptest.NewUnstartedServer(http.HandlerFunc(s.serve)) // a client of another test may ask at once, at an address used before
	s.http.Start()
	tb.Cleanup(func() {
		close(s.done)
		s.http.Close()
	})
	return s
}

// APIURL is the base of the API, with a trailing slash.
func (s *Server) APIURL() string { return s.http.URL + "/api/" }

// Now is the double's clock, which Advance sets forward.
func (s *Server) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}

func (s *Server) now() time.Time { return time.Now().Add(s.offset) }

// Advance sets the clock forward.
func (s *Server) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offset += d
}

// Revoke makes the bot's token worthless.
func (s *Server) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = ""
}

// SetScopes replaces the bot's scopes.
func (s *Server) SetScopes(scopes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scopes = scopes
}

// AddChannel makes a channel that the bot is in, or only knows of.
func (s *Server) AddChannel(id string, member bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.channels[id] = member
}

// Messages lists the messages of all channels, oldest first.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Message, 0, len(s.messages))
	for _, m := range s.messages {
		all = append(all, *m)
	}
	return all
}

// Delete takes a message away, as a person would.
func (s *Server) Delete(channel, ts string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = slices.DeleteFunc(s.messages, func(m *Message) bool { return m.Channel == channel && m.TS == ts })
}

// Requests lists all requests so far, in the order in which they came.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	// A body that breaks off is judged by what came of it.
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.requests = append(s.requests, Request{Path: r.URL.Path, Header: r.Header.Clone(), Body: string(body)})
	var f *Failure
	if len(s.queue) > 0 {
		f, s.queue = &s.queue[0], s.queue[1:]
	}
	s.mu.Unlock()
	if f != nil {
		f.serve(s, w, r)
		return
	}
	status, answer := s.decide(r, body)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	// A client that has gone away is no matter of ours.
	_ = json.NewEncoder(w).Encode(answer)
}

func (s *Server) decide(r *http.Request, body []byte) (status int, answer map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Method != http.MethodPost {
		return http.StatusMethodNotAllowed, refuse("method_not_allowed")
	}
	if name, ok := strings.CutPrefix(r.URL.Path, "/response/"); ok {
		return s.respond(name, body)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return http.StatusOK, refuse("invalid_form_data")
	}
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		form.Set("token", token)
	}
	switch r.URL.Path {
	case "/api/chat.postMessage":
		return http.StatusOK, s.postMessage(form)
	case "/api/chat.update":
		return http.StatusOK, s.update(form)
	case "/api/auth.test":
		return http.StatusOK, s.authTest(form)
	}
	return http.StatusOK, refuse("unknown_method")
}

func refuse(code string) map[string]any { return map[string]any{"ok": false, "error": code} }

// nextTS makes the ids of messages. The caller holds mu.
func (s *Server) nextTS() string {
	s.lastID++
	return fmt.Sprintf("%d.%06d", s.now().Unix(), s.lastID)
}
