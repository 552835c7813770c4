package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func TestAProjectOfAConnectedRepository(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	_, body := get(t, a, "/projects/new")
	for _, want := range []string{
		`<optgroup label="github.com"><option value="r1">acme/shop</option><option value="r3">acme/site</option></optgroup>`,
		`<optgroup label="git.acme.example"><option value="r2">acme/shop</option></optgroup>`, `value="connected" checked`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the form lacks %s", want)
		}
	}
	if _, body := get(t, a, "/projects/new?q=COM/acme/s"); !strings.Contains(body, `value="r1"`) || strings.Contains(body, `value="r4"`) || !strings.Contains(body, "2 found") {
		t.Error("the search does not narrow the list")
	}
	if _, body := get(t, a, "/projects/new?q=none"); strings.Contains(body, "<optgroup") || !strings.Contains(body, "0 found") {
		t.Error("a search without a hit is not told")
	}
	answer, _ := post(t, a, "/projects", url.Values{"name": {"n"}, "kind": {"connected"}, "repository_id": {"r2"}, "repository": {"ignored"}})
	if answer.Header.Get("Location") != "/projects/new" || !slices.Equal(f.created, []app.CreateProject{{Name: "n", RepositoryID: "r2"}}) {
		t.Errorf("to %s, asked for %+v", answer.Header.Get("Location"), f.created)
	}
	answer, body = post(t, a, "/projects", url.Values{"name": {"n"}, "kind": {"connected"}})
	if answer.StatusCode != http.StatusBadRequest || besideField(body, "repository_id") == "" || len(f.created) > 1 {
		t.Errorf("nothing chosen: %d %q", answer.StatusCode, besideField(body, "repository_id"))
	}
	f.refuse = core.Errorf(core.KindNotFound, "Repository not found")
	answer, body = post(t, a, "/projects", url.Values{"name": {"n"}, "kind": {"connected"}, "repository_id": {"r3"}})
	if answer.StatusCode != http.StatusBadRequest || !strings.Contains(besideField(body, "repository_id"), "choose another") || !strings.Contains(body, `value="r3" selected`) {
		t.Errorf("a lost repository: %d %q", answer.StatusCode, besideField(body, "repository_id"))
	}
}

func TestALongListKeepsWhatWasChosen(t *testing.T) {
	f := filled()
	f.repositories = nil
	for i := range 1000 {
		f.repositories = append(f.repositories, core.Repository{ID: fmt.Sprint("n", i), Host: "github.com", FullName: fmt.Sprintf("acme/app-%04d", i)})
	}
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	if _, body := get(t, a, "/projects/new"); strings.Count(body, "<option") != maxOffered+1 || !strings.Contains(body, "The first 200 of 1000") {
		t.Error("the list has no bound, or does not say so")
	}
	f.refuse = core.Errorf(core.KindInvalid, "name must not be empty")
	if _, body := post(t, a, "/projects", url.Values{"kind": {"connected"}, "repository_id": {"n999"}}); !strings.Contains(body, `value="n999" selected`) {
		t.Error("what was chosen is gone from the list")
	}
	f.repositories = nil
	if _, body := get(t, a, "/projects/new"); !strings.Contains(body, `value="local" checked`) || !strings.Contains(body, `href="/settings/sources"`) || strings.Contains(body, "<select") {
		t.Error("without sources the form does not say how to get a list")
	}
}

func TestProjectSettings(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	var body string
	for part, wanted := range map[string][]string{
		"general": {`value="Mobile kit"`, `value="trunk"`}, "access": {`<option value="developer" selected>`, `<option value="members" selected>`},
		"source": {
			`<option value="ignore" selected>`, `<option value="off" selected>`, `name="report_skipped" value="1" checked`, "may not set up webhooks",
			"It had been switched off", "http://127.0.0.1:8787/v1/webhooks/gitlab",
		},
	} {
		_, body = get(t, a, "/projects/p3/settings/"+part)
		for _, want := range wanted {
			if !strings.Contains(body, want) {
				t.Errorf("the part %s lacks %s", part, want)
			}
		}
		if !strings.Contains(body, `href="/projects/p3/settings/`+part+`" aria-current="page"`) {
			t.Errorf("the part %s does not say where it is", part)
		}
	}
	if old, _ := get(t, a, "/projects/p3/settings"); old.Header.Get("Location") != "/projects/p3/settings/general" {
		t.Errorf("the old address leads to %q", old.Header.Get("Location"))
	}
	if answer, _ := get(t, a, "/projects/p3/settings/none"); answer.StatusCode != http.StatusNotFound {
		t.Errorf("no part: %d", answer.StatusCode)
	}
	if _, body = get(t, a, "/projects/p3/settings/source"); strings.Contains(body, `name="checks"`) {
		t.Error("GitLab is offered check runs")
	}
	for part, sent := range map[string]url.Values{
		"general": {"name": {"Shop"}, "description": {""}, "default_branch": {"dev"}},
		"source":  {"forks": {"build"}, "comments": {"off"}, "checks": {"check_run"}, "report_skipped": {"1"}},
	} {
		if answer, _ := post(t, a, "/projects/p1/settings", sent); answer.Header.Get("Location") != "/projects/p1/settings/"+part+"?done=saved" {
			t.Fatalf("%d to %s", answer.StatusCode, answer.Header.Get("Location"))
		}
	}
	general, source := f.updated[0], f.updated[1]
	if general.Name == nil {
		general, source = source, general
	}
	if *general.Name != "Shop" || *general.Description != "" || *general.DefaultBranch != "dev" || general.Forks != nil || general.Comments != nil || general.ReportSkipped != nil {
		t.Errorf("the general part asked for %+v", general)
	}
	if *source.Forks != core.ForksBuild || *source.Comments != core.CommentsOff || source.Name != nil || source.TriggerRole != nil || source.Visibility != nil || *source.Checks != core.CheckRun || !*source.ReportSkipped {
		t.Errorf("the source asked for %+v", source)
	}
	if post(t, a, "/projects/p1/settings", url.Values{"comments": {"off"}}); f.updated[2].Forks != nil || f.updated[2].Checks != nil || *f.updated[2].ReportSkipped {
		t.Error("a list that was not sent is changed, or an empty box says yes")
	}
	_, body = get(t, a, "/projects/p4/settings/source")
	if strings.Contains(body, `name="comments"`) || strings.Contains(body, `name="report_skipped"`) || strings.Contains(body, "Webhook") || !strings.Contains(body, "The folder is gone") {
		t.Error("a repository without a host offers what only hosts have")
	}
	if post(t, a, "/projects/p4/settings", url.Values{"name": {"Local"}}); f.updated[3].ReportSkipped != nil {
		t.Error("a box that was not shown says no")
	}
}

