package web

import (
	"net/http"
	"strings"
	"testing"
)

// The tab was an error, though what failed is in the database.
func TestFailuresShowWhileTheBlobStoreIsDown(t *testing.T) {
	f := filled()
	f.testsAway = true
	answer, body := get(t, site(t, f, owner(), ""), "/builds/b140/tests")
	if answer.StatusCode != http.StatusOK || !strings.Contains(body, "Expected: &lt;2&gt;") || !strings.Contains(body, "cannot be read just now") || strings.Contains(body, "are not kept") {
		t.Errorf("%d", answer.StatusCode)
	}
}
