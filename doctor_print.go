package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/api"
	"github.com/oore-ci/oore/templates"
)

func printCheckupJSON(w io.Writer, c app.Checkup) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(api.RenderCheckup(c))
}

// printCheckup prints a line for each check, and below it what to do.
func printCheckup(w io.Writer, c app.Checkup) error {
	marks := map[core.CheckState]string{core.CheckOK: "✓", core.CheckSkipped: "-", core.CheckWarning: "!", core.CheckFailed: "✕"}
	width := 0
	for _, check := range c.Checks {
		width = max(width, utf8.RuneCountInString(check.Name))
	}
	var b strings.Builder
	b.WriteString(versionLine() + "\n")
	for _, group := range templates.GroupChecks(c.Checks) {
		fmt.Fprintf(&b, "\n%s\n", group.Title())
		for _, check := range group.Checks {
			fmt.Fprintf(&b, "%s %-*s   %s\n", marks[check.State], width, check.Name, check.Value)
			if check.Fix != "" {
				fmt.Fprintf(&b, "  %s\n", check.Fix)
			}
		}
	}
	fmt.Fprintf(&b, "\n%d fine, %s, %d failed\n", count(c.Checks, core.CheckOK), plural(count(c.Checks, core.CheckWarning), "warning"), count(c.Checks, core.CheckFailed))
	_, err := io.WriteString(w, b.String())
	return err
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func count(checks []core.Check, state core.CheckState) (n int) {
	for _, c := range checks {
		if c.State == state {
			n++
		}
	}
	return n
}

// secrets are all that the settings hold.
func (c *Config) secrets() []string {
	all := []string{
		c.AdminToken, c.MetricsToken, c.GitHubPrivateKey, c.GitHubWebhookSecret, c.GitLabToken, c.GitLabWebhookSecret, c.SlackSigningSecret, c.SlackBotToken,
		c.SignIn.OIDCClientSecret, c.SignIn.GitHubClientSecret, c.SignIn.GitLabClientSecret, c.SignIn.ProxySecret,
		base64.StdEncoding.EncodeToString(c.EncryptionKey),
	}
	for _, address := range []string{c.DatabaseURL, c.SMTPURL} {
		if u, err := url.Parse(address); err == nil {
			password, _ := u.User.Password()
			all = append(all, password, url.QueryEscape(password), u.Query().Get("password"))
		}
	}
	return all
}

// hideIn keeps secrets out of a check, whatever a tool or a host has said back. It is
// the second net: what is put into a check holds none.
func hideIn(c core.Check, secrets []string) core.Check {
	var pairs []string
	for _, secret := range slices.Sorted(slices.Values(secrets)) {
		if len(secret) >= core.MinSecretChars {
			pairs = append(pairs, secret, "***")
		}
	}
	r := strings.NewReplacer(pairs...)
	c.Value, c.Fix = r.Replace(c.Value), r.Replace(c.Fix)
	return c
}

// hiding keeps secrets out of what probes find.
func hiding(probes []core.Probe, secrets []string) []core.Probe {
	for i, p := range probes {
		look := p.Look
		probes[i].Look = func(ctx context.Context) core.Check { return hideIn(look(ctx), secrets) }
	}
	return probes
}
