package github_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/github/githubtest"
)

func TestFindRepositoryAtSeveralHosts(t *testing.T) {
	a, b, room := twoHosts(t)
	b.AddRepository("acme/only", true, b.git.Dir)
	hostOf := func(w *world) string { return strings.TrimPrefix(w.URL(), "http://") }
	for name, want := range map[string]string{
		"acme/shop":                               "a",
		hostOf(a) + "/acme/shop":                  "a",
		hostOf(b) + "/acme/shop":                  "b",
		strings.ToUpper(hostOf(b)) + "/acme/only": "b",
		"acme/only":                               "b",
	} {
		got, err := room.FindRepository(t.Context(), name)
		w := map[string]*world{"a": a, "b": b}[want]
		if err != nil || got.IntegrationID != want || got.Host != hostOf(w) || !strings.HasPrefix(got.CloneURL, w.URL()) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for _, name := range []string{"acme/nope", hostOf(a) + "/acme/only", "github.com/acme/shop", "a/b/acme/shop", "acme", "", "/", "//", "/acme/shop"} {
		_, err := room.FindRepository(t.Context(), name)
		wantError(t, name, err, core.KindNotFound, core.CodeRepositoryUnknown)
	}
	a.Fail(func(*http.Request) *githubtest.Failure { return &githubtest.Failure{Drop: true} })
	if got, err := room.FindRepository(t.Context(), "acme/shop"); err != nil || got.IntegrationID != "b" {
		t.Errorf("while a host is down: %+v, %v", got, err)
	}
	_, err := room.FindRepository(t.Context(), "acme/nope")
	wantError(t, "who knows", err, core.KindUnavailable, core.CodeUnavailable)
}

func TestMissedOfAllApps(t *testing.T) {
	a, b, room := twoHosts(t)
	now := time.Now().Truncate(time.Second)
	for i, w := range []*world{b, a, b} {
		w.Lose(1)
		newDoor(t, w).deliver(t, w, fmt.Sprint(i), now.Add(time.Duration(i-10)*time.Minute))
	}
	missed := func() (all []string) {
		t.Helper()
		list, err := room.Missed(t.Context(), core.Lookback{Since: now.Add(-time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range list {
			all = append(all, m.IntegrationID+m.DeliveryID)
		}
		return all
	}
	if got := missed(); fmt.Sprint(got) != "[b0 a1 b2]" {
		t.Errorf("got %v", got)
	}
	down := func(*http.Request) *githubtest.Failure { return &githubtest.Failure{Status: 503} }
	a.Fail(down)
	if got := missed(); fmt.Sprint(got) != "[b0 b2]" {
		t.Errorf("while one host is down: %v", got)
	}
	b.Fail(down)
	_, err := room.Missed(t.Context(), core.Lookback{Since: now.Add(-time.Hour)})
	wantError(t, "all are down", err, core.KindUnavailable, core.CodeUnavailable)
}

func TestRedeliverToTheRightHost(t *testing.T) {
	a, b, room := twoHosts(t)
	doors := map[*world]*door{a: newDoor(t, a), b: newDoor(t, b)}
	for w, d := range doors {
		w.Lose(1)
		d.deliver(t, w, "lost", time.Time{})
	}
	missed, err := room.Missed(t.Context(), core.Lookback{Since: time.Now().Add(-time.Hour)})
	if err != nil || len(missed) != 2 {
		t.Fatalf("%+v, %v", missed, err)
	}
	for _, m := range missed {
		if m.IntegrationID == "b" {
			err = room.Redeliver(t.Context(), m)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	b.Wait(t, "another try", time.Minute, func() bool { return len(b.Deliveries()) == 2 })
	if len(a.Deliveries()) != 1 {
		t.Error("the other host sent it too")
	}
}
