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

// ConnectGitLabView is the form that connects a GitLab host. The token is never shown
// again.
type ConnectGitLabView struct {
	Page
	WebURL, Token Field
}

// ConnectGitLab writes the form that connects a GitLab host.
func (s *Set) ConnectGitLab(w io.Writer, v ConnectGitLabView) error {
	return s.render(w, "source_gitlab", "layout", v)
}
