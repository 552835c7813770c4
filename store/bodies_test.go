package store_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/storetest"
)

// What a delivery brought is kept for a week, and then its SHA-256 alone; not what waits to
// be decided or approved, which is read again.
func TestWhatADeliveryBroughtIsKeptForAWeek(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx, now := open(t, url), t.Context(), at(0)
		const body = "{\"a\": \"\x00\"}"
		sum := sha256.Sum256([]byte(body))
		blocked := []core.DeliveryVerdict{{PipelineID: "p", Code: core.WhyBranch}, {PipelineID: "q", Code: core.WhyFork}}
		kept := map[string]bool{}
		for _, d := range []struct {
			id       string
			days     int
			status   core.DeliveryStatus
			verdicts []core.DeliveryVerdict
			kept     bool
		}{
			{"young", 6, core.DeliveryProcessed, nil, true},
			{"old", 8, core.DeliveryProcessed, []core.DeliveryVerdict{{PipelineID: "p", Code: core.WhyBranch}}, false},
			{"older", 20, core.DeliveryFailed, nil, false},
			{"waits", 20, core.DeliveryReceived, nil, true},
			{"fork", 20, core.DeliveryIgnored, blocked, true},
		} {
			_, _, err := s.ReceiveDelivery(ctx, core.Delivery{
				ID: d.id, Provider: core.ProviderGitHub, DeliveryID: d.id, Event: "push", Payload: []byte(body), Status: d.status, Verdicts: d.verdicts,
				ReceivedAt: now.AddDate(0, 0, -d.days), NotBefore: now,
			})
			ok(t, err)
			kept[d.id] = d.kept
		}
		for more := true; more; {
			var err error
			_, more, err = s.ApplyRetention(ctx, core.DefaultRetention(), now, 1)
			ok(t, err)
		}
		for id, is := range kept {
			d, err := s.FindDelivery(ctx, id)
			ok(t, err)
			if is && (string(d.Payload) != body || d.BodySHA256 != "") || !is && (len(d.Payload) > 0 || d.BodySHA256 != hex.EncodeToString(sum[:])) {
				t.Errorf("%s: %q, %q", id, d.Payload, d.BodySHA256)
			}
		}
		again := newDelivery("older") // the forge sends what failed again
		_, _, err := s.ReceiveDelivery(ctx, again)
		ok(t, err)
		d, err := s.FindDelivery(ctx, "older")
		ok(t, err)
		if string(d.Payload) != string(again.Payload) || d.BodySHA256 != "" || d.Status != core.DeliveryReceived {
			t.Errorf("what came again is %+v", d)
		}
	})
}

// Two servers that forgot at once, one of which had been halted, left the sum of nothing:
// the second read what the first had emptied.
func TestTwoThatForgetAtOnceKeepTheSumOfWhatCame(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, other, ctx, now := open(t, url), open(t, url), t.Context(), at(0)
		want := map[string]string{}
		for n := range 60 {
			id := fmt.Sprintf("old-%02d", n)
			sum := sha256.Sum256([]byte(id))
			want[id] = hex.EncodeToString(sum[:])
			_, _, err := s.ReceiveDelivery(ctx, core.Delivery{
				ID: id, Provider: core.ProviderGitHub, DeliveryID: id, Event: "push", Payload: []byte(id), Status: core.DeliveryProcessed,
				ReceivedAt: now.AddDate(0, 0, -8), NotBefore: now,
			})
			ok(t, err)
		}
		var both sync.WaitGroup
		for _, each := range []*store.Store{s, other} {
			both.Go(func() {
				if _, _, err := each.ApplyRetention(ctx, core.DefaultRetention(), now, len(want)); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		for id, sum := range want {
			d, err := s.FindDelivery(ctx, id)
			ok(t, err)
			if len(d.Payload) > 0 || d.BodySHA256 != sum {
				t.Errorf("%s: %q, %q", id, d.Payload, d.BodySHA256)
			}
		}
	})
}
