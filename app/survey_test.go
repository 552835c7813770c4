package app_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// surveyed runs the workers once more, so that they survey at their start, until done.
func (h *house) surveyed(t *testing.T, ref, sha string) {
	t.Helper()
	h.work(t, func() bool {
		heads, err := h.store.ListHeads(t.Context(), h.repositoryID(t))
		if err != nil {
			t.Fatal(err)
		}
		got, noted := heads[ref]
		return noted && got == sha
	})
}

func TestAHeadThatWasNeverAnnouncedIsBuiltAndTheFirstLookOnlyTakesNotes(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	h.forge.setHeads(push("main", shaA))
	h.surveyed(t, "refs/heads/main", shaA)
	if n := len(h.builds(t)); n != 0 {
		t.Fatalf("%d builds of what was there before us", n)
	}
	h.forge.setHeads(push("main", shaB))
	h.surveyed(t, "refs/heads/main", shaB)
	h.work(t, func() bool { return len(h.builds(t)) == 1 })
	if b := h.builds(t)[0]; b.SHA != shaB || b.Branch != "main" || b.TriggerType != core.TriggerWebhook {
		t.Errorf("build %+v", b)
	}
	list, total, err := h.store.ListDeliveries(t.Context(), core.DeliveryFilter{}, core.Page{Limit: 10})
	if err != nil || total != 1 || list[0].Event != "sweep" || list[0].Status != core.DeliveryProcessed {
		t.Errorf("deliveries %+v, %v", list, err)
	}
	// The webhook comes after all: it shares the build.
	if d := h.deliver(t, push("main", shaB)); d.Verdicts[0].Code != core.WhySharedBuild || len(h.builds(t)) != 1 {
		t.Errorf("the late webhook %+v, %d builds", d, len(h.builds(t)))
	}
}

