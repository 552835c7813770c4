package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

func TestClaimTakesTheOldest(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		_, err := h.ClaimBuild(ctx, linuxRunner(), "none", at(1), at(2))
		refused(t, err, core.KindNotFound, core.CodeNotFound)

		late, early := h.newBuild(), h.newBuild()
		early.QueuedAt, late.QueuedAt = at(-2), at(-1)
		h.queue(t, late)
		want := h.queue(t, early)
		event, err := want.Transition(core.BuildAssigned, "one", "", at(1))
		ok(t, err)
		want.RunnerID, want.RunnerName, want.LeaseToken, want.LeaseExpiresAt = "runner-1", "one", "lease", at(2)
		equal(t, h.claim(t, "lease"), want)
		events, err := h.ListBuildEvents(ctx, early.ID)
		ok(t, err)
		equal(t, events[1], event)
		equal(t, h.claim(t, "lease2").ID, late.ID)
	})
}

func TestClaimHonorsLabels(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		for i := range 70 { // more than the claim looks at in one go
			b := h.newBuild()
			b.Labels, b.QueuedAt = []string{"macos", "linux"}, at(i)
			h.queue(t, b)
		}
		_, err := h.ClaimBuild(ctx, linuxRunner(), "none", at(1), at(2))
		refused(t, err, core.KindNotFound, core.CodeNotFound)
		fits := h.newBuild()
		fits.Labels, fits.QueuedAt = []string{"linux"}, at(100)
		h.queue(t, fits)
		equal(t, h.claim(t, "lease").ID, fits.ID)
		mac := core.Runner{ID: "m", Name: "m", Labels: []string{"linux", "macos", "xcode"}}
		b, err := h.ClaimBuild(ctx, mac, "lease", at(1), at(2))
		ok(t, err)
		equal(t, b.QueuedAt, at(0))
	})
}

func TestParallelClaimsTakeEachBuildOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		const builds = 200
		for range builds {
			h.queue(t, h.newBuild())
		}
		var mu sync.Mutex
		claims := map[string]int{}
		ok(t, inParallel(16, func(worker int) error {
			for n := 0; ; n++ {
				b, err := h.ClaimBuild(ctx, linuxRunner(), fmt.Sprintf("lease-%d-%d", worker, n), at(1), at(2))
				if core.KindOf(err) == core.KindNotFound {
					return nil
				}
				if err != nil {
					return err
				}
				mu.Lock()
				claims[b.ID]++
				mu.Unlock()
			}
		}))
		equal(t, len(claims), builds)
		for id, n := range claims {
			if n != 1 {
				t.Errorf("build %s was claimed %d times", id, n)
			}
		}
	})
}

func TestMaxConcurrentIsNeverExceeded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		const limit, builds = 2, 30
		h.pipeline.Concurrency.MaxConcurrent = limit
		ok(t, h.UpdatePipeline(ctx, h.pipeline))
		for range builds {
			h.queue(t, h.newBuild())
		}
		var mu sync.Mutex
		active, done := 0, 0
		ok(t, inParallel(8, func(worker int) error {
			for {
				b, err := h.ClaimBuild(ctx, linuxRunner(), fmt.Sprintf("lease-%d", worker), at(1), at(2))
				mu.Lock()
				finished := done == builds
				if err == nil {
					active++
				}
				tooMany := active > limit
				mu.Unlock()
				switch {
				case tooMany:
					return errors.New("more builds than max_concurrent allows")
				case core.KindOf(err) == core.KindNotFound && finished:
					return nil
				case core.KindOf(err) == core.KindNotFound:
					continue
				case err != nil:
					return err
				}
				// Counted down before the database may hand out the next.
				mu.Lock()
				active--
				done++
				mu.Unlock()
				lease := b.LeaseToken
				event, err := b.Transition(core.BuildCanceled, "x", "", at(2))
				if err != nil {
					return err
				}
				b.LeaseToken = ""
				if err := h.UpdateBuild(ctx, b, core.BuildAssigned, lease, &event); err != nil {
					return err
				}
			}
		}))
	})
}

func TestFullPipelineDoesNotHoldUpOthers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		h.pipeline.Concurrency.MaxConcurrent = 1
		ok(t, h.UpdatePipeline(ctx, h.pipeline))
		for range 3 {
			h.queue(t, h.newBuild())
		}
		h.claim(t, "lease")
		free := h
		free.pipeline = newPipeline(h.project, "free")
		ok(t, h.CreatePipeline(ctx, free.pipeline))
		b := free.newBuild()
		b.QueuedAt = at(60)
		free.queue(t, b)
		equal(t, h.claim(t, "lease2").ID, b.ID)
	})
}

func TestLeases(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		h.queue(t, h.newBuild())
		b := h.claim(t, "lease")
		renewed, err := h.RenewLease(ctx, core.Lease{BuildID: b.ID, RunnerID: "runner-1", Token: "lease"}, at(9))
		ok(t, err)
		b.LeaseExpiresAt = at(9)
		equal(t, renewed, b)
		for _, token := range []string{"other", ""} {
			_, err = h.RenewLease(ctx, core.Lease{BuildID: b.ID, Token: token}, at(9))
			refused(t, err, core.KindConflict, core.CodeLeaseLost)
		}

		for name, test := range map[string]struct {
			before int
			runner string
			want   int
		}{
			"expired": {10, "", 1}, "not expired": {9, "", 0}, "the runner's": {0, "runner-1", 1}, "another runner's": {0, "runner-2", 0},
		} {
			list, err := h.ListLeased(ctx, at(test.before), test.runner)
			ok(t, err)
			if len(list) != test.want {
				t.Errorf("%s: %d builds, want %d", name, len(list), test.want)
			}
		}

		event, err := b.Transition(core.BuildQueued, "oore", core.ReasonRunnerLost, at(10))
		ok(t, err)
		ok(t, h.UpdateBuild(ctx, b, core.BuildAssigned, "lease", &event))
		_, err = h.RenewLease(ctx, core.Lease{BuildID: b.ID}, at(20)) // nobody's lease is no lease
		refused(t, err, core.KindConflict, core.CodeLeaseLost)
		equal(t, h.claim(t, "second").ID, b.ID)
		_, err = h.RenewLease(ctx, core.Lease{BuildID: b.ID, Token: "lease"}, at(20))
		refused(t, err, core.KindConflict, core.CodeLeaseLost)
	})
}
