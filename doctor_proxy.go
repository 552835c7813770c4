package main

import (
	"fmt"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// claimed is an address from which nobody asks. We claim it, to see who believes us.
const claimed = "192.0.2.1"

// way is how a question came to the server, as the server saw it.
type way struct {
	Peer           string // who was connected to the server
	Believed       bool   // and is a trusted proxy
	ForwardedFor   string `json:"forwarded_for"`
	ForwardedProto string `json:"forwarded_proto"`
}

// checkWay tells whether a proxy says for whom it asks, and whether it is believed.
func checkWay(public string, a knocked) core.Check {
	secure := strings.HasPrefix(public, "https://")
	w := a.way
	proxied := w.ForwardedFor != claimed && w.ForwardedFor != "" // somebody has written to it
	const docs = " (docs/deploy/proxy.md)"
	switch {
	case a.err != nil || !a.ours:
		return core.Skip(public + " does not lead here")
	case w.ForwardedFor == claimed && w.Believed:
		return core.Fail("whoever asks can claim to be at any address, in limits and in the audit log: the proxy at "+w.Peer+" passes X-Forwarded-For on as it came",
			`nginx: "proxy_set_header X-Forwarded-For $remote_addr;"; or take `+w.Peer+" out of OORE_TRUSTED_PROXIES")
	case !proxied && !secure && w.ForwardedFor == claimed:
		return core.Skip("there is none before " + public)
	case !proxied:
		return core.Warn("the proxy at "+w.Peer+" does not say for whom it asks: limits and the audit log see its address alone",
			`nginx: "proxy_set_header X-Forwarded-For $remote_addr;"`+docs)
	case !w.Believed:
		return core.Warn("the proxy at "+w.Peer+" says for whom it asks, and is not believed: limits and the audit log see its address alone",
			"Set OORE_TRUSTED_PROXIES="+w.Peer)
	case secure != (w.ForwardedProto == "https"):
		return core.Warn(fmt.Sprintf("the proxy at %s does not say how it was asked: X-Forwarded-Proto is %q", w.Peer, w.ForwardedProto),
			`nginx: "proxy_set_header X-Forwarded-Proto $scheme;"`+docs)
	}
	return core.Good("says for whom it asks, and is believed")
}
