package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/github/githubtest"
)

// proxy stands before a server; hold makes it wait for the whole of an answer.
func proxy(t *testing.T, to string, hold, secure bool) string {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(target)
	forward.FlushInterval = -1
	handler := http.Handler(forward)
	if hold {
		handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			whole := httptest.NewRecorder()
			forward.ServeHTTP(whole, r)
			w.WriteHeader(whole.Code)
			_, _ = w.Write(whole.Body.Bytes())
		})
	}
	server := httptest.NewUnstartedServer(handler)
	if secure {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server.URL
}

func TestDoctorLooksThroughTheProxy(t *testing.T) {
	p, other := newProgram(t, "", nil, "OORE_RUNNERS=0").start(), newProgram(t, "", nil, "OORE_RUNNERS=0").start()
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	t.Cleanup(broken.Close)
	elsewhere := httptest.NewServer(http.RedirectHandler("https://ci.example.com/", http.StatusMovedPermanently))
	t.Cleanup(elsewhere.Close)
	target, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(target)
	forward.FlushInterval = -1
	small := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > 1<<20 { // as nginx does by itself
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(small.Close)
	for name, c := range map[string]struct{ address, state, says string }{
		"that takes small bodies": {small.URL, "failed", "a proxy refuses bodies of 25 MiB"},
		"as it should be":         {proxy(t, p.url, false, false), "ok", "streams arrive at once"},
		"that holds answers back": {proxy(t, p.url, true, false), "failed", "proxy_buffering off"},
		"without trust":           {proxy(t, p.url, false, true), "failed", "certificate"},
		"to another server":       {proxy(t, other.url, false, false), "failed", "another server"},
		"to nowhere":              {broken.URL, "failed", "answers 502"},
		"that redirects":          {elsewhere.URL, "warning", "https://ci.example.com/"},
		"that is not there":       {"http://127.0.0.1:9", "warning", "refused"},
		"without a name":          {"http://oore.invalid", "warning", "no host oore.invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := examine(t, slices.Concat(p.env, []string{"OORE_PUBLIC_URL=" + c.address, "no_proxy=*"}))
			e.must("public address", c.state, c.says)
		})
	}
}

// Whatever is asked may hang, break off, talk nonsense or repeat what it was sent: the
// doctor is done in time and tells no secret.
func TestDoctorIsDoneInTimeAndTellsNoSecret(t *testing.T) {
	for name, behave := range map[string]func(net.Conn){
		"hangs":     func(net.Conn) { select {} },
		"breaks":    func(c net.Conn) { _ = c.Close() },
		"nonsense":  func(c net.Conn) { _, _ = c.Write(bytes.Repeat([]byte("\x00\xff\x1b[31m"), 100)); _ = c.Close() },
		"repeats":   repeat,
		"never end": func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n"); flood(c) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := strange(t, behave)
			web := "http://" + address + "/"
			secrets := []string{"hush-admin-token-of-thirty-two-and-more", "hush-webhook", "hush-gitlab-token", "hush-gitlab-hook", "hush-signing", "xoxb-hush-slack", "hush-mail", "hush-database"}
			env := machineEnv(t, "OORE_ADMIN_TOKEN="+secrets[0],
				"OORE_GITHUB_APP_ID=1", "OORE_GITHUB_APP_PRIVATE_KEY="+string(githubtest.New(t).PrivateKeyPEM), "OORE_GITHUB_APP_WEBHOOK_SECRET="+secrets[1],
				"OORE_GITHUB_API_URL="+web, "OORE_GITHUB_WEB_URL="+web, "OORE_GITLAB_URL="+web, "OORE_GITLAB_TOKEN="+secrets[2], "OORE_GITLAB_WEBHOOK_SECRET="+secrets[3],
				"OORE_SLACK_API_URL="+web, "OORE_SLACK_SIGNING_SECRET="+secrets[4], "OORE_SLACK_BOT_TOKEN="+secrets[5],
				"OORE_SMTP_URL=smtp://me:"+secrets[6]+"@"+address, "OORE_SMTP_FROM=ci@example.com", "OORE_PUBLIC_URL=http://"+address,
				"OORE_DATABASE_URL=postgres://oore:"+secrets[7]+"@"+address+"/oore", "no_proxy=*")
			start := time.Now()
			e := examine(t, env)
			if took := time.Since(start); took > patience {
				t.Errorf("it took %s", took)
			}
			e.must("database", "failed", "")
			e.must("Slack", "failed", "")
			e.must("mail", "failed", "")
			e.must(address, "failed", "")
			if e.code != exitFailed {
				t.Errorf("exit %d", e.code)
			}
			if strings.Contains(e.text, "hush") || strings.Contains(e.text, "PRIVATE KEY") {
				t.Errorf("a secret is told:\n%s", e.text)
			}
		})
	}
}

