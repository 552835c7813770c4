package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

func TestFirstSteps(t *testing.T) {
	f := filled()
	f.users[0].Email = "owner@local"
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	if _, body := get(t, a, "/setup"); !strings.Contains(body, "Who are you?") {
		t.Error("nobody asks who the owner is")
	}
	answer, _ := post(t, a, "/setup/you", url.Values{"name": {"Sam"}, "email": {"sam@example.com"}})
	if answer.Header.Get("Location") != "/setup?step=code" {
		t.Errorf("%d to %s", answer.StatusCode, answer.Header.Get("Location"))
	}
	f.users[0].Email = "sam@example.com"
	_, body := get(t, a, "/setup")
	for _, want := range []string{"Where is your code?", `action="/setup/demo"`, `href="/projects/new"`, `href="/settings/sources/github"`, `href="/settings/sources/gitlab"`, "http://127.0.0.1:8787</code> is none"} {
		if !strings.Contains(body, want) {
			t.Errorf("the cards lack %s", want)
		}
	}
	answer, _ = post(t, a, "/setup/demo", nil)
	if answer.Header.Get("Location") != "/builds/b1" {
		t.Errorf("the demo leads to %s", answer.Header.Get("Location"))
	}
	if _, body := get(t, a, "/builds/b1"); !strings.Contains(body, "What now") {
		t.Error("the demo's build does not say what to do next")
	}
	if _, body := get(t, a, "/builds/b140"); strings.Contains(body, "What now") {
		t.Error("a build that is not the demo's says what to do next")
	}
	answer, _ = post(t, a, "/setup/demo/push", url.Values{"project": {"p2"}, "broken": {"1"}})
	if answer.Header.Get("Location") != "/projects/p2" || !slices.Equal(f.asked, []string{"introduce Sam sam@example.com", "demo", "push p2 true"}) {
		t.Errorf("to %s, asked %v", answer.Header.Get("Location"), f.asked)
	}
	f.refuse = core.Errorf(core.KindInvalid, "email must be an e-mail address")
	if answer, body := post(t, a, "/setup/you", url.Values{"name": {"Sam"}, "email": {"x"}}); answer.StatusCode != http.StatusBadRequest || besideField(body, "email") == "" || !strings.Contains(body, `value="Sam"`) {
		t.Errorf("refused: %d", answer.StatusCode)
	}
	for address, wants := range map[string][]string{
		"/home/me/shop":                 {"A Flutter app", "flutter build</code> for ios", "1 of 3", "those with macos", `action="/setup/repository"`, `name="repository" value="/home/me/shop"`},
		"/home/me/lib":                  {"what <code>.oore.yaml</code> says", `action="/setup/repository"`},
		"/home/me/linked":               {"A Flutter 3.24.5 app", `It is the project <a href="/projects/p1">`},
		"https://git.example.com/x.git": {"another machine", "(git cannot reach it ", `action="/setup/repository"`},
		"/home/me/notes":                {"No Flutter app", "there is no <code>.oore.yaml</code>", `href="/validate"`},
	} {
		f.refuse = nil
		answer, body := get(t, a, "/setup?repository="+url.QueryEscape(address))
		for _, want := range wants {
			if answer.StatusCode != http.StatusOK || !strings.Contains(body, want) {
				t.Errorf("%s (%d) does not say %s", address, answer.StatusCode, want)
			}
		}
		if (address == "/home/me/notes" || address == "/home/me/linked") && strings.Contains(body, `action="/setup/repository"`) {
			t.Error("a repository with nothing to build or that is linked can be started")
		}
	}
	if answer, body := get(t, a, "/setup?repository=/etc"); answer.StatusCode != http.StatusBadRequest || !strings.Contains(besideField(body, "repository"), "no folder inside") {
		t.Errorf("no folder: %d", answer.StatusCode)
	}
	link := httptest.NewRequest(http.MethodGet, "/setup?step=code&repository=/home/me/shop", nil)
	link.Header.Set("Sec-Fetch-Site", "cross-site")
	if answer, body := do(t, a, link); answer.StatusCode != http.StatusOK || strings.Contains(body, "A Flutter app") || !strings.Contains(body, `value="/home/me/shop"`) {
		t.Errorf("another site's link makes the server look: %d", answer.StatusCode)
	}
	if answer, _ = post(t, a, "/setup/repository", url.Values{"repository": {"/home/me/shop"}}); answer.Header.Get("Location") != "/builds/b1" || f.asked[len(f.asked)-1] != "start /home/me/shop" {
		t.Errorf("started: %d, %v", answer.StatusCode, f.asked)
	}
	f.refuse = core.Codef(core.KindConflict, core.CodeNameTaken, "name is taken by another project")
	if answer, body := post(t, a, "/setup/repository", url.Values{"repository": {"/home/me/shop"}}); answer.StatusCode != http.StatusConflict || besideField(body, "repository") == "" {
		t.Errorf("taken: %d", answer.StatusCode)
	}
	f.refuse = core.Errorf(core.KindUnavailable, "The sample repository could not be made")
	if answer, body := post(t, a, "/setup/demo", nil); answer.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "could not be made") {
		t.Errorf("no demo: %d", answer.StatusCode)
	}
	viewer := core.Actor{Kind: core.ActorUser, UserID: "u3", Name: "kim", Role: core.RoleDeveloper}
	if answer, _ := get(t, site(t, f, viewer, ""), "/setup"); answer.StatusCode != http.StatusForbidden {
		t.Errorf("a developer: %d", answer.StatusCode)
	}
}
