package api

import (
	"fmt"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// A build that prints without end woke each of its readers for every line.
func TestStreamGathersWhatComesFast(t *testing.T) {
	const gather, lines = 50 * time.Millisecond, 300
	f := running()
	r := serve(t, f, func(a *API) { a.timing.gather = gather }).open("")
	r.expect("status")
	start, before := time.Now(), f.Reads()
	for i := range lines {
		f.Append(fmt.Sprint(i))
		time.Sleep(time.Millisecond)
	}
	f.End(core.BuildSucceeded)
	for i := range lines {
		if m := r.expect("log"); m.id != fmt.Sprint(i) {
			t.Fatalf("%v came, want %d", m, i)
		}
	}
	r.expect("done")
	if reads, most := f.Reads()-before, int(time.Since(start)/gather)+2; reads > most {
		t.Errorf("%d reads of the log, want at most %d", reads, most)
	}
}

func TestStreamEndsWhileItGathers(t *testing.T) {
	f := running()
	s := serve(t, f, func(a *API) { a.timing.gather = time.Hour })
	r := s.open("")
	r.expect("status")
	f.Append("not yet")
	close(s.stop)
	r.expectEnd()
}
