package handlers

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

// recorder keeps what it is given beyond the request, as a scheduler does.
type recorder struct {
	mu  sync.Mutex
	got []kept
}

type kept struct {
	method, host, uri string
	url               *url.URL
	header            http.Header
	ctx               context.Context
	body              string
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	r.got = append(r.got, kept{req.Method, req.Host, req.RequestURI, req.URL, req.Header, req.Context(), string(body)})
	r.mu.Unlock()
	w.Header().Set("X-Answer", req.Header.Get("X-Github-Delivery"))
	w.WriteHeader(http.StatusAccepted)
	fmt.Fprint(w, `{"ok":true}`)
}

// The adaptor's strings are views of a buffer that the next request of the
// connection overwrites: without copies most of these ids are wrong in the end.
func TestWhatAWebhookKeepsStaysTrue(t *testing.T) {
	const requests, connections = 2000, 4
	r := &recorder{}
	s := serve(t, r)
	var wg sync.WaitGroup
	for c := range connections {
		wg.Go(func() {
			for i := c; i < requests; i += connections {
				id := fmt.Sprintf("%08d-delivery", i)
				got := s.ask("POST", "/v1/webhooks/github?n="+id, "body of "+id,
					"X-GitHub-Delivery: "+id, "X-Request-Id: request-"+id, "X-GitHub-Event: event-"+id, "X-Pad: "+strings.Repeat("x", i%300), "Host: host-"+id)
				if got.status != http.StatusAccepted || got.body != `{"ok":true}` || got.header.Get("X-Answer") != id {
					t.Errorf("%s: %+v", id, got)
				}
			}
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, k := range r.got {
		id := k.header.Get("X-Github-Delivery")
		seen[id] = true
		if k.header.Get("X-Github-Event") != "event-"+id || k.body != "body of "+id || k.host != "host-"+id ||
			k.method != "POST" || k.uri != "/v1/webhooks/github?n="+id || k.url.Query().Get("n") != id || k.url.Path != "/v1/webhooks/github" {
			t.Fatalf("%s became %+v", id, k)
		}
		if want := core.NameRequest(context.Background(), "request-"+id); !reflect.DeepEqual(k.ctx, want) {
			t.Fatalf("the context is %v (%T), which the next request takes over", k.ctx, k.ctx)
		}
	}
	if len(seen) != requests {
		t.Errorf("%d of %d ids arrived", len(seen), requests)
	}
}

func TestProvidersThatNobodySetUp(t *testing.T) {
	s := serve(t, nil)
	for _, path := range []string{"/v1/webhooks/github", "/v1/webhooks/gitlab", "/v1/slack/commands", "/v1/slack/interactions"} {
		s.expect(s.ask("POST", path, "{}", "Content-Type: application/x-www-form-urlencoded"), 404, "not_configured")
	}
}

func TestAWebhookThatPanicsIsAnswered(t *testing.T) {
	s := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") }))
	s.expect(s.ask("POST", "/v1/webhooks/github", "{}"), 500, "internal")
	s.expect(s.ask("POST", "/v1/webhooks/github", "{}"), 500, "internal")
}

func TestAWebhooksBodyComesAsItWasSent(t *testing.T) {
	r := &recorder{}
	s := serve(t, r)
	form := "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--b--\r\n"
	for contentType, body := range map[string]string{"multipart/form-data; boundary=b": form, "application/x-www-form-urlencoded": "payload=%7B%7D&a=+", "application/json": " {}\n"} {
		if s.ask("POST", "/v1/webhooks/github", body, "Content-Type: "+contentType); r.got[len(r.got)-1].body != body {
			t.Errorf("%s: got %q", contentType, r.got[len(r.got)-1].body)
		}
	}
}
