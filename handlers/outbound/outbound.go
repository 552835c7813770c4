// Package outbound is how requests leave the house for addresses that a person has a say
// in, or a host that answered: it looks at where they really lead. It must not know who
// sends them, and why.
package outbound

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	dialTimeout = 10 * time.Second
	maxHeader   = 256 << 10 // bytes of an answer's headers
)

// Options say what may be reached besides public addresses at ports 80, 443 and above
// 1023. No option opens link-local addresses and the metadata of clouds.
type Options struct {
	Networks []netip.Prefix // may be reached, at every port
	Hosts    []string       // host:port that may be reached, whatever address the name has
	Setting  string         // the setting that gives Networks, for messages
	Resolver *net.Resolver  // nil: the system's
	Timeout  time.Duration  // of connecting; 0: 10 s

	// Proxy chooses the proxy of a request, as http.ProxyFromEnvironment does. It sees to
	// where names lead, then; addresses are still looked at here. Nil: none is used.
	Proxy func(*http.Request) (*url.URL, error)
}

// NewTransport makes what requests leave by. Each address is looked at when it is dialed,
// those that redirects lead to included; what is refused is a *core.Error of KindInvalid.
func NewTransport(o Options) *http.Transport {
	if o.Timeout == 0 {
		o.Timeout = dialTimeout
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = nil
	t.TLSHandshakeTimeout, t.MaxResponseHeaderBytes = o.Timeout, maxHeader
	if o.Proxy != nil {
		o.Hosts = append(proxies(o.Proxy), o.Hosts...)
	}
	g := newGuard(o)
	if o.Proxy != nil {
		t.Proxy = func(r *http.Request) (*url.URL, error) { return g.through(r, o.Proxy) }
	}
	t.DialContext = g.dial
	return t
}

// proxies are those of an environment: one for each scheme.
func proxies(choose func(*http.Request) (*url.URL, error)) (hosts []string) {
	for _, scheme := range []string{"http", "https"} {
		if via, err := choose(&http.Request{URL: &url.URL{Scheme: scheme, Host: "oore.invalid"}}); err == nil && via != nil {
			hosts = append(hosts, hostPort(via))
		}
	}
	return hosts
}

// HostOf is a host as Options.Hosts has it, of the address of something there; empty for
// what is no address.
func HostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return hostPort(u)
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

func portOf(address string) uint16 {
	_, port, _ := net.SplitHostPort(address) // hostPort made it
	n, _ := strconv.ParseUint(port, 10, 16)
	return uint16(n)
}
