package store_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/storetest"
)

// aged is a build of the property below, and what the specification must know of it.
type aged struct {
	core.Build
	shared, retried bool // by a link; by a build that has not ended
	log, file       int64
}

// end moves a queued build through the table of states.
func (h house) end(t *testing.T, b core.Build, final core.BuildStatus, at time.Time) core.Build {
	t.Helper()
	for _, to := range []core.BuildStatus{core.BuildAssigned, core.BuildRunning, final} {
		from, lease := b.Status, b.LeaseToken
		e, err := b.Transition(to, "r", "", at)
		ok(t, err)
		b.RunnerID, b.LeaseToken, b.LeaseExpiresAt = "r", "lease-"+b.ID, at
		if to == final {
			b.LeaseToken, b.LeaseExpiresAt = "", time.Time{}
		}
		ok(t, h.UpdateBuild(t.Context(), b, from, lease, &e))
	}
	return b
}

// past makes a random past.
func (h house) past(t *testing.T, r *rand.Rand, now time.Time) []aged {
	t.Helper()
	second := newPipeline(h.project, "ios")
	ok(t, h.CreatePipeline(t.Context(), second))
	other := h.beside(t)
	for _, in := range []house{h, other} {
		in.bound(t, core.Quota{LogsBytes: int64(r.IntN(2) * (1 + r.IntN(1000))), ArtifactsBytes: int64(r.IntN(2) * (1 + r.IntN(10000)))})
	}
	var all []aged
	moment := now.AddDate(0, 0, -120)
	for n := range 60 {
		moment = moment.Add(time.Duration(1+r.IntN(90)) * time.Hour)
		if moment.After(now) {
			moment = now.Add(time.Duration(n-60) * time.Minute)
		}
		b := h.newBuild()
		of := []core.Pipeline{h.pipeline, second, other.pipeline}[r.IntN(3)]
		b.PipelineID, b.ProjectID = of.ID, of.ProjectID
		b.Branch, b.SHA = []string{"main", "dev", "old"}[r.IntN(3)], fmt.Sprintf("%040x", n)
		b.CreatedAt, b.QueuedAt, b.UpdatedAt = moment, moment, moment
		one := aged{Build: h.queue(t, b)}
		if r.IntN(12) > 0 {
			one.Build = h.end(t, one.Build, []core.BuildStatus{core.BuildSucceeded, core.BuildFailed, core.BuildCanceled}[r.IntN(3)], moment.Add(time.Minute))
			h.leave(t, r, &one, n)
		}
		if len(all) > 0 && !one.Status.Terminal() && r.IntN(2) == 0 {
			all = append(all, h.retry(t, &one, &all[r.IntN(len(all))]))
		}
		all = append(all, one)
	}
	return all
}

// leave gives a build a log and perhaps a file and a link to it.
func (h house) leave(t *testing.T, r *rand.Rand, b *aged, n int) {
	t.Helper()
	b.log = int64(1 + r.IntN(100))
	_, err := h.ArchiveLog(t.Context(), core.LogObject{BuildID: b.ID, SHA256: fmt.Sprintf("%064x", n), Size: b.log})
	ok(t, err)
	if r.IntN(2) == 0 {
		return
	}
	b.file = int64(1 + r.IntN(1000))
	a, err := h.SaveArtifact(t.Context(), core.Artifact{ID: newID("artifact"), BuildID: b.ID, ProjectID: b.ProjectID, Name: "app.apk", Kind: core.ArtifactAPK, Size: b.file, SHA256: fmt.Sprintf("%064x", 1000+n), CreatedAt: b.CreatedAt})
	ok(t, err)
	if b.shared = r.IntN(6) == 0; b.shared {
		ok(t, h.CreateCredential(t.Context(), core.Credential{ID: newID("link"), Kind: core.CredentialShare, Hash: strings.Repeat("f", 56) + fmt.Sprintf("%08d", n), ArtifactID: a.ID, CreatedAt: b.CreatedAt}))
	}
}

// retry makes a rerun of source that waits like b.
func (h house) retry(t *testing.T, b, source *aged) aged {
	t.Helper()
	again := h.newBuild()
	again.ProjectID, again.PipelineID, again.Branch, again.SHA, again.SourceBuildID = b.ProjectID, b.PipelineID, "retries", b.SHA, source.ID
	again.CreatedAt, again.QueuedAt, again.UpdatedAt = b.CreatedAt, b.CreatedAt, b.CreatedAt
	source.retried = true
	return aged{Build: h.queue(t, again)}
}

