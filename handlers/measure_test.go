package handlers

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/api/apitest"
	"github.com/oore-ci/oore/handlers/web"
)

// results notes what became of webhooks.
type results []string

func (r *results) Note(metric string, value float64, labels ...string) {
	if metric == core.MetricWebhooks && value > 0 {
		*r = append(*r, labels[len(labels)-1])
	}
}

// TestACommandThatWasNotStoredDoesNotCountAsAccepted: Slack is answered 200 all the same.
func TestACommandThatWasNotStoredDoesNotCountAsAccepted(t *testing.T) {
	var got results
	log := slog.New(slog.DiscardHandler)
	stored := false
	door := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !stored {
			w.Header().Set(core.HeaderNotStored, "true")
		}
		w.WriteHeader(http.StatusOK)
	})
	fake := &apitest.Commands{}
	server := build(Options{Pages: web.New(web.Options{App: fake, PublicURL: publicURL, Log: log}), PublicURL: publicURL, Log: log, SlackCommands: door, Meter: &got}, fake)
	for range 2 {
		resp, err := server.Test(httptest.NewRequest("POST", "/v1/slack/commands", nil), -1)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		stored = true
	}
	if want := []string{"error", "accepted"}; !slices.Equal(got, want) {
		t.Errorf("counted %v, want %v", got, want)
	}
}
