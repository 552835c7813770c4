package handlers

import (
	"net/http"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

// Every form of every page is refused when another site sends it with the reader's cookie.
func TestNoFormIsTakenFromAnotherSite(t *testing.T) {
	s := serve(t, nil)
	s.fake.Project.Name = "Shop"
	tried := 0
	for _, route := range s.http.GetRoutes(true) {
		if route.Method != http.MethodPost || strings.HasPrefix(route.Path, "/v1/") {
			continue
		}
		tried++
		path := pathOf(route)
		for _, said := range []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Origin: https://evil.example", "Origin: null", "X: y"} {
			got := s.ask(http.MethodPost, path, "confirm=Shop&name=x&token=t", "Cookie: "+cookie, said, "Content-Type: application/x-www-form-urlencoded", "Accept: text/html")
			if got.status != http.StatusForbidden {
				t.Errorf("%s with %s: %d", path, said, got.status)
			}
		}
		if calls := s.fake.Calls(); len(calls) != 0 {
			t.Fatalf("%s asked: %v", path, calls)
		}
	}
	if tried < 14 {
		t.Errorf("only %d forms were tried", tried)
	}
}

func TestGitHubsWayBackArrivesSignedIn(t *testing.T) {
	s := serve(t, nil)
	s.fake.Integration.ID = otherID
	const path = "/settings/sources/github/callback?code=c1&state=s1"
	// A browser sends a Lax cookie with the navigation that another site begins.
	got := s.ask("GET", path, "", "Cookie: "+cookie, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Accept: text/html")
	if got.status != http.StatusSeeOther || got.header.Get("Location") != "/settings/sources?made="+otherID {
		t.Errorf("%d to %s", got.status, got.header.Get("Location"))
	}
	if last := s.fake.Last(); last.Command != "CompleteGitHubApp" || last.ID != "c1" || last.In != "s1" || last.Actor.UserID != sessionActor.UserID || last.Actor.Door != core.ViaWeb {
		t.Errorf("asked %+v", last)
	}
	// Whoever was signed out meanwhile comes back to it.
	got = s.ask("GET", path, "", "Accept: text/html")
	if got.header.Get("Location") != "/login?next=%2Fsettings%2Fsources%2Fgithub%2Fcallback%3Fcode%3Dc1%26state%3Ds1" {
		t.Errorf("%d to %s", got.status, got.header.Get("Location"))
	}
}

func TestTheDoorLeavesThePageItsPolicy(t *testing.T) {
	s := serve(t, nil)
	got := s.ask("POST", "/settings/sources/github", "account=personal", "Cookie: "+cookie, "Sec-Fetch-Site: same-origin", "Content-Type: application/x-www-form-urlencoded", "Accept: text/html")
	if policy := got.header.Get("Content-Security-Policy"); got.status != http.StatusOK || !strings.Contains(policy, "form-action 'self' https://github.example.com;") {
		t.Errorf("%d, policy %q", got.status, policy)
	}
}