// protected is the specification: what retention never touches.
func protected(b aged, all []aged) bool {
	newest := func(like func(aged) bool) bool {
		for _, n := range all {
			same := n.PipelineID == b.PipelineID && n.Branch == b.Branch
			after := n.CreatedAt.After(b.CreatedAt) || n.CreatedAt.Equal(b.CreatedAt) && n.ID > b.ID
			if same && after && like(n) {
				return false
			}
		}
		return like(b)
	}
	judges := func(b aged) bool { return b.Status == core.BuildSucceeded || b.Status == core.BuildFailed }
	succeeded := func(b aged) bool { return b.Status == core.BuildSucceeded }
	return !b.Status.Terminal() || b.shared || b.retried || newest(func(aged) bool { return true }) || newest(judges) ||
		newest(succeeded) || newest(func(b aged) bool { return succeeded(b) && b.file > 0 })
}

// keeps is the specification of what stays of builds.
func keeps(b aged, all []aged, r core.Retention, now time.Time) bool {
	if protected(b, all) || b.CreatedAt.After(now.Add(-core.RetentionFloor)) || b.FinishedAt.After(now.Add(-core.RetentionFloor)) {
		return true
	}
	newer := 0
	for _, n := range all {
		if n.PipelineID == b.PipelineID && (n.CreatedAt.After(b.CreatedAt) || n.CreatedAt.Equal(b.CreatedAt) && n.ID > b.ID) {
			newer++
		}
	}
	tooOld := r.BuildsDays > 0 && b.FinishedAt.Before(now.AddDate(0, 0, -r.BuildsDays))
	return !tooOld && (r.BuildsCount == 0 || newer < r.BuildsCount)
}

// TestRetentionKeepsExactlyWhatTheSpecificationSays tries random pasts and policies.
func TestRetentionKeepsExactlyWhatTheSpecificationSays(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		r := rand.New(rand.NewPCG(seed, 1))
		h, now := furnish(t, url), at(0)
		all := h.past(t, r, now)
		some := func(n int) int { return r.IntN(2) * n }
		policy := core.Retention{
			BuildsDays: some(2 + r.IntN(100)), BuildsCount: some(1 + r.IntN(20)), LogsDays: some(1 + r.IntN(60)), ArtifactsDays: some(1 + r.IntN(60)),
			LogsBytes: int64(some(200 + r.IntN(2000))), ArtifactsBytes: int64(some(2000 + r.IntN(20000))),
		}
		h.wantRetention(t, all, policy, now)
	})
}

func (h house) wantRetention(t *testing.T, all []aged, policy core.Retention, now time.Time) {
	t.Helper()
	ctx := t.Context()
	preview, err := h.CountRetention(ctx, policy, now)
	ok(t, err)
	shown, err := h.ListReleases(ctx, h.project.ID, 100)
	ok(t, err)
	var done core.Reclaims
	for more := true; more; {
		var batch core.Reclaims
		batch, more, err = h.ApplyRetention(ctx, policy, now, 7)
		ok(t, err)
		done.Builds.Add(batch.Builds)
	}
	equal(t, done.Builds.Count, preview.Builds.Count)
	still, err := h.ListReleases(ctx, h.project.ID, 100)
	ok(t, err)
	equal(t, still, shown) // whatever the rules say: the page of apps is as it was
	var kept []aged
	for _, b := range all {
		_, err := h.FindBuild(ctx, b.ID)
		if want := keeps(b, all, policy, now); want != (err == nil) {
			t.Errorf("build of %s on %s, %s, shared %v, retried %v with %+v: kept %v, want %v", b.CreatedAt, b.Branch, b.Status, b.shared, b.retried, policy, err == nil, want)
		}
		if err == nil {
			kept = append(kept, b)
		}
	}
	h.wantShed(t, kept, policy, preview, now)
	ok(t, h.Snapshot(ctx, func(v *store.Snapshot) error {
		findings, err := v.Verify()
		for _, f := range findings {
			if f.Count > 0 && f.ID != "I4" { // builds wait here for longer than a day
				t.Errorf("%s %s: %v", f.ID, f.Sentence, f.Broken)
			}
		}
		return err
	}))
}

