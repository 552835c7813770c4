package handlers

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
)

func TestEveryAnswerHasAnIDThatTheLogHasToo(t *testing.T) {
	s := serve(t, nil)
	first, second := s.ask("GET", "/healthz", "").header.Get("X-Request-Id"), s.ask("GET", "/nothing", "").header.Get("X-Request-Id")
	if len(first) < 20 || len(second) < 20 || first == second {
		t.Errorf("%q and %q", first, second)
	}
	if got := s.ask("GET", "/healthz", "", "X-Request-Id: trace-0123.4_5").header.Get("X-Request-Id"); got != "trace-0123.4_5" {
		t.Errorf("an asker's own id became %q", got)
	}
	for _, forged := range []string{"short", "two words in it", "level=ERROR&msg=forged", strings.Repeat("x", 65), "<script>alert(1)</script>"} {
		if got := s.ask("GET", "/healthz", "", "X-Request-Id: "+forged).header.Get("X-Request-Id"); got == forged || len(got) < 20 {
			t.Errorf("%q became %q", forged, got)
		}
	}
	s.fake.Err = core.Errorf(core.KindUnavailable, "The database is away")
	got := s.ask("GET", "/v1/builds", "", bearer)
	if id := got.header.Get("X-Request-Id"); got.status != http.StatusServiceUnavailable || !strings.Contains(s.log.String(), "request="+id) {
		t.Errorf("%d, and the log does not know %s:\n%s", got.status, id, s.log)
	}
}

func TestBrowsersAreToldToStayWithHTTPSWhereTheAddressHasIt(t *testing.T) {
	s := serve(t, nil)
	for _, path := range []string{"/healthz", "/login", "/v1/builds", "/nothing"} {
		if got := s.ask("GET", path, "").header.Get("Strict-Transport-Security"); got != "max-age=31536000" {
			t.Errorf("%s: %q", path, got)
		}
	}
	if got := transportSecurity("http://127.0.0.1:8787"); got != "" {
		t.Errorf("plain HTTP: %q", got)
	}
}

func TestWhoSendsTooMuchWaitsAndOthersDoNot(t *testing.T) {
	now := time.Now()
	b := newBuckets(10, 3, func() time.Time { return now })
	for range 3 {
		if wait := b.take("one"); wait != 0 {
			t.Fatalf("waits %s", wait)
		}
	}
	if wait := b.take("one"); wait <= 0 || wait > 100*time.Millisecond {
		t.Errorf("the fourth waits %s", wait)
	}
	if wait := b.take("other"); wait != 0 {
		t.Errorf("another waits %s", wait)
	}
	now = now.Add(100 * time.Millisecond)
	if wait := b.take("one"); wait != 0 {
		t.Errorf("later it waits %s", wait)
	}
	for i := range 3 * maxBuckets {
		b.take(fmt.Sprint(i))
	}
	if len(b.each) > maxBuckets {
		t.Errorf("%d buckets are kept", len(b.each))
	}
}

func TestTheAPIAnswers429AndWhenToComeBack(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	server := newServer((&errorHandler{log: log}).handle)
	server.Use(limitRate(newBuckets(0.01, 2, time.Now), newBuckets(0.01, 4, time.Now), (&auth{cookie: "c"}).credential))
	server.Use(func(c *fiber.Ctx) error { return c.SendString("served") })
	ask := func(path, token string) *http.Response {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		resp, err := server.Test(r, -1)
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	for i, want := range []struct {
		path, token string
		status      int
	}{
		{"/v1/builds", "one", 200}, {"/v1/builds", "one", 200}, {"/v1/builds", "one", 429}, // of one token
		{"/v1/builds", "two", 200}, {"/v1/builds", "three", 429}, // of one address
		{"/v1/webhooks/github", "one", 200}, {"/v1/runners/self", "one", 200}, {"/v1/slack/commands", "one", 200},
	} {
		got := ask(want.path, want.token)
		if got.StatusCode != want.status {
			t.Errorf("request %d of %s: %d", i, want.path, got.StatusCode)
		}
		seconds, err := strconv.Atoi(got.Header.Get("Retry-After"))
		if got.StatusCode == 429 && (err != nil || seconds < 1 || seconds > 100) {
			t.Errorf("Retry-After: %q", got.Header.Get("Retry-After"))
		}
	}
}

// The path of a link that signs somebody in, or gives a file, is its secret.
func TestNoSecretOfAPathIsLogged(t *testing.T) {
	s := serve(t, nil)
	s.fake.Err = core.Errorf(core.KindUnavailable, "The database is away")
	for _, path := range []string{"/sign-in/oore_canary", "/dl/oore_canary", "/i/oore_canary", "/i/oore_canary/app"} {
		s.ask("GET", path, "")
	}
	if log := s.log.String(); strings.Contains(log, "canary") || !strings.Contains(log, "/sign-in/:token") {
		t.Error(log)
	}
}