// repeat answers an HTTP request with all that it was sent.
func repeat(c net.Conn) {
	buffer := make([]byte, 64<<10)
	_ = c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	n, _ := c.Read(buffer)
	said := strings.Join(strings.Fields(string(buffer[:n])), " ")
	body := fmt.Sprintf(`{"ok":false,"error":%q,"message":%q,"needed":%q}`, said, said, said)
	_, _ = fmt.Fprintf(c, "HTTP/1.1 400 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nDate: %s\r\n\r\n%s", "Bad", len(body), said, body)
	_ = c.Close()
}

func flood(c net.Conn) {
	for {
		if _, err := c.Write(bytes.Repeat([]byte("data: x\n"), 1000)); err != nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// strange listens and behaves to whoever comes.
func strange(t *testing.T, behave func(net.Conn)) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go behave(conn)
		}
	}()
	return ln.Addr().String()
}

func TestClocksAreCompared(t *testing.T) {
	for name, c := range map[string]struct {
		ahead time.Duration
		date  string
		state core.CheckState
		says  string
	}{
		"the same":      {0, "", core.CheckOK, "as that of"},
		"a little":      {5 * time.Second, "", core.CheckOK, ""},
		"behind":        {20 * time.Second, "", core.CheckWarning, "behind"},
		"ahead":         {-20 * time.Second, "", core.CheckWarning, "ahead"},
		"far behind":    {2 * time.Minute, "", core.CheckFailed, "2m0s behind"},
		"a day ahead":   {-24 * time.Hour, "", core.CheckFailed, "24h0m0s ahead"},
		"tells no time": {0, "yesterday", core.CheckSkipped, "tells its time"},
	} {
		host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if w.Header().Set("Date", time.Now().Add(c.ahead).UTC().Format(http.TimeFormat)); c.date != "" {
				w.Header().Set("Date", c.date)
			}
			w.WriteHeader(http.StatusNotFound)
		}))
		got := compareClocks(context.Background(), nil, []string{"http://127.0.0.1:9/", host.URL})
		host.Close()
		if got.State != c.state || !strings.Contains(got.Value, c.says) && c.ahead%time.Minute != 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := compareClocks(t.Context(), nil, nil); got.State != core.CheckSkipped {
		t.Errorf("without anybody: %+v", got)
	}
}

func TestAFolderOfAnotherIsNotClosedToUs(t *testing.T) {
	for _, c := range []struct {
		owner, self int
		fix         string
	}{{10001, 10001, "chmod 700 /data"}, {10001, 0, "chmod 700 /data"}, {0, 10001, "set OORE_DATA_DIR"}} {
		if got := closing("/data", c.owner, c.self); !strings.Contains(got, c.fix) {
			t.Errorf("of %d, for %d: %s", c.owner, c.self, got)
		}
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // as it should not be
		t.Fatal(err)
	}
	if got := checkFolder(dir); got.State != core.CheckWarning || got.Fix != "chmod 700 "+dir {
		t.Errorf("%+v", got)
	}
}

func TestWhatIsLeftOfADisk(t *testing.T) {
	const gib = 1 << 30
	for _, c := range []struct {
		free, total int64
		state       core.CheckState
	}{{100 * gib, 200 * gib, core.CheckOK}, {4 * gib, 20 * gib, core.CheckWarning}, {12 * gib, 500 * gib, core.CheckWarning}, {gib - 1, 20 * gib, core.CheckFailed}, {5 * gib, 500 * gib, core.CheckWarning}, {4*gib - 1, 500 * gib, core.CheckFailed}, {0, 0, core.CheckFailed}} {
		if got := checkServerDisk(c.free, c.total); got.State != c.state {
			t.Errorf("%d of %d: %+v", c.free, c.total, got)
		}
	}
	for free, fix := range map[int64]string{core.DiskReserve - 1: "webhooks", core.DiskReserve: "no build", 1 << 30: "all gone"} {
		if got := checkServerDisk(free, 20*gib); !strings.Contains(got.Fix, fix) {
			t.Errorf("%d bytes free: %+v, want a word of %q", free, got, fix)
		}
	}
	if got := checkReserve(core.DiskReserve, 20*gib); got.State != core.CheckWarning {
		t.Errorf("where nothing is built the reserve is enough: %+v", got)
	}
}

func TestAPublicAddressMayBePlainOrNearItsEnd(t *testing.T) {
	good := knocked{status: 200, ours: true, gap: 3 * time.Second, proto: "HTTP/2.0"}
	soon := good
	soon.expires = time.Now().Add(24 * time.Hour)
	for address, c := range map[string]struct {
		knocked
		state core.CheckState
		says  string
	}{
		"https://ci.example.com":     {good, core.CheckOK, "HTTP/2.0"},
		"http://ci.example.com":      {good, core.CheckWarning, "plain HTTP"},
		"http://localhost:8080":      {good, core.CheckOK, ""},
		"https://ending.example.com": {soon, core.CheckWarning, "ends on"},
		"https://x":                  {knocked{err: &tls.CertificateVerificationError{Err: fmt.Errorf("expired")}}, core.CheckFailed, "expired"},
	} {
		if got := checkPublic(address, "http://127.0.0.1:8787", c.knocked); got.State != c.state || !strings.Contains(got.Value, c.says) {
			t.Errorf("%s: %+v", address, got)
		}
	}
}
