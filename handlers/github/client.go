package github

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/google/go-github/v60/github"
	"github.com/palantir/go-githubapp/githubapp"
)

// callTimeout bounds one method of the Forge, with all the calls that it makes. The
// outbox gives another sender the same effect after 15 s.
const callTimeout = 10 * time.Second

// Options say which App we are and where GitHub is. All are required but the last two.
type Options struct {
	AppID      int64
	PrivateKey []byte // RSA, PEM, PKCS#1 or PKCS#8
	APIURL     string // https://api.github.com/ or GitHub Enterprise's https://host/api/v3/
	WebURL     string // https://github.com/
	Log        *slog.Logger
	Now        func() time.Time // nil: time.Now
}

// Forge asks and reports through a GitHub App. It is a core.Forge, a core.Surveyor
// and a core.Reporter, and safe for concurrent use.
type Forge struct {
	creator func(*lane) githubapp.ClientCreator
	app     *github.Client // speaks as the App, not as one of its installations
	hosts   []string       // the names that may be given a token
	log     *slog.Logger
	now     func() time.Time
	timeout time.Duration
	pages   pageCache

	mu      sync.Mutex
	clients map[int64]*github.Client // by installation; each keeps and renews its token
	lanes   map[int64]*lane          // by installation; they outlive clients
	tokens  map[tokenKey]token
	login   string // of our bot user; empty until asked for
}

// NewForge checks the options and the key. It asks GitHub nothing.
func NewForge(o Options) (*Forge, error) {
	api, err := baseURL("OORE_GITHUB_API_URL", o.APIURL)
	if err != nil {
		return nil, err
	}
	web, err := baseURL("OORE_GITHUB_WEB_URL", o.WebURL)
	if err != nil {
		return nil, err
	}
	if o.AppID <= 0 {
		return nil, errors.New("OORE_GITHUB_APP_ID must be the App's numeric id, as its settings page shows it")
	}
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	now := o.Now
	if now == nil {
		now = time.Now
	}
	sender := &transport{host: api.Host, next: http.DefaultTransport, log: log}
	creator := func(l *lane) githubapp.ClientCreator {
		return githubapp.NewClientCreator(api.String(), "", o.AppID, o.PrivateKey,
			githubapp.WithClientUserAgent("oore"), githubapp.WithTransport(gate{l, sender}))
	}
	app, err := creator(newLane(now)).NewAppClient()
	if err != nil {
		return nil, fmt.Errorf("OORE_GITHUB_APP_PRIVATE_KEY must be the RSA key (PEM) that GitHub gave for the App: %w", err)
	}
	return &Forge{
		creator: creator, app: app, hosts: []string{api.Hostname(), web.Hostname()}, log: log, now: now, timeout: callTimeout,
		clients: map[int64]*github.Client{}, lanes: map[int64]*lane{}, tokens: map[tokenKey]token{},
	}, nil
}

func baseURL(name, value string) (*url.URL, error) {
	u, err := url.Parse(value)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%s must be an http(s) address such as https://github.example.com/", name)
	}
	return u, nil
}

// seat is a repository seen through its installation.
type seat struct {
	client       *github.Client
	lane         *lane
	owner, name  string
	fullName     string
	installation int64
}

func (f *Forge) seat(fullName string, installation int64) (seat, error) {
	owner, name, err := splitName(fullName)
	if err != nil {
		return seat{}, err
	}
	s := seat{owner: owner, name: name, fullName: fullName, installation: installation}
	s.client, s.lane, err = f.client(installation)
	return s, err
}

// client speaks as an installation. It is kept because it keeps its token.
func (f *Forge) client(installation int64) (*github.Client, *lane, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l, ok := f.lanes[installation]
	if !ok {
		l = newLane(f.now)
		f.lanes[installation] = l
	}
	if c, ok := f.clients[installation]; ok {
		return c, l, nil
	}
	c, err := f.creator(l).NewInstallationClient(installation)
	if err != nil {
		return nil, nil, fmt.Errorf("make a client for installation %d: %w", installation, err)
	}
	f.clients[installation] = c
	return c, l, nil
}

// trouble translates the error of a call through a seat. A token that GitHub refuses
// is thrown away, so that the next call gets a new one; so is one that lacks a right,
// because rights that are granted later come with new tokens alone.
func (f *Forge) trouble(err error, s seat) error {
	a := refusalOf(err)
	if a != nil && (a.status == http.StatusUnauthorized || a.status == http.StatusForbidden) && !a.minting {
		f.mu.Lock()
		delete(f.clients, s.installation)
		f.mu.Unlock()
	}
	return translate(err, a, s.fullName)
}

// transport sends to the API's host alone: tokens are added to every request, those
// that follow a redirect included, and must not reach anybody else.
type transport struct {
	host string
	next http.RoundTripper
	log  *slog.Logger
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != t.host {
		return nil, fmt.Errorf("GitHub redirects to the foreign host %s; check OORE_GITHUB_API_URL", r.URL.Host)
	}
	start := time.Now()
	resp, err := t.next.RoundTrip(r)
	status := 0
	if resp != nil {
		status = resp.StatusCode
	}
	t.log.Debug("github call", "method", r.Method, "path", r.URL.Path, "status", status, "took", time.Since(start), "error", err)
	return resp, err
}
