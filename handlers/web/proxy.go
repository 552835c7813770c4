package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/mail"
	"net/netip"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
)

// proxySecretHeader is where the proxy proves that it is the proxy.
const proxySecretHeader = "Oore-Proxy-Secret"

// Proxy is a proxy of the operator's that makes sure who people are before it passes
// them on. The zero value: there is none.
type Proxy struct {
	Header   string // in which it names the person's e-mail address
	Networks []netip.Prefix
	Secret   string
}

// person is whom the proxy says to be there; empty: no proxy speaks. Who speaks is told by
// the connection and the secret, never by what the request says of its way here.
func (x Proxy) person(c *fiber.Ctx) (email string, err error) {
	if x.Header == "" || !x.speaks(c) {
		return "", nil
	}
	values := c.Request().Header.PeekAll(x.Header)
	switch {
	case len(values) == 0 || len(values) == 1 && len(values[0]) == 0:
		return "", nil
	case len(values) > 1:
		return "", core.Errorf(core.KindInvalid, "The proxy sends the header %s more than once; it must replace what came from outside", x.Header)
	}
	email = string(values[0])
	if a, err := mail.ParseAddress(email); err != nil || a.Address != email {
		return "", core.Errorf(core.KindInvalid, "The proxy's header %s holds no e-mail address", x.Header)
	}
	return email, nil
}

func (x Proxy) speaks(c *fiber.Ctx) bool {
	tcp, ok := c.Context().Conn().RemoteAddr().(*net.TCPAddr) // who is connected, and not for whom they ask
	if !ok {
		return false
	}
	peer := tcp.AddrPort().Addr().Unmap()
	near := false
	for _, network := range x.Networks {
		near = near || network.Contains(peer)
	}
	secrets := c.Request().Header.PeekAll(proxySecretHeader)
	if !near || len(secrets) != 1 || x.Secret == "" {
		return false
	}
	got, want := sha256.Sum256(secrets[0]), sha256.Sum256([]byte(x.Secret))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

// SignInByProxy is POST /sign-in/proxy.
func (p *Pages) SignInByProxy(c *fiber.Ctx) error {
	email, err := p.proxy.person(c)
	if err == nil && email == "" {
		err = core.Errorf(core.KindUnauthorized, "No proxy says who you are; sign in another way")
	}
	if err != nil {
		return p.loginAgain(c, err, form(c, "next"))
	}
	session, err := p.app.SignInByProxy(c.UserContext(), p.visitor(c), strings.Clone(email))
	return p.signedIn(c, session, form(c, "next"), err)
}
