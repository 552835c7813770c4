package slack_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/slack"
)

// An answer without an end was read until the call's time was over.
func TestAnAnswerWithoutEndIsLeft(t *testing.T) {
	var sent atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"ok": true, "channel": "`))
		for err := error(nil); err == nil; { // until they hang up
			var n int
			n, err = w.Write(bytes.Repeat([]byte("x"), 64<<10))
			sent.Add(int64(n))
		}
	}))
	defer server.Close()
	room, err := slack.New(slack.Options{SigningSecret: "secret", BotToken: "xoxb-1", APIURL: server.URL + "/"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := room.Post(t.Context(), "C1", core.Message{Text: "hello"}, ""); err == nil || sent.Load() > 50<<20 {
		t.Errorf("%d MiB were taken, %v", sent.Load()>>20, err)
	}
}
