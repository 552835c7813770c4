package github_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/github"
	"github.com/oore-ci/oore/handlers/github/githubtest"
)

// shelf is a Receiver that keeps what it gets, as the store does: one per identity.
type shelf struct {
	mu     sync.Mutex
	stored []app.ReceiveDelivery
	ids    map[string]string
	down   error
	ctx    context.Context
	marked bool // ctx descends from the request's
}

// mark is what the fiber server of the tests puts into the context of each request.
const mark = "mark"

func (s *shelf) ReceiveDelivery(ctx context.Context, in app.ReceiveDelivery) (string, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ctx, s.marked = ctx, ctx.Value(mark) != nil
	if s.down != nil {
		return "", false, s.down
	}
	if id, known := s.ids[in.DeliveryID]; known {
		return id, true, nil
	}
	if s.ids == nil {
		s.ids = map[string]string{}
	}
	id := fmt.Sprintf("ours-%d", len(s.ids)+1)
	s.ids[in.DeliveryID], s.stored = id, append(s.stored, in)
	return id, false, nil
}

func (s *shelf) all() []app.ReceiveDelivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]app.ReceiveDelivery(nil), s.stored...)
}

const secret = "It's a Secret to Everybody"

// newInbox is the door of a room with one App.
func newInbox(t *testing.T, s *shelf) http.Handler {
	t.Helper()
	room := github.New(github.Options{})
	err := room.Connect([]core.Connection{{
		Integration: core.Integration{ID: integrationID, ExternalID: "4711", APIURL: "https://api.github.com/", WebURL: "https://github.com/"},
		Secrets:     core.Secrets{PrivateKey: string(otherKey(t)), WebhookSecret: secret},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return room.Inbox(s)
}

// doors are the ways to the inbox: net/http and fiber's adaptor.
func doors(t *testing.T, s *shelf) map[string]string {
	t.Helper()
	inbox := newInbox(t, s)
	plain := httptest.NewServer(inbox)
	t.Cleanup(plain.Close)

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := fiber.New(fiber.Config{DisableStartupMessage: true, BodyLimit: 26 << 20})
	server.Use(func(c *fiber.Ctx) error {
		c.Locals(mark, true)
		return c.Next()
	})
	server.Post("/v1/webhooks/github", adaptor.HTTPHandler(inbox))
	done := make(chan error, 1)
	go func() { done <- server.Listener(ln) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections() // the server waits for them
		if err := server.Shutdown(); err != nil {
			t.Error(err)
		}
		<-done
	})
	return map[string]string{"net/http": plain.URL, "fiber": "http://" + ln.Addr().String() + "/v1/webhooks/github"}
}

// post sends a delivery with every header right, but for those given: "" takes away.
func post(t *testing.T, client *http.Client, url, body string, header map[string]string) (int, map[string]any) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{
		"Content-Type": "application/json", "X-GitHub-Event": "push", "X-GitHub-Delivery": githubtest.NewDeliveryID(),
		"X-Hub-Signature-256": githubtest.Sign(secret, []byte(body)),
	}
	for name, value := range header {
		all[name] = value
	}
	for name, value := range all {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type %q", got)
	}
	var answer map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatalf("the answer is no JSON: %v", err)
	}
	return resp.StatusCode, answer
}

