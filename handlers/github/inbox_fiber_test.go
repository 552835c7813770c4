package github_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/oore-ci/oore/handlers/github/githubtest"
)

// The context of fiber's adaptor is recycled with its request.
func TestInboxKeepsNoContextOfTheRequest(t *testing.T) {
	s := &shelf{}
	url := doors(t, s)["fiber"]
	post(t, http.DefaultClient, url, `{}`, nil)
	if _, ok := s.ctx.Deadline(); !ok {
		t.Error("the store may hang for ever")
	}
	if s.ctx.Err() == nil {
		t.Error("the context outlives the request")
	}
	if s.marked {
		t.Error("the context descends from the request's")
	}
}

// Through the adaptor, strings are views of a buffer that the next request on the
// connection overwrites. What is stored must be what was sent.
func TestInboxStoresTheIDsThatWereSent(t *testing.T) {
	const senders, each = 16, 125
	s := &shelf{}
	url := doors(t, s)["fiber"]
	var sent sync.Map
	var wg sync.WaitGroup
	for sender := range senders {
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}} // one connection, kept alive
		defer client.CloseIdleConnections()
		wg.Go(func() {
			for i := range each {
				id, event := githubtest.NewDeliveryID(), fmt.Sprintf("event_%d_%d", sender, i)
				body := fmt.Sprintf(`{"id":%q}`, id)
				status, _ := post(t, client, url, body, map[string]string{"X-GitHub-Delivery": id, "X-GitHub-Event": event})
				if status != 200 {
					t.Errorf("status %d", status)
				}
				sent.Store(id, event)
			}
		})
	}
	wg.Wait()
	stored := s.all()
	if len(stored) != senders*each {
		t.Errorf("%d stored, %d sent", len(stored), senders*each)
	}
	wrong := 0
	for _, d := range stored {
		event, ok := sent.Load(d.DeliveryID)
		if !ok || event != d.Event || string(d.Payload) != fmt.Sprintf(`{"id":%q}`, d.DeliveryID) {
			wrong++
		}
	}
	if wrong > 0 {
		t.Errorf("%d of %d deliveries were stored with another's id or event", wrong, len(stored))
	}
}
