package handlers

import (
	"net/http"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

func TestWhoMayLoadAnArtifact(t *testing.T) {
	s := serve(t, nil)
	s.fake.Artifact = core.Artifact{ID: someID, Name: "app.apk", Kind: core.ArtifactFile, Size: 7, SHA256: strings.Repeat("0", 64)}
	s.fake.File = "content"
	for _, c := range []struct {
		path, header string
		status       int
	}{
		{"/v1/artifacts/" + someID + "/download", bearer, http.StatusOK},
		{"/v1/artifacts/" + someID + "/download", "Cookie: " + cookie, http.StatusOK},
		{"/v1/artifacts/" + someID + "/download", "Accept: */*", http.StatusUnauthorized},
		{"/v1/artifacts/" + someID + "/download?token=ticket", "Accept: */*", http.StatusUnauthorized},
		{"/artifacts/" + someID + "/download", "Cookie: " + cookie, http.StatusOK},
		{"/artifacts/" + someID + "/download", "Accept: */*", http.StatusSeeOther}, // to sign in
		{"/dl/oored_secret", "Accept: */*", http.StatusOK},
	} {
		got := s.ask("GET", c.path, "", c.header)
		if got.status != c.status || (got.status == http.StatusOK) != (got.body == "content") {
			t.Errorf("%s with %s: %d %q", c.path, c.header, got.status, got.body)
		}
		if policy := got.header.Get("Content-Security-Policy"); got.status == http.StatusOK && policy != "sandbox; default-src 'none'" {
			t.Errorf("%s: policy %q", c.path, policy)
		}
	}
	if last := s.fake.Last(); last.Command != "OpenDownloadLink" || last.ID != "oored_secret" {
		t.Errorf("asked for %+v", last)
	}
	got := s.ask("GET", "/v1/artifacts/"+someID+"/download", "", bearer, "Range: bytes=7-")
	if code, _ := got.envelope(t); got.status != http.StatusRequestedRangeNotSatisfiable || got.header.Get("Content-Range") != "bytes */7" {
		t.Errorf("%d %s, %v", got.status, code, got.header)
	}
}
