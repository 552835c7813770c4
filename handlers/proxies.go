package handlers

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// proxies are the networks of those that may say for whom they ask.
type proxies []netip.Prefix

// believe makes a request one of whom a trusted proxy says that it asks for: its address,
// for limits, audit and logs, and whether it came by HTTPS. From everybody else the same
// headers say nothing.
func (p proxies) believe(c *fiber.Ctx) error {
	r := c.Context()
	peer, ok := addrOf(r.Conn().RemoteAddr())
	if !ok || !p.trust(peer) {
		return c.Next()
	}
	var hops []string
	for _, line := range r.Request.Header.PeekAll(fiber.HeaderXForwardedFor) {
		hops = append(hops, strings.Split(string(line), ",")...)
	}
	r.SetRemoteAddr(net.TCPAddrFromAddrPort(netip.AddrPortFrom(p.asker(peer, hops), 0)))
	schemes := strings.Split(c.Get(fiber.HeaderXForwardedProto), ",")
	if strings.EqualFold(strings.TrimSpace(schemes[len(schemes)-1]), "https") {
		r.URI().SetScheme("https")
	}
	return c.Next()
}

// asker goes back from hop to hop, as long as they are trusted: who comes before the
// last of them is who asks. What stands further left, that one may have made up.
func (p proxies) asker(peer netip.Addr, hops []string) netip.Addr {
	for _, hop := range slices.Backward(hops) {
		addr, ok := hopAddress(strings.TrimSpace(hop))
		if !ok {
			break
		}
		if peer = addr; !p.trust(addr) {
			break
		}
	}
	return peer
}

func (p proxies) trust(addr netip.Addr) bool {
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(addr) })
}

// hopAddress reads an address with or without a port, as proxies write both.
func hopAddress(hop string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(strings.Trim(hop, "[]"))
	if at, wrong := netip.ParseAddrPort(hop); wrong == nil {
		addr, err = at.Addr(), nil
	}
	return addr.Unmap().WithZone(""), err == nil
}

func addrOf(a net.Addr) (netip.Addr, bool) {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}, false
	}
	return tcp.AddrPort().Addr().Unmap().WithZone(""), true
}
