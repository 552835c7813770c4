package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// TestOnlyTrustedProxiesSayForWhomTheyAsk sends the headers of proxies over real
// connections from 127.0.0.1, which is a trusted proxy for one server alone.
func TestOnlyTrustedProxiesSayForWhomTheyAsk(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		p := newProgram(t, database, nil, "OORE_RUNNERS=0", "OORE_TRUSTED_PROXIES=127.0.0.1,10.0.0.0/8").start()
		strict := newProgram(t, "", nil, "OORE_RUNNERS=0", "OORE_TRUSTED_PROXIES=10.0.0.0/8").start()
		for _, c := range []struct {
			p       *program
			headers []string
			want    string
		}{
			{p, nil, "127.0.0.1"},
			{p, []string{"X-Forwarded-For: 198.51.100.7"}, "198.51.100.7"},
			{p, []string{"X-Forwarded-For: 203.0.113.9, 198.51.100.8, 10.0.0.2"}, "198.51.100.8"},
			{p, []string{"X-Forwarded-For: 203.0.113.9", "X-Forwarded-For: 198.51.100.9"}, "198.51.100.9"},
			{p, []string{"X-Forwarded-For: 2001:db8::7"}, "2001:db8::7"},
			{p, []string{"X-Real-IP: 198.51.100.7", "Forwarded: for=198.51.100.7", "True-Client-IP: 198.51.100.7"}, "127.0.0.1"},
			{p, []string{"X-Forwarded-For: nonsense"}, "127.0.0.1"},
			{strict, []string{"X-Forwarded-For: 198.51.100.7"}, "127.0.0.1"},
			{strict, []string{"X-Forwarded-For: 10.0.0.1", "X-Real-IP: 10.0.0.1"}, "127.0.0.1"},
		} {
			var token struct{ ID string }
			c.p.must("POST", "/v1/api-tokens", map[string]any{"name": "one", "role": "viewer"}, &token)
			status, text, _ := c.p.exactly("DELETE", "/v1/api-tokens/"+token.ID, "", append(c.headers, "Authorization: Bearer "+adminToken)...)
			if status != http.StatusNoContent {
				t.Fatalf("%d %s", status, text)
			}
			if e := c.p.audit("").Logs[0]; e.Address != c.want {
				t.Errorf("%q: the audit log has %s, want %s", c.headers, e.Address, c.want)
			}
		}
		for _, q := range []*program{p, strict} {
			if status, _, _ := q.exactly("GET", "/metrics", "", "X-Forwarded-For: 127.0.0.1"); status != http.StatusUnauthorized {
				t.Errorf("metrics for who claims to be here: %d", status)
			}
		}
	})
}

