package store_test

import (
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// sheds is the specification of what the builds that stay lose of their logs, or of their
// files: what nothing protects and is old, then the oldest until all together are within
// the limit, then the oldest of each project until it is within its own.
func sheds(kept []aged, size func(aged) int64, old func(aged) bool, limit int64, quotas map[string]int64) map[string]bool {
	gone, all, of := map[string]bool{}, int64(0), map[string]int64{}
	for _, b := range kept {
		if size(b) > 0 && old(b) && !protected(b, kept) {
			gone[b.ID] = true
			continue
		}
		all, of[b.ProjectID] = all+size(b), of[b.ProjectID]+size(b)
	}
	for _, beyond := range []func(aged) bool{
		func(aged) bool { return limit > 0 && all > limit },
		func(b aged) bool { return quotas[b.ProjectID] > 0 && of[b.ProjectID] > quotas[b.ProjectID] },
	} {
		for _, b := range kept {
			if size(b) > 0 && !gone[b.ID] && !protected(b, kept) && beyond(b) {
				gone[b.ID] = true
				all, of[b.ProjectID] = all-size(b), of[b.ProjectID]-size(b)
			}
		}
	}
	return gone
}

// wantShed wants that exactly those logs and files have gone, and that the preview said so.
func (h house) wantShed(t *testing.T, kept []aged, policy core.Retention, preview core.Reclaims, now time.Time) {
	t.Helper()
	logQuotas, fileQuotas := map[string]int64{}, map[string]int64{}
	for _, b := range kept {
		p, err := h.FindProject(t.Context(), b.ProjectID)
		ok(t, err)
		logQuotas[p.ID], fileQuotas[p.ID] = p.Quota.LogsBytes, p.Quota.ArtifactsBytes
	}
	older := func(at *time.Time, days int) bool {
		return days > 0 && at != nil && at.Before(now.AddDate(0, 0, -days))
	}
	logs := sheds(kept, func(b aged) int64 { return b.log }, func(b aged) bool { return older(b.FinishedAt, policy.LogsDays) }, policy.LogsBytes, logQuotas)
	files := sheds(kept, func(b aged) int64 { return b.file }, func(b aged) bool { return older(&b.CreatedAt, policy.ArtifactsDays) }, policy.ArtifactsBytes, fileQuotas)
	var gone core.Reclaims
	for _, b := range kept {
		extent, err := h.FindLog(t.Context(), b.ID)
		ok(t, err)
		if lost := extent.DeletedAt != nil; lost != logs[b.ID] {
			t.Errorf("the log of the build of %s in %s: gone %v, want %v, with %+v and %v", b.CreatedAt, b.ProjectID, lost, logs[b.ID], policy, logQuotas)
		} else if lost {
			gone.Logs.Add(core.Reclaim{Count: 1, Bytes: b.log})
		}
		if h.fileGone(t, b, now) != files[b.ID] {
			t.Errorf("the file of the build of %s in %s: want gone %v, with %+v and %v", b.CreatedAt, b.ProjectID, files[b.ID], policy, fileQuotas)
		} else if files[b.ID] {
			gone.Artifacts.Add(core.Reclaim{Count: 1, Bytes: b.file})
		}
	}
	equal(t, core.Reclaims{Logs: preview.Logs, Artifacts: preview.Artifacts}, gone)
}

// fileGone tells whether a build's file has gone; its bytes go with it, a day later.
func (h house) fileGone(t *testing.T, b aged, now time.Time) (gone bool) {
	t.Helper()
	files, err := h.ListArtifacts(t.Context(), b.ID)
	ok(t, err)
	for _, a := range files {
		gone = a.ExpiresAt != nil
		unused, err := h.UnusedBlobs(t.Context(), []string{a.SHA256}, now)
		ok(t, err)
		later, err := h.UnusedBlobs(t.Context(), []string{a.SHA256}, now.Add(time.Second))
		ok(t, err)
		if len(unused) != 0 || (len(later) == 1) != gone {
			t.Errorf("the blob of a file that is gone %v: %v, and later %v", gone, unused, later)
		}
	}
	return gone
}
