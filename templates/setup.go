package templates

import (
	"io"
	"net"
	"net/url"
	"strings"
)

// SetupView is the first steps: who the reader is, then where the code is.
type SetupView struct {
	Page
	Ask         bool // who the reader is
	Name, Email Field
	PublicURL   string
}

// Private tells whether the server's address is one that forges do not reach.
func (v SetupView) Private() bool {
	u, err := url.Parse(v.PublicURL)
	if err != nil {
		return false
	}
	host := u.Hostname()
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".local") || ip != nil && (ip.IsLoopback() || ip.IsPrivate())
}

// Setup writes them.
func (s *Set) Setup(w io.Writer, v SetupView) error { return s.render(w, "setup", "layout", v) }
