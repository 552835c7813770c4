package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

func TestRetentionIsShownPreviewedAndSaved(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	if _, body := get(t, a, "/settings/retention"); !strings.Contains(body, `name="builds_days" value="90"`) || !strings.Contains(body, `name="logs_bytes" value="0"`) {
		t.Error("the form does not show what holds")
	}
	values := url.Values{"do": {"preview"}}
	for _, name := range []string{"builds_days", "builds_count", "logs_days", "logs_bytes", "artifacts_days", "artifacts_bytes", "deliveries_days", "audit_days"} {
		values.Set(name, "40")
	}
	if answer, body := post(t, a, "/settings/retention", values); answer.StatusCode != http.StatusOK || !strings.Contains(body, "1204 builds (34") || len(f.asked) > 0 {
		t.Errorf("the preview: %d, asked %q", answer.StatusCode, f.asked)
	}
	values.Set("do", "save")
	answer, _ := post(t, a, "/settings/retention", values)
	if answer.Header.Get("Location") != "/settings/retention?done=saved" || !slices.Equal(f.asked, []string{"retention"}) || *f.retained.BuildsDays != 40 || *f.retained.ArtifactsBytes != 40<<30 {
		t.Errorf("%d to %s: %+v", answer.StatusCode, answer.Header.Get("Location"), f.retained)
	}
	f.refuse = core.Errorf(core.KindInvalid, "audit_days must be 0 (no limit) or 30 to 36500 days")
	if answer, body := post(t, a, "/settings/retention", values); answer.StatusCode != http.StatusBadRequest || !strings.Contains(body, "Must be 0 (no limit) or 30") {
		t.Errorf("a refused one: %d", answer.StatusCode)
	}
	values.Set("logs_days", "many")
	if answer, body := post(t, a, "/settings/retention", values); answer.StatusCode != http.StatusBadRequest || !strings.Contains(body, "Give a whole number") {
		t.Errorf("no number: %d", answer.StatusCode)
	}
	viewer := core.Actor{Kind: core.ActorUser, Name: "vi", Role: core.RoleViewer}
	if answer, _ := get(t, site(t, filled(), viewer, ""), "/settings/retention"); answer.StatusCode != http.StatusForbidden {
		t.Errorf("a viewer: %d", answer.StatusCode)
	}
}
