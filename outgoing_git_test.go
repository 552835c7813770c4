package main

import (
	"encoding/pem"
	"log/slog"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/gitlab/gitlabtest"
	"github.com/oore-ci/oore/handlers/localgit"
	"github.com/oore-ci/oore/handlers/outbound"
	"github.com/oore-ci/oore/handlers/outbound/outboundtest"
)

// loopbackHost serves a repository by git's own HTTP server at an address of loopback.
func loopbackHost(t *testing.T, address string, secure bool, h http.Handler) *httptest.Server {
	t.Helper()
	ln, err := net.Listen("tcp", address+":0")
	if err != nil {
		t.Skipf("this machine has no %s: %v", address, err) // a Mac has but one address of loopback
	}
	s := httptest.NewUnstartedServer(h)
	s.Listener.Close()
	s.Listener = ln
	if secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s
}

func gitBackend(t *testing.T, dir string) http.Handler {
	t.Helper()
	exe, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	return &cgi.Handler{Path: exe, Args: []string{"http-backend"}, Stderr: t.Output(), Env: []string{
		"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_CONFIG_COUNT=2", "GIT_CONFIG_KEY_0=uploadpack.allowFilter", "GIT_CONFIG_VALUE_0=true", "GIT_CONFIG_KEY_1=safe.directory", "GIT_CONFIG_VALUE_1=*",
	}}
}

// git follows redirects and looks names up by itself: a repository's host could lead it to
// any address that the server reaches.
func TestGitGoesWhereItMayOnly(t *testing.T) {
	repo := gitlabtest.NewGitRepo(t)
	sha := repo.Commit("main", map[string]string{"README": "x"}, "First commit")
	var asked atomic.Int64
	secret := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		gitBackend(t, filepath.Dir(repo.Dir)).ServeHTTP(w, r)
	})
	names, resolver := outboundtest.New(t)
	forge := localgit.New(localgit.Options{Log: slog.New(slog.DiscardHandler), Relay: func(string) (string, func(), error) {
		relay, err := outbound.NewRelay(outbound.Options{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Resolver: resolver})
		if err != nil {
			return "", nil, err
		}
		return relay.URL(), relay.Close, nil
	}})
	name := "/" + filepath.Base(repo.Dir)
	for _, secure := range []bool{false, true} {
		inside := loopbackHost(t, "127.0.0.2", secure, secret)
		outside := loopbackHost(t, "127.0.0.1", secure, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/moved/") {
				http.Redirect(w, r, inside.URL+strings.TrimPrefix(r.URL.RequestURI(), "/moved"), http.StatusFound)
				return
			}
			gitBackend(t, filepath.Dir(repo.Dir)).ServeHTTP(w, r)
		}))
		scheme := "http"
		if secure {
			scheme = "https"
			trusted := filepath.Join(t.TempDir(), "ca.pem")
			if err := os.WriteFile(trusted, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: outside.Certificate().Raw}), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv("GIT_SSL_CAINFO", trusted) // it is for example.com too
		}
		t.Run(scheme, func(t *testing.T) {
			found, err := forge.FindRepository(t.Context(), outside.URL+name)
			if err != nil || found.DefaultBranch != "main" {
				t.Fatalf("%+v, %v", found, err)
			}
			for _, ref := range []string{"main", sha} {
				if c, err := forge.ResolveRef(t.Context(), found, ref); err != nil || c.SHA != sha {
					t.Errorf("%s: %+v, %v", ref, c, err)
				}
			}
			port := inside.URL[strings.LastIndexByte(inside.URL, ':'):]
			names.Set("example.com", "127.0.0.2")
			for what, address := range map[string]string{
				"a redirect": outside.URL + "/moved" + name, "an address": inside.URL + name, "a name": scheme + "://example.com" + port + name,
			} {
				_, err := forge.FindRepository(t.Context(), address)
				if core.KindOf(err) != core.KindInvalid || !strings.Contains(core.MessageOf(err), "OORE_CONNECT_NETWORKS") {
					t.Errorf("%s: %v", what, err)
				}
				found.CloneURL = address
				if _, err := forge.ResolveRef(t.Context(), found, sha); core.KindOf(err) != core.KindInvalid {
					t.Errorf("a commit by %s: %v", what, err)
				}
			}
			// The name is good when somebody looks, and another when git does.
			outer := outside.URL[strings.LastIndexByte(outside.URL, ':'):]
			names.Set("example.com", "127.0.0.1")
			if _, err := forge.FindRepository(t.Context(), scheme+"://example.com"+outer+name); err != nil {
				t.Errorf("a name that leads where it may: %v", err)
			}
			names.Set("example.com", "127.0.0.1", "127.0.0.2")
			_, _ = forge.FindRepository(t.Context(), scheme+"://example.com"+port+name)
		})
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("what must not be reached was asked %d times", n)
	}
}

// A relay is the program's for which it was opened.
func TestARelayServesNobodyElse(t *testing.T) {
	relay, err := outbound.NewRelay(outbound.Options{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(relay.Close)
	there := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(there.Close)
	own, err := url.Parse(relay.URL())
	if err != nil {
		t.Fatal(err)
	}
	get := func(proxy *url.URL) int {
		client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy), DisableKeepAlives: true}}
		resp, err := client.Get(there.URL)
		if err != nil {
			return 0
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	stranger := *own
	stranger.User = url.UserPassword("oore", "guess")
	if got := get(&stranger); got != http.StatusProxyAuthRequired {
		t.Errorf("a stranger: %d", got)
	}
	if got := get(own); got != http.StatusOK {
		t.Errorf("its program: %d", got)
	}
	relay.Close()
	if got := get(own); got != 0 {
		t.Errorf("afterwards: %d", got)
	}
}
