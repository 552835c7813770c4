// Package gitlab is everything that knows GitLab. In: Room.Inbox takes webhooks and
// Decoder reads them. Out: Room asks and reports with the access tokens that are
// connected, each at its host. It must not know the store, the runner or another provider.
package gitlab

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// Options are what the room works with; none of them is required.
type Options struct {
	Log       *slog.Logger      // nil: nothing is logged
	Now       func() time.Time  // nil: time.Now
	Transport http.RoundTripper // by which requests leave; nil: http.DefaultTransport, which goes anywhere
}

// Room is everything of GitLab: it speaks for all access tokens that are connected, at
// whatever hosts. It is a core.Forge, core.Surveyor, core.Reporter, core.Talker,
// core.Connector, core.Granter and core.Hooker, and safe for concurrent use. Where nothing is connected
// the ports answer KindInvalid, and where a repository's own connection is not any more,
// KindGone.
//
// A token of GitLab cannot be narrowed to one repository or to reading for a checkout:
// what a build is given to fetch with is the whole token. One made for the project
// alone reaches no further.
type Room struct {
	log       *slog.Logger
	now       func() time.Time
	transport http.RoundTripper

	mu       sync.Mutex
	accounts []account // in the order of Connect; replaced as a whole
}

// New makes a room without any connection.
func New(o Options) *Room {
	r := &Room{log: o.Log, now: o.Now, transport: o.Transport}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if r.now == nil {
		r.now = time.Now
	}
	if r.transport == nil {
		r.transport = http.DefaultTransport
	}
	return r
}

// Connect implements core.Connector. A connection whose address and token, or whose
// address and application, are the same keeps all that it knows: rate limits, pipelines,
// pages.
func (r *Room) Connect(all []core.Connection) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var accounts []account
	var faults []error
	for _, c := range all {
		a, err := r.open(c)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		accounts = append(accounts, a)
	}
	r.accounts = accounts
	return errors.Join(faults...)
}

// open makes an account, with the session of an unchanged one. The caller holds mu.
func (r *Room) open(c core.Connection) (account, error) {
	for _, known := range r.accounts {
		same := known.Secrets.Token == c.Secrets.Token
		if c.Tokens != nil && known.Tokens != nil {
			same = known.Secrets.ClientID == c.Secrets.ClientID
		}
		if same && known.ID == c.ID && known.WebURL == c.WebURL {
			return newAccount(c, known.session), nil
		}
	}
	s, err := r.newSession(c)
	if err != nil {
		return account{}, err
	}
	return newAccount(c, s), nil
}

func (r *Room) all() []account {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.accounts
}

// some is all, of which there must be one.
func (r *Room) some() ([]account, error) {
	all := r.all()
	if len(all) == 0 {
		return nil, core.Errorf(core.KindInvalid, "GitLab is not connected: connect a host under Settings → Sources, or set OORE_GITLAB_TOKEN and restart")
	}
	return all, nil
}

// find returns the account of an integration. what names what it was to be used for.
func (r *Room) find(integrationID, what string) (account, error) {
	all, err := r.some()
	if err != nil {
		return account{}, err
	}
	for _, a := range all {
		if a.ID == integrationID {
			return a, nil
		}
	}
	return account{}, disconnected(what)
}

func disconnected(what string) *core.Error {
	return core.Errorf(core.KindGone, "The GitLab token that reached %s is not connected any more; connect one under Settings → Sources", what)
}

// seat finds the account that reaches a repository: the one that it names, or else the
// first at its host.
func (r *Room) seat(repo core.Repository) (seat, error) {
	if !numericID.MatchString(repo.ExternalID) {
		return seat{}, core.Errorf(core.KindInvalid, "%q is not the id of a GitLab project", repo.ExternalID)
	}
	if repo.IntegrationID != "" {
		a, err := r.find(repo.IntegrationID, repo.FullName)
		return seat{a, repo}, err
	}
	all, err := r.some()
	if err != nil {
		return seat{}, err
	}
	if repo.Host != "" {
		all = at(all, repo.Host)
	}
	if len(all) == 0 {
		return seat{}, disconnected(repo.FullName)
	}
	return seat{all[0], repo}, nil
}

// at are the accounts of one host.
func at(all []account, host string) []account {
	var some []account
	for _, a := range all {
		if strings.EqualFold(a.Host, host) {
			some = append(some, a)
		}
	}
	return some
}

// seat is a repository seen through an account.
type seat struct {
	account
	repo core.Repository
}

// path is the address of something of the project, within the API.
func (s seat) path(rest string) string { return "projects/" + s.repo.ExternalID + rest }

// call is account.call for a part of the project. Errors are the library's.
func (s seat) call(ctx context.Context, method, rest string, in, out any) error {
	return s.session.call(ctx, method, s.path(rest), in, out)
}

// trouble translates the error of a call.
func (s seat) trouble(err error) error { return s.translate(err, s.repo.FullName) }
