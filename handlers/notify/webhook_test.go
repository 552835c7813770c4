package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/outbound"
	"github.com/oore-ci/oore/handlers/outbound/outboundtest"
)

const signingSecret = "a signing secret"

// receiver is a server that takes what is sent to it.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []string
	header http.Header // of the last
	answer http.HandlerFunc
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		r.bodies, r.header = append(r.bodies, string(body)), req.Header
		answer := r.answer
		r.mu.Unlock()
		if answer != nil {
			answer(w, req)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// port is where it listens.
func (r *receiver) port() string {
	u, err := url.Parse(r.URL)
	if err != nil {
		return ""
	}
	return u.Port()
}

func (r *receiver) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.bodies)
}

func loopback() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")} }

func finished() core.Notice {
	b := core.Build{ID: "b1", Number: 7, Status: core.BuildFailed, StatusMessage: "it <broke> & ended", Branch: "main", SHA: "cafe"}
	r := core.ReportOf(b, core.Pipeline{ID: "l1", Name: "Android", Slug: "android"}, nil, "https://ci.example.com/builds/b1")
	return core.Notice{
		Event: core.NoticeFinished, DeliveryID: "d1", Project: core.Project{ID: "p1", Name: "Shop", Slug: "shop"},
		SettingsURL: "https://ci.example.com/projects/p1/settings/notifications", Message: core.Message{Text: "Android #7: failed", Report: &r, Link: r.TargetURL},
	}
}

func ping() core.Notice {
	return core.Notice{
		Event: core.NoticePing, DeliveryID: "d2", Project: core.Project{ID: "p1", Name: "Shop", Slug: "shop"},
		Message: core.Message{Text: "Shop: a test message.", Link: "https://ci.example.com/projects/p1"},
	}
}

func newWebhook(o outbound.Options) *Webhook { return newWebhookOf(o, 0) }

func newWebhookOf(o outbound.Options, timeout time.Duration) *Webhook {
	build := func(b core.Build) any { return map[string]any{"id": b.ID, "status": b.Status} }
	return NewWebhook(NewClient(outbound.NewTransport(o), timeout), build, func() time.Time { return time.Unix(1_763_800_000, 0) })
}

func to(address string) core.Notification {
	return core.Notification{ID: "n1", Kind: core.NotifyWebhook, Target: address}
}

func TestAWebhookIsSignedWithItsTime(t *testing.T) {
	r := newReceiver(t)
	w := newWebhook(outbound.Options{Networks: loopback()})
	for _, c := range []struct {
		notice core.Notice
		body   string
	}{
		{finished(), `{"event":"build.finished","build":{"id":"b1","status":"failed"},"project":{"id":"p1","name":"Shop","slug":"shop"},` +
			`"pipeline":{"id":"l1","name":"Android","slug":"android"},"url":"https://ci.example.com/builds/b1"}`},
		{ping(), `{"event":"ping","project":{"id":"p1","name":"Shop","slug":"shop"},"url":"https://ci.example.com/projects/p1"}`},
	} {
		if err := w.Notify(t.Context(), to(r.URL+"/hook?key=1"), signingSecret, c.notice); err != nil {
			t.Fatal(err)
		}
		body := r.bodies[len(r.bodies)-1]
		if body != c.body {
			t.Errorf("body %s\nwant %s", body, c.body)
		}
		mac := hmac.New(sha256.New, []byte(signingSecret))
		fmt.Fprintf(mac, "%s.%s", r.header.Get("X-Oore-Timestamp"), body)
		for name, want := range map[string]string{
			"X-Oore-Signature-256": "sha256=" + hex.EncodeToString(mac.Sum(nil)), "X-Oore-Timestamp": "1763800000", "X-Oore-Event": string(c.notice.Event),
			"X-Oore-Delivery": c.notice.DeliveryID, "Content-Type": "application/json",
		} {
			if got := r.header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
	}
	err := w.Notify(t.Context(), to(r.URL), "", ping())
	if core.KindOf(err) != core.KindInvalid || r.count() != 2 {
		t.Errorf("without a secret: %v", err)
	}
}

func TestMattermostGetsMarkdownAtItsSecretAddress(t *testing.T) {
	r := newReceiver(t)
	m := NewMattermost(NewClient(outbound.NewTransport(outbound.Options{Networks: loopback()}), 0))
	if err := m.Notify(t.Context(), core.Notification{Kind: core.NotifyMattermost, Target: "chat"}, r.URL+"/hooks/s3cr3t", finished()); err != nil {
		t.Fatal(err)
	}
	var sent map[string]string
	if err := json.Unmarshal([]byte(r.bodies[0]), &sent); err != nil || len(sent) != 1 || !strings.HasPrefix(sent["text"], "[Shop · Android #7](https://ci.example.com/builds/b1): ❌") {
		t.Errorf("%v, %v", sent, err)
	}
	r.Close()
	err := m.Notify(t.Context(), core.Notification{}, r.URL+"/hooks/s3cr3t", finished())
	if core.KindOf(err) != core.KindUnavailable || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("the error shows the address: %v", err)
	}
}

