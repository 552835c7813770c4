package app_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

func concurrency(c core.Concurrency) func(*app.PipelineInput) {
	return func(in *app.PipelineInput) { in.Concurrency = &c }
}

// states are those of all builds, oldest first, with the reasons that they have.
func (h *house) states(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, b := range h.builds(t) {
		state := string(b.Status)
		if b.StatusReason != "" {
			state += " " + b.StatusReason
		}
		all = append(all, state)
	}
	return all
}

func wantStates(t *testing.T, h *house, want ...string) {
	t.Helper()
	if got := h.states(t); !slices.Equal(got, want) {
		t.Errorf("the builds are %q, want %q", got, want)
	}
}

func TestCancelPreviousStopsOlderBuildsOfTheBranchAlone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		h := newHouseOn(t, database)
		h.pipeline(t, h.project(t).ID, "Android", concurrency(core.Concurrency{CancelPrevious: true}))
		h.deliver(t, push("main", shaA))
		h.deliver(t, push("dev", shaA[:39]+"b"))
		h.deliver(t, push("main", shaB))
		wantStates(t, h, "canceled superseded", "queued", "queued")
		if b := h.builds(t)[0]; b.StatusMessage != "Replaced by #3" {
			t.Errorf("superseded build: %q", b.StatusMessage)
		}
	})
}

func TestCancelPreviousIsOfOnePullRequestAndOnePipeline(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		h := newHouseOn(t, database)
		p := h.project(t, func(in *app.CreateProject) { in.Forks = core.ForksBuild })
		h.pipeline(t, p.ID, "Android", concurrency(core.Concurrency{CancelPrevious: true}))
		h.pipeline(t, p.ID, "All of them")
		fork := func(number int, sha string) core.Event {
			e := pullRequest(number, "patch-1", sha)
			e.PullRequest.Fork = true
			return e
		}
		h.deliver(t, fork(1, shaA)) // 1 and 2
		h.deliver(t, fork(2, shaB)) // 3 and 4: another fork's branch of the same name
		h.deliver(t, fork(1, shaB[:39]+"c"))
		wantStates(t, h, "canceled superseded", "queued", "queued", "queued", "queued", "queued")
	})
}

func TestCancelPreviousHoldsWhoeverAsks(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		h := newHouseOn(t, database)
		p := h.project(t)
		pipeline := h.pipeline(t, p.ID, "Android", concurrency(core.Concurrency{CancelPrevious: true}))
		trigger := func(branch string) core.Build {
			t.Helper()
			b, err := h.TriggerBuild(t.Context(), h.owner, app.TriggerBuild{ProjectID: p.ID, PipelineID: pipeline.ID, Branch: branch, Type: core.TriggerAPI})
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		trigger("main")
		job := h.running(t)
		told := make(chan core.Renewal, 1)
		go func() {
			r, err := h.Renew(context.Background(), job.Lease, patience)
			if err != nil {
				t.Error(err)
			}
			told <- r
		}()
		trigger("dev")
		trigger("main")
		wantStates(t, h, "canceled superseded", "queued", "queued")
		select {
		case r := <-told:
			if !r.Canceled {
				t.Error("the runner of the replaced build goes on")
			}
		case <-time.After(patience):
			t.Fatal("the runner of the replaced build was not told")
		}

		h.deliver(t, push("main", shaA)) // late news of what was asked for
		wantStates(t, h, "canceled superseded", "queued", "queued", "queued")
		if _, err := h.RerunBuild(t.Context(), h.owner, job.Build.ID); err != nil {
			t.Fatal(err)
		}
		wantStates(t, h, "canceled superseded", "queued", "queued", "queued", "queued") // a rerun replaces nothing
		trigger("main")
		wantStates(t, h, "canceled superseded", "queued", "canceled superseded", "canceled superseded", "canceled superseded", "queued")
	})
}

