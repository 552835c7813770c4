package gitlab_test

import (
	"bytes"
	"net/http/httptest"
	"testing"

	"github.com/oore-ci/oore/handlers/gitlab"
	"github.com/oore-ci/oore/handlers/gitlab/gitlabtest"
)

// What comes in under a project's secret is decoded as that project's, whatever the body
// says and however often it says it.
func FuzzASecretIsGoodForItsOwnProjectAlone(f *testing.F) {
	for file, payload := range recorded(f) {
		f.Add(hookOf(file), payload)
		f.Add(hookOf(file), bytes.Replace(payload, []byte("{"), []byte(`{"project_id":15,`), 1))
	}
	for _, body := range []string{
		push15, of("16"), `{"project_id":15,"project":{"id":16}}`, `{"project":{"id":15},"project":{"id":16}}`, `{"project_id":15,"PROJECT_ID":16,"ref":"refs/heads/x"}`,
		`{"project":{"id":15,"Id":16}}`, `{"project_id":"15","project":[16]}`, `{"project_id":15} {"project_id":16}`,
	} {
		f.Add("Push Hook", []byte(body))
		f.Add("System Hook", []byte(body))
	}
	room := newRoom(f)
	f.Fuzz(func(t *testing.T, event string, body []byte) {
		s := newShelf()
		r := httptest.NewRequest("POST", "/v1/webhooks/gitlab", bytes.NewReader(body))
		r.Header = map[string][]string{"X-Gitlab-Event": {event}, "X-Gitlab-Token": {secretA}, "Idempotency-Key": {gitlabtest.NewKey()}}
		w := httptest.NewRecorder()
		room.Inbox(s, s.hookSecrets).ServeHTTP(w, r)
		if (w.Code == 200) != (len(s.all()) == 1) {
			t.Fatalf("answered %d and stored %d", w.Code, len(s.all()))
		}
		if w.Code != 200 {
			return
		}
		e, err := gitlab.Decoder{}.Decode(s.last().Event, body)
		if err == nil && e.RepositoryID != "15" {
			t.Errorf("believed about project %q: %s", e.RepositoryID, body)
		}
		if err == nil && e.Change != nil && e.Change.Repositories[0].ExternalID != "15" {
			t.Errorf("changes project %s: %s", e.Change.Repositories[0].ExternalID, body)
		}
	})
}
