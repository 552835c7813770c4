package app_test

import (
	"sync"
	"testing"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func TestAPushMakesOneBuildForEachMatchingPipelineAndSaysWhy(t *testing.T) {
	h := newHouse(t)
	p := h.project(t)
	match := h.pipeline(t, p.ID, "Android")
	other := h.pipeline(t, p.ID, "Release", triggers(core.Trigger{Branches: []string{"release/*"}}))
	off := h.pipeline(t, p.ID, "Old", func(in *app.PipelineInput) { in.Enabled = new(bool) })
	wrongEvent := h.pipeline(t, p.ID, "PR only", triggers(core.Trigger{Events: []core.EventKind{core.EventPullRequest}}))

	d := h.deliver(t, push("main", shaA))

	if d.Status != core.DeliveryProcessed || d.Repository != "acme/shop" || d.SHA != shaA || d.Actor != "sam" {
		t.Errorf("delivery %+v", d)
	}
	want := map[string]string{
		match.ID: core.WhyMatched, other.ID: core.WhyBranch, off.ID: core.WhyPipelineOff, wrongEvent.ID: core.WhyEvent,
	}
	if len(d.Verdicts) != len(want) {
		t.Fatalf("%d verdicts, want %d", len(d.Verdicts), len(want))
	}
	for _, v := range d.Verdicts {
		if v.Code != want[v.PipelineID] || v.Reason == "" || v.Matched != (v.PipelineID == match.ID) || v.Matched != (v.BuildID != "") {
			t.Errorf("verdict %+v, want code %s", v, want[v.PipelineID])
		}
	}
	builds := h.builds(t)
	if len(builds) != 1 {
		t.Fatalf("%d builds, want 1", len(builds))
	}
	b := builds[0]
	if b.PipelineID != match.ID || b.SHA != shaA || b.Branch != "main" || b.Number != 1 || b.Status != core.BuildQueued ||
		b.TriggerType != core.TriggerWebhook || b.TriggerActor != "sam" || b.DeliveryID != d.ID || b.CommitMessage != "Change main" {
		t.Errorf("build %+v", b)
	}
}

func TestTheSameDeliveryTwentyTimesAtOnceMakesOneBuild(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	payload := []byte(`{"Kind":"push","RepositoryID":"7","Branch":"main","SHA":"` + shaA + `"}`)
	var wg sync.WaitGroup
	var mu sync.Mutex
	ids, fresh := map[string]bool{}, 0
	for range 20 {
		wg.Go(func() {
			id, duplicate, err := h.ReceiveDelivery(t.Context(), app.ReceiveDelivery{
				Provider: core.ProviderGitHub, DeliveryID: "one", Event: "push", Payload: payload,
			})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			ids[id] = true
			if !duplicate {
				fresh++
			}
		})
	}
	wg.Wait()
	if len(ids) != 1 || fresh != 1 {
		t.Fatalf("%d ids, %d said to be new; want 1 and 1", len(ids), fresh)
	}
	for id := range ids {
		h.decided(t, id)
	}
	if n := len(h.builds(t)); n != 1 {
		t.Errorf("%d builds, want 1", n)
	}
}

func TestPushAndPullRequestOfOneCommitShareABuildAndTheLaterAddsItsPullRequest(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	h.deliver(t, push("feature", shaB))
	d := h.deliver(t, pullRequest(12, "feature", shaB))

	builds := h.builds(t)
	if len(builds) != 1 {
		t.Fatalf("%d builds, want 1", len(builds))
	}
	if pr := builds[0].PullRequest; pr == nil || pr.Number != 12 {
		t.Errorf("pull request %+v, want number 12", pr)
	}
	if d.Status != core.DeliveryProcessed || d.Verdicts[0].Code != core.WhySharedBuild || d.Verdicts[0].BuildID != builds[0].ID {
		t.Errorf("second delivery %+v", d)
	}
	if _, err := h.store.FindEffect(t.Context(), core.CommentKey(h.repositoryID(t), 12)); err != nil {
		t.Errorf("no comment is wanted: %v", err)
	}
	tag := push("", shaB)
	tag.Kind, tag.Tag, tag.Ref = core.EventTag, "v1", "refs/tags/v1"
	h.pipeline(t, builds[0].ProjectID, "Tags", triggers(core.Trigger{Events: []core.EventKind{core.EventTag}}))
	h.deliver(t, tag)
	if n := len(h.builds(t)); n != 2 {
		t.Errorf("%d builds after a tag, want 2: tags make their own", n)
	}
}

func (h *house) repositoryID(t *testing.T) string {
	t.Helper()
	r, err := h.store.FindRepositoryByExternalID(t.Context(), core.ProviderGitHub, "", "7")
	if err != nil {
		t.Fatal(err)
	}
	return r.ID
}

func TestWhatStartsNothingIsIgnoredWithItsReason(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android", triggers(core.Trigger{Branches: []string{"main"}}))
	fork := pullRequest(3, "main", shaA)
	fork.PullRequest.Fork = true
	skip := push("main", shaA)
	skip.Message = "Docs [skip ci]"
	unknown := push("main", shaA)
	unknown.RepositoryID = "99"
	draft := pullRequest(4, "main", shaA)
	draft.Draft = true
	ignored := core.Event{Ignored: &core.Reason{Code: core.WhyPing, Text: "GitHub says hello."}}
	for code, e := range map[string]core.Event{
		core.WhyBranch: push("docs/typo", shaA), core.WhyFork: fork, core.WhySkipMark: skip,
		core.WhyRepoUnknown: unknown, core.WhyDraft: draft, core.WhyPing: ignored,
	} {
		d := h.deliver(t, e)
		if d.Status != core.DeliveryIgnored || d.Reason.Code != code || d.Reason.Text == "" || d.ProcessedAt == nil {
			t.Errorf("%s: delivery %s, reason %+v", code, d.Status, d.Reason)
		}
	}
	if d := h.deliverRaw(t, []byte("no json")); d.Status != core.DeliveryIgnored || d.Reason.Code != core.WhyPayload {
		t.Errorf("a payload that is none: %s, %+v", d.Status, d.Reason)
	}
	if n := len(h.builds(t)); n != 0 {
		t.Errorf("%d builds, want none", n)
	}
}

func TestForkPolicies(t *testing.T) {
	for policy, want := range map[core.ForkPolicy]int{core.ForksIgnore: 0, core.ForksApprove: 0, core.ForksBuild: 1} {
		t.Run(string(policy), func(t *testing.T) {
			h := newHouse(t)
			h.pipeline(t, h.project(t, func(in *app.CreateProject) { in.Forks = policy }).ID, "Android")
			e := pullRequest(3, "main", shaA)
			e.PullRequest.Fork = true
			h.deliver(t, e)
			if n := len(h.builds(t)); n != want {
				t.Errorf("%d builds, want %d", n, want)
			}
		})
	}
}

func TestADefectInADecoderFailsTheDeliveryAfterItsAttemptsAndRedeliverTriesAgain(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	bad := push("main", shaA)
	bad.Action = "panic"
	good := h.deliver(t, push("main", shaB)) // a neighbor is not hurt
	if good.Status != core.DeliveryProcessed {
		t.Errorf("neighbor %s", good.Status)
	}
	id, _, err := h.ReceiveDelivery(t.Context(), app.ReceiveDelivery{
		Provider: core.ProviderGitHub, DeliveryID: "bad", Event: "push", Payload: []byte(`{"Action":"panic"}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	d := h.tries(t, id)
	if d.Status != core.DeliveryFailed || d.Reason.Code != core.WhyInternal || d.Attempts < 2 {
		t.Errorf("failed delivery %+v", d)
	}
	viewer := core.Actor{Kind: core.ActorUser, Role: core.RoleViewer}
	_, err = h.RedeliverDelivery(t.Context(), viewer, id)
	wantCode(t, err, core.KindForbidden, core.CodePermissionDenied)
	if d, err = h.RedeliverDelivery(t.Context(), h.owner, id); err != nil || d.Status != core.DeliveryReceived {
		t.Errorf("redeliver: %s, %v", d.Status, err)
	}
}

func TestAForksBranchOfTheSameNameCancelsNothingOfOurs(t *testing.T) {
	h := newHouse(t)
	p := h.project(t, func(in *app.CreateProject) { in.Forks = core.ForksBuild })
	h.pipeline(t, p.ID, "Android", func(in *app.PipelineInput) { in.Concurrency = &core.Concurrency{CancelPrevious: true} })
	h.deliver(t, push("main", shaA))
	fork := pullRequest(9, "main", shaB)
	fork.PullRequest.Fork = true
	h.deliver(t, fork)
	queue := push("main", shaA[:39]+"c")
	queue.Kind, queue.TargetBranch = core.EventMergeGroup, "main"
	h.deliver(t, queue)
	for _, b := range h.builds(t) {
		if b.Status != core.BuildQueued {
			t.Errorf("build #%d of %s is %s", b.Number, b.TriggerEvent, b.Status)
		}
	}
}

func TestAStrangerOfAMembersOnlyProjectLearnsNothingFromItsDeliveries(t *testing.T) {
	h := newHouse(t)
	p := h.project(t, func(in *app.CreateProject) { in.Visibility = core.VisibleMembers })
	h.pipeline(t, p.ID, "Android")
	d := h.deliver(t, push("main", shaA))
	viewer := core.Actor{Kind: core.ActorUser, Role: core.RoleViewer}
	seen, err := h.FindDelivery(t.Context(), viewer, d.ID)
	if err != nil {
		t.Fatal(err)
	}
	if seen.Repository != "" || seen.SHA != "" || len(seen.Verdicts) != 0 || seen.Payload != nil || seen.Reason.Text != "" {
		t.Errorf("a stranger sees %+v", seen)
	}
	_, err = h.FindBuild(t.Context(), viewer, h.builds(t)[0].ID)
	wantCode(t, err, core.KindNotFound, core.CodeNotFound)
	list, total, err := h.ListBuilds(t.Context(), viewer, core.BuildFilter{}, core.Page{Limit: 10})
	if err != nil || total != 0 || len(list) != 0 {
		t.Errorf("a stranger lists %d builds (total %d, %v)", len(list), total, err)
	}
}
