package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/oore-ci/oore/handlers/github/githubtest"
)

// proxyProgram is a real proxy's program, which `make deps` gets where it can.
func proxyProgram(t *testing.T, name, versionFlag string) string {
	t.Helper()
	for _, path := range []string{name, "/usr/sbin/" + name, "./.ci/bin/" + name} {
		if exec.Command(path, versionFlag).Run() == nil {
			return path
		}
	}
	t.Skipf("NOT TESTED: THERE IS NO %s HERE, AND make deps COULD NOT GET IT", name)
	return ""
}

// swap puts one text for another that must be there.
func swap(t *testing.T, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("there is no %q in\n%s", pairs[i], text)
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return text
}

// runProxy runs a proxy until the test ends, and waits until it listens.
func runProxy(t *testing.T, addr, path string, args ...string) {
	t.Helper()
	output := newOutputFile(t)
	cmd := exec.Command(path, args...)
	cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait() // it was told to end
		if t.Failed() {
			t.Logf("output of %s:\n%s", path, output)
		}
	})
	eventually(t, path+" listens", func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

// nginx runs one with what stands in the context http.
func nginx(t *testing.T, addr, config string) {
	t.Helper()
	path, dir := proxyProgram(t, "nginx", "-v"), t.TempDir()
	var whole strings.Builder
	whole.WriteString("daemon off; master_process off; pid " + dir + "/pid; error_log stderr;\nevents {}\nhttp {\naccess_log off;\n")
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&whole, "%s_temp_path %s/%s;\n", kind, dir, kind)
	}
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(whole.String()+config+"\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-e", "stderr", "-p", dir, "-c", file}
	if out, err := exec.Command(path, append(args, "-t")...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	runProxy(t, addr, path, args...)
}

