package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/github"
	"github.com/oore-ci/oore/handlers/oidc"
	"github.com/oore-ci/oore/handlers/web"
)

// signInConfig is what the settings say of how people sign in.
type signInConfig struct {
	Passwords bool
	Domains   []string // in lower case

	OIDCIssuer, OIDCClientID, OIDCClientSecret string

	GitHubClientID, GitHubClientSecret string
	GitHubOrganizations                []string

	GitLabClientID, GitLabClientSecret string
	GitLabGroups                       []string

	ProxyHeader   string
	ProxyNetworks []netip.Prefix
	ProxySecret   string

	askEvery time.Duration // no setting, but for tests; 0: core.StandingEvery
	proof    time.Duration // likewise; 0: core.SessionProof
}

func signInSettings() []setting {
	return []setting{
		{"OORE_PASSWORDS", "on or off: people may have a password (default on)", readPasswords},
		{"OORE_SIGN_IN_DOMAINS", "domains of e-mail whose people need no invitation, for example example.com,example.org", readDomains},
		{"OORE_OIDC_ISSUER", "OpenID provider at which people sign in, exactly as it calls itself", text(func(c *Config) *string { return &c.SignIn.OIDCIssuer })},
		{"OORE_OIDC_CLIENT_ID", "this server's client id there", text(func(c *Config) *string { return &c.SignIn.OIDCClientID })},
		{"OORE_OIDC_CLIENT_SECRET", "and its secret", text(func(c *Config) *string { return &c.SignIn.OIDCClientSecret })},
		{"OORE_GITHUB_OAUTH_CLIENT_ID", "client id of a GitHub OAuth App, for Sign in with GitHub", text(func(c *Config) *string { return &c.SignIn.GitHubClientID })},
		{"OORE_GITHUB_OAUTH_CLIENT_SECRET", "and its secret", text(func(c *Config) *string { return &c.SignIn.GitHubClientSecret })},
		{"OORE_GITHUB_ORGANIZATIONS", "organizations whose members alone sign in with GitHub; they need no invitation", readNames(func(c *Config) *[]string { return &c.SignIn.GitHubOrganizations })},
		{"OORE_GITLAB_OAUTH_CLIENT_ID", "application id at OORE_GITLAB_URL, for Sign in with GitLab", text(func(c *Config) *string { return &c.SignIn.GitLabClientID })},
		{"OORE_GITLAB_OAUTH_CLIENT_SECRET", "and its secret", text(func(c *Config) *string { return &c.SignIn.GitLabClientSecret })},
		{"OORE_GITLAB_GROUPS", "groups whose members alone sign in with GitLab, by full path; they need no invitation", readNames(func(c *Config) *[]string { return &c.SignIn.GitLabGroups })},
		{"OORE_PROXY_HEADER", "header in which a proxy of yours says whose e-mail address it has made sure of", text(func(c *Config) *string { return &c.SignIn.ProxyHeader })},
		{"OORE_PROXY_NETWORKS", "addresses of that proxy, for example 10.1.2.3/32", readProxyNetworks},
		{"OORE_PROXY_SECRET", "what the proxy sends in the header Oore-Proxy-Secret, 32 characters or more", text(func(c *Config) *string { return &c.SignIn.ProxySecret })},
	}
}

func readPasswords(c *Config, value string) error {
	if value != "on" && value != "off" {
		return errors.New("give on or off")
	}
	c.SignIn.Passwords = value == "on"
	return nil
}

var domainForm = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]{2,}$`)

func readDomains(c *Config, value string) error {
	c.SignIn.Domains = nil
	for _, domain := range listed(value) {
		if domain = strings.ToLower(domain); !domainForm.MatchString(domain) {
			return fmt.Errorf("%q is no domain such as example.com", domain)
		}
		c.SignIn.Domains = append(c.SignIn.Domains, domain)
	}
	return nil
}

// listed parts a list at its commas.
func listed(value string) (all []string) {
	for part := range strings.SplitSeq(value, ",") {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, part)
		}
	}
	return all
}

var accountPath = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$`)

func readNames(field func(*Config) *[]string) func(*Config, string) error {
	return func(c *Config, value string) error {
		names := listed(value)
		for _, name := range names {
			if !accountPath.MatchString(name) {
				return fmt.Errorf("%q is no name as it stands in its address", name)
			}
		}
		*field(c) = names
		return nil
	}
}

func readProxyNetworks(c *Config, value string) (err error) {
	c.SignIn.ProxyNetworks, err = readNetworks(value)
	return err
}

var headerForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`)

// validateSignIn refuses ways in that are set up by half, or open to others than meant.
func (c *Config) validateSignIn() []error {
	s := &c.SignIn
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	together := func(names []string, values ...string) {
		if strings.Join(values, "") == "" {
			return
		}
		for i, value := range values {
			if value == "" {
				fault("%s: set it too", names[i])
			}
		}
	}
	together([]string{"OORE_OIDC_ISSUER", "OORE_OIDC_CLIENT_ID", "OORE_OIDC_CLIENT_SECRET"}, s.OIDCIssuer, s.OIDCClientID, s.OIDCClientSecret)
	together([]string{"OORE_GITHUB_OAUTH_CLIENT_ID", "OORE_GITHUB_OAUTH_CLIENT_SECRET"}, s.GitHubClientID, s.GitHubClientSecret)
	together([]string{"OORE_GITLAB_OAUTH_CLIENT_ID", "OORE_GITLAB_OAUTH_CLIENT_SECRET"}, s.GitLabClientID, s.GitLabClientSecret)
	if len(s.GitHubOrganizations) > 0 && s.GitHubClientID == "" {
		fault("OORE_GITHUB_OAUTH_CLIENT_ID: set it too; OORE_GITHUB_ORGANIZATIONS says who signs in with GitHub")
	}
	if len(s.GitLabGroups) > 0 && s.GitLabClientID == "" {
		fault("OORE_GITLAB_OAUTH_CLIENT_ID: set it too; OORE_GITLAB_GROUPS says who signs in with GitLab")
	}
	for _, service := range []struct{ name, address, client string }{
		{"OORE_OIDC_ISSUER", s.OIDCIssuer, s.OIDCIssuer},
		{"OORE_GITHUB_WEB_URL", c.GitHubWebURL, s.GitHubClientID},
		{"OORE_GITHUB_API_URL", c.GitHubAPIURL, s.GitHubClientID},
		{"OORE_GITLAB_URL", c.GitLabURL, s.GitLabClientID},
	} {
		if service.client == "" {
			continue
		}
		if err := safeURL(service.address); err != nil {
			fault("%s: %w", service.name, err)
		}
	}
	return append(faults, c.validateProxy()...)
}

// validateProxy wants a secret beside the addresses: builds run on this machine too, and
// could speak to the server from the same address.
func (c *Config) validateProxy() []error {
	s := &c.SignIn
	if s.ProxyHeader == "" && len(s.ProxyNetworks) == 0 && s.ProxySecret == "" {
		return nil
	}
	var faults []error
	switch name := strings.ToLower(s.ProxyHeader); {
	case name == "":
		faults = append(faults, errors.New("OORE_PROXY_HEADER: set it too, for example X-Forwarded-Email"))
	case !headerForm.MatchString(name):
		faults = append(faults, fmt.Errorf("OORE_PROXY_HEADER: %q is no name of a header", s.ProxyHeader))
	}
	if len(s.ProxyNetworks) == 0 {
		faults = append(faults, errors.New("OORE_PROXY_NETWORKS: set it too; without it anybody could say to be anybody"))
	}
	for _, network := range s.ProxyNetworks {
		if network.Bits() == 0 {
			faults = append(faults, fmt.Errorf("OORE_PROXY_NETWORKS: %s is everybody; give the proxy's own address", network))
		}
	}
	if len(s.ProxySecret) < 32 {
		faults = append(faults, errors.New("OORE_PROXY_SECRET: give 32 characters or more, for example from: openssl rand -hex 32; whatever runs on the proxy's machine could say to be anybody without it"))
	}
	return faults
}

// safeURL is webURL for an address that must not be listened in on or answered by others.
func safeURL(s string) error {
	if err := webURL(s); err != nil {
		return err
	}
	u, _ := url.Parse(s) // it is one
	if ip := net.ParseIP(u.Hostname()); u.Scheme != "https" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("%q must begin with https://: whoever answers there says who people are", s)
	}
	return nil
}

func (s signInConfig) proxy() web.Proxy {
	return web.Proxy{Header: s.ProxyHeader, Networks: s.ProxyNetworks, Secret: s.ProxySecret}
}

// signIn makes the ways by which people sign in.
func (c *Config) signIn(outside http.RoundTripper, log *slog.Logger) (app.SignIn, error) {
	s := &c.SignIn
	in := app.SignIn{Passwords: s.Passwords, Proxy: s.ProxyHeader != "", Domains: s.Domains, AskEvery: s.askEvery, Proof: s.proof}
	if s.OIDCIssuer != "" {
		in.Rooms = append(in.Rooms, oidc.New(oidc.Options{
			Issuer: s.OIDCIssuer, ClientID: s.OIDCClientID, ClientSecret: s.OIDCClientSecret, Setting: "OORE_OIDC", Log: log, Transport: outside,
		}))
	}
	if s.GitHubClientID != "" {
		room, err := github.NewSignIn(github.SignInOptions{
			Options: github.Options{Log: log, Transport: outside}, WebURL: c.GitHubWebURL, APIURL: c.GitHubAPIURL,
			ClientID: s.GitHubClientID, ClientSecret: s.GitHubClientSecret, Organizations: s.GitHubOrganizations,
		})
		if err != nil {
			return in, err
		}
		in.Rooms = append(in.Rooms, room)
	}
	if s.GitLabClientID != "" {
		in.Rooms = append(in.Rooms, c.gitLabSignIn(outside, log))
	}
	return in, nil
}

// gitLabSignIn speaks OpenID Connect with GitLab: that asks people for less than a token
// of GitLab's API would.
func (c *Config) gitLabSignIn(outside http.RoundTripper, log *slog.Logger) core.SignInRoom {
	host := hostOf(c.GitLabURL)
	name := "GitLab"
	if host != "gitlab.com" {
		name = "GitLab (" + host + ")"
	}
	return oidc.New(oidc.Options{
		Issuer: strings.TrimSuffix(c.GitLabURL, "/"), ClientID: c.SignIn.GitLabClientID, ClientSecret: c.SignIn.GitLabClientSecret, Setting: "OORE_GITLAB_OAUTH",
		Way:    core.SignInWay{ID: "gitlab", Name: name, Provider: core.ForgeIdentity(core.ProviderGitLab, strings.ToLower(host))},
		Groups: c.SignIn.GitLabGroups, Log: log, Transport: outside,
	})
}
