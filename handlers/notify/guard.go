package notify

import (
	"net/netip"
	"slices"
	"syscall"

	"github.com/oore-ci/oore/app/core"
)

// guard decides which addresses may be dialed. It looks at the address itself, at the
// moment of dialing: a name may resolve to another one a moment later.
type guard struct {
	allowed []netip.Prefix
	refused []netip.Prefix
	nat64   netip.Prefix
}

func newGuard(allowed []netip.Prefix) guard {
	g := guard{allowed: allowed, nat64: netip.MustParsePrefix("64:ff9b::/96")}
	for _, network := range notPublic() {
		g.refused = append(g.refused, netip.MustParsePrefix(network))
	}
	return g
}

// notPublic are the networks of the IANA special-purpose registries that no public
// service has, besides those that netip knows; and one where a cloud answers questions
// about its machines.
func notPublic() []string {
	return []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"168.63.129.16/32", // Azure's metadata
		"::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10",
	}
}

// control is net.Dialer's: called with the address that a name has resolved to.
func (g guard) control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err == nil && g.permits(at) {
		return nil
	}
	return core.Errorf(core.KindInvalid,
		"This address does not lead to a public host. If it is meant to, the operator can allow its network in OORE_NOTIFY_NETWORKS")
}

func (g guard) permits(at netip.AddrPort) bool {
	addr := at.Addr().Unmap().WithZone("")
	within := func(network netip.Prefix) bool { return network.Contains(addr) }
	if slices.ContainsFunc(g.allowed, within) {
		return true
	}
	if g.nat64.Contains(addr) { // it stands for an IPv4 address
		b := addr.As16()
		addr = netip.AddrFrom4([4]byte(b[12:]))
	}
	if !addr.IsGlobalUnicast() || addr.IsPrivate() || slices.ContainsFunc(g.refused, within) {
		return false
	}
	// Mail servers, shells and their like listen below 1024, and none takes our messages.
	return at.Port() == 80 || at.Port() == 443 || at.Port() >= 1024
}
