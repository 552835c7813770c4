package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestDashboardShowsWhatIsMine(t *testing.T) {
	a := site(t, filled(), owner(), "http://127.0.0.1:8787")
	_, all := get(t, a, "/")
	_, mine := get(t, a, "/?show=mine")
	recent := func(body string) string {
		_, after, _ := strings.Cut(body, `id="recent"`)
		return after
	}
	if !strings.Contains(recent(all), "/builds/b138") || strings.Contains(recent(mine), "/builds/b138") || !strings.Contains(recent(mine), "/builds/b140") {
		t.Error("the switch does not narrow the list to what the reader asked for")
	}
	if !strings.Contains(mine, `href="/?show=mine#recent" aria-current="true"`) {
		t.Error("the switch does not say where it stands")
	}
}

func TestDashboardNoticesLeadToWhereTheyAreMended(t *testing.T) {
	_, body := get(t, site(t, filled(), owner(), "http://127.0.0.1:8787"), "/")
	_, body, _ = strings.Cut(body, `id="notices"`)
	body, _, _ = strings.Cut(body, "</section>")
	for _, href := range []string{"/runners", "/settings/sources", "/projects/p1/settings", "/deliveries/d1"} {
		if !strings.Contains(body, `href="`+href+`"`) {
			t.Errorf("no notice leads to %s", href)
		}
	}
	if !strings.Contains(body, "Last heard of: <time") {
		t.Error("it does not say since when no runner answers")
	}
}

func TestTheChecklistStaysAway(t *testing.T) {
	a := site(t, filled(), owner(), "https://ci.example.com")
	if _, body := get(t, a, "/"); !strings.Contains(body, `action="/checklist/dismiss"`) {
		t.Fatal("there is no checklist")
	}
	answer, _ := post(t, a, "/checklist/dismiss", nil)
	if answer.StatusCode != http.StatusSeeOther || len(answer.Cookies()) != 1 || !answer.Cookies()[0].Secure {
		t.Fatalf("dismissed: %d, %v", answer.StatusCode, answer.Cookies())
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(answer.Cookies()[0])
	if _, body := do(t, a, r); strings.Contains(body, "/checklist/dismiss") {
		t.Error("the dismissed checklist is back")
	}
}