func TestAnAnnouncedHeadIsNotSwept(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android", triggers(core.Trigger{Branches: []string{"release/*"}}))
	h.forge.setHeads(push("main", shaA))
	h.surveyed(t, "refs/heads/main", shaA)
	h.deliver(t, push("main", shaB))
	h.forge.setHeads(push("main", shaB))
	h.surveyed(t, "refs/heads/main", shaB)
	_, total, err := h.store.ListDeliveries(t.Context(), core.DeliveryFilter{}, core.Page{Limit: 10})
	if err != nil || total != 1 {
		t.Errorf("%d deliveries, want the webhook alone (%v)", total, err)
	}
}

func tag(name, sha string) core.Event {
	e := push("", sha)
	e.Kind, e.Ref, e.Branch, e.Tag = core.EventTag, "refs/tags/"+name, "", name
	return e
}

func TestTagsThatWereNeverAnnouncedAreBuiltAndOldOnesAreNot(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Release", triggers(core.Trigger{Events: []core.EventKind{core.EventTag}}))
	// Notes from before tags were looked at.
	if err := h.store.SaveHeads(t.Context(), h.repositoryID(t), map[string]string{"refs/heads/main": shaA}); err != nil {
		t.Fatal(err)
	}
	h.forge.setHeads(push("main", shaA), tag("v1", shaA), tag("v2", shaA))
	h.surveyed(t, "refs/tags/v2", shaA)
	if n := len(h.builds(t)); n != 0 {
		t.Fatalf("%d builds of tags that were there before us", n)
	}
	// The commit itself came with its branch, and v3 by a webhook: three more come with no word.
	h.deliver(t, push("main", shaB))
	h.deliver(t, tag("v3", shaB))
	h.forge.setHeads(push("main", shaB), tag("v1", shaA), tag("v2", shaB), tag("v3", shaB), tag("v4", shaB), tag("v5", shaB))
	h.surveyed(t, "refs/tags/v5", shaB)
	h.work(t, func() bool { return len(h.builds(t)) == 4 })
	var built []string
	for _, b := range h.builds(t) {
		built = append(built, b.Tag+" "+b.SHA[:1])
	}
	slices.Sort(built)
	if want := []string{"v2 b", "v3 b", "v4 b", "v5 b"}; !slices.Equal(built, want) {
		t.Errorf("built %v, want %v", built, want)
	}
	list, total, err := h.store.ListDeliveries(t.Context(), core.DeliveryFilter{}, core.Page{Limit: 20})
	if err != nil || total != 5 || list[0].Event != "sweep" || list[0].Reason.Code != core.WhyBuilds || list[0].Ref == "" {
		t.Errorf("%d deliveries, %+v, %v", total, list, err)
	}
}

func TestATagDoesNotHideItsBranch(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	h.forge.setHeads(push("main", shaA))
	h.surveyed(t, "refs/heads/main", shaA)
	h.deliver(t, tag("v1", shaB)) // the branch's own webhook is lost
	h.forge.setHeads(push("main", shaB), tag("v1", shaB))
	h.surveyed(t, "refs/heads/main", shaB)
	h.work(t, func() bool { return len(h.builds(t)) == 1 })
	if b := h.builds(t)[0]; b.Branch != "main" || b.SHA != shaB {
		t.Errorf("build %+v", b)
	}
}

func TestTheFirstPushToAnEmptyRepositoryIsFound(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	h.surveyed(t, "refs/tags/", "")
	h.forge.setHeads(push("main", shaA))
	h.surveyed(t, "refs/heads/main", shaA)
	h.work(t, func() bool { return len(h.builds(t)) == 1 })
}

func TestMissedDeliveriesAreAskedForAgainButNotThoseThatCame(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	if _, _, err := h.ReceiveDelivery(t.Context(), app.ReceiveDelivery{
		Provider: core.ProviderGitHub, DeliveryID: "came", Event: "push", Payload: []byte("{}"),
	}); err != nil {
		t.Fatal(err)
	}
	h.forge.missed = []core.MissedDelivery{{ID: "1", DeliveryID: "came", StatusCode: 502}, {ID: "2", DeliveryID: "lost", StatusCode: 0}}
	asked := func() []string {
		h.forge.mu.Lock()
		defer h.forge.mu.Unlock()
		return slices.Clone(h.forge.asked)
	}
	for range 5 {
		before := len(asked())
		h.forge.setHeads(push("x", shaA), push("y", []string{shaA, shaB}[before%2]))
		h.work(t, func() bool { return len(asked()) > before || before == 3 })
	}
	if got := asked(); !slices.Equal(got, []string{"lost", "lost", "lost"}) {
		t.Errorf("asked for %v, want three times for what was lost", got)
	}
}

func TestARefusedRepeatHoldsUpNobodyElse(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	h.forge.missed = []core.MissedDelivery{
		{DeliveryID: "a1", RepositoryID: "a"}, {DeliveryID: "a2", RepositoryID: "a"}, {DeliveryID: "b1", RepositoryID: "b"}, {DeliveryID: "b2", RepositoryID: "b"}, {DeliveryID: "c1", RepositoryID: "c"},
	}
	h.forge.refusals = map[string]error{
		"a1": core.Errorf(core.KindLimited, "no more for now"), "b1": core.Errorf(core.KindInvalid, "it cannot be sent"),
	}
	for survey := 1; survey <= 4; survey++ {
		h.forge.setHeads(push("x", shaA[:39]+string(rune('0'+survey))))
		h.surveyed(t, "refs/heads/x", shaA[:39]+string(rune('0'+survey)))
	}
	counts := map[string]int{}
	for _, id := range h.forge.asked {
		counts[id]++
	}
	// What the forge holds back is asked for each time and counts as no try; its neighbor waits.
	for id, want := range map[string]int{"a1": 4, "a2": 0, "b1": 3, "b2": 3, "c1": 3} {
		if counts[id] != want {
			t.Errorf("%s was asked for %d times, want %d", id, counts[id], want)
		}
	}
}

func TestChangedFilesThatThePayloadDoesNotListAreAskedFor(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "App", triggers(core.Trigger{Paths: []string{"app/**"}}))
	h.forge.paths = []string{"docs/readme.md"}
	if d := h.deliver(t, pullRequest(1, "docs", shaA)); d.Reason.Code != core.WhyPath {
		t.Errorf("docs alone: %+v", d.Reason)
	}
	h.forge.paths = []string{"docs/readme.md", "app/main.dart"}
	if d := h.deliver(t, pullRequest(2, "code", shaB)); d.Status != core.DeliveryProcessed {
		t.Errorf("app touched: %+v", d.Reason)
	}
	h.forge.paths = nil // the forge cannot say
	if d := h.deliver(t, pullRequest(3, "big", shaA[:39]+"c")); d.Status != core.DeliveryProcessed {
		t.Errorf("unknown files: %+v; better one build too many", d.Reason)
	}
}

func TestWhySaysWhichOfTheThreeThingsHappened(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android", triggers(core.Trigger{Branches: []string{"main"}}))
	viewer := core.Actor{Kind: core.ActorUser, Role: core.RoleViewer}
	why := func(sha string) app.Why {
		t.Helper()
		w, err := h.Why(t.Context(), viewer, app.AskWhy{Repository: "ACME/shop", SHA: sha})
		if err != nil || w.Sentence == "" {
			t.Fatalf("%+v, %v", w, err)
		}
		return w
	}
	if w := why(shaB); w.Code != app.WhyCodeNeverSent {
		t.Errorf("before anything: %+v", w)
	}
	h.forge.missed = []core.MissedDelivery{{DeliveryID: "1", RepositoryID: "8", Status: "other"}, {DeliveryID: "2", RepositoryID: "7", StatusCode: 502, Status: "Bad Gateway"}}
	if w := why(shaB); w.Code != app.WhyCodeUnreachable || len(w.Missed) != 1 {
		t.Errorf("the forge tried: %+v", w)
	}
	h.forge.missed = []core.MissedDelivery{{DeliveryID: "3", RepositoryID: "7", Status: "nobody answered"}} // at a time that the forge does not say
	if w := why(shaB); w.Code != app.WhyCodeUnreachable || !strings.Contains(w.Sentence, "nobody answered. It is asked") {
		t.Errorf("without a time: %+v", w)
	}
	h.forge.missed[0].DeliveryID = "came"
	if _, _, err := h.ReceiveDelivery(t.Context(), app.ReceiveDelivery{Provider: core.ProviderGitHub, DeliveryID: "came", Event: "push", Payload: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	if w := why(shaB); w.Code != app.WhyCodeNeverSent || len(w.Missed) != 0 {
		t.Errorf("what failed at first has come: %+v", w)
	}
	h.deliver(t, push("docs/typo", shaB))
	if w := why(shaB); w.Code != app.WhyCodeNotBuilt || len(w.Evaluation) != 1 || w.Evaluation[0].Code != core.WhyBranch {
		t.Errorf("not built: %+v", w)
	}
	h.deliver(t, push("main", shaA))
	if w := why(shaA); w.Code != app.WhyCodeBuilt || len(w.Builds) != 1 {
		t.Errorf("built: %+v", w)
	}
	if w, err := h.Why(t.Context(), viewer, app.AskWhy{Repository: "acme/none", SHA: shaA}); err != nil || w.Code != app.WhyCodeUnknownRepo {
		t.Errorf("unknown: %+v, %v", w, err)
	}
	_, err := h.Why(t.Context(), viewer, app.AskWhy{Repository: "acme/shop", SHA: shaA[:7]})
	wantCode(t, err, core.KindInvalid, core.CodeInvalidInput)
}
