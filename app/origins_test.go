package app_test

import (
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

// theirs is a pull request of a stranger's fork, in which the branch has the same name.
func theirs(number int, branch, sha string) core.Event {
	e := pullRequest(number, branch, sha)
	e.Ref = "refs/pull/3/head"
	e.PullRequest.Fork, e.Actor, e.Opener = true, "mallory", "mallory"
	return e
}

func forksAreBuilt(in *app.CreateProject) { in.Forks = core.ForksBuild }

// workOn waits until the build's status is, also where a delivery's workers were stopped while
// they told it: what they held is anybody's after a minute.
func workOn(t *testing.T, h *house, b core.Build) {
	t.Helper()
	h.clock.forward(time.Minute)
	h.work(t, h.settled(t, b))
}

// A pull request of a fork was merged as it stood, and main never had a build with secrets.
func TestWhatAForkHadBuiltIsBuiltAgainForUs(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		h := newHouseOn(t, database)
		h.pipeline(t, h.project(t, forksAreBuilt).ID, "Android")
		h.deliver(t, theirs(3, "main", shaA))
		fork := h.running(t)
		d := h.deliver(t, push("main", shaA))
		builds := h.builds(t)
		if len(builds) != 2 || builds[1].PullRequest != nil || d.Verdicts[0].Code != core.WhyMatched || d.Verdicts[0].BuildID != builds[1].ID {
			t.Fatalf("%d builds, verdict %+v", len(builds), d.Verdicts)
		}
		// From now on that is the one to share, for everybody; a fork changes nothing of it.
		for _, e := range []core.Event{push("release", shaA), theirs(9, "main", shaA), pullRequest(5, "main", shaA)} {
			if d := h.deliver(t, e); d.Verdicts[0].Code != core.WhySharedBuild || d.Verdicts[0].BuildID != builds[1].ID {
				t.Errorf("%s of %s: %+v", e.Kind, e.Branch, d.Verdicts)
			}
			h.deliver(t, e) // once more
		}
		if builds = h.builds(t); len(builds) != 2 || builds[1].PullRequest == nil || builds[1].PullRequest.Number != 5 || builds[1].PullRequest.Fork {
			t.Errorf("%d builds, the last of %+v", len(builds), builds[len(builds)-1].PullRequest)
		}

		// The commit has one status: it says how ours is, whatever becomes of the fork's.
		workOn(t, h, builds[1])
		if err := h.Finish(t.Context(), fork.Lease, core.Result{Status: core.BuildFailed, Reason: core.ReasonSecretRefused}); err != nil {
			t.Fatal(err)
		}
		workOn(t, h, builds[1])
		if last := h.forge.statuses[len(h.forge.statuses)-1]; last.State != core.ReportPending || last.Build.ID != builds[1].ID {
			t.Errorf("after the end of the fork's: %s of #%d", last.State, last.Build.Number)
		}
		if err := h.Finish(t.Context(), h.running(t).Lease, core.Result{Status: core.BuildSucceeded}); err != nil {
			t.Fatal(err)
		}
		workOn(t, h, builds[1])
		if last := h.forge.statuses[len(h.forge.statuses)-1]; last.State != core.ReportSuccess || last.Build.ID != builds[1].ID || len(h.breaches(t, "I5")) != 0 {
			t.Errorf("at last: %s of #%d; %v", last.State, last.Build.Number, h.breaches(t, "I5"))
		}
	})
}

// A stranger opened a pull request of a commit of ours, and its build got no secrets, was
// left out of verdicts, and ended with what the stranger pushed next.
func TestAForksPullRequestTakesNoBuildOfOurs(t *testing.T) {
	h := newVaultHouse(t)
	p := h.project(t, forksAreBuilt)
	h.pipeline(t, p.ID, "Android", cancelPrevious())
	h.secret(t, p.ID, app.SetSecret{Name: "TOKEN", Value: "the-value"})
	h.deliver(t, push("dev", shaA))
	d := h.deliver(t, theirs(3, "dev", shaA))
	builds := h.builds(t)
	if len(builds) != 1 || builds[0].PullRequest != nil || d.Verdicts[0].Code != core.WhySharedBuild || d.Verdicts[0].BuildID != builds[0].ID {
		t.Fatalf("%d builds, the first of %+v; %+v", len(builds), builds[0].PullRequest, d.Verdicts)
	}
	next := theirs(3, "dev", shaB)
	next.Action = "synchronize"
	h.deliver(t, after(shaA, next))
	wantStates(t, h.house, "queued", "queued")
	job := h.running(t)
	if values, err := h.Secrets(t.Context(), job.Lease, []string{"TOKEN"}); err != nil || job.Build.ID != builds[0].ID || len(values) != 1 {
		t.Errorf("build #%d of ours gets %d secrets: %v", job.Build.Number, len(values), err)
	}
}
