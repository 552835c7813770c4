package web

import (
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func TestSettingsListSecretsWithoutValues(t *testing.T) {
	a := site(t, filled(), owner(), "http://127.0.0.1:8787")
	_, body := get(t, a, "/projects/p1/settings/secrets")
	for _, want := range []string{
		"<h3>PLAY_TOKEN</h3>", "Set by olga", "all branches and tags", `<h3>KEYSTORE</h3><span class="tag">File</span>`, "branches main, release/*",
		`action="/projects/p1/secrets/KEYSTORE/delete"`, "<details><summary>Add or replace a secret",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the settings lack %s", want)
		}
	}
	if strings.Contains(body, "OTHERS") || strings.Contains(body, "sealed-value") {
		t.Error("another project's secret, or a value, is shown")
	}
}

func TestASecretIsStoredAndDeleted(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	answer, _ := post(t, a, "/projects/p1/secrets", url.Values{
		"name": {" KEY "}, "value": {" one\r\ntwo\r\n"}, "file": {"1"}, "branches": {"main, release/* ,"},
	})
	if answer.Header.Get("Location") != "/projects/p1/settings/secrets?done=secret" {
		t.Errorf("%d to %s", answer.StatusCode, answer.Header.Get("Location"))
	}
	if want := []app.SetSecret{{Name: "KEY", Value: " one\ntwo\n", File: true, Branches: []string{"main", "release/*"}}}; !reflect.DeepEqual(f.kept, want) {
		t.Errorf("asked for %+v", f.kept)
	}
	if _, body := get(t, a, "/projects/p1/settings/secrets?done=secret"); !strings.Contains(body, "The secret is stored") {
		t.Error("nobody says that it is stored")
	}
	answer, _ = post(t, a, "/projects/p1/secrets/KEYSTORE/delete", nil)
	if answer.Header.Get("Location") != "/projects/p1/settings/secrets?done=no-secret" || !slices.Equal(f.asked, []string{"keep p1", "drop p1 KEYSTORE"}) {
		t.Errorf("%d to %s, asked %v", answer.StatusCode, answer.Header.Get("Location"), f.asked)
	}
	f.refuse = core.Errorf(core.KindNotFound, "Secret not found")
	if answer, _ = post(t, a, "/projects/p1/secrets/NONE/delete", nil); answer.StatusCode != http.StatusNotFound {
		t.Errorf("none is deleted: %d", answer.StatusCode)
	}
}

func TestARefusedSecretIsNotShownAgain(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	for message, field := range map[string]string{
		"name is \"a\"; a secret's name": "secret_name", "value must have at least": "secret_value", "branches[0] must not be empty": "secret_branches",
	} {
		f.refuse = core.Errorf(core.KindInvalid, "%s", message)
		answer, body := post(t, a, "/projects/p1/secrets", url.Values{"name": {"TYPED"}, "value": {"s3cr3t-typed"}, "file": {"1"}, "branches": {"dev"}})
		if answer.StatusCode != http.StatusBadRequest || besideField(body, field) == "" {
			t.Errorf("%s: %d, beside %s: %q", message, answer.StatusCode, field, besideField(body, field))
		}
		for _, want := range []string{`value="TYPED"`, `value="dev"`, `name="file" value="1" checked`, "<details open><summary>Add or replace"} {
			if !strings.Contains(body, want) {
				t.Errorf("%s: the form lacks %s", message, want)
			}
		}
		if strings.Contains(body, "s3cr3t-typed") {
			t.Error("the form shows the value")
		}
	}
}
