package githubtest_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/oore-ci/oore/handlers/github/githubtest"
)

func TestDeliveriesAreTheApps(t *testing.T) {
	w := newWorld(t)
	target := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusTeapot) }))
	defer target.Close()
	payload := w.PullRequestPayload("opened", w.repo, githubtest.Pull{Number: 1, HeadBranch: "main", HeadSHA: w.sha})
	w.Lose(1)
	if _, err := w.Deliver(target.URL, "pull_request", payload, githubtest.Delivery{ID: "a", At: time.Now().Add(-73 * time.Hour)}); !errors.Is(err, githubtest.ErrLost) {
		t.Fatal(err)
	}
	resp, err := w.Deliver(target.URL, "pull_request", payload, githubtest.Delivery{ID: "b"})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	tries := w.Deliveries()
	if len(tries) != 2 || tries[0].StatusCode != 502 || tries[1].StatusCode != 418 || tries[1].GUID != "b" || tries[1].Event != "pull_request" || tries[1].Action != "opened" {
		t.Fatalf("got %+v", tries)
	}
	app := signed(t, w.Server, fmt.Sprint(w.AppID), -30*time.Second, 2*time.Minute)
	forgotten, known := fmt.Sprintf("app/hook/deliveries/%d/attempts", tries[0].ID), fmt.Sprintf("app/hook/deliveries/%d/attempts", tries[1].ID)
	for _, tt := range []struct {
		method, path, credential string
		status                   int
	}{
		{"GET", "app/hook/deliveries", app, 200},
		{"GET", "app/hook/deliveries?cursor=x", app, 400},
		{"GET", "app/hook/deliveries", w.mint(t, ""), 401},
		{"POST", known, w.mint(t, ""), 401},
		{"POST", forgotten, app, 404},
		{"POST", known, app, 202},
	} {
		if got, out := ask(t, w.Server, tt.method, tt.path, tt.credential, ""); got != tt.status {
			t.Errorf("%s %s: %d %v, want %d", tt.method, tt.path, got, out, tt.status)
		}
	}
	w.Wait(t, "the redelivery", time.Minute, func() bool { return len(w.Deliveries()) == 3 })
	if last := w.Deliveries()[2]; last.GUID != "b" || !last.Redelivery {
		t.Errorf("got %+v", last)
	}
}
