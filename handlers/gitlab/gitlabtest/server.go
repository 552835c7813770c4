// Package gitlabtest is a GitLab for tests: users with access tokens, and projects that
// are real git repositories. It checks what GitLab checks (scopes, roles, the life of
// tokens, transitions of statuses), serves git over HTTP, sends webhooks, records every
// request in order, and misbehaves on demand.
package gitlabtest

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
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
	TempDir() string
}

const apiPrefix = "/api/v4"

// Server is the double. All its methods are safe for concurrent use.
type Server struct {
	User  User   // Oore's own: oore-bot
	Token string // of User, with the scope api and without an end

	prefix string // of all paths, e.g. /gitlab
	http   *httptest.Server
	api    *http.ServeMux
	done   chan struct{} // closes when the server must let go of hanging requests

	mu       sync.Mutex
	changed  chan struct{} // closes at every change, and is made anew
	lastID   int
	users    []User
	tokens   map[string]*token
	projects []*project
	requests []Request
	hooks    []func(*http.Request) *Failure
	queue    []Failure
	budget   *budget
	pedantic bool
	oauth    oauth
	oldHooks bool // see HideHookLogs
}

// New starts a double at the root of a host and stops it when the test ends.
func New(tb TB) *Server { return NewAt(tb, "") }

// NewAt is New for a GitLab under a path, such as /gitlab.
func NewAt(tb TB, prefix string) *Server {
	tb.Helper()
	return start(tb, prefix, httptest.NewServer)
}

// NewTLSAt is NewAt for a GitLab that speaks HTTPS, with a certificate of its own that
// nobody knows: CA signs it.
func NewTLSAt(tb TB, prefix string) *Server {
	tb.Helper()
	return start(tb, prefix, httptest.NewTLSServer)
}

func start(tb TB, prefix string, listen func(http.Handler) *httptest.Server) *Server {
	tb.Helper()
	s := &Server{prefix: prefix, done: make(chan struct{}), changed: make(chan struct{}), lastID: 1000, tokens: map[string]*token{}}
	s.oauth = oauth{codes: map[string]*code{}, spent: map[string]bool{}, life: tokenLife, profiles: map[int]Profile{}}
	s.User = s.AddUser("oore-bot")
	s.oauth.visitor = s.User
	s.Token = s.AddToken(s.User, time.Time{}, "api")
	s.api = s.routes()
	s.http = listen(http.HandlerFunc(s.serve))
	tb.Cleanup(func() {
		close(s.done)
		s.http.CloseClientConnections()
		s.http.Close()
	})
	return s
}

// URL is the address of pages and git, without a trailing slash.
func (s *Server) URL() string { return s.http.URL + s.prefix }

// CA is the certificate, in PEM, by which NewTLSAt's server is known.
func (s *Server) CA() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.http.Certificate().Raw})
}

// APIURL is the base of the API, with a trailing slash.
func (s *Server) APIURL() string { return s.URL() + apiPrefix + "/" }

// routes is what this GitLab can do.
func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, handler := range map[string]func(*call) answer{
		"GET /user":                                                            s.getUser,
		"GET /personal_access_tokens/self":                                     s.getToken,
		"GET /projects":                                                        s.listProjects,
		"GET /projects/{id}":                                                   s.getProject,
		"GET /projects/{id}/repository/branches":                               s.listBranches,
		"GET /projects/{id}/repository/branches/{branch}":                      s.getBranch,
		"GET /projects/{id}/repository/tags":                                   s.listTags,
		"GET /projects/{id}/repository/tags/{tag}":                             s.getTag,
		"GET /projects/{id}/repository/commits/{sha}":                          s.getCommit,
		"GET /projects/{id}/repository/commits/{sha}/statuses":                 s.listStatuses,
		"GET /projects/{id}/repository/files/{file_path}":                      s.getFile,
		"POST /projects/{id}/statuses/{sha}":                                   s.createStatus,
		"GET /projects/{id}/repository/compare":                                s.compare,
		"GET /projects/{id}/merge_requests":                                    s.listMergeRequests,
		"GET /projects/{id}/merge_requests/{iid}":                              s.getMergeRequest,
		"GET /projects/{id}/merge_requests/{iid}/diffs":                        s.listDiffs,
		"GET /projects/{id}/merge_requests/{iid}/notes":                        s.listNotes,
		"POST /projects/{id}/merge_requests/{iid}/notes":                       s.createNote,
		"PUT /projects/{id}/merge_requests/{iid}/notes/{note_id}":              s.editNote,
		"DELETE /projects/{id}/merge_requests/{iid}/notes/{note_id}":           s.deleteNote,
		"GET /projects/{id}/merge_requests/{iid}/notes/{note_id}/award_emoji":  s.listAwards,
		"POST /projects/{id}/merge_requests/{iid}/notes/{note_id}/award_emoji": s.createAward,
		"GET /projects/{id}/members/all/{user_id}":                             s.getMember,
		"GET /projects/{id}/hooks":                                             s.listHooks,
		"POST /projects/{id}/hooks":                                            s.createHook,
		"PUT /projects/{id}/hooks/{hook_id}":                                   s.editHook,
		"DELETE /projects/{id}/hooks/{hook_id}":                                s.deleteHook,
		"POST /projects/{id}/hooks/{hook_id}/test/push_events":                 s.testHook,
		"GET /projects/{id}/hooks/{hook_id}/events":                            s.listHookLog,
		"POST /projects/{id}/hooks/{hook_id}/events/{log_id}/resend":           s.resend,
	} {
		mux.HandleFunc(pattern, s.handle(handler))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { notFound("").write(w) })
	return mux
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	w = s.record(w, r)
	defer s.notify()
	if f := s.failure(r); f != nil {
		f.serve(s, w, r)
		return
	}
	s.serveWell(w, r)
}

func (s *Server) serveWell(w http.ResponseWriter, r *http.Request) {
	if path, ok := strings.CutPrefix(r.URL.Path, s.prefix+apiPrefix); ok {
		api := r.Clone(r.Context())
		api.URL.Path, api.URL.RawPath = path, strings.TrimPrefix(r.URL.RawPath, s.prefix+apiPrefix)
		s.api.ServeHTTP(w, api)
		return
	}
	switch strings.TrimPrefix(r.URL.Path, s.prefix) {
	case "/oauth/authorize":
		s.authorize(w, r)
	case "/oauth/token":
		s.exchange(w, r)
	case "/.well-known/openid-configuration":
		s.describeSignIn().write(w)
	case "/oauth/discovery/keys":
		s.showKeys().write(w)
	case "/oauth/userinfo":
		s.tell(r).write(w)
	default:
		s.serveGit(w, r)
	}
}

// notify wakes everybody who waits for a change.
func (s *Server) notify() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
}

// nextID makes the ids of everything. The caller holds mu.
func (s *Server) nextID() int {
	s.lastID++
	return s.lastID
}