// An address that tries on and on rests, and nobody else does: neither who comes by the
// same proxy, nor by another claim of the same address.
func TestTriesCountForWhoAsksAndNotForTheProxy(t *testing.T) {
	p := newProgram(t, "", nil, "OORE_RUNNERS=0", "OORE_TRUSTED_PROXIES=127.0.0.1").start()
	try := func(q *program, header string, n int) int {
		body := fmt.Sprintf(`{"email":"nobody-%d@example.com","password":"wrong horse battery"}`, n)
		req, err := http.NewRequest("POST", q.url+"/v1/auth/local/login", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-Forwarded-For", header)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	for n := range 40 {
		try(p, fmt.Sprintf("203.0.113.%d, 198.51.100.7", n), n) // what it claims changes
	}
	if status := try(p, "198.51.100.7", 100); status != http.StatusTooManyRequests {
		t.Errorf("an address that tries on and on: %d", status)
	}
	if status := try(p, "198.51.100.8", 101); status != http.StatusUnauthorized {
		t.Errorf("another by the same proxy: %d", status)
	}
	strict := newProgram(t, "", nil, "OORE_RUNNERS=0").start()
	for n := range 40 {
		try(strict, fmt.Sprintf("203.0.113.%d", n), n)
	}
	if status := try(strict, "203.0.113.200", 100); status != http.StatusTooManyRequests {
		t.Errorf("without a trusted proxy a made-up address gets new tries: %d", status)
	}
}

// A page that was opened over plain HTTP is another origin than one over HTTPS, whoever
// ends that before the server.
func TestAPostFromThePlainPageIsAnotherOrigins(t *testing.T) {
	p := newProgram(t, "", nil, "OORE_RUNNERS=0", "OORE_TRUSTED_PROXIES=127.0.0.1").start()
	for _, c := range []struct {
		proto, origin string
		status        int
	}{
		{"https", "https://" + p.addr, http.StatusBadRequest}, // its session is none
		{"https", "http://" + p.addr, http.StatusForbidden},
		{"http, https", "http://" + p.addr, http.StatusForbidden},
		{"http", "http://" + p.addr, http.StatusBadRequest},
	} {
		got := p.person().send("POST", p.url+"/v1/auth/logout", nil, "Sec-Fetch-Site", "", "X-Forwarded-Proto", c.proto, "Origin", c.origin, "Cookie", "oore_session=x", "Accept", "application/json")
		if got.status != c.status {
			t.Errorf("%s from %s: %d %s", c.proto, c.origin, got.status, got.body)
		}
	}
}

func TestDoctorSeesWhatAProxySaysOfWhoAsks(t *testing.T) {
	p := newProgram(t, "", nil, "OORE_RUNNERS=0").start()
	trusting := newProgram(t, "", nil, "OORE_RUNNERS=0", "OORE_TRUSTED_PROXIES=127.0.0.1").start()
	through := func(q *program, change func(in, out *http.Request)) string {
		target, err := url.Parse(q.url)
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(&httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			change(r.In, r.Out)
		}})
		t.Cleanup(server.Close)
		return server.URL
	}
	full := func(_, out *http.Request) {
		out.Header.Set("X-Forwarded-For", "127.0.0.1")
		out.Header.Set("X-Forwarded-Proto", "http")
	}
	for name, c := range map[string]struct {
		p           *program
		change      func(in, out *http.Request)
		state, says string
	}{
		"says nothing":    {p, func(_, out *http.Request) { out.Header.Del("X-Forwarded-For") }, "warning", "does not say for whom"},
		"is not believed": {p, full, "warning", "not believed"},
		"is believed":     {trusting, full, "ok", "is believed"},
		"adds to what it was told": {trusting, func(in, out *http.Request) {
			out.Header.Set("X-Forwarded-For", in.Header.Get("X-Forwarded-For")+", 127.0.0.1")
		}, "ok", "is believed"},
		"passes on what it was told":  {trusting, func(in, out *http.Request) { out.Header["X-Forwarded-For"] = in.Header["X-Forwarded-For"] }, "failed", "can claim"},
		"says it was asked otherwise": {trusting, func(in, out *http.Request) { full(in, out); out.Header.Set("X-Forwarded-Proto", "https") }, "warning", "X-Forwarded-Proto"},
		"is not there":                {p, nil, "skipped", "none before"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := strings.Replace(c.p.url, "127.0.0.1", "localhost", 1) // without a proxy
			if c.change != nil {
				address = through(c.p, c.change)
			}
			e := examine(t, slices.Concat(c.p.env, []string{"OORE_PUBLIC_URL=" + address, "no_proxy=*"}))
			e.must("proxy", c.state, c.says)
		})
	}
	secure := knocked{ours: true, way: way{Peer: "10.0.0.2", Believed: true, ForwardedFor: claimed + ", 198.51.100.7", ForwardedProto: "http"}}
	if got := checkWay("https://ci.example.com", secure); got.State != core.CheckWarning || !strings.Contains(got.Value, "X-Forwarded-Proto") {
		t.Errorf("HTTPS that is not told of: %+v", got)
	}
	secure.way.ForwardedFor = claimed
	secure.way.Believed = false
	if got := checkWay("https://ci.example.com", secure); got.State != core.CheckWarning || !strings.Contains(got.Value, "does not say") {
		t.Errorf("HTTPS that somebody ends who says nothing: %+v", got)
	}
}

// A proxy that ends what is silent for two seconds would end the live pages.
func TestDoctorFindsAProxyThatEndsSilentStreams(t *testing.T) {
	p := newProgram(t, "", nil, "OORE_RUNNERS=0").start()
	target, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	impatient := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		forward := httputil.NewSingleHostReverseProxy(target)
		forward.FlushInterval = -1
		forward.ModifyResponse = func(resp *http.Response) error {
			resp.Body = &endsSilence{resp.Body}
			return nil
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(impatient.Close)
	e := examine(t, slices.Concat(p.env, []string{"OORE_PUBLIC_URL=" + impatient.URL, "no_proxy=*"}))
	e.must("public address", "failed", "ended a stream that was silent")
}

// endsSilence ends a body two seconds after its first event.
type endsSilence struct{ io.ReadCloser }

func (e *endsSilence) Read(p []byte) (int, error) {
	n, err := e.ReadCloser.Read(p)
	if strings.Contains(string(p[:n]), "data:") {
		e.ReadCloser = ended{e.ReadCloser}
	}
	return n, err
}

type ended struct{ io.Closer }

func (ended) Read([]byte) (int, error) {
	time.Sleep(2 * time.Second)
	return 0, io.EOF
}
