package github_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/github"
)

// An answer without an end was read until the call's time was over.
func TestAnAnswerWithoutEndIsLeft(t *testing.T) {
	var sent atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/login/oauth/access_token" {
			_, _ = w.Write([]byte(`{"access_token": "gho_x", "token_type": "bearer"}`))
			return
		}
		_, _ = w.Write([]byte(`{"login": "`))
		for err := error(nil); err == nil; { // until they hang up
			var n int
			n, err = w.Write(bytes.Repeat([]byte("x"), 64<<10))
			sent.Add(int64(n))
		}
	}))
	defer server.Close()
	room, err := github.NewSignIn(github.SignInOptions{WebURL: server.URL, APIURL: server.URL + "/", ClientID: "x", ClientSecret: "y"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = room.Identify(t.Context(), core.SignInRequest{}, core.SignInAnswer{Code: "x"})
	if core.KindOf(err) != core.KindUnavailable || sent.Load() > 100<<20 {
		t.Errorf("%d MiB were taken, %v", sent.Load()>>20, err)
	}
}
