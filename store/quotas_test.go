package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

// beside is a second project, with a pipeline of its own.
func (h house) beside(t *testing.T) house {
	t.Helper()
	other := h
	other.project = newProject(h.project.Repository, "other")
	ok(t, h.CreateProject(t.Context(), other.project))
	other.pipeline = newPipeline(other.project, "other")
	ok(t, h.CreatePipeline(t.Context(), other.pipeline))
	return other
}

func (h *house) bound(t *testing.T, q core.Quota) {
	t.Helper()
	h.project.Quota = q
	ok(t, h.UpdateProject(t.Context(), h.project))
}

func TestAProjectsQuotaIsKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h := furnish(t, url)
		h.bound(t, core.Quota{MaxConcurrent: 1, MaxQueued: 2, MinutesPerDay: 3, LogsBytes: 4, ArtifactsBytes: 1 << 40})
		found, err := h.FindProject(t.Context(), h.project.ID)
		ok(t, err)
		equal(t, found, h.project)
	})
}

// One project with a bound and many builds leaves the slots to the others.
func TestAProjectAtItsBoundLeavesTheSlotsToOthers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		h.bound(t, core.Quota{MaxConcurrent: 2})
		other := h.beside(t)
		for i := range 40 {
			b := h.newBuild()
			b.QueuedAt = at(i)
			h.queue(t, b)
		}
		last := other.newBuild()
		last.QueuedAt = at(50)
		other.queue(t, last)
		equal(t, h.claim(t, "a").ProjectID, h.project.ID)
		equal(t, h.claim(t, "b").ProjectID, h.project.ID)
		equal(t, h.claim(t, "c").ID, last.ID)
		_, err := h.ClaimBuild(ctx, linuxRunner(), "d", at(1), at(2))
		refused(t, err, core.KindNotFound, core.CodeNotFound)
		h.endOne(t)
		h.endOne(t)
		h.endOne(t)
		h.claim(t, "e")
	})
}

func TestAProjectsBoundHoldsWhoeverClaims(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		h.bound(t, core.Quota{MaxConcurrent: 3})
		h.pipeline.Concurrency.MaxConcurrent = 2
		ok(t, h.UpdatePipeline(ctx, h.pipeline))
		second := h
		second.pipeline = newPipeline(h.project, "second")
		ok(t, h.CreatePipeline(ctx, second.pipeline))
		for range 20 {
			h.queue(t, h.newBuild())
			second.queue(t, second.newBuild())
		}
		ok(t, inParallel(8, func(worker int) error {
			for n := range 6 {
				if _, err := h.ClaimBuild(ctx, linuxRunner(), fmt.Sprintf("lease-%d-%d", worker, n), at(1), at(2)); err != nil && core.KindOf(err) != core.KindNotFound {
					return err
				}
			}
			return nil
		}))
		n, err := h.CountBuilds(ctx, core.BuildAssigned)
		ok(t, err)
		equal(t, n, 3)
	})
}

func TestWhatAProjectTakesIsCounted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		now := at(60)
		other := h.beside(t)
		for range 3 {
			h.queue(t, h.newBuild())
		}
		h.finish(t, core.BuildSucceeded, 10)
		h.work(t, core.BuildRunning, "r") // since at(4)
		old := h.newBuild()
		started, ended := at(0), at(30)
		old.Status, old.StartedAt, old.FinishedAt, old.CreatedAt = core.BuildFailed, &started, &ended, now.Add(-core.QuotaDay-time.Minute)
		h.queue(t, old)
		other.queue(t, other.newBuild())
		other.finish(t, core.BuildSucceeded, 50)
		use, err := h.FindQuotaUse(ctx, h.project.ID, now)
		ok(t, err)
		equal(t, use, core.QuotaUse{Queued: 3, Worked: 66 * time.Minute})
		keyed := h.newBuild()
		keyed.DedupeKey = "key"
		h.queue(t, keyed)
		for key, want := range map[string]bool{"key": true, "other": false} {
			has, err := h.HasBuildOf(ctx, key)
			ok(t, err)
			equal(t, has, want)
		}
		// In a transaction it counts with what others have stored, and nobody stores more.
		ok(t, inParallel(8, func(int) error {
			for range 3 {
				err := h.InTx(ctx, func(tx core.Store) error {
					use, err := tx.FindQuotaUse(ctx, other.project.ID, now)
					if err != nil || use.Queued >= 5 {
						return err
					}
					b := other.newBuild()
					_, _, err = tx.CreateBuild(ctx, b, queued(b))
					return err
				})
				if err != nil {
					return err
				}
			}
			return nil
		}))
		use, err = h.FindQuotaUse(ctx, other.project.ID, now)
		ok(t, err)
		equal(t, use.Queued, 5)
	})
}

// The oldest logs and files of a project go, until the rest is within its quota; those of
// other projects, and what retention protects, stay.
func TestAProjectsOldestLogsAndFilesGoBeyondItsQuota(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx, now := furnish(t, url), t.Context(), at(0)
		other := h.beside(t)
		h.bound(t, core.Quota{LogsBytes: 250, ArtifactsBytes: 150})
		made := map[string][]core.Build{}
		for n := range 5 {
			for _, in := range []house{h, other} {
				b := in.newBuild()
				b.SHA, b.CreatedAt = fmt.Sprintf("%040x", n), now.Add(time.Duration(n-100)*time.Hour)
				b = in.end(t, in.queue(t, b), core.BuildSucceeded, b.CreatedAt.Add(time.Minute))
				_, err := h.ArchiveLog(ctx, core.LogObject{BuildID: b.ID, SHA256: fmt.Sprintf("%064x", n), Size: 100})
				ok(t, err)
				_, err = h.SaveArtifact(ctx, core.Artifact{ID: newID("artifact"), BuildID: b.ID, ProjectID: b.ProjectID, Name: "app.apk", Kind: core.ArtifactAPK, Size: 100, SHA256: fmt.Sprintf("%064x", 100+n), CreatedAt: b.CreatedAt})
				ok(t, err)
				made[in.project.ID] = append(made[in.project.ID], b)
			}
		}
		for more := true; more; {
			var err error
			_, more, err = h.ApplyRetention(ctx, core.Retention{}, now, 2)
			ok(t, err)
		}
		for project, builds := range made {
			for n, b := range builds {
				extent, err := h.FindLog(ctx, b.ID)
				ok(t, err)
				files, err := h.ListArtifacts(ctx, b.ID)
				ok(t, err)
				bounded := project == h.project.ID
				if gone := extent.DeletedAt != nil; gone != (bounded && n < 3) {
					t.Errorf("log %d of the project with a quota, %v: gone %v", n, bounded, gone)
				}
				if gone := files[0].ExpiresAt != nil; gone != (bounded && n < 4) {
					t.Errorf("file %d of the project with a quota, %v: gone %v", n, bounded, gone)
				}
			}
		}
	})
}
