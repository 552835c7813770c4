package githubtest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/oore-ci/oore/handlers/github/githubtest"
)

func TestLimitsOfCheckRuns(t *testing.T) {
	w := newWorld(t)
	token := w.mint(t, "")
	annotations := func(n int, annotation string) string {
		return `"output":{"title":"t","summary":"s","annotations":[` + strings.TrimSuffix(strings.Repeat(annotation+",", n), ",") + `]}`
	}
	note := `{"path":"a","start_line":1,"end_line":1,"annotation_level":"failure","message":"m"}`
	button := func(label, description, identifier string) string {
		return fmt.Sprintf(`{"label":%q,"description":%q,"identifier":%q}`, label, description, identifier)
	}
	tests := []struct {
		name, fields string
		status       int
	}{
		{"plain", `"status":"queued"`, 201},
		{"completed", `"status":"completed","conclusion":"skipped"`, 201},
		{"completed by its conclusion", `"conclusion":"timed_out"`, 201},
		{"without a conclusion", `"status":"completed"`, 422},
		{"a made up conclusion", `"conclusion":"good"`, 422},
		{"one that is GitHub's alone", `"conclusion":"stale"`, 422},
		{"a made up status", `"status":"running"`, 422},
		{"another scheme", `"details_url":"ftp://example.com"`, 422},
		{"no summary", `"output":{"title":"t"}`, 422},
		{"a summary that just fits", `"output":{"title":"t","summary":"` + strings.Repeat("é", 65_535) + `"}`, 201},
		{"a longer one", `"output":{"title":"t","summary":"` + strings.Repeat("é", 65_536) + `"}`, 422},
		{"fifty annotations", annotations(50, note), 201},
		{"one more", annotations(51, note), 422},
		{"no line", annotations(1, strings.Replace(note, `"start_line":1`, `"start_line":0`, 1)), 422},
		{"no message", annotations(1, strings.Replace(note, `"m"`, `""`, 1)), 422},
		{"three buttons", `"actions":[` + button("a", "a", "a") + "," + button("b", "b", "b") + "," + button("c", "c", "c") + `]`, 201},
		{"a fourth", `"actions":[` + strings.Repeat(button("a", "a", "a")+",", 3) + button("b", "b", "b") + `]`, 422},
		{"a long label", `"actions":[` + button(strings.Repeat("a", 21), "a", "a") + `]`, 422},
		{"a long description", `"actions":[` + button("a", strings.Repeat("a", 41), "a") + `]`, 422},
		{"a long identifier", `"actions":[` + button("a", "a", strings.Repeat("a", 21)) + `]`, 422},
	}
	for _, tt := range tests {
		body := fmt.Sprintf(`{"name":"x","head_sha":%q,%s}`, w.sha, tt.fields)
		if got, out := ask(t, w.Server, "POST", "repos/acme/shop/check-runs", token, body); got != tt.status {
			t.Errorf("%s: %d %v, want %d", tt.name, got, out, tt.status)
		}
	}
}

func TestWhoMayWriteCheckRuns(t *testing.T) {
	w := newWorld(t)
	token := w.mint(t, "")
	reader := w.mint(t, `{"permissions":{"checks":"read"}}`)
	ours := w.AddCheckRun(w.repo, githubtest.CheckRun{AppID: w.AppID, Name: "x", SHA: w.sha, Status: "queued"})
	theirs := w.AddCheckRun(w.repo, githubtest.CheckRun{AppID: 5, Name: "x", SHA: w.sha, Status: "queued"})
	one := func(id int64) string { return fmt.Sprintf("repos/acme/shop/check-runs/%d", id) }
	tests := []struct {
		name, credential, method, path string
		status                         int
	}{
		{"ours", token, "PATCH", one(ours.ID), 200},
		{"another App's", token, "PATCH", one(theirs.ID), 403},
		{"another App's to read", reader, "GET", one(theirs.ID), 200},
		{"without the permission", reader, "PATCH", one(ours.ID), 403},
		{"of nothing", token, "PATCH", one(1), 404},
		{"a new one without the permission", reader, "POST", "repos/acme/shop/check-runs", 403},
	}
	for _, tt := range tests {
		if got, out := ask(t, w.Server, tt.method, tt.path, tt.credential, `{"name":"x","head_sha":"`+w.sha+`"}`); got != tt.status {
			t.Errorf("%s: %d %v, want %d", tt.name, got, out, tt.status)
		}
	}
	if runs := w.CheckRuns(w.sha); len(runs) != 2 || runs[0].Updates != 1 || runs[1].Updates != 0 {
		t.Errorf("got %+v", runs)
	}
}

func TestListsOfCheckRuns(t *testing.T) {
	w := newWorld(t)
	token := w.mint(t, "")
	for _, run := range []githubtest.CheckRun{{AppID: 5, Name: "x"}, {AppID: 5, Name: "x"}, {AppID: 5, Name: "y"}, {AppID: 6, Name: "x"}} {
		run.SHA, run.Status = w.sha, "queued"
		w.AddCheckRun(w.repo, run)
	}
	for query, want := range map[string]float64{
		"": 3, "filter=all": 4, "filter=all&app_id=5": 3, "filter=all&app_id=5&check_name=x": 2, "app_id=5&check_name=x": 1, "check_name=X": 0,
	} {
		status, out := ask(t, w.Server, "GET", "repos/acme/shop/commits/"+w.sha+"/check-runs?"+query, token, "")
		if status != http.StatusOK || out["total_count"] != want {
			t.Errorf("%s: %d %v, want %v", query, status, out["total_count"], want)
		}
	}
}