// A build that a runner takes, or that ends, while another replaces it must fail neither.
func TestReplacingABuildThatMovesFailsNobody(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		h := newHouseOn(t, database)
		p := h.project(t)
		pipeline := h.pipeline(t, p.ID, "Android", concurrency(core.Concurrency{CancelPrevious: true}))
		const rounds = 40
		var work sync.WaitGroup
		for range 2 {
			work.Go(func() {
				for range rounds {
					_, err := h.TriggerBuild(t.Context(), h.owner, app.TriggerBuild{ProjectID: p.ID, PipelineID: pipeline.ID})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		done := make(chan struct{})
		var runner sync.WaitGroup
		runner.Go(func() {
			for last := false; ; {
				job, err := h.Claim(t.Context(), core.Runner{ID: "r1", Name: "mini"}, 0)
				if err != nil {
					t.Error(err)
					return
				}
				if job != nil {
					_ = h.Start(t.Context(), job.Lease, "") // it may be canceled
					if err := h.Finish(t.Context(), job.Lease, core.Result{Status: core.BuildSucceeded}); err != nil {
						t.Error(err)
					}
					continue
				}
				if last { // asked again after the last was there
					return
				}
				select {
				case <-done:
					last = true
				default:
				}
			}
		})
		work.Wait()
		close(done)
		runner.Wait()
		builds := h.builds(t)
		slices.SortFunc(builds, func(a, b core.Build) int { return a.Number - b.Number }) // their times may tell another order
		for _, b := range builds {
			if !b.Status.Terminal() || b.LeaseToken != "" || b.Status == core.BuildCanceled && b.StatusReason != core.ReasonSuperseded {
				t.Errorf("#%d is %s %s", b.Number, b.Status, b.StatusReason)
			}
		}
		if last := builds[len(builds)-1]; len(builds) != 2*rounds || last.Status != core.BuildSucceeded {
			t.Errorf("of %d builds the last is %s", len(builds), last.Status)
		}
	})
}

func TestMaxConcurrentHoldsABuildBackUntilThereIsRoom(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		h := newHouseOn(t, database)
		h.beat(t, "r1", 8)
		p := h.project(t)
		limited := h.pipeline(t, p.ID, "Limited", concurrency(core.Concurrency{MaxConcurrent: 2}))
		free := h.pipeline(t, p.ID, "Free")
		trigger := func(pipeline core.Pipeline) core.Build {
			t.Helper()
			b, err := h.TriggerBuild(t.Context(), h.owner, app.TriggerBuild{ProjectID: p.ID, PipelineID: pipeline.ID})
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		claimed := func(want *core.Build) *core.Job {
			t.Helper()
			job := h.claim(t)
			got := "none"
			if job != nil {
				got = fmt.Sprint("#", job.Build.Number)
			}
			if (job == nil) != (want == nil) || job != nil && job.Build.ID != want.ID {
				t.Fatalf("claimed %s, want %+v", got, want)
			}
			return job
		}
		one, two, three, other := trigger(limited), trigger(limited), trigger(limited), trigger(free)
		first := claimed(&one)
		claimed(&two)
		claimed(&other) // which overtakes
		claimed(nil)
		places, err := h.QueuePlaces(t.Context(), h.owner, three)
		if err != nil || places[three.ID].Reason.Text != "Pipeline Limited runs 2 of at most 2." || places[three.ID].Reason.Code != core.WaitPipelineLimit {
			t.Errorf("it waits since %+v, %v", places[three.ID].Reason, err)
		}
		if err := h.Finish(t.Context(), first.Lease, core.Result{Status: core.BuildFailed}); err != nil {
			t.Fatal(err)
		}
		claimed(&three)
		four := trigger(limited)
		claimed(nil)
		if _, err := h.UpdatePipeline(t.Context(), h.owner, limited.ID, app.PipelineInput{Concurrency: &core.Concurrency{}}); err != nil {
			t.Fatal(err)
		}
		claimed(&four)
	})
}