// certificate is one of 127.0.0.1, in two files, with a client that trusts it.
func certificate(t *testing.T) (cert, key string, client *http.Client) {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	t.Cleanup(server.Close)
	private, err := x509.MarshalPKCS8PrivateKey(server.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(t.TempDir(), "cert"), filepath.Join(t.TempDir(), "key")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: server.Certificate().Raw}, key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	transport := server.Client().Transport.(*http.Transport).Clone()
	transport.ForceAttemptHTTP2 = true
	return cert, key, &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func deployFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile("docs/deploy/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestNginxAsTheDocumentationHasIt(t *testing.T) {
	t.Parallel()
	cert, key, client := certificate(t)
	plain, secure := lastingAddr(t), lastingAddr(t)
	seen := filepath.Join(t.TempDir(), "seen")
	s := newSite(t, "", workflow(untilSeen(seen)), "OORE_TRUSTED_PROXIES=127.0.0.1", "OORE_PUBLIC_URL=https://"+secure)
	nginx(t, secure, swap(t, deployFile(t, "nginx.conf"),
		"listen 80;", "listen "+plain+";", "listen 443 ssl", "listen "+secure+" ssl", "server 127.0.0.1:8787;", "server "+s.addr+";",
		"/etc/nginx/oore.crt", cert, "/etc/nginx/oore.key", key, "https://ci.example.com$request_uri", "https://"+secure+"$request_uri"))
	resp, err := client.Get("http://" + plain + "/builds?branch=main")
	if err != nil {
		t.Fatal(err)
	}
	if to := resp.Header.Get("Location"); to != "https://"+secure+"/builds?branch=main" {
		t.Errorf("plain HTTP leads to %s", to)
	}
	resp.Body.Close()
	s.mustWorkBehind(client, seen, "https://"+secure, "HTTP/2.0", "SSL_CERT_FILE="+cert)
}

func TestCaddyAsTheDocumentationHasIt(t *testing.T) {
	t.Parallel()
	path, addr := proxyProgram(t, "caddy", "version"), lastingAddr(t)
	seen := filepath.Join(t.TempDir(), "seen")
	s := newSite(t, "", workflow(untilSeen(seen)), "OORE_TRUSTED_PROXIES=127.0.0.1", "OORE_PUBLIC_URL=http://"+addr)
	file := filepath.Join(t.TempDir(), "Caddyfile")
	config := "{\n\tadmin off\n\tauto_https off\n}\n" + swap(t, deployFile(t, "Caddyfile"), "\nci.example.com {", "\nhttp://"+addr+" {", "127.0.0.1:8787", s.addr)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	runProxy(t, addr, path, "run", "--adapter", "caddyfile", "--config", file)
	s.mustWorkBehind(http.DefaultClient, seen, "http://"+addr, "HTTP/1.1")
}

// untilSeen is a command that ends when the file is there.
func untilSeen(file string) string {
	return "echo begun; until [ -e " + file + " ]; do sleep 0.1; done; echo ended"
}

// mustWorkBehind does by a proxy what needs it to be right: a large webhook, a live log,
// a claim of another address, and a look of the doctor. The build waits for the file, which
// is there once its first line has been seen.
func (s *site) mustWorkBehind(client *http.Client, seen, public, proto string, env ...string) {
	t := s.t.(*testing.T)
	s.program.pipeline(s.githubProject("acme/shop", nil).ID, "Android", nil)
	payload := append(s.gh.PushPayload(s.repo, "main", "", s.head), bytes.Repeat([]byte(" "), 20<<20)...)
	resp, err := s.gh.Deliver(public+"/v1/webhooks/github", "push", payload, githubtest.Delivery{Client: client})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Proto != proto {
		t.Errorf("a webhook of 20 MiB: %d by %s", resp.StatusCode, resp.Proto)
	}
	build := s.next(1)
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	came := map[string]bool{}
	for event := range follow(ctx, t, client, public, build.ID) {
		for _, word := range []string{"begun", "ended"} {
			came[word] = came[word] || strings.Contains(event, `"content":"`+word+`"`)
		}
		if came["begun"] {
			if err := writeFile(seen); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !came["begun"] || !came["ended"] {
		t.Errorf("the log is not live: %v", came)
	}
	var token struct{ ID string }
	s.must("POST", "/v1/api-tokens", map[string]any{"name": "one", "role": "viewer"}, &token)
	req, err := http.NewRequest("DELETE", public+"/v1/api-tokens/"+token.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	req.Header.Set("X-Forwarded-For", "203.0.113.9")
	if resp, err = client.Do(req); err != nil || resp.StatusCode != http.StatusNoContent {
		t.Fatalf("%v, %v", resp, err)
	}
	resp.Body.Close()
	if e := s.audit("").Logs[0]; e.Address != "127.0.0.1" {
		t.Errorf("a made-up address came through: %s", e.Address)
	}
	e := examine(t, slices.Concat(s.env, env, []string{"no_proxy=*"}))
	e.must("public address", "ok", "streams arrive at once")
	e.must("proxy", "ok", "is believed")
}

// follow reads a build's log until its end or that of ctx, event by event.
func follow(ctx context.Context, t *testing.T, client *http.Client, public, buildID string) <-chan string {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, public+"/v1/builds/"+buildID+"/logs/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	resp, err := client.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("the stream: %v, %v", resp, err)
	}
	events := make(chan string)
	go func() {
		defer close(events)
		defer resp.Body.Close()
		for scan := bufio.NewScanner(resp.Body); scan.Scan(); {
			if line := scan.Text(); strings.HasPrefix(line, "data:") || strings.HasPrefix(line, "event: done") {
				events <- line
			}
		}
	}()
	return events
}

// TestAStreamOutlivesAProxysPatience follows a build that is silent for longer than nginx
// waits for an answer: the heartbeat carries the stream. nginx is as it comes, with nothing
// set but where to. With OORE_TEST_STREAM=10m (make chaos) it is so for ten minutes, with
// the 60 s that nginx waits by itself.
func TestAStreamOutlivesAProxysPatience(t *testing.T) {
	t.Parallel()
	silence, patient := 32*time.Second, "proxy_read_timeout 25s;"
	if long := os.Getenv("OORE_TEST_STREAM"); long != "" {
		var err error
		if silence, err = time.ParseDuration(long); err != nil {
			t.Fatal(err)
		}
		patient = ""
	}
	s := newSite(t, "", workflow(fmt.Sprintf("echo begun; sleep %d; echo after the silence", int(silence.Seconds()))))
	mute := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // has no heartbeat
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(mute.Close)
	addr := lastingAddr(t)
	nginx(t, addr, patient+"server { listen "+addr+"; location / { proxy_pass "+s.url+"; } location /mute { proxy_pass "+mute.URL+"; } }")
	muted := make(chan time.Duration, 1)
	go func() {
		start := time.Now()
		if resp, err := http.Get("http://" + addr + "/mute"); err == nil {
			_, _ = bufio.NewReader(resp.Body).ReadByte() // until nginx ends it
			resp.Body.Close()
		}
		muted <- time.Since(start)
	}()
	s.program.pipeline(s.githubProject("acme/shop", nil).ID, "Android", nil)
	s.decided(s.deliver("push", s.gh.PushPayload(s.repo, "main", "", s.head)))
	build := s.next(1)
	ctx, cancel := context.WithTimeout(t.Context(), silence+patience)
	defer cancel()
	var all strings.Builder
	for event := range follow(ctx, t, http.DefaultClient, "http://"+addr, build.ID) {
		all.WriteString(event + "\n")
	}
	if !strings.Contains(all.String(), "after the silence") || !strings.Contains(all.String(), "event: done") {
		t.Errorf("the stream ended early:\n%s", &all)
	}
	select {
	case took := <-muted:
		if took > silence {
			t.Errorf("nginx waited %s for what was silent: this test proves nothing", took)
		}
	default:
		t.Error("nginx waits longer than the silence: this test proves nothing")
	}
}