func TestInboxRefuses(t *testing.T) {
	const body = `{"zen":"Design for failure."}`
	good := githubtest.Sign(secret, []byte(body))
	tests := []struct {
		name   string
		body   string
		header map[string]string
		status int
		code   string
	}{
		{"no signature", body, map[string]string{"X-Hub-Signature-256": ""}, 401, "missing_signature"},
		{"SHA-1 alone", body, map[string]string{"X-Hub-Signature-256": "", "X-Hub-Signature": sha1Signature(body)}, 401, "missing_signature"},
		{"SHA-1 under the other header", body, map[string]string{"X-Hub-Signature-256": sha1Signature(body)}, 401, "invalid_signature"},
		{"another secret", body, map[string]string{"X-Hub-Signature-256": githubtest.Sign("other", []byte(body))}, 401, "invalid_signature"},
		{"another body", body + " ", map[string]string{"X-Hub-Signature-256": good}, 401, "invalid_signature"},
		{"no hex", body, map[string]string{"X-Hub-Signature-256": "sha256=zz"}, 401, "invalid_signature"},
		{"cut", body, map[string]string{"X-Hub-Signature-256": good[:40]}, 401, "invalid_signature"},
		{"no prefix", body, map[string]string{"X-Hub-Signature-256": good[7:]}, 401, "invalid_signature"},
		{"forged and without event", body, map[string]string{"X-Hub-Signature-256": "sha256=00", "X-GitHub-Event": ""}, 401, "invalid_signature"},
		{"forged and without type", body, map[string]string{"X-Hub-Signature-256": "sha256=00", "Content-Type": ""}, 401, "invalid_signature"},
		{"forged broken form", "payload=%zz", map[string]string{"X-Hub-Signature-256": "sha256=00", "Content-Type": "application/x-www-form-urlencoded"}, 401, "invalid_signature"},
		{"forged and without id", body, map[string]string{"X-Hub-Signature-256": "sha256=00", "X-GitHub-Delivery": ""}, 401, "invalid_signature"},
		{"no delivery id", body, map[string]string{"X-GitHub-Delivery": ""}, 400, "missing_delivery_id"},
		{"no event", body, map[string]string{"X-GitHub-Event": ""}, 400, "invalid_input"},
		{"no JSON", `{"zen":`, nil, 400, "invalid_input"},
		{"too deep", strings.Repeat("[", 100_000), nil, 400, "invalid_input"},
		{"empty", "", nil, 400, "invalid_input"},
		{"form without payload", "other=1", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, 400, "invalid_input"},
	}
	s := &shelf{}
	for door, url := range doors(t, s) {
		for _, tt := range tests {
			t.Run(door+"/"+tt.name, func(t *testing.T) {
				status, answer := post(t, http.DefaultClient, url, tt.body, tt.header)
				if status != tt.status || answer["code"] != tt.code {
					t.Errorf("got %d %v, want %d %s", status, answer, tt.status, tt.code)
				}
				if text, _ := answer["error"].(string); text == "" || len(answer) != 2 {
					t.Errorf("not the envelope: %v", answer)
				}
			})
		}
	}
	if got := s.all(); len(got) != 0 {
		t.Errorf("refused deliveries were stored: %v", got)
	}
}

func TestInboxTakesOnlyOneSignature(t *testing.T) {
	s := &shelf{}
	for _, first := range []bool{true, false} {
		body := `{}`
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("X-GitHub-Event", "push")
		r.Header.Set("X-GitHub-Delivery", "1")
		signatures := []string{"sha256=00", githubtest.Sign(secret, []byte(body))}
		if first {
			signatures[0], signatures[1] = signatures[1], signatures[0]
		}
		r.Header["X-Hub-Signature-256"] = signatures
		w := httptest.NewRecorder()
		newInbox(t, s).ServeHTTP(w, r)
		if w.Code != http.StatusUnauthorized {
			t.Errorf("two signatures, the right one first: %v: %d", first, w.Code)
		}
	}
	if len(s.all()) != 0 {
		t.Error("stored")
	}
}

// The example of GitHub's documentation.
func TestDocumentedSignature(t *testing.T) {
	want := "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
	if got := githubtest.Sign(secret, []byte("Hello, World!")); got != want {
		t.Errorf("got %s", got)
	}
}

