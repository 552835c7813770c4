package store_test

import (
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

func newSubscription(channel, projectID, pipelineID string, created int) core.Subscription {
	return core.Subscription{
		ID: newID("subscription"), Team: "T1", Channel: channel, ProjectID: projectID, PipelineID: pipelineID, On: core.OnBroken, CreatedAt: at(created),
	}
}

func (h house) subscribe(tb testing.TB, subscriptions ...core.Subscription) {
	tb.Helper()
	for _, s := range subscriptions {
		ok(tb, h.SaveSubscription(tb.Context(), s))
	}
}

func (h house) wantSubscriptions(tb testing.TB, projectID string, want ...core.Subscription) {
	tb.Helper()
	list, err := h.ListSubscriptions(tb.Context(), projectID)
	ok(tb, err)
	equal(tb, list, append([]core.Subscription{}, want...))
}

func TestSubscriptionsAreListedOldestFirst(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		other := h.saveProject(t, "other")
		h.wantSubscriptions(t, h.project.ID)
		young, old := newSubscription("C1", h.project.ID, "", 3), newSubscription("C2", h.project.ID, h.pipeline.ID, 1)
		elsewhere := newSubscription("C1", h.project.ID, "", 2)
		elsewhere.Team = "T2"
		others := newSubscription("C1", other.ID, "", 0)
		h.subscribe(t, young, old, elsewhere, others)
		h.wantSubscriptions(t, h.project.ID, old, elsewhere, young)
		h.wantSubscriptions(t, other.ID, others)

		list, err := h.ListSubscriptionsOfChannel(ctx, "T1", "C1")
		ok(t, err)
		equal(t, list, []core.Subscription{others, young})
		list, err = h.ListSubscriptionsOfChannel(ctx, "T2", "C2")
		ok(t, err)
		equal(t, list, []core.Subscription{})
	})
}

func TestSubscriptionIsOnePerChannelProjectAndPipeline(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h := furnish(t, url)
		all, one := newSubscription("C1", h.project.ID, "", 1), newSubscription("C1", h.project.ID, h.pipeline.ID, 2)
		h.subscribe(t, all, one)
		again := newSubscription("C1", h.project.ID, "", 3) // id and birth stay
		again.On = core.OnFixed
		h.subscribe(t, again)
		all.On = core.OnFixed
		h.wantSubscriptions(t, h.project.ID, all, one)

		ok(t, inParallel(8, func(int) error {
			return h.SaveSubscription(t.Context(), newSubscription("C1", h.project.ID, "", 4))
		}))
		all.On = core.OnBroken
		h.wantSubscriptions(t, h.project.ID, all, one)
		refused(t, h.SaveSubscription(t.Context(), newSubscription("C1", "none", "", 1)), core.KindNotFound, core.CodeNotFound)
	})
}

func TestSubscriptionsEnd(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		other := h.saveProject(t, "other")
		neighbor, elsewhere := newSubscription("C2", h.project.ID, "", 3), newSubscription("C1", h.project.ID, "", 4)
		elsewhere.Team = "T2"
		others := newSubscription("C1", other.ID, "", 5)
		h.subscribe(t, newSubscription("C1", h.project.ID, "", 1), newSubscription("C1", h.project.ID, h.pipeline.ID, 2), newSubscription("C1", h.project.ID, "p2", 2), neighbor, elsewhere, others)

		for _, want := range []int{1, 0} { // of some pipelines alone
			n, err := h.DeleteSubscriptions(ctx, "T1", "C1", h.project.ID, "p2", "p3")
			ok(t, err)
			equal(t, n, want)
		}
		for _, want := range []int{2, 0} {
			n, err := h.DeleteSubscriptions(ctx, "T1", "C1", h.project.ID)
			ok(t, err)
			equal(t, n, want)
		}
		h.wantSubscriptions(t, h.project.ID, neighbor, elsewhere)
		h.wantSubscriptions(t, other.ID, others)

		ok(t, h.DeleteProject(ctx, other.ID))
		h.wantSubscriptions(t, other.ID)
		h.wantSubscriptions(t, h.project.ID, neighbor, elsewhere)
	})
}
