package outbound

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// guard decides which addresses may be dialed. It looks at the address itself, at the
// moment of dialing: a name may resolve to another one a moment later.
type guard struct {
	allowed  []netip.Prefix
	hosts    []string // host:port
	never    []netip.Prefix
	special  []netip.Prefix // not public
	setting  string
	resolver *net.Resolver
	timeout  time.Duration
}

func newGuard(o Options) guard {
	hosts := slices.Clone(o.Hosts)
	for i := range hosts {
		hosts[i] = strings.ToLower(hosts[i])
	}
	return guard{
		allowed: o.Networks, hosts: hosts, setting: o.Setting, resolver: o.Resolver, timeout: o.Timeout,
		never: prefixes(neverReached()), special: prefixes(notPublic()),
	}
}

func prefixes(networks []string) (all []netip.Prefix) {
	for _, network := range networks {
		all = append(all, netip.MustParsePrefix(network))
	}
	return all
}

// neverReached are the networks that no setting opens: what stands for no host, one
// cable's own, and where clouds answer questions about their machines, with credentials.
func neverReached() []string {
	return []string{
		"0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "255.255.255.255/32", "::/128", "fe80::/10", "ff00::/8",
		"100.100.100.200/32", // Alibaba Cloud
		"168.63.129.16/32",   // Azure
		"192.0.0.192/32",     // Oracle Cloud
		"fd00:ec2::254/128",  // Amazon
		"fd20:ce::254/128",   // Google
	}
}

// notPublic are the networks of the IANA special-purpose registries that no public
// service has, besides those that netip knows.
func notPublic() []string {
	return []string{
		"100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10",
	}
}

// dial connects to a host if the address that its name has now may be dialed.
func (g guard) dial(ctx context.Context, network, address string) (net.Conn, error) {
	named := slices.Contains(g.hosts, strings.ToLower(address))
	if host, _, err := net.SplitHostPort(address); err != nil || disguised(host) {
		return nil, g.notPublic()
	}
	dialer := &net.Dialer{Timeout: g.timeout, Resolver: g.resolver, Control: func(_, to string, _ syscall.RawConn) error {
		return g.admit(to, named)
	}}
	return dialer.DialContext(ctx, network, address)
}

// through is the proxy of a request; nil: there is none. A proxy resolves and dials in
// our place, so that we can judge no more than what is written.
func (g guard) through(r *http.Request, choose func(*http.Request) (*url.URL, error)) (*url.URL, error) {
	via, err := choose(r)
	if via == nil || err != nil {
		return nil, err
	}
	host := r.URL.Hostname()
	if disguised(host) {
		return nil, g.notPublic()
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		address := hostPort(r.URL)
		return via, g.admit(netip.AddrPortFrom(addr, portOf(address)).String(), slices.Contains(g.hosts, address))
	}
	return via, nil
}

// disguised tells whether a host is an IPv4 address in a spelling that some resolvers
// read and others do not: 2130706433, 0x7f.1, 0177.0.0.1.
func disguised(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return false
	}
	host = strings.TrimSuffix(host, ".")
	last := strings.ToLower(host[strings.LastIndexByte(host, '.')+1:])
	digits := "0123456789"
	if rest, hex := strings.CutPrefix(last, "0x"); hex {
		last, digits = rest, digits+"abcdef"
	}
	return strings.Trim(last, digits) == ""
}

// admit looks at an address that a name has resolved to; named: of a host that the
// settings name.
func (g guard) admit(address string, named bool) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return g.notPublic()
	}
	addr := at.Addr().Unmap().WithZone("")
	switch {
	case within(g.never, addr), within(g.never, embedded(addr)):
		return core.Errorf(core.KindInvalid, "This address leads to a machine's own network or its cloud's metadata, which Oore never asks")
	case named, within(g.allowed, addr), g.public(addr, at.Port()):
		return nil
	}
	return g.notPublic()
}

func within(networks []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(networks, func(network netip.Prefix) bool { return network.Contains(addr) })
}

// embedded is the IPv4 address that an IPv6 one stands for on its way (NAT64, 6to4,
// IPv4-compatible), else the address itself.
func embedded(addr netip.Addr) netip.Addr {
	b := addr.As16()
	switch {
	case addr.IsLoopback():
		return addr
	case within(prefixes([]string{"64:ff9b::/96", "::/96"}), addr):
		return netip.AddrFrom4([4]byte(b[12:]))
	case within(prefixes([]string{"2002::/16"}), addr):
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return addr
}

func (g guard) public(addr netip.Addr, port uint16) bool {
	if within(prefixes([]string{"64:ff9b::/96"}), addr) {
		addr = embedded(addr)
	}
	if !addr.IsGlobalUnicast() || addr.IsPrivate() || within(g.special, addr) {
		return false
	}
	// Mail servers, shells and their like listen below 1024, and none is what we look for.
	return port == 80 || port == 443 || port >= 1024
}

func (g guard) notPublic() error {
	return core.Errorf(core.KindInvalid,
		"This address does not lead to a public host at port 80, 443 or above 1023. If it is meant to lead there, the operator can allow its network in %s", g.setting)
}
