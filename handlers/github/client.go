package github

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/go-github/v60/github"
	"github.com/palantir/go-githubapp/githubapp"

	"github.com/oore-ci/oore/app/core"
)

// userAgent is how we introduce ourselves.
const userAgent = "oore"

// callTimeout bounds one method of the Forge, with all the calls that it makes. The
// outbox gives another sender the same effect after 15 s.
const callTimeout = 10 * time.Second

// Options are what the room works with; none of them is required.
type Options struct {
	Log       *slog.Logger      // nil: nothing is logged
	Now       func() time.Time  // nil: time.Now
	Transport http.RoundTripper // by which requests leave; nil: http.DefaultTransport, which goes anywhere
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Transport == nil {
		o.Transport = http.DefaultTransport
	}
	return o
}

// Forge asks and reports through one GitHub App. It is a core.Forge, a core.Surveyor,
// a core.Reporter, a core.CheckReporter and a core.Talker, and safe for concurrent use.
type Forge struct {
	integration atomic.Pointer[core.Integration] // as the room was told last
	key         string                           // PEM
	creator     func(*lane) githubapp.ClientCreator
	app         *github.Client // speaks as the App, not as one of its installations
	hosts       []string       // the names that may be given a token
	log         *slog.Logger
	now         func() time.Time
	timeout     time.Duration
	pages       pageCache

	mu      sync.Mutex
	clients map[int64]*github.Client // by installation; each keeps and renews its token
	lanes   map[int64]*lane          // by installation, 0: the App's own; they outlive clients
	tokens  map[tokenKey]token
	login   string // of our bot user; empty until asked for
}

// NewForge checks the connection's addresses, id and key. It asks GitHub nothing.
// Errors are KindInvalid and name what to put right.
func NewForge(c core.Connection, o Options) (*Forge, error) {
	o = o.withDefaults()
	api, err := address(part(c.Integration, "OORE_GITHUB_API_URL", "API address"), c.APIURL)
	if err != nil {
		return nil, err
	}
	web, err := address(part(c.Integration, "OORE_GITHUB_WEB_URL", "address"), c.WebURL)
	if err != nil {
		return nil, err
	}
	id, err := strconv.ParseInt(c.ExternalID, 10, 64)
	if err != nil || id <= 0 {
		return nil, core.Errorf(core.KindInvalid, "%s must be the App's numeric id, as its settings page shows it", part(c.Integration, "OORE_GITHUB_APP_ID", "id"))
	}
	sender := &transport{host: api.Host, next: newCrowd(o.Transport), log: o.Log}
	creator := func(l *lane) githubapp.ClientCreator {
		return githubapp.NewClientCreator(api.String(), "", id, []byte(c.Secrets.PrivateKey),
			githubapp.WithClientUserAgent(userAgent), githubapp.WithTransport(gate{l, sender}))
	}
	own := newLane(o.Now)
	app, err := creator(own).NewAppClient()
	if err != nil {
		return nil, core.Errorf(core.KindInvalid, "%s must be the RSA key (PEM) that GitHub gave for the App",
			part(c.Integration, "OORE_GITHUB_APP_PRIVATE_KEY", "private key")).Because(err)
	}
	f := &Forge{
		key: c.Secrets.PrivateKey, creator: creator, app: app, hosts: []string{api.Hostname(), web.Hostname()},
		log: o.Log, now: o.Now, timeout: callTimeout,
		clients: map[int64]*github.Client{}, lanes: map[int64]*lane{0: own}, tokens: map[tokenKey]token{},
	}
	f.rename(c.Integration)
	return f, nil
}

// about is the integration that f speaks for.
func (f *Forge) about() core.Integration { return *f.integration.Load() }

// rename takes over what people call the integration.
func (f *Forge) rename(i core.Integration) {
	if i.Host == "" {
		i.Host = hostOf(i.WebURL)
	}
	f.integration.Store(&i)
}

// speaksFor tells whether f is what NewForge would make of c, but for names.
func (f *Forge) speaksFor(c core.Connection) bool {
	i := f.about()
	return i.ID == c.ID && i.ExternalID == c.ExternalID && i.APIURL == c.APIURL && i.WebURL == c.WebURL && i.Origin == c.Origin && f.key == c.Secrets.PrivateKey
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
	return translate(err, a, s.fullName, f.about())
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
		return nil, fmt.Errorf("the API at %s redirects to the foreign host %s; check its address", t.host, r.URL.Host)
	}
	start := time.Now()
	resp, err := t.next.RoundTrip(r)
	status := 0
	if resp != nil {
		status = resp.StatusCode
	}
	t.log.Debug("github call", "method", r.Method, "path", r.URL.Path, "status", status, "took", time.Since(start), "error", err)
	if err == nil {
		resp.Body = bounded{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	}
	return resp, err
}

// maxAnswer bounds the bytes that are read of one answer: comparisons bring whole diffs
// along.
const maxAnswer = 64 << 20

// bounded is an answer that may have no end.
type bounded struct {
	io.Reader
	io.Closer
}
