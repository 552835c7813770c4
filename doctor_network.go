package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

const (
	// knockTime is how long an address may take to answer, and a stream to end.
	knockTime = 8 * time.Second
	// streamGap is how far apart the two events of a challenge arrive at least, where
	// nobody holds them back. The server waits longer between them.
	streamGap = time.Second
	// certificateNotice is how long before its end a certificate is warned of.
	certificateNotice = 14 * 24 * time.Hour
	// slightSkew and skewed are differences between clocks: GitHub refuses an App whose
	// clock is a minute off, Slack's signatures are good for five.
	slightSkew = 10 * time.Second
	skewed     = time.Minute
)

func (s system) networkProbes() []core.Probe {
	var probes []core.Probe
	local := localAddress(s.cfg.ListenAddr)
	if s.beside {
		probes = append(probes, core.Probe{Area: core.AreaNetwork, Name: "server", Look: func(ctx context.Context) core.Check {
			return checkServer(local, knock(ctx, local, s.vault, false))
		}})
	}
	if s.cfg.PublicURL != local {
		probes = append(probes, core.Probe{Area: core.AreaNetwork, Name: "public address", Look: func(ctx context.Context) core.Check {
			if s.beside && knock(ctx, local, s.vault, false).err != nil {
				return core.Skip("the server does not run, so " + s.cfg.PublicURL + " cannot lead to it")
			}
			found := checkPublic(s.cfg.PublicURL, local, knock(ctx, s.cfg.PublicURL, s.vault, true))
			if found.State == core.CheckFailed {
				return found
			}
			return checkBody(s.cfg.PublicURL, refusesWebhooks(ctx, s.cfg.PublicURL), found)
		}})
		probes = append(probes, core.Probe{Area: core.AreaNetwork, Name: "proxy", Look: func(ctx context.Context) core.Check {
			return checkWay(s.cfg.PublicURL, knock(ctx, s.cfg.PublicURL, s.vault, false))
		}})
	}
	return append(probes, core.Probe{Area: core.AreaNetwork, Name: "clock", Look: s.checkClock})
}

// localAddress is where the server is reached on this machine.
func localAddress(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "http://" + listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// knocked is how an address answered the challenge of this installation.
type knocked struct {
	err     error
	status  int
	to      string // where a redirect leads
	ours    bool
	proto   string
	first   time.Duration // until the first event
	gap     time.Duration // between the first event and the last
	broken  time.Duration // after the first event, if the stream ended without the last; else 0
	way     way
	expires time.Time // of the certificate; zero: there is none
}

// knock asks at an address, and listens to the end if patient. Without the key it cannot
// tell whether the answer is ours.
func knock(ctx context.Context, address string, vault *app.Vault, patient bool) (a knocked) {
	ctx, cancel := context.WithTimeout(ctx, knockTime)
	defer cancel()
	question, want := "", ""
	if vault != nil {
		question, want = vault.Challenge(time.Now())
	}
	client := http.Client{
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/v1/settings/system/challenge?question="+question, nil)
	if err != nil {
		return knocked{err: err}
	}
	req.Header.Set("X-Forwarded-For", claimed)
	start := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return knocked{err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	a = knocked{status: resp.StatusCode, to: resp.Header.Get("Location"), proto: resp.Proto}
	if resp.TLS != nil && len(resp.TLS.PeerCertificates) > 0 {
		a.expires = resp.TLS.PeerCertificates[0].NotAfter
	}
	a.read(resp.Body, start, want, patient)
	return a
}

// read reads the two events, and when they come.
func (a *knocked) read(body io.Reader, start time.Time, want string, patient bool) {
	var firstAt time.Time
	lines := bufio.NewScanner(io.LimitReader(body, 64<<10))
	for (patient || firstAt.IsZero()) && lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		switch {
		case !ok:
		case firstAt.IsZero():
			firstAt = time.Now()
			var said struct {
				Answer string
				way
			}
			a.ours = json.Unmarshal([]byte(data), &said) == nil && want != "" && said.Answer == want
			a.way = said.way
			a.first = firstAt.Sub(start)
		default:
			a.gap = time.Since(firstAt)
		}
	}
	if patient && !firstAt.IsZero() && a.gap == 0 {
		a.broken = time.Since(firstAt)
	}
}

func checkServer(local string, a knocked) core.Check {
	switch {
	case a.err != nil:
		return core.Skip("does not run at " + local)
	case !a.ours:
		return core.Fail("something else answers at "+local, "Stop it, or set OORE_LISTEN_ADDR to another address")
	}
	return core.Good("runs at " + local)
}

func checkPublic(public, local string, a knocked) core.Check {
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(a.err, &certificate):
		return core.Fail(fmt.Sprintf("%s has a certificate that is not trusted: %v", public, certificate.Err), "Give the proxy a certificate of this name, with its chain")
	case a.err != nil:
		return core.Warn(public+" does not answer from here: "+reason(a.err), "Check name, proxy and firewall; if it is this machine alone that cannot reach it, all is well")
	case a.to != "":
		return core.Warn(public+" sends readers on to "+a.to, "Set OORE_PUBLIC_URL to where it leads")
	case a.status >= http.StatusInternalServerError:
		return core.Fail(fmt.Sprintf("%s answers %d", public, a.status), "Let the proxy pass everything on to "+local)
	case !a.ours:
		return core.Fail(public+" leads to another server, or to an Oore with another key", "Let the proxy pass everything on to "+local+", or set OORE_PUBLIC_URL right")
	case a.broken >= streamGap:
		return core.Fail(fmt.Sprintf("a proxy ended a stream that was silent for %.0f s through %s; live pages are, for up to 15 s", a.broken.Seconds(), public),
			`nginx: "proxy_read_timeout 60s;" or more where it passes on to Oore (docs/deploy/proxy.md)`)
	case a.gap < streamGap:
		return core.Fail(fmt.Sprintf("a proxy holds live output back: first byte after %.1f s through %s", a.first.Seconds(), public),
			`nginx: "proxy_buffering off;" where it passes on to Oore`)
	case !a.expires.IsZero() && time.Until(a.expires) < certificateNotice:
		return core.Warn(public+" has a certificate that ends on "+a.expires.Format("2 January 2006"), "Renew it")
	case isPlain(public):
		return core.Warn(public+" is plain HTTP: whoever listens on the way reads tokens and secrets", "Put HTTPS before it")
	}
	return core.Good(fmt.Sprintf("%s, %s, streams arrive at once", public, a.proto))
}

// reason is why there is no answer, without the address around it.
func reason(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.As(err, &dns):
		return "no host " + dns.Name
	case errors.As(err, &op):
		return op.Err.Error()
	}
	var asked *url.Error
	if errors.As(err, &asked) {
		return asked.Err.Error()
	}
	return err.Error()
}

