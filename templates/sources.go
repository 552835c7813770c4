package templates

import (
	"io"

	"github.com/oore-ci/oore/app/core"
)

// Source is a connected Git host as its card shows it.
type Source struct {
	core.Integration
	Installations []core.Installation
	InstallURL    string // where a person installs it on more accounts; empty where there is no such thing
	Repositories  int    // that it sees
	ApplicationID string // of the OAuth application by which it is connected; empty: by other means
}

// GivenBySettings tells whether the server's settings connect it, and not a person.
func (s Source) GivenBySettings() bool { return s.Origin == core.OriginEnvironment }

// Selects tells whether an account's owner chooses single repositories for it.
func (s Source) Selects() bool { return s.Provider == core.ProviderGitHub }

// SourcesView is the list of connected Git hosts.
type SourcesView struct {
	Page
	Sources []Source
	Made    *Source // a GitHub App that was just made, and wants to be installed
}

// Sources writes the list of connected Git hosts.
func (s *Set) Sources(w io.Writer, v SourcesView) error { return s.render(w, "sources", "layout", v) }

// ConnectGitHubView is the form that begins to make a GitHub App.
type ConnectGitHubView struct {
	Page
	Account, Organization, WebURL Field  // Account is personal or organization
	HookAddress                   string // where GitHub will send webhooks
}

// ConnectGitHub writes the form that begins to make a GitHub App.
func (s *Set) ConnectGitHub(w io.Writer, v ConnectGitHubView) error {
	return s.render(w, "source_github", "layout", v)
}

// ContinueToGitHubView is the one form that GitHub takes, with a button.
type ContinueToGitHubView struct {
	Page
	Host string
	Form core.AppForm
}

// ContinueToGitHub writes the page that sends the person to GitHub.
func (s *Set) ContinueToGitHub(w io.Writer, v ContinueToGitHubView) error {
	return s.render(w, "source_github_continue", "layout", v)
}

// ConnectGitLabView is the forms that connect a GitLab host, by a token or by an OAuth
// application. Token and secret are never shown again.
type ConnectGitLabView struct {
	Page
	WebURL, Token                   Field
	GrantURL, ApplicationID, Secret Field
	ByGrant                         bool   // the second form was used
	RedirectURI                     string // that the application must have
}

// ConnectGitLab writes the form that connects a GitLab host.
func (s *Set) ConnectGitLab(w io.Writer, v ConnectGitLabView) error {
	return s.render(w, "source_gitlab", "layout", v)
}

// ContinueToGitLabView leads to GitLab, where the person is asked for access.
type ContinueToGitLabView struct {
	Page
	Host    string
	Address string
}

// ContinueToGitLab writes the page that leads to GitLab.
func (s *Set) ContinueToGitLab(w io.Writer, v ContinueToGitLabView) error {
	return s.render(w, "source_gitlab_continue", "layout", v)
}
