package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

func TestSettingsListSchedulesAndTakeOneMore(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	_, body := get(t, a, "/projects/p1/settings/schedules")
	for _, want := range []string{
		"<code>30 2 * * *</code> Europe/Berlin · pipeline Nightly · the default branch", `href="/builds/b1"`, `action="/projects/p1/schedules/s1/delete"`, "Turn off", "Turn on", "No build was started:",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the settings lack %s", want)
		}
	}
	form := url.Values{"name": {"Weekly"}, "cron": {"@weekly"}, "pipeline_id": {"l1"}, "time_zone": {""}, "branch": {""}}
	answer, _ := post(t, a, "/projects/p1/schedules", form)
	if to := answer.Header.Get("Location"); to != "/projects/p1/settings/schedules?done=schedule" {
		t.Errorf("%d to %s", answer.StatusCode, to)
	}
	post(t, a, "/projects/p1/schedules/s1", url.Values{"enabled": {"false"}})
	post(t, a, "/projects/p1/schedules/s1", url.Values{"enabled": {"true"}})
	post(t, a, "/projects/p1/schedules/s1/delete", nil)
	if want := []string{"schedule p1 @weekly l1", "schedule off s1", "schedule on s1", "unschedule s1"}; !slices.Equal(f.asked, want) {
		t.Errorf("asked %q", f.asked)
	}
	f.refuse = core.Errorf(core.KindInvalid, "cron: give five fields")
	answer, body = post(t, a, "/projects/p1/schedules", form)
	if answer.StatusCode != http.StatusBadRequest || !strings.Contains(body, "Give five fields") || !strings.Contains(body, `value="Weekly"`) || !strings.Contains(body, "<details open><summary>Add a schedule") {
		t.Errorf("a refused one: %d", answer.StatusCode)
	}
}
