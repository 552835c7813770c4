package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/oore-ci/oore/handlers/outbound"
)

func networkSettings() []setting {
	return []setting{
		{"OORE_NOTIFY_NETWORKS", "networks that webhooks and Mattermost may be in although they are not public, for example 10.1.0.0/16,192.168.7.20", readNotifyNetworks},
		{"OORE_CONNECT_NETWORKS", "networks that GitHub, GitLab, OpenID and plain git hosts may be in although they are not public (default: loopback and all private ones); none: only hosts that settings name", readConnectNetworks},
		{"OORE_TRUSTED_PROXIES", "proxies before the server whose X-Forwarded-For and X-Forwarded-Proto are believed, for example 127.0.0.1,10.1.0.0/16 (default: none)", readTrustedProxies},
	}
}

// connectTransport is how requests leave to GitHub, GitLab, OpenID providers and Slack.
// What the settings name may be wherever it is; what an owner or admin connects, and what
// an answer leads to, in ConnectNetworks alone.
func (c *Config) connectTransport() http.RoundTripper {
	return outbound.NewTransport(c.connectOptions())
}

func (c *Config) connectOptions() outbound.Options {
	hosts := []string{}
	for _, address := range []string{c.GitHubWebURL, c.GitHubAPIURL, c.GitLabURL, c.SignIn.OIDCIssuer, c.SlackAPIURL} {
		hosts = append(hosts, outbound.HostOf(address))
	}
	return outbound.Options{Networks: c.ConnectNetworks, Hosts: hosts, Setting: "OORE_CONNECT_NETWORKS", Proxy: http.ProxyFromEnvironment}
}

// gitRelay is how git leaves to plain repositories, for as long as one question takes.
// Where the environment has a proxy for the address, that is git's too.
func (c *Config) gitRelay(address string) (proxy string, done func(), err error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", nil, err
	}
	if via, err := http.ProxyFromEnvironment(&http.Request{URL: u}); via != nil || err != nil {
		return "", func() {}, err
	}
	relay, err := outbound.NewRelay(c.connectOptions())
	if err != nil {
		return "", nil, err
	}
	return relay.URL(), relay.Close, nil
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

func readTrustedProxies(c *Config, value string) (err error) {
	if c.TrustedProxies, err = readNetworks(value); err != nil {
		return err
	}
	for _, network := range c.TrustedProxies {
		if network.Bits() == 0 {
			return fmt.Errorf("%s is everybody; give the proxies' own addresses", network)
		}
	}
	return nil
}

func readNotifyNetworks(c *Config, value string) (err error) {
	c.NotifyNetworks, err = readNetworks(value)
	return err
}

// readNetworks reads networks in CIDR notation, and single addresses.
func readNetworks(value string) (all []netip.Prefix, err error) {
	for _, text := range strings.Split(value, ",") {
		text = strings.TrimSpace(text)
		if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
			text = netip.PrefixFrom(addr, addr.BitLen()).String()
		}
		network, err := netip.ParsePrefix(text)
		if err != nil || network.Addr().Is4In6() {
			return nil, errors.New("give networks such as 10.1.0.0/16, parted by commas")
		}
		all = append(all, network.Masked())
	}
	return all, nil
}
