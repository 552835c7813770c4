package gitlab

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/xanzy/go-gitlab"

	"github.com/oore-ci/oore/app/core"
)

const (
	// callTimeout bounds one method of the room, with all the calls that it makes. The
	// outbox gives another sender the same effect after 15 s.
	callTimeout = 10 * time.Second
	// surveyTimeout bounds one survey, which may take many pages.
	surveyTimeout = time.Minute
	// perPage is the most that GitLab gives at once.
	perPage = 100
	// maxAnswer bounds the bytes that are read of one answer: comparisons bring whole
	// diffs along.
	maxAnswer = 64 << 20
)

// codeRedirected is the code of the refusal to follow GitLab elsewhere.
const codeRedirected = "redirected"

// account is a connection in use. It is a value: Connect replaces it when it changes.
type account struct {
	core.Connection
	*session
}

func newAccount(c core.Connection, s *session) account {
	if c.Host == "" {
		c.Host = hostOf(c.WebURL)
	}
	return account{c, s}
}

// who is the token's user, as a sentence begins with it.
func (a account) who() string {
	if a.Name == "" {
		return "The token's user"
	}
	return "The user " + a.Name
}

// doFunc sends one request and reads the answer into out.
type doFunc func(ctx context.Context, method, path string, in, out any, more ...gitlab.RequestOptionFunc) (*gitlab.Response, error)

// session is what outlives changes of a connection that concern neither address nor token.
type session struct {
	do        doFunc
	tokens    core.TokenSource
	web       *url.URL // of the pages, with a final slash
	lane      *lane
	log       *slog.Logger
	timeout   time.Duration
	pages     pageCache
	pipelines pipelineMemory
	quiet     silences // projects whose webhooks' logs GitLab does not show

	mu   sync.Mutex
	user user // who the token is; unknown until asked for
}

// newSession checks address and token. It asks GitLab nothing. Errors are KindInvalid.
func (r *Room) newSession(c core.Connection) (*session, error) {
	web, err := address(c)
	if err != nil {
		return nil, err
	}
	if c.Secrets.Token == "" {
		return nil, core.Errorf(core.KindInvalid, "%s must be an access token with the scope api", part(c.Integration, "OORE_GITLAB_TOKEN", "token"))
	}
	api := web.JoinPath("api/v4/")
	s := &session{web: web, lane: newLane(r.now), log: r.log, timeout: callTimeout, tokens: c.Tokens}
	if s.tokens == nil {
		s.tokens = fixedToken(c.Secrets.Token)
	}
	door := &http.Client{
		Transport: &transport{api: api, lane: s.lane, next: r.transport, log: r.log},
		CheckRedirect: func(_ *http.Request, via []*http.Request) error {
			if via[0].Method != http.MethodGet || len(via) > 3 {
				return http.ErrUseLastResponse // following would turn a write into a read
			}
			return nil
		},
	}
	// Without retries, which would repeat writes, and without the library's limiter,
	// which waits without end.
	options := []gitlab.ClientOptionFunc{gitlab.WithBaseURL(api.String()), gitlab.WithHTTPClient(door), gitlab.WithoutRetries(), gitlab.WithCustomLimiter(unlimited{})}
	// Each request brings its token, in the form that kind says.
	//lint:ignore SA1019 the module is pinned to its last release; its successor is another module
	client, err := gitlab.NewClient("", options...) //nolint:staticcheck // golangci-lint does not read lint:ignore; the reason is the same
	kind := gitlab.PrivateToken
	if granted(c) {
		//lint:ignore SA1019 as above
		client, err = gitlab.NewOAuthClient("", options...) //nolint:staticcheck // as above
		kind = gitlab.OAuthToken
	}
	if err != nil {
		return nil, core.Errorf(core.KindInvalid, "%s cannot be used: %v", part(c.Integration, "OORE_GITLAB_URL", "address"), err)
	}
	client.UserAgent = "oore"
	s.do = func(ctx context.Context, method, path string, in, out any, more ...gitlab.RequestOptionFunc) (*gitlab.Response, error) {
		return s.withToken(ctx, func(token string) (*gitlab.Response, error) {
			r, err := client.NewRequest(method, path, in, append(slices.Clone(more), gitlab.WithContext(ctx), gitlab.WithToken(kind, token)))
			if err != nil {
				return nil, err
			}
			return client.Do(r, out)
		})
	}
	return s, nil
}

// granted tells whether a person's agreement lets us in, and not a token given by hand.
func granted(c core.Connection) bool { return c.Secrets.ClientID != "" }

// withToken sends a request, and once more if GitLab refuses the token and there is
// another: a refused request has done nothing.
func (s *session) withToken(ctx context.Context, send func(token string) (*gitlab.Response, error)) (*gitlab.Response, error) {
	token, err := s.tokens.Token(ctx, "")
	if err != nil {
		return nil, err
	}
	resp, refusal := send(token)
	if statusOf(refusal) != http.StatusUnauthorized {
		return resp, refusal
	}
	next, err := s.tokens.Token(ctx, token)
	switch {
	case err != nil:
		return resp, err
	case next == token:
		return resp, refusal
	}
	return send(next)
}

type unlimited struct{}

// Wait implements gitlab.RateLimiter.
func (unlimited) Wait(context.Context) error { return nil }

// call asks GitLab for one thing: in becomes the query of a GET and the body of all
// else, out takes the answer. Errors are the library's: the caller translates them.
func (s *session) call(ctx context.Context, method, path string, in, out any) error {
	_, err := s.do(ctx, method, path, in, out)
	return err
}

// user is who a token is.
type user struct {
	ID       id     `json:"id"`
	Username string `json:"username"`
}

// me asks once who we are at the host.
func (s *session) me(ctx context.Context) (user, error) {
	s.mu.Lock()
	known := s.user
	s.mu.Unlock()
	if known.ID != "" {
		return known, nil
	}
	var u user
	if err := s.call(ctx, http.MethodGet, "user", nil, &u); err != nil {
		return u, err
	}
	if u.ID == "" || u.Username == "" {
		return u, core.Errorf(core.KindUnavailable, "%s does not say whose the token is; check its address", hostOf(s.web.String()))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.user = u
	return u, nil
}

// transport sends to the API's address alone: the token is part of every request, of
// those that follow a redirect too, and must not reach anybody else.
type transport struct {
	api  *url.URL
	lane *lane
	next http.RoundTripper
	log  *slog.Logger
}

// RoundTrip implements http.RoundTripper. A rate limit becomes a *core.Error.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := t.admit(r); err != nil {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, err
	}
	start := time.Now()
	resp, err := t.next.RoundTrip(r)
	status := 0
	if resp != nil {
		status = resp.StatusCode
	}
	t.log.Debug("gitlab call", "method", r.Method, "host", r.URL.Host, "path", r.URL.Path, "status", status, "took", time.Since(start), "error", err)
	if err != nil {
		return nil, err
	}
	if err := t.lane.heed(resp); err != nil {
		resp.Body.Close()
		return nil, err
	}
	resp.Header.Del("Link") // we page without it, and the library panics on a malformed one
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	return resp, nil
}

func (t *transport) admit(r *http.Request) error {
	if r.URL.Scheme != t.api.Scheme || r.URL.Host != t.api.Host || !strings.HasPrefix(r.URL.Path, t.api.Path) {
		return core.Codef(core.KindUnavailable, codeRedirected,
			"%s redirects to %s://%s; connect GitLab by the address at which it is", t.api.Host, r.URL.Scheme, r.URL.Host)
	}
	return t.lane.admit(r)
}