func TestRefusedSettingsSaySoBesideTheField(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	for message, field := range map[string]string{
		"name must not be empty": "name", "default_branch must be UTF-8": "default_branch", "forks must be one of": "forks", "checks must be one of": "checks",
		"comments must be one of": "comments", "description must have": "description",
	} {
		f.refuse = core.Errorf(core.KindInvalid, "%s", message)
		sent := url.Values{"name": {"typed"}}
		if source := field == "forks" || field == "checks" || field == "comments"; source {
			sent = url.Values{"forks": {"build"}, "comments": {"off"}}
		}
		answer, body := post(t, a, "/projects/p1/settings", sent)
		if answer.StatusCode != http.StatusBadRequest || !strings.HasPrefix(besideField(body, field), "Must") {
			t.Errorf("%s: %d, beside %s: %q", message, answer.StatusCode, field, besideField(body, field))
		}
		if !strings.Contains(body, `value="typed"`) && !strings.Contains(body, `<option value="build" selected>`) {
			t.Errorf("%s: what was typed is gone", message)
		}
	}
	f.refuse = core.Codef(core.KindConflict, core.CodeNameTaken, "Another project has this name")
	if _, body := post(t, a, "/projects/p1/settings", url.Values{"name": {"typed"}}); besideField(body, "name") != "Another project has this name" {
		t.Errorf("a taken name: %q", besideField(body, "name"))
	}
}

func TestAWebhookSecretIsShownOnce(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	answer, body := post(t, a, "/projects/p3/settings/webhook-secret", nil)
	if answer.StatusCode != http.StatusOK || !slices.Equal(f.asked, []string{"secret r4"}) || answer.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d, asked %v, may be kept: %s", answer.StatusCode, f.asked, answer.Header.Get("Cache-Control"))
	}
	for _, want := range []string{"oore_once", "http://127.0.0.1:8787/v1/webhooks/gitlab", `href="https://gitlab.example/kit/mobile/-/hooks"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if _, body := get(t, a, "/projects/p3/settings/source"); strings.Contains(body, "oore_once") {
		t.Error("the settings show the secret")
	}
	f.refuse = core.Errorf(core.KindInvalid, "github has no webhooks of single repositories")
	if answer, body := post(t, a, "/projects/p1/settings/webhook-secret", nil); answer.StatusCode != http.StatusBadRequest || !strings.Contains(body, "no webhooks of single repositories") || strings.Contains(body, "oore_once") {
		t.Errorf("refused: %d", answer.StatusCode)
	}
}

func TestAProjectIsDeletedByItsNameAlone(t *testing.T) {
	f := filled()
	f.projects[0].Name = "Flutter  Shop"
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	for _, name := range []string{"", "flutter shop", "Flutter", "p1"} {
		answer, body := post(t, a, "/projects/p1/delete", url.Values{"confirm": {name}})
		if answer.StatusCode != http.StatusBadRequest || besideField(body, "confirm") == "" || len(f.asked) > 0 {
			t.Errorf("%q deletes: %d", name, answer.StatusCode)
		}
	}
	answer, _ := post(t, a, "/projects/p1/delete", url.Values{"confirm": {" Flutter Shop "}})
	if answer.Header.Get("Location") != "/projects" || !slices.Equal(f.asked, []string{"delete p1"}) {
		t.Errorf("to %s, asked %v", answer.Header.Get("Location"), f.asked)
	}
}