func TestOldDeliveriesAndAuditGoAndWhatIsTalkedAboutStays(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx, now := furnish(t, url), t.Context(), at(0)
		for i, age := range []int{1, 20, 40} {
			for _, status := range []core.DeliveryStatus{core.DeliveryReceived, core.DeliveryIgnored} {
				_, _, err := h.ReceiveDelivery(ctx, core.Delivery{ID: newID("d"), Provider: core.ProviderGitHub, DeliveryID: fmt.Sprint(i, status), Event: "push", Status: status, ReceivedAt: now.AddDate(0, 0, -age), SHA: "talked"})
				ok(t, err)
			}
			ok(t, h.AppendAudit(ctx, core.AuditEntry{ID: newID("a"), At: now.AddDate(0, 0, -age), Action: core.AuditBuildCancel}))
		}
		var builds []core.Build
		for i, sha := range []string{"talked", "forgotten", "newest"} {
			b := h.newBuild()
			b.SHA, b.CreatedAt = sha, now.AddDate(0, 0, i-30)
			builds = append(builds, h.end(t, h.queue(t, b), core.BuildFailed, b.CreatedAt))
		}
		for more := true; more; {
			var err error
			_, more, err = h.ApplyRetention(ctx, core.Retention{BuildsDays: 7, DeliveriesDays: 30, AuditDays: 30}, now, 1)
			ok(t, err)
		}
		_, left, err := h.ListDeliveries(ctx, core.DeliveryFilter{}, core.Page{Limit: 10})
		ok(t, err)
		equal(t, left, 5) // one that is decided and old has gone
		_, left, err = h.ListAudit(ctx, core.AuditFilter{}, core.Page{Limit: 10})
		ok(t, err)
		equal(t, left, 2)
		for i, want := range []bool{true, false, true} {
			if _, err := h.FindBuild(ctx, builds[i].ID); (err == nil) != want {
				t.Errorf("the build of %s is kept: %v", builds[i].SHA, err == nil)
			}
		}
		_, err = h.FindRetention(ctx)
		refused(t, err, core.KindNotFound, core.CodeNotFound)
		ok(t, h.SaveRetention(ctx, core.Retention{BuildsDays: 3}, now))
		ok(t, h.SaveRetention(ctx, core.DefaultRetention(), now))
		found, err := h.FindRetention(ctx)
		ok(t, err)
		equal(t, found, core.DefaultRetention())
	})
}

// TestRetentionKeepsTheLastOfEachForkAndOfTheMergeQueue: forks name their branches alike,
// and the merge queue builds for the branch that it merges into.
func TestRetentionKeepsTheLastOfEachForkAndOfTheMergeQueue(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx, now := furnish(t, url), t.Context(), at(0)
		var builds []core.Build
		for i, of := range []struct {
			event string
			fork  int
		}{{"push", 0}, {"pull_request", 5}, {"pull_request", 5}, {"pull_request", 9}, {"merge_group", 0}, {"merge_group", 0}} {
			b := h.newBuild()
			b.Branch, b.TriggerEvent, b.CreatedAt = "main", of.event, now.AddDate(0, 0, i-30)
			if of.fork > 0 {
				b.PullRequest = &core.PullRequest{Number: of.fork, Fork: true}
			}
			one := aged{Build: h.end(t, h.queue(t, b), core.BuildSucceeded, b.CreatedAt)}
			builds = append(builds, one.Build)
			_, err := h.ArchiveLog(ctx, core.LogObject{BuildID: b.ID, SHA256: fmt.Sprintf("%064x", i), Size: 7})
			ok(t, err)
		}
		policy := core.Retention{LogsDays: 7}
		done, _, err := h.ApplyRetention(ctx, policy, now, 100)
		ok(t, err)
		equal(t, done.Logs, core.Reclaim{Count: 2, Bytes: 14})
		policy.BuildsDays = 7
		_, _, err = h.ApplyRetention(ctx, policy, now, 100)
		ok(t, err)
		for i, want := range []bool{true, false, true, true, false, true} {
			if _, err := h.FindBuild(ctx, builds[i].ID); (err == nil) != want {
				t.Errorf("build %d, of %s, is kept: %v", i, builds[i].TriggerEvent, err == nil)
			}
		}
	})
}

// TestStatusesGoWithTheLastBuildOfTheirCommit: there was one row for each commit for ever.
func TestStatusesGoWithTheLastBuildOfTheirCommit(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx, now := furnish(t, url), t.Context(), at(0)
		for i, sha := range []string{"again", "once", "again"} {
			b := h.newBuild()
			b.SHA, b.CreatedAt = sha, now.AddDate(0, 0, i-30)
			h.end(t, h.queue(t, b), core.BuildSucceeded, b.CreatedAt)
			e := core.Effect{Key: core.StatusKey(b.PipelineID, sha), Kind: core.EffectStatus, RepositoryID: h.project.RepositoryID, PipelineID: b.PipelineID, SHA: sha, NotBefore: now, UpdatedAt: now}
			ok(t, h.WantEffect(ctx, e))
			e, err := h.FindEffect(ctx, e.Key)
			ok(t, err)
			e.Done = e.Wanted
			ok(t, h.SaveEffect(ctx, e, e.NotBefore))
		}
		done, _, err := h.ApplyRetention(ctx, core.Retention{BuildsDays: 7}, now, 10)
		ok(t, err)
		equal(t, done.Builds.Count, int64(2))
		_, err = h.FindEffect(ctx, core.StatusKey(h.pipeline.ID, "again"))
		ok(t, err)
		_, err = h.FindEffect(ctx, core.StatusKey(h.pipeline.ID, "once"))
		refused(t, err, core.KindNotFound, core.CodeNotFound)
	})
}