// isPlain tells whether an address can be listened in on.
func isPlain(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "https" || u.Hostname() == "localhost" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return ip == nil || !ip.IsLoopback()
}

// checkClock compares this machine's clock with that of what is connected.
func (s system) checkClock(ctx context.Context) core.Check {
	var addresses []string
	if s.sources != nil {
		known, err := s.sources(ctx)
		if err != nil {
			return core.Fail(core.MessageOf(err), "Check the database")
		}
		addresses = known
	}
	if s.rooms.slack != nil {
		addresses = append(addresses, s.cfg.SlackAPIURL)
	}
	return compareClocks(ctx, s.rooms.transport, addresses)
}

// compareClocks takes the first host that tells its time. A nil transport goes anywhere.
func compareClocks(ctx context.Context, outside http.RoundTripper, addresses []string) core.Check {
	if len(addresses) == 0 {
		return core.Skip("nothing is connected to compare it with")
	}
	for _, address := range addresses {
		if theirs, ours, ok := dateOf(ctx, outside, address); ok {
			return checkSkew(ours.Sub(theirs), hostOf(address))
		}
	}
	return core.Skip("no host that is connected tells its time")
}

// dateOf asks a host for its time, which it tells in whole seconds.
func dateOf(ctx context.Context, outside http.RoundTripper, address string) (theirs, ours time.Time, ok bool) {
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, address, nil)
	if err != nil {
		return theirs, ours, false
	}
	client := http.Client{Transport: outside, Timeout: knockTime / 2, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	before := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return theirs, ours, false
	}
	_ = resp.Body.Close()
	theirs, err = http.ParseTime(resp.Header.Get("Date"))
	ours = before.Add(time.Since(before) / 2)
	return theirs.Add(time.Second / 2), ours, err == nil
}

func checkSkew(ahead time.Duration, host string) core.Check {
	way := "ahead of"
	if ahead < 0 {
		way = "behind"
	}
	value := fmt.Sprintf("%s %s %s", ahead.Abs().Round(time.Second), way, host)
	const fix = "Keep it right by NTP: forges and Slack refuse what comes at a wrong time"
	switch {
	case ahead.Abs() >= skewed:
		return core.Fail(value, fix)
	case ahead.Abs() >= slightSkew:
		return core.Warn(value, fix)
	}
	return core.Good("as that of " + host)
}
