package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

func TestRunnersShowTheirStateLabelsAndBuilds(t *testing.T) {
	_, body := get(t, site(t, filled(), owner(), "https://ci.example.com"), "/runners")
	for _, want := range []string{
		"Online", "Draining", "Paused", "Disk full", "Offline", `<span class="tag">xcode-16</span>`, `<span class="tag">macos</span>`, `<span class="tag">built-in</span>`,
		`href="/builds/b142"`, "Never", "--server https://ci.example.com", `action="/runners/n2/delete"`, `name="enabled" value="false"`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(body, `action="/runners/n1/delete"`) {
		t.Error("the server's own pool can be deleted while it runs")
	}
	viewer := core.Actor{Kind: core.ActorUser, Name: "vi", Role: core.RoleViewer}
	if _, body := get(t, site(t, filled(), viewer, ""), "/runners"); strings.Contains(body, `action="/runners/`) || strings.Contains(body, "--token") {
		t.Error("a viewer is offered what only admins may do")
	}
	if _, body := get(t, site(t, &fake{}, owner(), ""), "/runners"); !strings.Contains(body, "There is no runner") {
		t.Error("an empty list says nothing")
	}
}

func TestRunnersArePausedResumedAndDeleted(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "")
	for _, form := range []struct {
		path   string
		values url.Values
	}{
		{"/runners/n1", url.Values{"enabled": {"false"}}}, {"/runners/n1", url.Values{"enabled": {"true"}}}, {"/runners/n2/delete", nil},
	} {
		if answer, _ := post(t, a, form.path, form.values); answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/runners" {
			t.Errorf("%s: %d", form.path, answer.StatusCode)
		}
	}
	if want := []string{"pause n1", "resume n1", "delete runner n2"}; !slices.Equal(f.asked, want) {
		t.Errorf("asked %v, want %v", f.asked, want)
	}
	f.refuse = core.Errorf(core.KindConflict, "built-in is part of its server")
	answer, body := post(t, a, "/runners/n1/delete", nil)
	if answer.StatusCode != http.StatusConflict || !strings.Contains(body, "built-in is part of its server") {
		t.Errorf("a refusal: %d", answer.StatusCode)
	}
}
