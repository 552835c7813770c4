package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/github/githubtest"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/storetest"
)

const (
	// outages is how often PostgreSQL is killed, unless OORE_TEST_OUTAGES says so.
	outages       = 2
	outageRate    = 200 // deliveries per second
	outageSenders = 16
)

// TestAKilledPostgresLosesNoDelivery kills PostgreSQL again and again while deliveries come
// in at a steady rate. What was answered 200 is there, once, and is decided; what could not
// be stored was answered 503; the server comes back by itself.
func TestAKilledPostgresLosesNoDelivery(t *testing.T) {
	seed := envNumber(t, "OORE_TEST_SEED", rand.Uint64N(1_000_000))
	kills := envNumber(t, "OORE_TEST_OUTAGES", outages)
	fmt.Printf("outages: replay with OORE_TEST_SEED=%d OORE_TEST_OUTAGES=%d\n", seed, kills)
	t.Parallel()
	random := rand.New(rand.NewPCG(seed, 0))
	postgres := storetest.NewServer(t)
	database := postgres.Database(t, "outages")
	s := newSite(t, database, workflow("echo ok"), "OORE_RUNNERS=0")
	s.program.pipeline(s.githubProject("acme/shop", nil).ID, "Release", map[string]any{
		"trigger_config": map[string]any{"branches": []string{"release/*"}},
	})
	l := s.pour(outageRate)
	for range kills {
		time.Sleep(time.Duration(500+random.IntN(1000)) * time.Millisecond)
		postgres.Kill(t)
		time.Sleep(time.Duration(random.IntN(1000)) * time.Millisecond)
		postgres.Start(t)
		s.ready()
	}
	time.Sleep(500 * time.Millisecond)
	accepted, refused := l.end()
	if len(accepted) == 0 || refused == 0 {
		t.Errorf("%d accepted, %d refused: PostgreSQL was not away in the midst of it", len(accepted), refused)
	}
	var waiting struct{ Total int }
	eventually(t, "every delivery is decided", func() bool {
		s.must("GET", "/v1/deliveries?limit=1&status=received", nil, &waiting)
		return waiting.Total == 0
	})
	s.stop()
	db, err := store.OpenUnchanged(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for id, ours := range accepted {
		if d, err := db.FindDeliveryOf(t.Context(), core.ProviderGitHub, id); err != nil || ours != "" && d.ID != ours {
			t.Errorf("delivery %s was accepted as %s, and is %s: %v", id, ours, d.ID, err)
		}
	}
	if a := s.command(nil, "verify"); a.code != 0 {
		t.Errorf("verify says %+v", a)
	}
	t.Logf("%d kills, %d deliveries accepted, %d refused", kills, len(accepted), refused)
}

// pouring is a stream of deliveries.
type pouring struct {
	site    *site
	payload []byte
	stop    chan struct{}
	senders sync.WaitGroup

	mu       sync.Mutex
	accepted map[string]string // the sender's id → ours
	refused  int
}

// pour sends so many deliveries per second that match nothing, until it is ended.
func (s *site) pour(rate int) *pouring {
	s.t.Helper()
	p := &pouring{site: s, payload: s.gh.PushPayload(s.repo, "main", "", s.head), stop: make(chan struct{}), accepted: map[string]string{}}
	tick := time.NewTicker(time.Second / time.Duration(rate))
	for n := range outageSenders {
		p.senders.Go(func() {
			client := &http.Client{Timeout: patience, Transport: &http.Transport{}}
			for i := 0; ; i++ {
				select {
				case <-p.stop:
					return
				case <-tick.C:
					p.send(client, fmt.Sprintf("pour-%d-%d", n, i))
				}
			}
		})
	}
	s.t.Cleanup(func() {
		p.end()
		tick.Stop()
	})
	return p
}

func (p *pouring) end() (accepted map[string]string, refused int) {
	select {
	case <-p.stop:
	default:
		close(p.stop)
	}
	p.senders.Wait()
	return p.accepted, p.refused
}

func (p *pouring) send(client *http.Client, id string) {
	resp, err := p.site.gh.Deliver(p.site.url+"/v1/webhooks/github", "push", p.payload, githubtest.Delivery{ID: id, Client: client})
	if err != nil {
		p.site.t.Errorf("delivery %s: the server runs, and does not answer: %v", id, err)
		return
	}
	ours := deliveryID(resp)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch resp.StatusCode {
	case http.StatusOK:
		p.accepted[id] = ours
	case http.StatusServiceUnavailable:
		p.refused++
	default:
		p.site.t.Errorf("delivery %s is answered %d", id, resp.StatusCode)
	}
}

func deliveryID(resp *http.Response) string {
	defer resp.Body.Close()
	var answer struct {
		DeliveryID string `json:"delivery_id"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return ""
	}
	return answer.DeliveryID
}
