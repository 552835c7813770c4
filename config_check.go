package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
)

func (c *Config) validate() []error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	host, port, err := net.SplitHostPort(c.ListenAddr)
	if n, wrong := net.LookupPort("tcp", port); err != nil || wrong != nil || n == 0 {
		fault("OORE_LISTEN_ADDR: %q is no host:port, for example 127.0.0.1:8787", c.ListenAddr)
	}
	if c.PublicURL == "" {
		if host == "" || host == "0.0.0.0" || host == "::" {
			host = "127.0.0.1" // links to "any address" lead nowhere
		}
		c.PublicURL = "http://" + net.JoinHostPort(host, port)
	}
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	if err := webURL(c.PublicURL); err != nil {
		fault("OORE_PUBLIC_URL: %w", err)
	}
	faults = append(faults, c.validateCommon()...)
	if c.AdminToken != "" && len(c.AdminToken) < 32 {
		fault("OORE_ADMIN_TOKEN: it has %d characters; give 32 or more, for example from: openssl rand -hex 32", len(c.AdminToken))
	}
	if c.MetricsToken != "" && len(c.MetricsToken) < 16 {
		fault("OORE_METRICS_TOKEN: it has %d characters; give 16 or more, for example from: openssl rand -hex 32", len(c.MetricsToken))
	}
	if scheme, _, ok := strings.Cut(c.DatabaseURL, "://"); ok && scheme != "postgres" && scheme != "postgresql" {
		fault("OORE_DATABASE_URL: %s:// is not supported; give postgres://… or leave it empty for SQLite", scheme)
	}
	c.placeBlobs()
	if c.DatabaseURL == "" {
		c.DatabaseURL = "sqlite:" + filepath.Join(c.DataDir, "oore.db")
	}
	return slices.Concat(faults, c.validateGitHub(), c.validateGitLab(), c.validateSlack(), c.validateMail(), c.validateSignIn())
}

// validateCommon is for what servers and remote runners share.
func (c *Config) validateCommon() []error {
	if abs, err := filepath.Abs(c.DataDir); err == nil {
		c.DataDir = abs
	}
	faults := c.validateSandbox()
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel) {
		faults = append(faults, fmt.Errorf("OORE_LOG_LEVEL: %q is none of debug, info, warn, error", c.LogLevel))
	}
	if !slices.Contains([]string{"", "text", "json"}, c.LogFormat) {
		faults = append(faults, fmt.Errorf("OORE_LOG_FORMAT: %q is neither text nor json", c.LogFormat))
	}
	return faults
}

// validateGitHub refuses an App without its webhook secret: an empty secret would
// switch the check of signatures off.
func (c *Config) validateGitHub() []error {
	var faults []error
	if c.GitHubAppID == 0 && c.GitHubPrivateKey == "" && c.GitHubWebhookSecret == "" {
		return nil
	}
	if c.GitHubAppID == 0 {
		faults = append(faults, errors.New("OORE_GITHUB_APP_ID: set it too; GitHub shows it as App ID in the App's settings"))
	}
	if c.GitHubPrivateKey == "" {
		faults = append(faults, errors.New("OORE_GITHUB_APP_PRIVATE_KEY: set it too (or …_FILE); make one under \"Private keys\" in the App's settings"))
	}
	if c.GitHubWebhookSecret == "" {
		faults = append(faults, errors.New("OORE_GITHUB_APP_WEBHOOK_SECRET: set it too; without it anybody could start builds"))
	}
	if err := webURL(c.GitHubAPIURL); err != nil {
		faults = append(faults, fmt.Errorf("OORE_GITHUB_API_URL: %w", err))
	}
	if err := webURL(c.GitHubWebURL); err != nil {
		faults = append(faults, fmt.Errorf("OORE_GITHUB_WEB_URL: %w", err))
	}
	return faults
}

func (c *Config) validateGitLab() []error {
	var faults []error
	if err := webURL(c.GitLabURL); err != nil {
		faults = append(faults, fmt.Errorf("OORE_GITLAB_URL: %w", err))
	}
	if !strings.HasSuffix(c.GitLabURL, "/") {
		c.GitLabURL += "/"
	}
	if c.GitLabWebhookSecret != "" && c.GitLabToken == "" {
		faults = append(faults, errors.New("OORE_GITLAB_TOKEN: set it too; the webhook secret alone lets nothing be built"))
	}
	return faults
}

// validateSlack refuses an app without its signing secret: anybody could send commands.
func (c *Config) validateSlack() []error {
	var faults []error
	if err := webURL(c.SlackAPIURL); err != nil {
		faults = append(faults, fmt.Errorf("OORE_SLACK_API_URL: %w", err))
	}
	if c.SlackBotToken != "" && c.SlackSigningSecret == "" {
		faults = append(faults, errors.New("OORE_SLACK_SIGNING_SECRET: set it too; without it anybody could send commands. Slack shows it under Basic Information"))
	}
	return faults
}

func webURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%q is no plain http:// or https:// address", s)
	}
	return nil
}
