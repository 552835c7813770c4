package github_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/github/githubtest"
)

// door is a receiver of webhooks that answers as it is told.
type door struct {
	*httptest.Server
	payload []byte // of what is delivered

	mu     sync.Mutex
	status int
	ids    []string
	bodies [][]byte
}

func newDoor(t *testing.T, w *world) *door {
	d := &door{status: 200, payload: w.PushPayload(w.repo, "main", "", w.head)}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		d.mu.Lock()
		defer d.mu.Unlock()
		d.ids, d.bodies = append(d.ids, r.Header.Get("X-GitHub-Delivery")), append(d.bodies, body)
		w.WriteHeader(d.status)
	}))
	t.Cleanup(d.Close)
	return d
}

func (d *door) answer(status int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.status = status
}

// deliver sends a push event, which may get lost.
func (d *door) deliver(t *testing.T, w *world, id string, at time.Time) {
	t.Helper()
	resp, err := w.Deliver(d.URL, "push", d.payload, githubtest.Delivery{ID: id, At: at})
	if err == nil {
		resp.Body.Close()
	} else if !errors.Is(err, githubtest.ErrLost) {
		t.Fatal(err)
	}
}

func TestMissed(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	d := newDoor(t, w)
	now := time.Now().Truncate(time.Second)
	w.Lose(1)
	d.deliver(t, w, "forgotten", now.Add(-80*time.Hour))
	w.Lose(1)
	d.deliver(t, w, "old", now.Add(-3*time.Hour))
	d.deliver(t, w, "accepted", now.Add(-110*time.Minute))
	w.Lose(1)
	d.deliver(t, w, "lost", now.Add(-100*time.Minute))
	d.answer(503)
	d.deliver(t, w, "refused", now.Add(-90*time.Minute))
	w.Lose(1)
	d.deliver(t, w, "refused", now.Add(-80*time.Minute))
	d.deliver(t, w, "healed", now.Add(-70*time.Minute))
	d.answer(200)
	d.deliver(t, w, "healed", now.Add(-60*time.Minute))
	d.deliver(t, w, "twice", now.Add(-50*time.Minute))
	d.answer(500)
	d.deliver(t, w, "twice", now.Add(-40*time.Minute))
	got, err := f.Missed(t.Context(), core.Lookback{Since: now.Add(-2 * time.Hour)})
	if err != nil || len(got) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	tries := w.Deliveries()
	for i, want := range []core.MissedDelivery{
		{ID: fmt.Sprint(tries[3].ID), DeliveryID: "lost", Event: "push", StatusCode: 502, Status: "failed to connect to host", At: now.Add(-100 * time.Minute).UTC()},
		{ID: fmt.Sprint(tries[5].ID), DeliveryID: "refused", Event: "push", StatusCode: 502, Status: "failed to connect to host", At: now.Add(-80 * time.Minute).UTC()},
	} {
		got[i].At, want.RepositoryID, want.IntegrationID = got[i].At.UTC(), fmt.Sprint(w.repo.ID), integrationID
		if got[i] != want {
			t.Errorf("got  %+v\nwant %+v", got[i], want)
		}
	}
}

func TestMissedOfManyPages(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	d := newDoor(t, w)
	now := time.Now().Truncate(time.Second)
	w.Lose(1)
	d.deliver(t, w, "first", now.Add(-10*time.Hour))
	for i := range 250 {
		w.Lose(i % 2)
		d.deliver(t, w, fmt.Sprintf("%03d", i), now.Add(time.Duration(i-400)*time.Minute))
	}
	got, err := f.Missed(t.Context(), core.Lookback{Since: now.Add(-24 * time.Hour)})
	if err != nil || len(got) != 126 || got[0].DeliveryID != "first" || got[125].DeliveryID != "249" {
		t.Fatalf("%d missed, %v", len(got), err)
	}
	if !slices.IsSortedFunc(got, func(a, b core.MissedDelivery) int { return a.At.Compare(b.At) }) {
		t.Error("not the oldest first")
	}
	const path = "/app/hook/deliveries"
	if n := w.asked(path)[200]; n != 3 {
		t.Errorf("%d pages for 251 tries", n)
	}
	if _, err := f.Missed(t.Context(), core.Lookback{Since: now.Add(-170 * time.Minute)}); err != nil {
		t.Fatal(err)
	}
	if n := w.asked(path)[200]; n != 4 {
		t.Errorf("%d more pages, for what one has", n-3)
	}
}

func TestRedeliver(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	d := newDoor(t, w)
	w.Lose(2)
	d.deliver(t, w, "lost", time.Time{})
	for tries := 2; tries <= 3; tries++ {
		missed, err := f.Missed(t.Context(), core.Lookback{Since: time.Now().Add(-time.Hour)})
		if err != nil || len(missed) != 1 {
			t.Fatalf("%+v, %v", missed, err)
		}
		if err := f.Redeliver(t.Context(), missed[0]); err != nil {
			t.Fatal(err)
		}
		w.Wait(t, "another try", time.Minute, func() bool { return len(w.Deliveries()) == tries })
	}
	missed, err := f.Missed(t.Context(), core.Lookback{Since: time.Now().Add(-time.Hour)})
	if err != nil || len(missed) != 0 {
		t.Errorf("still missed: %+v, %v", missed, err)
	}
	if !slices.Equal(d.ids, []string{"lost"}) || string(d.bodies[0]) != string(d.payload) {
		t.Errorf("received %v", d.ids)
	}
	last := w.Deliveries()[2]
	if !last.Redelivery || last.StatusCode != 200 || last.GUID != "lost" {
		t.Errorf("the last try: %+v", last)
	}
}

func TestRedeliverWhatCannotBe(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	wantError(t, "forgotten", f.Redeliver(t.Context(), core.MissedDelivery{ID: "17"}), core.KindNotFound, core.CodeNotFound)
	before := len(w.Requests())
	wantError(t, "no id", f.Redeliver(t.Context(), core.MissedDelivery{ID: "../17"}), core.KindInvalid, core.CodeInvalidInput)
	if len(w.Requests()) != before {
		t.Error("asked GitHub all the same")
	}
}
