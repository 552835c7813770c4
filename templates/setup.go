package templates

import (
	"io"
	"net"
	"net/url"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// SetupView is the first steps: who the reader is, then where the code is.
type SetupView struct {
	Page
	Ask         bool // who the reader is
	Name, Email Field
	PublicURL   string
	Repository  Field // folder or address that is looked at
	Found       *RepositoryView
}

// RepositoryView is what was found in a repository, and what is proposed.
type RepositoryView struct {
	Name, Branch, SHA, Message string
	Workflow                   string
	App                        core.Pubspec
	Platforms, Labels          []string
	Flutter, Unread            string
	Startable                  bool
	Linked                     *core.Project // nil: no project is of it yet
	Fit, Runners               int
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
