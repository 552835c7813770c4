package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

func TestAdministratorsSetAProjectsLimits(t *testing.T) {
	f := filled()
	f.projects[0].Quota = core.Quota{MaxConcurrent: 2, ArtifactsBytes: 5 << 30}
	id := f.projects[0].ID
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	if _, body := get(t, a, "/projects/"+id+"/settings/limits"); !strings.Contains(body, `name="max_concurrent" value="2"`) || !strings.Contains(body, `name="artifacts_bytes" value="5"`) {
		t.Error("the form does not show what holds")
	}
	sent := url.Values{"max_concurrent": {"3"}, "max_queued": {"20"}, "minutes_per_day": {"600"}, "logs_bytes": {"1"}, "artifacts_bytes": {"0"}}
	answer, _ := post(t, a, "/projects/"+id+"/settings", sent)
	if answer.Header.Get("Location") != "/projects/"+id+"/settings/limits?done=saved" || len(f.updated) != 1 {
		t.Fatalf("%d to %s", answer.StatusCode, answer.Header.Get("Location"))
	}
	if q := f.updated[0].Quota; q == nil || *q != (core.Quota{MaxConcurrent: 3, MaxQueued: 20, MinutesPerDay: 600, LogsBytes: 1 << 30}) || f.updated[0].Name != nil {
		t.Errorf("it asked for %+v", q)
	}
	// What the API has set to the byte is shown so, and stays so when it is saved again.
	f.projects[0].Quota.LogsBytes = 100_000_000
	const exact = "0.09313225746154785"
	if _, body := get(t, a, "/projects/"+id+"/settings/limits"); !strings.Contains(body, `name="logs_bytes" value="`+exact+`"`) {
		t.Error("a limit in bytes is not shown as it is")
	}
	sent.Set("logs_bytes", exact)
	sent.Set("artifacts_bytes", "0.5")
	if post(t, a, "/projects/"+id+"/settings", sent); len(f.updated) != 2 || f.updated[1].Quota.LogsBytes != 100_000_000 || f.updated[1].Quota.ArtifactsBytes != 1<<29 {
		t.Errorf("it asked for %+v", f.updated)
	}
	for _, none := range []string{"-1", "nan", "inf", "2000000000", "1,5"} {
		sent.Set("logs_bytes", none)
		if answer, body := post(t, a, "/projects/"+id+"/settings", sent); answer.StatusCode != http.StatusBadRequest || besideField(body, "logs_bytes") != "Give a number of GiB, such as 20 or 0.5; 0 is no limit" {
			t.Errorf("%s: %d, %q", none, answer.StatusCode, besideField(body, "logs_bytes"))
		}
	}
	sent.Set("logs_bytes", "1")
	f.refuse = core.Errorf(core.KindInvalid, "quota.max_queued must be 0 (no limit) to 1000000")
	if answer, body := post(t, a, "/projects/"+id+"/settings", sent); answer.StatusCode != http.StatusBadRequest || !strings.HasPrefix(besideField(body, "max_queued"), "Must be 0") {
		t.Errorf("a refused one: %d, %q", answer.StatusCode, besideField(body, "max_queued"))
	}
	for _, none := range []string{"many", "", " "} {
		sent.Set("max_concurrent", none)
		if answer, body := post(t, a, "/projects/"+id+"/settings", sent); answer.StatusCode != http.StatusBadRequest || besideField(body, "max_concurrent") != "Give a whole number; 0 is no limit" {
			t.Errorf("no number: %d, %q", answer.StatusCode, besideField(body, "max_concurrent"))
		}
	}
	maintainer := core.Actor{Kind: core.ActorUser, Name: "mia", Role: core.RoleMaintainer}
	a = site(t, f, maintainer, "http://127.0.0.1:8787")
	if answer, _ := get(t, a, "/projects/"+id+"/settings/limits"); answer.StatusCode != http.StatusNotFound {
		t.Errorf("a maintainer is shown the limits: %d", answer.StatusCode)
	}
	if _, body := get(t, a, "/projects/"+id+"/settings/general"); strings.Contains(body, "settings/limits") || !strings.Contains(body, "settings/danger") {
		t.Error("a maintainer is offered the limits, or not the rest")
	}
}
