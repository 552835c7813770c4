package main

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

// registrar is a server that registers every runner as the same one.
func registrar(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/register") {
			_, _ = io.WriteString(w, `{"token":"oorer_own"}`)
			return
		}
		if r.Header.Get("Authorization") != "Bearer oorer_own" {
			t.Errorf("%s is asked with another token", r.URL)
		}
		_, _ = io.WriteString(w, `{"id":"r1","name":"one"}`)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func joinAs(t *testing.T, dir, server, token string) error {
	t.Helper()
	r := runnerConfig{Config: Config{DataDir: dir}, Server: server, Token: token, Name: "one", Slots: 1}
	_, self, err := r.join(t.Context(), slog.New(slog.DiscardHandler))
	if err == nil && self.ID != "r1" {
		t.Errorf("it is %+v", self)
	}
	return err
}

// Each start wrote the file anew, and a loss of power just then left it empty: the runner
// had to be registered again.
func TestAStartLeavesWhatARunnerWasGivenAsItIs(t *testing.T) {
	dir, server := t.TempDir(), registrar(t)
	if err := joinAs(t, dir, server, "an admin's"); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(membershipFile(dir))
	if err != nil || before.Mode().Perm() != 0o600 {
		t.Fatalf("it is %v, %v", before, err)
	}
	if err := joinAs(t, dir, "", ""); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(membershipFile(dir))
	if err != nil || !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) {
		t.Errorf("it was written again: %v, %v", after, err)
	}
}

func TestARunnersOwnTokenNeedsNoReadableMembership(t *testing.T) {
	dir, server := t.TempDir(), registrar(t)
	for _, broken := range []string{"", `{"server":"http://127.0.0.1:1","token":7}`} {
		if err := os.WriteFile(membershipFile(dir), []byte(broken), 0o600); err != nil {
			t.Fatal(err)
		}
		// With another's token it would become a second runner of the same name.
		if err := joinAs(t, dir, server, "an admin's"); err == nil || !strings.Contains(err.Error(), "delete "+membershipFile(dir)) {
			t.Errorf("%q with an admin's token: %v", broken, err)
		}
		if err := joinAs(t, dir, server, "oorer_own"); err != nil {
			t.Errorf("%q with its own token: %v", broken, err)
		}
		if m, err := readMembership(dir); err != nil || m.Token != "oorer_own" || m.Server != server {
			t.Errorf("kept is %+v, %v", m, err)
		}
	}
}
