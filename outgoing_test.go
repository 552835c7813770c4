package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/github"
	"github.com/oore-ci/oore/handlers/github/githubtest"
	"github.com/oore-ci/oore/handlers/gitlab"
	"github.com/oore-ci/oore/handlers/gitlab/gitlabtest"
	"github.com/oore-ci/oore/handlers/notify"
	"github.com/oore-ci/oore/handlers/oidc"
	"github.com/oore-ci/oore/handlers/outbound"
	"github.com/oore-ci/oore/handlers/outbound/outboundtest"
	"github.com/oore-ci/oore/handlers/slack"
)

// exit is a way by which a request leaves for an address: it begins with http:// and has
// no path.
type exit struct {
	name string
	send func(ctx context.Context, by http.RoundTripper, address string) error
}

// exits are all that there are.
func exits(t *testing.T) []exit {
	t.Helper()
	key := githubtest.New(t).PrivateKeyPEM
	gitLab := func(by http.RoundTripper) *gitlab.Room { return gitlab.New(gitlab.Options{Transport: by}) }
	grant := func(address string) core.GrantRequest {
		return core.GrantRequest{WebURL: address + "/", ClientID: "id", ClientSecret: "secret"}
	}
	openID := func(by http.RoundTripper, address string) *oidc.Room {
		return oidc.New(oidc.Options{Issuer: address, ClientID: "id", Transport: by})
	}
	notice := core.Notice{Event: core.NoticePing, Message: core.Message{Text: "hello"}}
	return []exit{
		{"GitLab by a token", func(ctx context.Context, by http.RoundTripper, address string) error {
			_, err := gitLab(by).Inspect(ctx, core.Connection{Integration: core.Integration{WebURL: address + "/"}, Secrets: core.Secrets{Token: "glpat-1"}})
			return err
		}},
		{"GitLab by agreement", func(ctx context.Context, by http.RoundTripper, address string) error {
			_, err := gitLab(by).Grant(ctx, grant(address), "code")
			return err
		}},
		{"GitLab's renewal", func(ctx context.Context, by http.RoundTripper, address string) error {
			_, err := gitLab(by).Renew(ctx, core.Connection{Integration: core.Integration{WebURL: address + "/"}, Secrets: core.Secrets{ClientID: "id", RefreshToken: "r"}})
			return err
		}},
		{"an App's keys", func(ctx context.Context, by http.RoundTripper, address string) error {
			_, err := github.New(github.Options{Transport: by}).RegisterApp(ctx, address+"/", "code")
			return err
		}},
		{"an App", func(ctx context.Context, by http.RoundTripper, address string) error {
			_, err := github.New(github.Options{Transport: by}).Inspect(ctx, core.Connection{
				Integration: core.Integration{WebURL: address + "/", APIURL: address + "/api/v3/", ExternalID: "1"},
				Secrets:     core.Secrets{PrivateKey: string(key), WebhookSecret: "s"},
			})
			return err
		}},
		{"signing in with GitHub", func(ctx context.Context, by http.RoundTripper, address string) error {
			room, err := github.NewSignIn(github.SignInOptions{Options: github.Options{Transport: by}, WebURL: address, APIURL: address, ClientID: "id"})
			if err != nil {
				return err
			}
			_, err = room.Identify(ctx, core.SignInRequest{}, core.SignInAnswer{Code: "code"})
			return err
		}},
		{"an OpenID provider", func(ctx context.Context, by http.RoundTripper, address string) error {
			_, err := openID(by, address).SignInURL(ctx, core.SignInRequest{})
			return err
		}},
		{"an OpenID provider's other addresses", func(ctx context.Context, by http.RoundTripper, address string) error {
			provider := httptest.NewServer(nil)
			defer provider.Close()
			provider.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_ = json.NewEncoder(w).Encode(map[string]any{ // who hangs up is no matter of ours
					"issuer": provider.URL, "authorization_endpoint": provider.URL + "/a", "token_endpoint": address + "/token", "jwks_uri": address + "/keys",
				})
			})
			_, err := openID(beyond{host: outbound.HostOf(provider.URL), by: by}, provider.URL).Identify(ctx, core.SignInRequest{}, core.SignInAnswer{Code: "code"})
			return err
		}},
		{"a webhook", func(ctx context.Context, by http.RoundTripper, address string) error {
			hook := notify.NewWebhook(notify.NewClient(by, 0), func(core.Build) any { return nil }, time.Now)
			return hook.Notify(ctx, core.Notification{Target: address + "/"}, "secret", notice)
		}},
		{"Mattermost", func(ctx context.Context, by http.RoundTripper, address string) error {
			return notify.NewMattermost(notify.NewClient(by, 0)).Notify(ctx, core.Notification{}, address+"/hooks/1", notice)
		}},
		{"Slack", func(ctx context.Context, by http.RoundTripper, address string) error {
			room, err := slack.New(slack.Options{SigningSecret: "s", BotToken: "xoxb-1", APIURL: address + "/api/", Transport: by})
			if err != nil {
				return err
			}
			_, err = room.Post(ctx, "C1", core.Message{Text: "hello"}, "")
			return err
		}},
		{"an answer in Slack", func(ctx context.Context, by http.RoundTripper, address string) error {
			room, err := slack.New(slack.Options{SigningSecret: "s", APIURL: address + "/api/", Transport: by})
			if err != nil {
				return err
			}
			return room.Respond(ctx, core.Chat{ResponseURL: address + "/commands/1"}, core.Message{Text: "hello"})
		}},
	}
}

