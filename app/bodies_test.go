package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func TestADeliveryOfWhichNothingIsLeftIsNotProcessedAgain(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	d := h.deliver(t, push("main", shaA))
	h.clock.forward(core.BodyLife + time.Hour)
	h.work(t, func() bool {
		found, err := h.store.FindDelivery(t.Context(), d.ID)
		return err == nil && found.BodySHA256 != ""
	})
	_, err := h.RedeliverDelivery(t.Context(), h.owner, d.ID)
	wantCode(t, err, core.KindGone, "gone")
	_, err = h.EvaluateDelivery(t.Context(), h.owner, d.ID)
	wantCode(t, err, core.KindGone, "gone")
	if w, err := h.Why(t.Context(), h.owner, app.AskWhy{Repository: "acme/shop", SHA: shaA}); err != nil || len(w.Deliveries) != 1 || !strings.HasPrefix(w.Sentence, "It arrived and was built") {
		t.Errorf("why says of it: %+v, %v", w, err)
	}
	if found, err := h.FindDelivery(t.Context(), h.owner, d.ID); err != nil || found.Status != core.DeliveryProcessed {
		t.Errorf("it is %s, %v", found.Status, err)
	}
}
