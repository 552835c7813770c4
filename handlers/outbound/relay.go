package outbound

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// StatusRefused is what a Relay answers to a request for an address that may not be
// reached. No host answers so.
const StatusRefused = 470

// Relay is an HTTP proxy on loopback for a program of somebody else's, such as git, that
// looks up names and follows redirects by itself: each address is looked at when the relay
// dials it, as for our own requests. It serves whoever knows its URL, until Close.
type Relay struct {
	url      string
	password string
	guard    guard
	direct   *http.Transport
	forward  *httputil.ReverseProxy
	server   *http.Server
}

// NewRelay opens one. Options.Proxy is not used: it dials by itself.
func NewRelay(o Options) (*Relay, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open a relay: %w", err)
	}
	if o.Timeout == 0 {
		o.Timeout = dialTimeout
	}
	o.Proxy = nil
	transport := NewTransport(o)
	transport.DisableCompression = true
	r := &Relay{password: rand.Text(), guard: newGuard(o), direct: transport}
	r.url = (&url.URL{Scheme: "http", User: url.UserPassword("oore", r.password), Host: ln.Addr().String()}).String()
	quiet := log.New(io.Discard, "", 0)
	r.forward = &httputil.ReverseProxy{
		Rewrite: func(*httputil.ProxyRequest) {}, Transport: transport, FlushInterval: -1, ErrorLog: quiet,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) { refuse(w, err) },
	}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: o.Timeout, MaxHeaderBytes: maxHeader, ErrorLog: quiet}
	go func() { _ = r.server.Serve(ln) }() // until Close
	return r, nil
}

// URL is where it is, with the password that it wants.
func (r *Relay) URL() string { return r.url }

// Close ends it. Tunnels end with the program that opened them.
func (r *Relay) Close() {
	_ = r.server.Close()
	r.direct.CloseIdleConnections()
}

// ServeHTTP implements http.Handler.
func (r *Relay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte("oore:"+r.password))
	if subtle.ConstantTimeCompare([]byte(req.Header.Get("Proxy-Authorization")), []byte(want)) != 1 {
		w.Header().Set("Proxy-Authenticate", `Basic realm="oore"`)
		http.Error(w, "This proxy is somebody else's", http.StatusProxyAuthRequired)
		return
	}
	switch {
	case req.Method == http.MethodConnect:
		r.tunnel(w, req)
	case req.URL.Scheme == "http" && req.URL.Host != "":
		r.forward.ServeHTTP(w, req)
	default:
		http.Error(w, "This is a proxy", http.StatusBadRequest)
	}
}

func (r *Relay) tunnel(w http.ResponseWriter, req *http.Request) {
	there, err := r.guard.dial(req.Context(), "tcp", req.Host)
	if err != nil {
		refuse(w, err)
		return
	}
	defer there.Close()
	here, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		refuse(w, err)
		return
	}
	defer here.Close()
	if err := here.SetDeadline(time.Time{}); err != nil {
		return
	}
	if _, err := io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	sent := make(chan struct{})
	go func() { // until either side ends
		defer close(sent)
		_, _ = io.Copy(there, buffered)
		_ = there.Close()
	}()
	_, _ = io.Copy(here, there)
	_ = here.Close()
	<-sent
}

func refuse(w http.ResponseWriter, err error) {
	status := http.StatusBadGateway
	if core.KindOf(err) == core.KindInvalid {
		status = StatusRefused
	}
	if errors.Is(err, context.DeadlineExceeded) {
		status = http.StatusGatewayTimeout
	}
	http.Error(w, http.StatusText(status), status)
}
