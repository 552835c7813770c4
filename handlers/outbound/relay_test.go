package outbound

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"testing"
	"time"
)

// A relay is opened for each question to a repository: what it kept open outlived it by a
// minute and a half.
func TestARelayLeavesNoConnectionBehind(t *testing.T) {
	closed := make(chan struct{}, 1)
	there := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	there.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateClosed {
			closed <- struct{}{}
		}
	}
	there.Start()
	t.Cleanup(there.Close)
	relay, err := NewRelay(Options{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	if err != nil {
		t.Fatal(err)
	}
	own, err := url.Parse(relay.URL())
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(own)}}
	resp, err := client.Get(there.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	relay.Close()
	select {
	case <-closed:
	case <-time.After(60 * time.Second): // net/http itself waits for 90
		t.Error("a connection outlives the relay")
	}
}
