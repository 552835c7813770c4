package gitlab_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

func TestInboxSaysThatTheDiskHasNoRoom(t *testing.T) {
	s := newShelf()
	s.down = core.NoRoom("the database", 1e6, 1e12)
	for door, url := range doors(t, s) {
		for _, token := range []string{secretA, hostSecret} {
			status, answer := post(t, http.DefaultClient, url, push15, map[string]string{"X-Gitlab-Token": token})
			if said, _ := answer["error"].(string); status != 503 || answer["code"] != "unavailable" || !strings.Contains(said, "The disk that holds ") {
				t.Errorf("%s: %d %v", door, status, answer)
			}
		}
	}
}
