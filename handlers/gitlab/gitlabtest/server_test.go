package gitlabtest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/handlers/gitlab/gitlabtest"
)

// ask sends a request to the API and returns status and body.
func ask(t *testing.T, s *gitlabtest.Server, method, path, token, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, s.APIURL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("PRIVATE-TOKEN", token)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(raw)
}

type world struct {
	*gitlabtest.Server
	project gitlabtest.Project
	sha     string
}

func newWorld(t *testing.T) world {
	git := gitlabtest.NewGitRepo(t)
	w := world{Server: gitlabtest.NewAt(t, "/gitlab")}
	w.sha = git.Commit("main", map[string]string{"a": "1"}, "First")
	w.project = w.AddProject("acme/shop", true, git.Dir)
	return w
}

func TestTokensReachOnlyWhatTheyMay(t *testing.T) {
	w := newWorld(t)
	people := map[int]string{0: "", gitlabtest.Guest: "", gitlabtest.Reporter: "", gitlabtest.Developer: "", gitlabtest.Maintainer: ""}
	for role := range people {
		u := w.AddUser(fmt.Sprint("user", role))
		w.SetAccess(w.project, u, role)
		people[role] = w.AddToken(u, time.Time{}, "api")
	}
	w.Open(w.project, gitlabtest.MergeRequest{Number: 1, SHA: w.sha})
	project := fmt.Sprintf("projects/%d", w.project.ID)
	status, note, hook := project+"/statuses/"+w.sha, project+"/merge_requests/1/notes", project+"/hooks"
	tests := []struct {
		name, token, method, path, body string
		status                          int
	}{
		{"nobody reads", "", "GET", project, "", 404},
		{"an unknown token", "x", "GET", "user", "", 401},
		{"an expired token", w.AddToken(w.User, time.Now().Add(-time.Hour), "api"), "GET", "user", "", 401},
		{"a small scope", w.AddToken(w.User, time.Time{}, "read_user"), "GET", project, "", 403},
		{"a small scope for its user", w.AddToken(w.User, time.Time{}, "read_user"), "GET", "user", "", 200},
		{"a reading scope writes", w.AddToken(w.User, time.Time{}, "read_api"), "POST", status, `{"state":"success"}`, 403},
		{"a stranger reads", people[0], "GET", project, "", 404},
		{"a guest reads", people[gitlabtest.Guest], "GET", "projects/acme%2Fshop", "", 200},
		{"a guest comments", people[gitlabtest.Guest], "POST", note, `{"body":"x"}`, 201},
		{"a reporter sets a status", people[gitlabtest.Reporter], "POST", status, `{"state":"success"}`, 403},
		{"a developer sets a status", people[gitlabtest.Developer], "POST", status, `{"state":"success"}`, 201},
		{"a developer sees hooks", people[gitlabtest.Developer], "GET", hook, "", 403},
		{"a maintainer makes a hook", people[gitlabtest.Maintainer], "POST", hook, `{"url":"https://example.com"}`, 201},
		{"an address that is none", people[gitlabtest.Maintainer], "POST", hook, `{"url":"example.com"}`, 422},
	}
	for _, tt := range tests {
		if got, body := ask(t, w.Server, tt.method, tt.path, tt.token, tt.body); got != tt.status {
			t.Errorf("%s: %d %s, want %d", tt.name, got, body, tt.status)
		}
	}
}

func TestStatusesAreChecked(t *testing.T) {
	w := newWorld(t)
	path := fmt.Sprintf("projects/%d/statuses/", w.project.ID)
	for _, tt := range []struct {
		sha, body string
		status    int
		text      string
	}{
		{w.sha, `{"state":"pending"}`, 201, `"status":"pending"`},
		{w.sha, `{"state":"pending"}`, 400, "Cannot transition status via :enqueue from :pending"},
		{w.sha, `{"state":"running"}`, 201, `"name":"default"`},
		{w.sha, `{"state":"pending"}`, 400, ":enqueue from :running"},
		{w.sha, `{"state":"success","name":"other"}`, 201, `"status":"success"`},
		{w.sha, `{"state":"done"}`, 400, "state"},
		{w.sha, `{"state":`, 400, "JSON"},
		{w.sha, `{"state":"failed","description":"` + strings.Repeat("é", 256) + `"}`, 400, "255"},
		{w.sha, `{"state":"failed","target_url":"javascript:alert(1)"}`, 400, "schemes"},
		{w.sha, `{"state":"failed","pipeline_id":1}`, 404, "Pipeline"},
		{strings.Repeat("0", 40), `{"state":"failed"}`, 404, "Commit"},
	} {
		if got, body := ask(t, w.Server, "POST", path+tt.sha, w.Token, tt.body); got != tt.status || !strings.Contains(body, tt.text) {
			t.Errorf("%s: %d %s", tt.body, got, body)
		}
	}
}

func TestNotesRunCommands(t *testing.T) {
	w := newWorld(t)
	w.Open(w.project, gitlabtest.MergeRequest{Number: 1, SHA: w.sha})
	body, err := json.Marshal(map[string]string{"body": "hello\n/approve\n not /this"})
	if err != nil {
		t.Fatal(err)
	}
	ask(t, w.Server, "POST", fmt.Sprintf("projects/%d/merge_requests/1/notes", w.project.ID), w.Token, string(body))
	if ran := w.Commands(w.project); len(ran) != 1 || ran[0] != "/approve" {
		t.Errorf("ran %q", ran)
	}
}
