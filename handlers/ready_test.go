package handlers

import (
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/api/apitest"
	"github.com/oore-ci/oore/handlers/web"
)

// TestWhyAServerIsNotReadyIsForWhoWatchesOverIt asks from elsewhere, unlike
// TestHealthAndReadiness.
func TestWhyAServerIsNotReadyIsForWhoWatchesOverIt(t *testing.T) {
	stop := make(chan struct{})
	fake := &apitest.Commands{Actors: map[string]core.Actor{"admin": {Role: core.RoleAdmin}, "viewer": {Role: core.RoleViewer}}}
	log := slog.New(slog.DiscardHandler)
	server := build(Options{Pages: web.New(web.Options{App: fake, PublicURL: publicURL, Log: log}), PublicURL: publicURL, Log: log, Draining: stop, MetricsToken: "for-metrics"}, fake)
	ask := func(token string) (int, string) {
		t.Helper()
		r := httptest.NewRequest("GET", "/readyz", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		resp, err := server.Test(r, -1)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	knows := map[string]bool{"admin": true, "for-metrics": true, "viewer": false, "nobody": false}
	for token := range knows {
		if status, body := ask(token); status != 200 || body != `{"ok":true}` {
			t.Errorf("%s: %d %s", token, status, body)
		}
	}
	fake.Err = core.Errorf(core.KindUnavailable, "The disk is full")
	for token, shown := range knows {
		if status, body := ask(token); status != 503 || strings.Contains(body, "The disk") != shown || !strings.Contains(body, `"code":"unavailable"`) {
			t.Errorf("%s: %d %s", token, status, body)
		}
	}
	fake.Err = nil
	close(stop)
	if status, body := ask("admin"); status != 503 || !strings.Contains(body, "stops") {
		t.Errorf("while it stops: %d %s", status, body)
	}
}
