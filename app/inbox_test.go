package app_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// receive stores an event; nothing is decided about it.
func (h *house) receive(t *testing.T, id string, e core.Event) string {
	t.Helper()
	payload, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	stored, _, err := h.ReceiveDelivery(t.Context(), app.ReceiveDelivery{
		Provider: core.ProviderGitHub, DeliveryID: id, Event: "push", Payload: payload,
	})
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

func TestABacklogIsDecidedInTheOrderInWhichItCame(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	const backlog = 30
	var last string
	for n := range backlog {
		last = h.receive(t, fmt.Sprint(n), push("main", fmt.Sprintf("%040x", n)))
	}
	if d := h.decided(t, last); d.Status != core.DeliveryProcessed {
		t.Errorf("the last delivery is %s", d.Status)
	}
	builds := h.builds(t)
	if len(builds) != backlog {
		t.Fatalf("%d builds, want %d", len(builds), backlog)
	}
	for n, b := range builds {
		if b.Number != n+1 || b.SHA != fmt.Sprintf("%040x", n) {
			t.Errorf("build %d is of %s, want of the push %d", b.Number, b.SHA, n)
		}
	}
}

func TestADefectInABacklogHurtsItsOwnDeliveryAlone(t *testing.T) {
	h := newHouse(t)
	ping := core.Event{Ignored: &core.Reason{Code: core.WhyPing, Text: "GitHub says hello."}}
	before := h.receive(t, "before", ping)
	bad := h.receive(t, "bad", core.Event{Action: "panic"})
	after := h.receive(t, "after", ping)
	for _, id := range []string{before, after} {
		if d := h.decided(t, id); d.Status != core.DeliveryIgnored || d.Attempts != 1 {
			t.Errorf("a neighbor is %s after %d attempts", d.Status, d.Attempts)
		}
	}
	h.work(t, func() bool {
		d, err := h.store.FindDelivery(t.Context(), bad)
		return err == nil && d.Status == core.DeliveryReceived && d.Attempts == 1 && d.Reason.Code == core.WhyInternal
	})
}
