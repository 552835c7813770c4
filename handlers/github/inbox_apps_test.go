package github_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/github"
	"github.com/oore-ci/oore/handlers/github/githubtest"
)

// target is the header by which a delivery says which App's it is.
const target = "X-GitHub-Hook-Installation-Target-ID"

func TestInboxWithoutAnApp(t *testing.T) {
	s := &shelf{}
	server := httptest.NewServer(github.New(github.Options{}).Inbox(s))
	defer server.Close()
	for _, signature := range []string{"", githubtest.Sign("", []byte(`{}`)), githubtest.Sign(secret, []byte(`{}`))} {
		status, answer := post(t, http.DefaultClient, server.URL, `{}`, map[string]string{"X-Hub-Signature-256": signature})
		if text, _ := answer["error"].(string); status != 404 || answer["code"] != "not_configured" || text == "" || len(answer) != 2 {
			t.Errorf("%d %v", status, answer)
		}
	}
	if len(s.all()) != 0 {
		t.Error("stored")
	}
}

func TestInboxTellsAppsApart(t *testing.T) {
	a, b, room := twoHosts(t) // their Apps have the same id
	second := b.AddApp(t, "second")
	all := []core.Connection{a.made(a.App, "a"), b.made(b.App, "b"), b.made(second, "second")}
	if err := room.Connect(all); err != nil {
		t.Fatal(err)
	}
	s := &shelf{}
	server := httptest.NewServer(room.Inbox(s))
	defer server.Close()
	both, other := fmt.Sprint(a.AppID), fmt.Sprint(second.AppID)
	tests := []struct {
		name, secret, target string
		want                 string // integration; empty: refused
	}{
		{"the first of two that share an id", a.WebhookSecret, both, "a"},
		{"the second of two that share an id", b.WebhookSecret, both, "b"},
		{"an id of its own", second.WebhookSecret, other, "second"},
		{"the secret of another App", b.WebhookSecret, other, ""},
		{"the secret of another App, which shares its id", second.WebhookSecret, both, ""},
		{"a stranger's secret", "x", other, ""},
		{"no id", second.WebhookSecret, "", "second"},
		{"no id, and a stranger's secret", "x", "", ""},
		{"an unknown id", b.WebhookSecret, "99", "b"},
		{"an id that is none", b.WebhookSecret, "Iv1.x", "b"},
		{"the empty secret", "", other, ""},
		{"the empty secret without id", "", "", ""},
	}
	for _, tt := range tests {
		before := len(s.all())
		body := `{"a":1}`
		status, answer := post(t, http.DefaultClient, server.URL, body, map[string]string{target: tt.target, "X-Hub-Signature-256": githubtest.Sign(tt.secret, []byte(body))})
		stored := s.all()[before:]
		switch {
		case tt.want == "" && (status != 401 || answer["code"] != "invalid_signature" || len(stored) != 0):
			t.Errorf("%s: %d %v, stored %v", tt.name, status, answer, stored)
		case tt.want != "" && (status != 200 || len(stored) != 1 || stored[0].IntegrationID != tt.want || string(stored[0].Payload) != body):
			t.Errorf("%s: %d %v, stored %v", tt.name, status, answer, stored)
		}
	}
}

func TestInboxReadsAFormOfOneOfManyApps(t *testing.T) {
	a, b, room := twoHosts(t)
	s := &shelf{}
	server := httptest.NewServer(room.Inbox(s))
	defer server.Close()
	for i, w := range []*world{b, a} {
		resp, err := w.Deliver(server.URL, "push", []byte(`{"a":"ü & b"}`), githubtest.Delivery{Form: true})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		stored := s.all()
		if resp.StatusCode != 200 || len(stored) != i+1 || stored[i].IntegrationID != []string{"b", "a"}[i] || string(stored[i].Payload) != `{"a":"ü & b"}` {
			t.Errorf("%d, stored %+v", resp.StatusCode, stored)
		}
	}
}

// Deliveries come in while Apps are connected, renamed, reordered and taken away.
func TestConnectWhileDeliveriesComeIn(t *testing.T) {
	a, b, room := twoHosts(t)
	s := &shelf{}
	server := httptest.NewServer(room.Inbox(s))
	defer server.Close()
	stop := make(chan struct{})
	var connecting, sending sync.WaitGroup
	connecting.Go(func() {
		ours, theirs := a.made(a.App, "a"), b.made(b.App, "b")
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			ours.Name = fmt.Sprint("Name ", i)
			all := [][]core.Connection{{ours, theirs}, {theirs, ours}, {ours}}[i%3]
			if err := room.Connect(all); err != nil {
				t.Error(err)
			}
		}
	})
	for range 4 {
		sending.Go(func() {
			for range 50 {
				resp, err := a.Deliver(server.URL, "push", []byte(`{}`), githubtest.Delivery{})
				if err != nil {
					t.Error(err)
					return
				}
				resp.Body.Close()
				if resp.StatusCode != 200 {
					t.Errorf("status %d", resp.StatusCode)
				}
			}
		})
	}
	for i := range 10 {
		if err := room.SetStatus(t.Context(), a.known("a"), say(a.head, fmt.Sprint(i))); err != nil {
			t.Error(err)
		}
	}
	sending.Wait()
	close(stop)
	connecting.Wait()
	for _, d := range s.all() {
		if d.IntegrationID != "a" {
			t.Fatalf("taken for one of %q", d.IntegrationID)
		}
	}
	if n := len(s.all()); n != 200 {
		t.Errorf("%d stored", n)
	}
	if n := a.TokensMinted(); n != 1 {
		t.Errorf("%d tokens: an App that stayed the same began anew", n)
	}
}