func TestInboxStoresEveryEvent(t *testing.T) {
	for _, event := range []string{"push", "ping", "pull_request", "check_run", "event_of_the_year_2040"} {
		s := &shelf{}
		for door, url := range doors(t, s) {
			id := githubtest.NewDeliveryID()
			status, answer := post(t, http.DefaultClient, url, `{"a":1}`, map[string]string{"X-GitHub-Event": event, "X-GitHub-Delivery": id})
			ours := s.ids[id]
			if status != 200 || answer["ok"] != true || answer["delivery_id"] != ours || answer["duplicate"] != nil || ours == "" {
				t.Errorf("%s %s: %d %v", door, event, status, answer)
			}
			stored := s.all()
			got := stored[len(stored)-1]
			if got.Provider != core.ProviderGitHub || got.IntegrationID != integrationID || got.Event != event || got.DeliveryID != id || string(got.Payload) != `{"a":1}` {
				t.Errorf("%s %s: stored %+v", door, event, got)
			}
		}
	}
}

func TestInboxStoresTheJSONOfAForm(t *testing.T) {
	gh := githubtest.New(t)
	gh.WebhookSecret = secret
	s := &shelf{}
	payload := []byte(`{"message":"a & b = c + ü %"}`)
	for door, url := range doors(t, s) {
		resp, err := gh.Deliver(url, "push", payload, githubtest.Delivery{Form: true})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		stored := s.all()
		if resp.StatusCode != 200 || len(stored) == 0 || !bytes.Equal(stored[len(stored)-1].Payload, payload) {
			t.Errorf("%s: %d, stored %q", door, resp.StatusCode, stored)
		}
	}
}

func TestInboxAnswersARepeat(t *testing.T) {
	s := &shelf{}
	for door, url := range doors(t, s) {
		before := len(s.all())
		id := githubtest.NewDeliveryID()
		var wg sync.WaitGroup
		duplicates := make(chan bool, 20)
		for range 20 {
			wg.Go(func() {
				status, answer := post(t, http.DefaultClient, url, `{}`, map[string]string{"X-GitHub-Delivery": id})
				if status != 200 || answer["ok"] != true || answer["delivery_id"] == "" {
					t.Errorf("%s: %d %v", door, status, answer)
				}
				duplicates <- answer["duplicate"] == true
			})
		}
		wg.Wait()
		close(duplicates)
		n := 0
		for d := range duplicates {
			if d {
				n++
			}
		}
		if n != 19 || len(s.all()) != before+1 {
			t.Errorf("%s: %d of 20 were duplicates, %d stored", door, n, len(s.all())-before)
		}
	}
}

func TestInboxSaysWhenTheStoreIsDown(t *testing.T) {
	for _, down := range []error{
		core.Errorf(core.KindUnavailable, "the database at secret.example is down"), errors.New("disk full at secret.example"),
		core.Errorf(core.KindInvalid, "secret.example"),
	} {
		s := &shelf{down: down}
		for door, url := range doors(t, s) {
			status, answer := post(t, http.DefaultClient, url, `{}`, nil)
			if status != 503 || answer["code"] != "unavailable" || strings.Contains(fmt.Sprint(answer), "secret.example") {
				t.Errorf("%s, %v: %d %v", door, down, status, answer)
			}
		}
	}
}

func TestInboxTakesLargeBodies(t *testing.T) {
	s := &shelf{}
	body := `{"x":"` + strings.Repeat("a", 20<<20) + `"}`
	for door, url := range doors(t, s) {
		if status, answer := post(t, http.DefaultClient, url, body, nil); status != 200 {
			t.Errorf("%s: %d %v", door, status, answer)
		}
	}
}

func TestInboxSurvivesABrokenBody(t *testing.T) {
	s := &shelf{}
	r := httptest.NewRequest(http.MethodPost, "/", io.MultiReader(strings.NewReader(`{`), brokenReader{}))
	r.Header.Set("X-GitHub-Event", "push")
	r.Header.Set("X-GitHub-Delivery", "1")
	r.Header.Set("X-Hub-Signature-256", githubtest.Sign(secret, []byte("{")))
	w := httptest.NewRecorder()
	newInbox(t, s).ServeHTTP(w, r)
	if w.Code == 200 || len(s.all()) != 0 {
		t.Errorf("%d, stored %v", w.Code, s.all())
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