// beyond sends what is for one host there, and all else by the other way.
type beyond struct {
	host string
	by   http.RoundTripper
}

func (b beyond) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == b.host {
		return http.DefaultTransport.RoundTrip(r)
	}
	return b.by.RoundTrip(r)
}

// inside is a server that nobody may reach, and counts who does.
type inside struct {
	*httptest.Server
	hits atomic.Int32
	then http.HandlerFunc
}

func newInside(t *testing.T) *inside {
	t.Helper()
	s := &inside{then: http.NotFound}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.hits.Add(1)
		s.then(w, r)
	}))
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func (s *inside) port() string {
	u, _ := url.Parse(s.URL) // it made it
	return u.Port()
}

func mustRefuse(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), "never asks") && !strings.Contains(err.Error(), "public host") {
		t.Errorf("%s: %v", what, err)
	}
}

// Whatever way a request leaves by, and however an address is written, it does not get
// inside. Names lead there by an honest name server.
func TestNoRequestOfOursGetsInside(t *testing.T) {
	s := newInside(t)
	names, resolver := outboundtest.New(t)
	hosts := []string{
		"127.0.0.1", "127.1", "0x7f.1", "2130706433", "0x7f000001", "017700000001", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "0.0.0.0", "0", "[::]",
		"169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "[::ffff:a9fe:a9fe]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::]", "[fd00:ec2::254]", "[fe80::1]",
		"10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "100.100.100.200", "168.63.129.16", "[fd12::1]", "224.0.0.1",
	}
	for name, address := range map[string]string{"loopback": "127.0.0.1", "private": "10.0.0.1", "metadata": "169.254.169.254", "six": "::1", "mapped": "::ffff:169.254.169.254"} {
		names.Set(name+".example", address)
		hosts = append(hosts, name+".example", strings.ToUpper(name)+".Example.")
	}
	guarded := outbound.NewTransport(outbound.Options{Setting: "OORE_CONNECT_NETWORKS", Resolver: resolver})
	for _, e := range exits(t) {
		t.Run(e.name, func(t *testing.T) {
			for _, host := range hosts {
				mustRefuse(t, host, e.send(t.Context(), guarded, "http://"+host+":"+s.port()))
			}
		})
	}
	if n := s.hits.Load(); n != 0 {
		t.Errorf("%d requests got inside", n)
	}
	if names.Asked() == 0 {
		t.Error("nobody asked our name server")
	}
}

// A name that led where it may, and leads elsewhere a moment later, is looked at each
// time that it is dialed.
func TestANameThatMovesGetsNoRequestOfOursInside(t *testing.T) {
	s := newInside(t)
	names, resolver := outboundtest.New(t)
	for _, e := range exits(t) {
		t.Run(e.name, func(t *testing.T) {
			guarded := outbound.NewTransport(outbound.Options{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Resolver: resolver})
			guarded.DisableKeepAlives = true
			for _, moved := range []string{"169.254.169.254", "10.0.0.1", "::1"} {
				names.Set("moves.example", "127.0.0.1", moved)
				before := s.hits.Load()
				_ = e.send(t.Context(), guarded, "http://moves.example:"+s.port()) // it answers 404
				after := s.hits.Load()
				mustRefuse(t, moved, e.send(t.Context(), guarded, "http://moves.example:"+s.port()))
				if after == before || s.hits.Load() != after {
					t.Errorf("%s: %d requests before it moved, %d after", moved, after-before, s.hits.Load()-after)
				}
			}
		})
	}
}

