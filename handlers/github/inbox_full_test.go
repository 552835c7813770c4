package github_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

func TestInboxSaysThatTheDiskHasNoRoom(t *testing.T) {
	s := &shelf{down: core.NoRoom("the database", 1e6, 1e12)}
	for door, url := range doors(t, s) {
		status, answer := post(t, http.DefaultClient, url, `{}`, nil)
		if said, _ := answer["error"].(string); status != 503 || answer["code"] != "unavailable" || !strings.Contains(said, "The disk that holds the database has 1.0 MB free") {
			t.Errorf("%s: %d %v", door, status, answer)
		}
	}
}
