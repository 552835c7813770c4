package github_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/github"
)

// An organization that shuts applications out, or whose list of addresses lacks the
// server's, answered as if each of its members had left: all were disabled.
func TestAnOrganizationThatAnswersNobodyHasNotLostItsMembers(t *testing.T) {
	status := http.StatusForbidden
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
	}))
	defer server.Close()
	room, err := github.NewSignIn(github.SignInOptions{
		WebURL: server.URL, APIURL: server.URL + "/", ClientID: "x", ClientSecret: "y", Organizations: []string{"acme"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for s, want := range map[int]core.Kind{
		http.StatusForbidden: core.KindUnavailable, http.StatusNotFound: core.KindForbidden, http.StatusUnauthorized: core.KindUnauthorized,
	} {
		status = s
		if _, err := room.StillAdmitted(t.Context(), []byte(`{"access_token":"gho_1"}`)); err == nil || core.KindOf(err) != want {
			t.Errorf("%d: %v", s, err)
		}
	}
}
