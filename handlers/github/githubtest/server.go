// Package githubtest is a GitHub for tests: Apps, their installations, and
// repositories that are real git repositories. It checks what GitHub checks (JWTs,
// installation tokens and their permissions, the limits of statuses and comments),
// makes Apps of manifests, serves git over HTTP, records every request in order, and
// misbehaves on demand.
//
// The API lives under /api/v3/, as on GitHub Enterprise; pages and git at the root.
package githubtest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

// TB is the part of testing.TB that the double needs, so that programs without
// tests can use it too.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Cleanup(f func())
	TempDir() string
}

const apiPrefix = "/api/v3"

// Server is the double. All its methods are safe for concurrent use.
type Server struct {
	*App // the first; what an installation belongs to unless it is another's

	http *httptest.Server
	api  *http.ServeMux
	done chan struct{} // closes when the server must let go of hanging requests

	mu            sync.Mutex
	changed       chan struct{} // closes at every change, and is made anew
	lastID        int64
	tokenLife     time.Duration
	tokens        map[string]*token
	minted        int
	apps          []*App
	codes         map[string]*App // of manifests; each works once
	installations map[int64]*installation
	repositories  map[string]*repository // by lower-case full name
	users         map[string]int64       // ids, by lower-case login
	signing       signing
	reactions     map[int64][]reaction // by comment
	checks        []*CheckRun
	requests      []Request
	hooks         []func(*http.Request) *Failure
	queue         []Failure
	deliveries    []*delivery
	lose          int
	background    sync.WaitGroup
}

// New starts a double and stops it when the test ends.
func New(tb TB) *Server {
	tb.Helper()
	s := &Server{
		done: make(chan struct{}), changed: make(chan struct{}), lastID: 1000, tokenLife: time.Hour,
		tokens: map[string]*token{}, codes: map[string]*App{}, installations: map[int64]*installation{}, repositories: map[string]*repository{},
		users: map[string]int64{}, reactions: map[int64][]reaction{}, signing: signing{codes: map[string]*oauthCode{}, tokens: map[string]*oauthCode{}},
	}
	app, err := s.newApp(4711, "oore-test", "webhook-secret-of-the-test-app")
	if err != nil {
		tb.Fatalf("%v", err)
	}
	s.App, s.apps = app, []*App{app}
	s.api = s.routes()
	s.http = httptest.NewUnstartedServer(http.HandlerFunc(s.serve)) // a client of another test may ask at once, at an address used before
	s.http.Start()
	tb.Cleanup(s.close)
	return s
}

func (s *Server) close() {
	close(s.done)
	s.background.Wait()
	s.http.CloseClientConnections()
	s.http.Close()
}

// URL is the address of pages and git, without a trailing slash.
func (s *Server) URL() string { return s.http.URL }

// APIURL is the base of the API, with a trailing slash.
func (s *Server) APIURL() string { return s.http.URL + apiPrefix + "/" }

// routes is what this GitHub can do.
func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, handler := range map[string]func(*call) answer{
		"GET /user":                                                  s.getAccount,
		"GET /user/emails":                                           s.listEmails,
		"GET /user/memberships/orgs/{org}":                           s.getMembership,
		"GET /app":                                                   s.getApp,
		"GET /app/hook/deliveries":                                   s.listDeliveries,
		"POST /app-manifests/{code}/conversions":                     s.convert,
		"GET /app/installations":                                     s.listInstallations,
		"GET /installation/repositories":                             s.listInstalled,
		"POST /app/hook/deliveries/{id}/attempts":                    s.redeliver,
		"POST /app/installations/{id}/access_tokens":                 s.mint,
		"GET /repos/{owner}/{repo}/installation":                     s.getInstallation,
		"GET /repos/{owner}/{repo}":                                  s.getRepository,
		"GET /repos/{owner}/{repo}/commits/{ref...}":                 s.getCommit,
		"GET /repos/{owner}/{repo}/commits/{sha}/statuses":           s.listStatuses,
		"POST /repos/{owner}/{repo}/statuses/{sha}":                  s.createStatus,
		"GET /repos/{owner}/{repo}/commits/{sha}/check-runs":         s.listCheckRuns,
		"POST /repos/{owner}/{repo}/check-runs":                      s.createCheckRun,
		"GET /repos/{owner}/{repo}/check-runs/{id}":                  s.getCheckRun,
		"PATCH /repos/{owner}/{repo}/check-runs/{id}":                s.updateCheckRun,
		"GET /repos/{owner}/{repo}/branches":                         s.listBranches,
		"GET /repos/{owner}/{repo}/tags":                             s.listTags,
		"GET /repos/{owner}/{repo}/contents/{path...}":               s.getContents,
		"GET /repos/{owner}/{repo}/compare/{basehead...}":            s.compare,
		"GET /repos/{owner}/{repo}/pulls":                            s.listPulls,
		"GET /repos/{owner}/{repo}/pulls/{number}":                   s.getPull,
		"GET /repos/{owner}/{repo}/pulls/{number}/files":             s.listPullFiles,
		"GET /repos/{owner}/{repo}/issues/{number}/{what}":           s.getIssue,
		"POST /repos/{owner}/{repo}/issues/{number}/comments":        s.createComment,
		"PATCH /repos/{owner}/{repo}/issues/comments/{id}":           s.editComment,
		"DELETE /repos/{owner}/{repo}/issues/comments/{id}":          s.deleteComment,
		"POST /repos/{owner}/{repo}/issues/comments/{id}/reactions":  s.createReaction,
		"GET /repos/{owner}/{repo}/collaborators/{login}/permission": s.getPermission,
	} {
		mux.HandleFunc(pattern, s.handle(handler))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { notFound().write(w) })
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
	if path, ok := strings.CutPrefix(r.URL.Path, apiPrefix); ok {
		if r.Header.Get("User-Agent") == "" || r.Header.Get("Accept") == "" {
			refuse(http.StatusForbidden, "Request forbidden by administrative rules. Please make sure your request has a User-Agent header and an Accept header").write(w)
			return
		}
		api := r.Clone(r.Context())
		api.URL.Path, api.URL.RawPath = path, strings.TrimPrefix(r.URL.RawPath, apiPrefix)
		s.api.ServeHTTP(w, api)
		return
	}
	if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/settings/apps/new") {
		s.takeManifest(w, r)
		return
	}
	switch r.URL.Path {
	case "/login/oauth/authorize":
		s.authorize(w, r)
	case "/login/oauth/access_token":
		s.exchange(w, r)
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
func (s *Server) nextID() int64 {
	s.lastID++
	return s.lastID
}
