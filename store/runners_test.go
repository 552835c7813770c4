package store_test

import (
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

func TestRunnersKeepWhatTheOperatorAndTheySaidApart(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h := furnish(t, url)
		mini := core.Runner{
			ID: "n1", Name: "mini", Labels: []string{"fast"}, Embedded: true, Enabled: true, Platform: "macos/arm64", Version: "1", Slots: 2,
			Session: "s", LastSeenAt: at(1), CreatedAt: at(0), UpdatedAt: at(0),
		}
		ok(t, h.CreateRunner(t.Context(), mini))
		if err := h.CreateRunner(t.Context(), mini); core.KindOf(err) != core.KindConflict {
			t.Errorf("the same id again: %v", err)
		}
		ok(t, h.CreateRunner(t.Context(), core.Runner{ID: "n0", Name: "other", Labels: []string{}}))
		got, err := h.FindRunner(t.Context(), "n1")
		ok(t, err)
		equal(t, got, mini)

		stale := got
		beat := core.RunnerBeat{RunnerID: "n1", Session: "s", Platform: "linux/x64", Version: "2", Slots: 3, Draining: true}
		seen, err := h.SaveBeat(t.Context(), beat, at(2))
		ok(t, err)
		stale.Name, stale.Labels, stale.Enabled, stale.UpdatedAt = "maxi", []string{"slow"}, false, at(3)
		ok(t, h.UpdateRunner(t.Context(), stale)) // what it does not know of is not undone
		want := stale
		want.Platform, want.Version, want.Slots, want.Draining, want.LastSeenAt = "linux/x64", "2", 3, true, at(2)
		got, err = h.FindRunner(t.Context(), "n1")
		ok(t, err)
		equal(t, got, want)
		if seen.Name != "mini" || seen.Version != "2" {
			t.Errorf("the beat saw %+v", seen)
		}

		beat.Session = "t"
		if _, err := h.SaveBeat(t.Context(), beat, at(4)); core.KindOf(err) != core.KindNotFound {
			t.Errorf("a beat of another process: %v", err)
		}
		beat.First = true
		seen, err = h.SaveBeat(t.Context(), beat, at(4))
		ok(t, err)
		if seen.Session != "t" || !seen.SessionAt.Equal(at(4)) {
			t.Errorf("after its first beat the session is %q, of %v", seen.Session, seen.SessionAt)
		}
		seen, err = h.SaveBeat(t.Context(), beat, at(5))
		ok(t, err)
		if !seen.SessionAt.Equal(at(4)) || !seen.LastSeenAt.Equal(at(5)) {
			t.Errorf("the same beat again: the session is of %v, seen %v", seen.SessionAt, seen.LastSeenAt)
		}

		all, err := h.ListRunners(t.Context())
		ok(t, err)
		if len(all) != 2 || all[0].Name != "maxi" || all[1].Name != "other" {
			t.Errorf("listed %+v", all)
		}
		ok(t, h.DeleteRunner(t.Context(), "n1"))
		for name, err := range map[string]error{
			"delete": h.DeleteRunner(t.Context(), "n1"), "update": h.UpdateRunner(t.Context(), stale),
		} {
			if core.KindOf(err) != core.KindNotFound {
				t.Errorf("%s what is gone: %v", name, err)
			}
		}
	})
}

func TestExtendedLeasesLiveAtLeastSoLong(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h := furnish(t, url)
		for _, lease := range []string{"short", "long"} {
			h.queue(t, h.newBuild())
			h.claim(t, lease) // until 2
		}
		builds, err := h.ListLeased(t.Context(), at(3), "")
		ok(t, err)
		long := builds[1]
		_, err = h.RenewLease(t.Context(), core.Lease{BuildID: long.ID, RunnerID: long.RunnerID, Token: long.LeaseToken}, at(9))
		ok(t, err)
		ok(t, h.ExtendLeases(t.Context(), at(5)))
		for minutes, want := range map[int]int{5: 0, 6: 1, 9: 1, 10: 2} {
			lost, err := h.ListLeased(t.Context(), at(minutes), "")
			ok(t, err)
			if len(lost) != want {
				t.Errorf("at %d %d leases have ended, want %d", minutes, len(lost), want)
			}
		}
		_, err = h.RenewLease(t.Context(), core.Lease{BuildID: long.ID, RunnerID: "another", Token: long.LeaseToken}, at(9))
		if core.CodeOf(err) != core.CodeLeaseLost {
			t.Errorf("another runner renews: %v", err)
		}
	})
}
