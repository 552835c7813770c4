package app_test

import (
	"testing"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

func (h *house) forgotten(t *testing.T, keys ...string) func() bool {
	return func() bool {
		for _, key := range keys {
			if _, err := h.store.FindEffect(t.Context(), key); core.KindOf(err) != core.KindNotFound {
				return false
			}
		}
		return true
	}
}

// What ran or waited when its pipeline or project was deleted was pending at the forge for ever.
func TestWhatIsDeletedEndsAtTheForgeAndLeavesTheOutbox(t *testing.T) {
	for what, remove := range map[string]func(h *house, p core.Pipeline) error{
		"pipeline": func(h *house, p core.Pipeline) error { return h.DeletePipeline(t.Context(), h.owner, p.ID) },
		"project":  func(h *house, p core.Pipeline) error { return h.DeleteProject(t.Context(), h.owner, p.ProjectID) },
	} {
		t.Run(what, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, database string) {
				h := newHouseOn(t, database)
				p := h.pipeline(t, h.project(t).ID, "Android")
				h.deliver(t, push("old", shaD))
				if err := h.Finish(t.Context(), h.running(t).Lease, core.Result{Status: core.BuildSucceeded}); err != nil {
					t.Fatal(err)
				}
				h.deliver(t, push("main", shaA))
				job := h.running(t)
				h.deliver(t, pullRequest(5, "dev", shaB))
				h.deliver(t, theirs(3, "main", shaC)) // waits for its approval
				comment := core.CommentKey(h.repositoryID(t), 5)
				keys := []string{comment}
				for _, sha := range []string{shaA, shaB, shaC, shaD} {
					keys = append(keys, core.StatusKey(p.ID, sha))
				}
				h.work(t, func() bool {
					for _, key := range keys {
						if e, err := h.store.FindEffect(t.Context(), key); err != nil || e.Done < e.Wanted {
							return false
						}
					}
					return true
				})

				if err := remove(h, p); err != nil {
					t.Fatal(err)
				}
				h.work(t, h.forgotten(t, keys...))
				for sha, want := range map[string]core.ReportState{shaA: core.ReportError, shaB: core.ReportError, shaC: core.ReportError, shaD: core.ReportSuccess} {
					if now, _ := h.forge.shown(sha); len(now) != 1 || now["oore/android"] != want {
						t.Errorf("%.4s shows %v, want %s", sha, now, want)
					}
				}
				if last := h.forge.statuses[len(h.forge.statuses)-1]; last.Description != "The pipeline was deleted" {
					t.Errorf("it says %q", last.Description)
				}
				if _, err := h.Renew(t.Context(), job.Lease, 0); core.CodeOf(err) != core.CodeLeaseLost {
					t.Errorf("its runner goes on: %v", err)
				}
			})
		})
	}
}

// A forge that cannot be told any more keeps nothing in the outbox.
func TestWhatADeletedPipelineCannotSayIsGivenUp(t *testing.T) {
	h := newHouse(t)
	b := h.queued(t)
	h.work(t, h.settled(t, b))
	h.forge.setFail(core.Errorf(core.KindNotFound, "No commit found for SHA"))
	if err := h.DeletePipeline(t.Context(), h.owner, b.PipelineID); err != nil {
		t.Fatal(err)
	}
	h.work(t, h.forgotten(t, core.StatusKey(b.PipelineID, b.SHA)))
}

// A pull request that required the status waited for it for ever.
func TestAStatusThatIsShownElsewhereNowEndsWhereItWasBegun(t *testing.T) {
	for what, change := range map[string]func(h *house, b core.Build) error{
		"another context": func(h *house, b core.Build) error {
			_, err := h.UpdatePipeline(t.Context(), h.owner, b.PipelineID, app.PipelineInput{StatusContext: ptr("ci/app")})
			return err
		},
		"a check run": func(h *house, b core.Build) error {
			_, err := h.UpdateProject(t.Context(), h.owner, b.ProjectID, app.UpdateProject{Checks: ptr(core.CheckRun)})
			return err
		},
	} {
		t.Run(what, func(t *testing.T) {
			h := newHouse(t)
			b := h.queued(t)
			h.work(t, h.settled(t, b))
			if err := change(h, b); err != nil {
				t.Fatal(err)
			}
			job := h.running(t)
			h.work(t, h.settled(t, b))
			if statuses, checks := h.forge.shown(shaA); len(statuses) != 1 || len(checks) != 0 || statuses["oore/android"] != core.ReportRunning {
				t.Errorf("while it runs: statuses %v, checks %v", statuses, checks)
			}
			if err := h.Finish(t.Context(), job.Lease, core.Result{Status: core.BuildFailed, Reason: core.ReasonCommandFailed}); err != nil {
				t.Fatal(err)
			}
			h.work(t, h.settled(t, b))
			statuses, checks := h.forge.shown(shaA)
			if len(statuses)+len(checks) != 2 || statuses["oore/android"] != core.ReportFailure || statuses["ci/app"] != core.ReportFailure && checks["oore/android"] != core.ReportFailure {
				t.Errorf("at last: statuses %v, checks %v", statuses, checks)
			}

			if _, err := h.RerunBuild(t.Context(), h.owner, b.ID); err != nil {
				t.Fatal(err)
			}
			h.work(t, h.settled(t, b))
			if now, checks := h.forge.shown(shaA); now["oore/android"] != core.ReportFailure || now["ci/app"] != core.ReportPending && checks["oore/android"] != core.ReportPending {
				t.Errorf("run again: statuses %v, checks %v", now, checks)
			}
		})
	}
}
