package handlers

import (
	"testing"

	"github.com/oore-ci/oore/handlers/sse"
)

// The streams that pages have open count for the API too.
func TestAProjectThatHasAllItsStreamsGetsNoneByAPI(t *testing.T) {
	s := serve(t, nil)
	s.fake.Detail.Build.ProjectID = otherID
	for range sse.PerProject {
		if _, err := s.pages.ProjectStreams().BeginOf(otherID); err != nil {
			t.Fatal(err)
		}
	}
	got := s.ask("GET", "/v1/builds/"+someID+"/logs/stream", "", "Authorization: Bearer token")
	s.expect(got, 429, "rate_limited")
	if pause := got.header.Get("Retry-After"); pause != "10" {
		t.Errorf("Retry-After: %q", pause)
	}
}
