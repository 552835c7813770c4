// Package oidc lets people sign in at an OpenID provider: GitLab, or any other. It knows
// the protocol, and must not know users, sessions and pages.
package oidc

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/oore-ci/oore/app/core"
)

const (
	// callTimeout bounds a person's way through the room, with all its calls.
	callTimeout = 10 * time.Second
	// maxAnswer bounds what is read of one answer.
	maxAnswer = 1 << 20
	// readAgain is how old the provider's description may be. Its keys are read anew
	// whenever it signs with one that is not known.
	readAgain = time.Hour
)

// Options are what the room works with.
type Options struct {
	Issuer       string // exactly as the provider writes it
	ClientID     string
	ClientSecret string
	Setting      string         // what the settings above begin with, for messages: OORE_OIDC
	Way          core.SignInWay // zero: the issuer's own
	Groups       []string       // one of which a person must be in, by the claim "groups"; empty: all may come
	Now          func() time.Time
	Transport    http.RoundTripper // by which requests leave; nil: http.DefaultTransport, which goes anywhere
	Log          *slog.Logger      // nil: nothing is logged
}

// Room implements core.SignInRoom.
type Room struct {
	Options
	client *http.Client

	mu       sync.Mutex
	provider *provider
}

// provider is what a provider says of itself.
type provider struct {
	*oidc.Provider
	read  time.Time
	about struct {
		AuthMethods []string `json:"token_endpoint_auth_methods_supported"`
		NamesIssuer bool     `json:"authorization_response_iss_parameter_supported"`
	}
}

// New makes the room. It asks nobody anything.
func New(o Options) *Room {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Way == (core.SignInWay{}) {
		o.Way = core.SignInWay{ID: "oidc", Name: hostOf(o.Issuer), Provider: "oidc:" + o.Issuer}
	}
	if o.Transport == nil {
		o.Transport = http.DefaultTransport
	}
	client := &http.Client{
		Transport:     bounded{o.Transport},
		Timeout:       callTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the secret goes nowhere else
	}
	return &Room{Options: o, client: client}
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return address
	}
	return u.Host
}

// bounded reads so much of an answer and no more.
type bounded struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	return resp, nil
}

// Way implements core.SignInRoom.
func (r *Room) Way() core.SignInWay {
	way := r.Options.Way
	way.Again = len(r.Groups) == 0 // else the provider is asked about the person's groups, browser or not
	return way
}

// known is the provider as it described itself within the hour. One that does not answer
// now is as it was.
func (r *Room) known(ctx context.Context) (*provider, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.provider != nil && r.Now().Sub(r.provider.read) < readAgain {
		return r.provider, nil
	}
	p, err := r.discover(ctx)
	switch {
	case err == nil:
		r.provider = p
	case r.provider == nil:
		return nil, r.silent(err)
	default:
		r.Log.Warn("the OpenID provider does not describe itself; what it said before is used", "issuer", r.Issuer, "error", err)
	}
	return r.provider, nil
}

func (r *Room) discover(ctx context.Context) (*provider, error) {
	p := &provider{read: r.Now()}
	var err error
	if p.Provider, err = oidc.NewProvider(oidc.ClientContext(ctx, r.client), r.Issuer); err != nil {
		return nil, err
	}
	return p, p.Claims(&p.about)
}

// silent is the error of a provider that cannot be asked.
func (r *Room) silent(err error) error {
	var mismatch *oidc.IssuerMismatchError
	if errors.As(err, &mismatch) {
		return core.Errorf(core.KindUnavailable, "The provider at %s is another than this server is set up for; an admin must set %s to what the provider calls itself", r.Issuer, r.issuerSetting()).Because(err)
	}
	return core.Errorf(core.KindUnavailable, "%s does not answer as an OpenID provider just now; try again, or sign in another way", r.Way().Name).Because(err)
}

func (r *Room) issuerSetting() string {
	if r.Setting == "OORE_OIDC" {
		return "OORE_OIDC_ISSUER"
	}
	return "OORE_GITLAB_URL"
}

func (r *Room) config(p *provider, in core.SignInRequest) *oauth2.Config {
	endpoint := p.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInHeader // what is meant where nothing is said
	if slices.Contains(p.about.AuthMethods, "client_secret_post") && !slices.Contains(p.about.AuthMethods, "client_secret_basic") {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return &oauth2.Config{
		ClientID: r.ClientID, ClientSecret: r.ClientSecret, Endpoint: endpoint, RedirectURL: in.RedirectURL,
		Scopes: []string{oidc.ScopeOpenID, "email", "profile"},
	}
}

// SignInURL implements core.SignInRoom.
func (r *Room) SignInURL(ctx context.Context, in core.SignInRequest) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	p, err := r.known(ctx)
	if err != nil {
		return "", err
	}
	options := []oauth2.AuthCodeOption{oidc.Nonce(in.Nonce), oauth2.S256ChallengeOption(in.Verifier)}
	if in.Silent {
		options = append(options, oauth2.SetAuthURLParam("prompt", "none"))
	}
	page := r.config(p, in).AuthCodeURL(in.State, options...)
	if u, err := url.Parse(page); err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return "", core.Errorf(core.KindUnavailable, "%s names no address at which people sign in", r.Way().Name)
	}
	return page, nil
}

// Examine implements core.SignInRoom.
func (r *Room) Examine(ctx context.Context) core.Check {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := r.discover(ctx)
	var mismatch *oidc.IssuerMismatchError
	switch {
	case errors.As(err, &mismatch):
		return core.Fail(r.Issuer+" calls itself "+mismatch.Discovered, "Set "+r.issuerSetting()+" to that")
	case err != nil:
		return core.Fail(r.Issuer+" does not answer as an OpenID provider", "Open "+strings.TrimSuffix(r.Issuer, "/")+"/.well-known/openid-configuration from this machine, and check "+r.issuerSetting())
	}
	return core.Good("people may sign in at " + r.Way().Name)
}