func TestAnswersSayWhetherToTryAgain(t *testing.T) {
	r := newReceiver(t)
	w := newWebhook(outbound.Options{Networks: loopback()})
	for _, c := range []struct {
		status int
		header string // Retry-After
		kind   core.Kind
		wait   time.Duration
	}{
		{200, "", -1, 0},
		{204, "", -1, 0},
		{400, "", core.KindInvalid, 0},
		{401, "", core.KindInvalid, 0},
		{403, "", core.KindInvalid, 0},
		{404, "", core.KindGone, 0},
		{410, "", core.KindGone, 0},
		{408, "", core.KindUnavailable, 0},
		{429, "7", core.KindUnavailable, 7 * time.Second},
		{500, "", core.KindUnavailable, 0},
		{503, "99999999999999", core.KindUnavailable, time.Hour},
		{503, "-5", core.KindUnavailable, 0},
		{503, "soon", core.KindUnavailable, 0},
		{503, time.Now().Add(24 * time.Hour).UTC().Format(http.TimeFormat), core.KindUnavailable, time.Hour},
	} {
		r.answer = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", c.header)
			w.WriteHeader(c.status)
			if c.status >= 300 {
				fmt.Fprint(w, "what the server says")
			}
		}
		err := w.Notify(t.Context(), to(r.URL), signingSecret, ping())
		if c.kind < 0 {
			if err != nil {
				t.Errorf("%d: %v", c.status, err)
			}
			continue
		}
		var e *core.Error
		if !errors.As(err, &e) || e.Kind != c.kind || e.RetryAfter != c.wait || !strings.Contains(e.Message, fmt.Sprint("answered ", c.status)) {
			t.Errorf("%d %q: %v", c.status, c.header, err)
		}
		if strings.Contains(err.Error(), "what the server says") {
			t.Errorf("%d: the answer is shown: %v", c.status, err)
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	inside := newReceiver(t)
	outside := newReceiver(t)
	for _, status := range []int{301, 302, 303, 307, 308} {
		outside.answer = func(w http.ResponseWriter, req *http.Request) { http.Redirect(w, req, inside.URL, status) }
		err := newWebhook(outbound.Options{Networks: loopback()}).Notify(t.Context(), to(outside.URL), signingSecret, ping())
		if core.KindOf(err) != core.KindInvalid || !strings.Contains(err.Error(), "redirects are not followed") {
			t.Errorf("%d: %v", status, err)
		}
	}
	if inside.count() != 0 {
		t.Errorf("%d redirects were followed", inside.count())
	}
}

func TestAnAnswerThatNeverEndsIsLeft(t *testing.T) {
	r := newReceiver(t)
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		kind   core.Kind
	}{
		"silence": {func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() }, core.KindUnavailable},
		"a stream": {func(w http.ResponseWriter, _ *http.Request) {
			for err := error(nil); err == nil; { // until we hang up
				_, err = w.Write(make([]byte, 4096))
			}
		}, -1},
		"drops": {func(w http.ResponseWriter, req *http.Request) {
			w.(http.Flusher).Flush()
			<-req.Context().Done()
		}, core.KindUnavailable},
		"a flood of headers": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Long", strings.Repeat("x", 8*maxAnswer))
		}, core.KindUnavailable},
	} {
		r.mu.Lock()
		r.answer = c.answer
		r.mu.Unlock()
		err := newWebhookOf(outbound.Options{Networks: loopback()}, 2*time.Second).Notify(t.Context(), to(r.URL), signingSecret, ping())
		if c.kind < 0 && err != nil || c.kind >= 0 && core.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNoAddressLeadsInside gives names and addresses that lead to a server on this
// machine in every way that the system knows.
func TestNoAddressLeadsInside(t *testing.T) {
	r := newReceiver(t)
	names, resolver := outboundtest.New(t)
	for name, address := range map[string]string{
		"loopback": "127.0.0.1", "private": "10.0.0.1", "metadata": "169.254.169.254", "mapped": "::ffff:127.0.0.1", "six": "::1", "unspecified": "0.0.0.0", "shared": "100.64.0.1",
	} {
		names.Set(name+".example", address)
	}
	w := newWebhook(outbound.Options{Resolver: resolver, Setting: "OORE_NOTIFY_NETWORKS"})
	for _, host := range []string{
		"127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "0", "[::]", "169.254.169.254", "10.0.0.1",
		"loopback.example", "private.example", "metadata.example", "mapped.example", "six.example", "unspecified.example", "shared.example", "LOOPBACK.example.",
	} {
		err := w.Notify(t.Context(), to("http://"+host+":"+r.port()+"/"), signingSecret, ping())
		if kind := core.KindOf(err); kind != core.KindInvalid && kind != core.KindUnavailable {
			t.Errorf("%s: %v", host, err)
		}
		if host != "localhost" && !strings.Contains(err.Error(), "OORE_NOTIFY_NETWORKS") && !strings.Contains(err.Error(), "never asks") {
			t.Errorf("%s: the error does not say what to do: %v", host, err)
		}
	}
	if r.count() != 0 {
		t.Fatalf("%d requests came through", r.count())
	}
	if names.Asked() == 0 {
		t.Error("nobody asked our name server")
	}
}

// TestANameThatMovesIsLookedAtEachTime lets a name lead first to an allowed address,
// then to another machine's.
func TestANameThatMovesIsLookedAtEachTime(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	hit := make(chan struct{}, 10)
	inside := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hit <- struct{}{} }), ReadHeaderTimeout: time.Second}
	served := make(chan error, 1)
	go func() { served <- inside.Serve(listener) }()
	t.Cleanup(func() { inside.Close(); <-served })
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	names, resolver := outboundtest.New(t)
	names.Set("moves.example", "127.0.0.2")
	guarded := outbound.NewTransport(outbound.Options{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}, Resolver: resolver})
	guarded.DisableKeepAlives = true
	w := NewWebhook(NewClient(guarded, 0), func(core.Build) any { return nil }, time.Now)
	address := to("http://moves.example:" + port + "/")
	if err := w.Notify(t.Context(), address, signingSecret, ping()); err != nil || len(hit) != 1 {
		t.Fatalf("an allowed address: %v, %d requests", err, len(hit))
	}
	names.Set("moves.example", "127.0.0.1")
	if err := w.Notify(t.Context(), address, signingSecret, ping()); core.KindOf(err) != core.KindInvalid {
		t.Errorf("after it moved: %v", err)
	}
	names.Set("moves.example")
	if err := w.Notify(t.Context(), address, signingSecret, ping()); core.KindOf(err) != core.KindUnavailable || !strings.Contains(err.Error(), "cannot be resolved") {
		t.Errorf("a name without address: %v", err)
	}
	if len(hit) != 1 {
		t.Errorf("%d requests", len(hit))
	}
}
