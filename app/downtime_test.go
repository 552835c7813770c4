package app_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// TestEveryHeadIsBuiltHoweverLongTheServerWasDown lets 500 pushes to 40 branches and
// pull requests happen while no server runs. The forge remembers three days of what it
// could not bring, and asks nobody.
func TestEveryHeadIsBuiltHoweverLongTheServerWasDown(t *testing.T) {
	for _, down := range []time.Duration{time.Minute, time.Hour, 72 * time.Hour} {
		t.Run(down.String(), func(t *testing.T) {
			h := newHouse(t)
			h.pipeline(t, h.project(t).ID, "Android")
			random := rand.New(rand.NewPCG(7, uint64(down)))
			heads := map[string]core.Event{"refs/heads/main": push("main", shaA)}
			h.forge.setHeads(heads["refs/heads/main"])
			h.surveyed(t, "refs/heads/main", shaA)

			var missed []core.MissedDelivery
			for i := range 500 {
				e := push(fmt.Sprintf("work-%02d", random.IntN(20)), fmt.Sprintf("%040x", i+1))
				if random.IntN(2) == 0 {
					number := random.IntN(20) + 1
					e = pullRequest(number, fmt.Sprintf("pull-%02d", number), e.SHA)
					e.Ref = fmt.Sprintf("refs/pull/%d/head", number)
				}
				heads[e.Ref] = e
				h.clock.forward(down / 500)
				missed = append(missed, core.MissedDelivery{
					ID: fmt.Sprint(i), DeliveryID: fmt.Sprintf("lost-%d", i), RepositoryID: "7", StatusCode: 502, At: time.Now(),
				})
			}
			h.forge.mu.Lock()
			h.forge.missed, h.forge.heads = missed, nil
			for _, e := range heads {
				h.forge.heads = append(h.forge.heads, e)
			}
			h.forge.mu.Unlock()

			built := func() map[string]bool {
				shas := map[string]bool{}
				for _, b := range h.builds(t) {
					shas[b.SHA] = true
				}
				return shas
			}
			h.work(t, func() bool { return len(built()) >= len(heads)-1 }) // main did not move
			got := built()
			for ref, e := range heads {
				if e.SHA != shaA && !got[e.SHA] {
					t.Errorf("%s stands at %s, which has no build", ref, e.SHA)
				}
			}
			asked := map[string]int{}
			h.forge.mu.Lock()
			for _, id := range h.forge.asked {
				asked[id]++
			}
			h.forge.mu.Unlock()
			if len(asked) == 0 || len(asked) > 50 {
				t.Errorf("asked for %d deliveries in one survey, want 1 to 50", len(asked))
			}
			// What was asked for arrives after all, and makes no second build of a head.
			before := len(h.builds(t))
			for ref, e := range heads {
				if ref != "refs/heads/main" {
					if d := h.deliver(t, e); d.Verdicts[0].Code != core.WhySharedBuild {
						t.Fatalf("%s came late: %+v", ref, d.Reason)
					}
				}
			}
			if after := len(h.builds(t)); after != before {
				t.Errorf("%d builds, and %d after the late deliveries", before, after)
			}
		})
	}
}
