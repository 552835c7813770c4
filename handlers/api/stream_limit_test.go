package api

import (
	"strings"
	"testing"

	"github.com/oore-ci/oore/handlers/sse"
)

func TestTheStreamsOfOneProjectAreBounded(t *testing.T) {
	f := running()
	s := serve(t, f)
	id := f.Detail.Build.ProjectID
	var ends []func()
	for range sse.PerProject - 1 {
		end, err := s.api.streams.BeginOf(id)
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, end)
	}
	last := s.open("")
	last.expect("status")
	got := s.ask("GET", "/builds/"+buildID+"/logs/stream", "")
	if !strings.Contains(string(got.body), "rate_limited") {
		t.Errorf("one more: %s", got.body)
	}
	if other, err := s.api.streams.BeginOf("other"); err != nil {
		t.Errorf("another project: %v", err)
	} else {
		other()
	}
	ends[0]()
	s.open("").expect("status")
}
