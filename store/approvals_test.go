package store_test

import (
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

func TestApprovalsAreOfOneCommit(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h := furnish(t, url)
		a := core.Approval{RepositoryID: h.project.RepositoryID, PullRequest: 3, SHA: "aa", Approver: "ana", At: at(1)}
		for range 2 {
			if _, err := h.SaveApproval(t.Context(), a); err != nil {
				t.Fatal(err)
			}
		}
		got, err := h.FindApproval(t.Context(), a.RepositoryID, 3, "aa")
		if err != nil || got != a {
			t.Errorf("found %+v, %v", got, err)
		}
		for _, other := range []core.Approval{{RepositoryID: "x", PullRequest: 3, SHA: "aa"}, {RepositoryID: a.RepositoryID, PullRequest: 4, SHA: "aa"}, {RepositoryID: a.RepositoryID, PullRequest: 3, SHA: "ab"}} {
			if _, err := h.FindApproval(t.Context(), other.RepositoryID, other.PullRequest, other.SHA); core.KindOf(err) != core.KindNotFound {
				t.Errorf("%+v: %v", other, err)
			}
		}
	})
}

func TestHeadsAreReplaced(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h := furnish(t, url)
		id := h.project.RepositoryID
		if heads, err := h.ListHeads(t.Context(), id); err != nil || heads != nil {
			t.Errorf("before: %v, %v; want nil, for nobody looked", heads, err)
		}
		for _, heads := range []map[string]string{{"refs/heads/a": "1", "refs/heads/b": "2"}, {"refs/heads/b": "3"}} {
			if err := h.SaveHeads(t.Context(), id, heads); err != nil {
				t.Fatal(err)
			}
			got, err := h.ListHeads(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, got, heads)
		}
	})
}

func TestADeliveryIsFoundByItsSendersIdentity(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h := furnish(t, url)
		d := core.Delivery{ID: newID("delivery"), Provider: core.ProviderGitHub, DeliveryID: "guid", Event: "push", Payload: []byte("{}"), Status: core.DeliveryReceived, NotBefore: at(0), ReceivedAt: at(0)}
		if _, _, err := h.ReceiveDelivery(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		got, err := h.FindDeliveryOf(t.Context(), core.ProviderGitHub, "guid")
		if err != nil || got.ID != d.ID || len(got.Payload) != 0 {
			t.Errorf("found %+v, %v", got, err)
		}
		if _, err := h.FindDeliveryOf(t.Context(), core.ProviderGitLab, "guid"); core.KindOf(err) != core.KindNotFound {
			t.Errorf("of another provider: %v", err)
		}
	})
}
