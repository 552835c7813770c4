package handlers

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func TestTheSystemAsJSON(t *testing.T) {
	s := serve(t, nil)
	s.fake.Checkup = app.Checkup{At: time.Unix(1763800000, 0), Checks: []core.Check{
		{Area: core.AreaMachine, Name: "git", State: core.CheckOK, Value: "2.50.1"},
		{Area: core.AreaNetwork, Name: "clock", State: core.CheckWarning, Value: "12s behind", Fix: "Use NTP"},
	}}
	got := s.ask(http.MethodGet, "/v1/settings/system", "", bearer)
	want := `{"status":"warning","checked_at":1763800000,"checks":[{"area":"machine","name":"git","state":"ok","value":"2.50.1"},` +
		`{"area":"network","name":"clock","state":"warning","value":"12s behind","fix":"Use NTP"}],"total":2}`
	if got.status != http.StatusOK || got.body != want {
		t.Errorf("%d %s\nwant %s", got.status, got.body, want)
	}
	s.fake.Err = core.Errorf(core.KindForbidden, "no")
	s.expect(s.ask(http.MethodGet, "/v1/settings/system", "", bearer), http.StatusForbidden, "permission_denied")
}

func TestAChallengeIsAnsweredAtOnceAndEndsLater(t *testing.T) {
	s := serve(t, nil)
	s.expect(s.ask(http.MethodGet, "/v1/settings/system/challenge", ""), http.StatusNotFound, "not_found")
	s.expect(s.ask(http.MethodGet, "/v1/settings/system/challenge?question=theirs", ""), http.StatusNotFound, "not_found")
	start := time.Now()
	resp, err := http.Get(s.url + "/v1/settings/system/challenge?question=ours")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.Header.Get("X-Accel-Buffering") != "no" || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		t.Errorf("headers %v", resp.Header)
	}
	var events []string
	var times []time.Duration
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			events, times = append(events, data), append(times, time.Since(start))
		}
	}
	var said struct{ Answer string }
	if len(events) != 2 || json.Unmarshal([]byte(events[0]), &said) != nil || said.Answer != s.fake.Secret {
		t.Fatalf("events %q", events)
	}
	if gap := times[1] - times[0]; gap < 100*time.Millisecond {
		t.Errorf("the events come within %s", gap)
	}
}
