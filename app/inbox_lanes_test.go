package app_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
)

func TestAForgeThatHangsAboutCommentsKeepsNoPushWaiting(t *testing.T) {
	h := chatHouse(t, false)
	h.forge.talk.hang = make(chan struct{})
	var comments []string
	for i := range 40 { // of 40 people, so that no limit takes them
		e := comment(fmt.Sprint(i), fmt.Sprint("p", i), "/oore ping")
		e.Chat.AuthorID = fmt.Sprint(i)
		comments = append(comments, h.deliverRawLater(t, e))
	}
	push := h.deliverRawLater(t, pullRequest(6, "dev", shaA))
	decided := func(id string) bool {
		d, err := h.store.FindDelivery(t.Context(), id)
		return err == nil && d.Status != core.DeliveryReceived
	}
	h.work(t, func() bool {
		if !decided(push) {
			return false
		}
		if decided(comments[0]) {
			t.Error("the comments did not hang")
		}
		close(h.forge.talk.hang)
		return true
	})
	for _, id := range comments {
		h.decided(t, id)
	}
}

// 1,100 deliveries are more than the lanes take at once.
func TestABacklogIsDecidedWhole(t *testing.T) {
	h := newHouse(t)
	var last string
	for i := range 1100 {
		e := push("main", shaA)
		e.RepositoryID = fmt.Sprint("r", i%7)
		last = h.deliverRawLater(t, e)
	}
	h.decided(t, last)
	h.work(t, func() bool {
		_, n, err := h.store.ListDeliveries(t.Context(), core.DeliveryFilter{Status: core.DeliveryReceived}, core.Page{Limit: 1})
		return err == nil && n == 0
	})
}

func TestAFloodOfCommentsIsAnsweredOnceAndAsksTheForgeLittle(t *testing.T) {
	h := chatHouse(t, false)
	flood := func() (last core.Delivery) {
		for i := range 25 {
			last = h.deliver(t, comment(fmt.Sprint(h.clock.now().UnixNano(), i), "zoe", "/oore build"))
		}
		return last
	}
	told := func() (n int) {
		all, _, err := h.store.ListDeliveries(t.Context(), core.DeliveryFilter{}, core.Page{Limit: 200})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range all {
			if d.Reason.Code == core.CodeRateLimited && d.Reply != "" {
				n++
			}
		}
		return n
	}
	if last := flood(); last.Reason.Code != core.CodeRateLimited || last.Status != core.DeliveryIgnored {
		t.Errorf("the last: %s %+v", last.Status, last.Reason)
	}
	if n := told(); n != 1 || h.forge.talk.asked != 10 {
		t.Errorf("%d times told that there are too many, the forge asked %d times", n, h.forge.talk.asked)
	}
	h.clock.forward(time.Minute + time.Second)
	flood()
	if n := told(); n != 2 || h.forge.talk.asked != 20 {
		t.Errorf("after a minute: %d times told, the forge asked %d times", n, h.forge.talk.asked)
	}
}

// Whatever one repository sends, another's push is decided: beyond 1,024 deliveries that
// waited nothing was read any more. What was put off is decided in the order in which it came.
func TestANoisyRepositoryKeepsNoOtherWaiting(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android", triggers(core.Trigger{Branches: []string{"release"}}))
	answer := make(chan struct{})
	h.forge.meet = func() { <-answer } // a forge that is slow about the noisy one
	noisy := push("main", shaA)
	noisy.Message = "" // to be asked for
	quiet := push("main", shaA)
	quiet.RepositoryID, quiet.RepositoryName = "8", "acme/quiet"
	for range 1100 {
		h.deliverRawLater(t, noisy)
	}
	other := h.deliverRawLater(t, quiet)
	h.work(t, func() bool {
		d, err := h.store.FindDelivery(t.Context(), other)
		if err != nil || d.Status == core.DeliveryReceived {
			return false
		}
		close(answer)
		return true
	})
	late := h.deliverRawLater(t, noisy)
	h.decided(t, late)
	all, total, err := h.store.ListDeliveries(t.Context(), core.DeliveryFilter{Repository: "acme/shop"}, core.Page{Limit: 2000})
	if err != nil || total != 1101 {
		t.Fatalf("%d deliveries, %v", total, err)
	}
	for i, d := range all { // the newest first
		if d.Status != core.DeliveryIgnored || i > 0 && !d.ProcessedAt.Before(*all[i-1].ProcessedAt) {
			t.Fatalf("delivery %d from the end is %s, at %v, and the next one at %v", i, d.Status, d.ProcessedAt, all[max(0, i-1)].ProcessedAt)
		}
	}
}

// One did, when the lane became empty while they were read.
func TestWhatWasPutOffOvertakesNothingOfItsRepository(t *testing.T) {
	if newHouse(t).Overtakes(t.Context()) {
		t.Error("the newer is taken before the older")
	}
}
