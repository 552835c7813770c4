package store_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

// waits stores effects of a repository: one that was done, and two that failed often, of
// which one was given up.
func (h house) waits(t *testing.T, repositoryID string) {
	t.Helper()
	for _, key := range []string{"done", "paused", "given up"} {
		e := core.Effect{Key: repositoryID + " " + key, Kind: core.EffectStatus, RepositoryID: repositoryID, NotBefore: at(0), UpdatedAt: at(0)}
		ok(t, h.WantEffect(t.Context(), e))
		e, err := h.FindEffect(t.Context(), e.Key)
		ok(t, err)
		held := e.NotBefore
		if e.NotBefore, e.Attempts, e.Parked = at(500), 7, key == "given up"; key == "done" {
			e.Done = e.Wanted
		}
		ok(t, h.SaveEffect(t.Context(), e, held))
	}
}

func TestWokenEffectsAreDueAndOthersStay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		repositories := map[string]string{} // by integration
		for _, integration := range []string{"mine", "other"} {
			r, err := h.SaveRepository(ctx, core.Repository{ID: newID("repository"), Provider: core.ProviderGitLab, ExternalID: integration, FullName: integration, IntegrationID: integration})
			ok(t, err)
			repositories[integration] = r.ID
		}
		for n, wake := range []struct {
			by   func(context.Context) error
			want []string
		}{
			{func(ctx context.Context) error { return h.WakeEffects(ctx, repositories["mine"], at(3)) }, []string{"given up", "paused"}},
			{func(ctx context.Context) error { return h.WakeEffectsThrough(ctx, "mine", true, at(3)) }, []string{"given up", "paused"}},
			{func(ctx context.Context) error { return h.WakeEffectsThrough(ctx, "mine", false, at(3)) }, []string{"paused"}},
		} {
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				for _, id := range repositories {
					h.waits(t, id)
				}
				ok(t, wake.by(ctx))
				due, err := h.TakeEffects(ctx, at(3), at(4), 10)
				ok(t, err)
				var keys []string
				for _, e := range due {
					equal(t, e.Attempts, 0)
					keys = append(keys, e.Key)
					e.Done = e.Wanted
					ok(t, h.SaveEffect(ctx, e, e.NotBefore))
				}
				slices.Sort(keys)
				var want []string
				for _, key := range wake.want {
					want = append(want, repositories["mine"]+" "+key)
				}
				equal(t, keys, want)
			})
		}
	})
}