// A host that may be reached sends us on to one that may not.
func TestNoRedirectGetsARequestOfOursInside(t *testing.T) {
	s, outer := newInside(t), newInside(t)
	names, resolver := outboundtest.New(t)
	names.Set("outer.example", "127.0.0.1")
	guarded := outbound.NewTransport(outbound.Options{Hosts: []string{"outer.example:" + outer.port()}, Resolver: resolver})
	for _, target := range []string{s.URL, "http://169.254.169.254/latest/meta-data/", "http://[::ffff:127.0.0.1]:" + s.port(), "http://2130706433:" + s.port()} {
		for _, status := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect} {
			outer.then = func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target, status) }
			for _, e := range exits(t) {
				before := outer.hits.Load()
				err := e.send(t.Context(), guarded, "http://outer.example:"+outer.port())
				if outer.hits.Load() == before || err == nil {
					t.Errorf("%s, %d to %s: %v, %d requests", e.name, status, target, err, outer.hits.Load()-before)
				}
			}
			resp, err := (&http.Client{Transport: guarded}).Get("http://outer.example:" + outer.port()) // one that follows
			if err == nil {
				resp.Body.Close()
			}
			mustRefuse(t, target, err)
		}
	}
	if n := s.hits.Load(); n != 0 {
		t.Errorf("%d requests got inside", n)
	}
}

// The program gives each of its rooms the guard: what people connect may be in private
// networks as far as the operator says, and never at a cloud's metadata.
func TestWhatIsConnectedIsWhereTheOperatorAllows(t *testing.T) {
	gl := gitlabtest.New(t)
	connect := func(p *program, address string) (int, string) {
		var refused struct{ Error string }
		status := p.call("POST", "/v1/integrations/gitlab", map[string]any{"web_url": address, "token": gl.Token}, &refused)
		return status, refused.Error
	}
	open := newProgram(t, "", nil, "OORE_RUNNERS=0").start()
	for _, host := range []string{"169.254.169.254", "2852039166", "[::ffff:169.254.169.254]"} {
		if status, said := connect(open, "http://"+host); status != http.StatusBadRequest || !strings.Contains(said, "never asks") && !strings.Contains(said, "OORE_CONNECT_NETWORKS") {
			t.Errorf("%s: %d %s", host, status, said)
		}
	}
	if status, said := connect(open, gl.URL()); status != http.StatusCreated {
		t.Errorf("a GitLab on a private address: %d %s", status, said)
	}
	shut := newProgram(t, "", nil, "OORE_RUNNERS=0", "OORE_CONNECT_NETWORKS=none").start()
	if status, said := connect(shut, gl.URL()); status != http.StatusBadRequest || !strings.Contains(said, "OORE_CONNECT_NETWORKS") {
		t.Errorf("where none is allowed: %d %s", status, said)
	}
	named := newProgram(t, "", nil, "OORE_RUNNERS=0", "OORE_CONNECT_NETWORKS=none", "OORE_GITLAB_URL="+gl.URL()).start()
	if status, said := connect(named, gl.URL()); status != http.StatusCreated {
		t.Errorf("one that the settings name: %d %s", status, said)
	}
}

// An egress proxy is the operator's: it sees to where names lead. Addresses are looked at
// before it is asked.
func TestAProxyIsAskedForNamesAlone(t *testing.T) {
	var asked atomic.Int32
	via := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(via.Close)
	address, err := url.Parse(via.URL)
	if err != nil {
		t.Fatal(err)
	}
	guarded := outbound.NewTransport(outbound.Options{Proxy: func(*http.Request) (*url.URL, error) { return address, nil }})
	client := &http.Client{Transport: guarded, Timeout: patience}
	resp, err := client.Get("http://gitlab.example/")
	if err != nil || asked.Load() != 1 {
		t.Fatalf("a name: %v, asked %d times", err, asked.Load())
	}
	resp.Body.Close()
	for _, host := range []string{"169.254.169.254", "2130706433", "127.0.0.1", "[::1]", "10.0.0.1:8080"} {
		resp, err := client.Get("http://" + host + "/")
		if err == nil {
			resp.Body.Close()
		}
		mustRefuse(t, host, err)
	}
	if asked.Load() != 1 {
		t.Errorf("the proxy was asked %d times", asked.Load())
	}
}
