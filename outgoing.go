package main

import (
	"net/http"
	"net/netip"

	"github.com/oore-ci/oore/handlers/outbound"
)

// connectTransport is how requests leave to GitHub, GitLab, OpenID providers and Slack.
// What the settings name may be wherever it is; what an owner or admin connects, and what
// an answer leads to, in ConnectNetworks alone.
func (c *Config) connectTransport() http.RoundTripper {
	hosts := []string{}
	for _, address := range []string{c.GitHubWebURL, c.GitHubAPIURL, c.GitLabURL, c.SignIn.OIDCIssuer, c.SlackAPIURL} {
		hosts = append(hosts, outbound.HostOf(address))
	}
	return outbound.NewTransport(outbound.Options{
		Networks: c.ConnectNetworks, Hosts: hosts, Setting: "OORE_CONNECT_NETWORKS", Proxy: http.ProxyFromEnvironment,
	})
}

// notifyTransport is how notifications leave, whose addresses anybody gives who looks
// after a project: to public addresses, each time by a new connection, and by no proxy.
func (c *Config) notifyTransport() http.RoundTripper {
	t := outbound.NewTransport(outbound.Options{Networks: c.NotifyNetworks, Setting: "OORE_NOTIFY_NETWORKS"})
	t.DisableKeepAlives = true
	return t
}

// privateNetworks are where hosts are that people run for themselves.
func privateNetworks() (all []netip.Prefix) {
	for _, network := range []string{"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "::1/128", "fc00::/7"} {
		all = append(all, netip.MustParsePrefix(network))
	}
	return all
}

func readConnectNetworks(c *Config, value string) (err error) {
	if value == "none" {
		c.ConnectNetworks = nil
		return nil
	}
	c.ConnectNetworks, err = readNetworks(value)
	return err
}
