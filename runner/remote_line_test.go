package runner

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// newLine hands connections on to an address. From a cut on those that are there carry
// nothing any more and say nothing of it; new ones work.
func newLine(t *testing.T, to string) (addr string, cut func()) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var (
		cuts atomic.Int64
		mu   sync.Mutex
		ends = []io.Closer{ln}
	)
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		for _, end := range ends {
			_ = end.Close()
		}
	})
	carry := func(from, to net.Conn, born int64) {
		buffer := make([]byte, 32<<10)
		for {
			n, err := from.Read(buffer)
			switch dead := cuts.Load() > born; {
			case err != nil && dead: // the other end must not hear of it
				return
			case err != nil:
				_ = to.Close()
				return
			case !dead:
				_, _ = to.Write(buffer[:n]) // an end that has gone ends the reading too
			}
		}
	}
	go func() {
		for {
			from, err := ln.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				_ = from.Close()
				continue
			}
			mu.Lock()
			ends = append(ends, from, far)
			mu.Unlock()
			born := cuts.Load()
			go carry(from, far, born)
			go carry(far, from, born)
		}
	}()
	return ln.Addr().String(), func() { cuts.Add(1) }
}

// Behind a proxy that speaks HTTP/2, a runner whose line had gone dead without a word (a NAT
// forgot it, the server's machine was replaced) asked on it until TCP gave it up, long after
// its builds were lost.
func TestALineThatWentDeadIsReplacedOverHTTP2Too(t *testing.T) {
	var others atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			others.Add(1)
		}
		_, _ = io.WriteString(w, "{}")
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	addr, cut := newLine(t, strings.TrimPrefix(server.URL, "https://"))
	r, err := NewRemote(RemoteOptions{Server: "https://" + addr, Token: "oorer_token", Version: "1", Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	transport := r.http.Transport.(*http.Transport)
	transport.TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	pings := transport.HTTP2
	if pings == nil || pings.SendPingTimeout <= 0 || pings.SendPingTimeout+pings.PingTimeout > 2*answerTime {
		t.Fatalf("a line that is dead is noticed by %+v", pings)
	}
	const short = 500 * time.Millisecond
	pings.SendPingTimeout, pings.PingTimeout = short, short
	ask := func(limit time.Duration) error {
		return r.call(t.Context(), request{method: http.MethodGet, path: "self", time: limit})
	}
	if err := ask(patience); err != nil || others.Load() > 0 {
		t.Fatalf("before the cut: %v, %d calls were not over HTTP/2", err, others.Load())
	}
	cut()
	calls := 1
	for err = ask(short); err != nil && calls < 20; calls++ { // the line is given up within two; a busy machine needs more
		err = ask(short)
	}
	if err != nil {
		t.Errorf("after %d calls: %v", calls, err)
	}
}
