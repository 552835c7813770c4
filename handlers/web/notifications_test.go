package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

func TestSettingsListWhoIsTold(t *testing.T) {
	a := site(t, filled(), owner(), "http://127.0.0.1:8787")
	_, body := get(t, a, "/projects/p1/settings/notifications")
	for _, want := range []string{
		"https://hooks.example/ci", "Signed webhook", "Whenever a build ends · pipeline Android release · branches main, release/*", "chat.example answered 500",
		`<span class="tag">Off</span>`, `action="/notifications/n1/test"`, `action="/notifications/n2/delete"`, `<option value="l2">Nightly</option>`, "<details><summary>Add a notification",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the settings lack %s", want)
		}
	}
	if strings.Contains(body, "/notifications/n3/") {
		t.Error("another project's notification is shown")
	}
}

func TestANotificationIsAdded(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	answer, _ := post(t, a, "/projects/p1/notifications", url.Values{
		"kind": {"email"}, "target": {"ann@example.com"}, "branches": {" main, release/* ,"}, "on": {"fixed"}, "pipeline_id": {"l2"},
	})
	if answer.Header.Get("Location") != "/projects/p1/settings/notifications?done=notification" || !slices.Equal(f.asked, []string{"notify p1"}) {
		t.Fatalf("%d to %s, asked %v", answer.StatusCode, answer.Header.Get("Location"), f.asked)
	}
	in := f.notified[0]
	if *in.Kind != core.NotifyEmail || *in.Target != "ann@example.com" || !slices.Equal(*in.Branches, []string{"main", "release/*"}) || *in.On != core.OnFixed || *in.PipelineID != "l2" || in.Enabled != nil {
		t.Errorf("asked for %+v", in)
	}
	if _, body := get(t, a, "/projects/p1/settings/notifications?done=notification"); !strings.Contains(body, "Send a test to see") {
		t.Error("nobody says that it is added")
	}
	answer, body := post(t, a, "/projects/p1/notifications", url.Values{"kind": {"webhook"}, "target": {"https://hooks.example/ci"}})
	if answer.StatusCode != http.StatusOK || !strings.Contains(body, "oore_once") || answer.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("a secret that was made: %d, may be kept: %s", answer.StatusCode, answer.Header.Get("Cache-Control"))
	}
	if f.notified[1].PipelineID != nil || f.notified[1].On != nil || len(*f.notified[1].Branches) != 0 {
		t.Errorf("asked for %+v", f.notified[1])
	}
}

func TestARefusedNotificationSaysSoBesideTheField(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	for message, field := range map[string]string{
		"target must be an address": "target", "branches[0] must not be empty": "branches", "secret must have at least": "secret", "kind needs a mail server": "kind",
		"on is \"never\"": "on", "pipeline_id must be": "pipeline_id",
	} {
		f.refuse = core.Errorf(core.KindInvalid, "%s", message)
		answer, body := post(t, a, "/projects/p1/notifications", url.Values{
			"kind": {"mattermost"}, "target": {"typed"}, "branches": {"dev"}, "on": {"all"}, "pipeline_id": {"l2"}, "secret": {"s3cr3t"},
		})
		if answer.StatusCode != http.StatusBadRequest || besideField(body, field) == "" {
			t.Errorf("%s: %d, beside %s: %q", message, answer.StatusCode, field, besideField(body, field))
		}
		for _, want := range []string{`value="typed"`, `value="dev"`, `<option value="all" selected>`, `<option value="l2" selected>`, `<option value="mattermost" selected>`, "<details open>"} {
			if !strings.Contains(body, want) {
				t.Errorf("%s: the form lacks %s", message, want)
			}
		}
		if strings.Contains(body, "s3cr3t") {
			t.Error("the form shows a secret")
		}
	}
}

func TestANotificationIsTestedAndDeleted(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	for path, want := range map[string]string{"test": "tested", "delete": "forgotten"} {
		answer, _ := post(t, a, "/notifications/n1/"+path, nil)
		if answer.Header.Get("Location") != "/projects/p1/settings/notifications?done="+want {
			t.Errorf("%s: %d to %s", path, answer.StatusCode, answer.Header.Get("Location"))
		}
		if answer, _ := post(t, a, "/notifications/none/"+path, nil); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s of none: %d", path, answer.StatusCode)
		}
	}
	slices.Sort(f.asked)
	if !slices.Equal(f.asked, []string{"forget n1", "test n1"}) {
		t.Errorf("asked %v", f.asked)
	}
	for _, refusal := range []error{
		core.Codef(core.KindInvalid, "not_delivered", "hooks.example answered 403"), core.Errorf(core.KindUnavailable, "hooks.example answered 403"),
	} {
		f.refuse = refusal
		answer, body := post(t, a, "/notifications/n1/test", nil)
		if answer.StatusCode == http.StatusOK || !strings.Contains(body, "The test message did not arrive.") || !strings.Contains(body, "hooks.example answered 403") {
			t.Errorf("%v: %d", refusal, answer.StatusCode)
		}
	}
}
