package app_test

import (
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

// A branch that stood at the commit had its build canceled by a push to another.
func TestWhatAnotherBranchStandsAtIsNotReplaced(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		h := newHouseOn(t, database)
		h.pipeline(t, h.project(t).ID, "Android", cancelPrevious())
		h.deliver(t, push("dev", shaA))
		h.deliver(t, push("main", shaA))
		h.deliver(t, after(shaA, push("dev", shaB)))
		wantStates(t, h, "queued", "queued")
		h.deliver(t, after(shaB, push("dev", shaC)))
		wantStates(t, h, "queued", "canceled superseded", "queued")
	})
}

// A branch that was made at a commit whose build another branch had left behind was never
// built there.
func TestABranchIsBuiltAtACommitThatAnotherLeftBehind(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		h := newHouseOn(t, database)
		h.pipeline(t, h.project(t).ID, "Android", cancelPrevious())
		h.deliver(t, push("main", shaA))
		h.deliver(t, after(shaA, push("main", shaB)))
		wantStates(t, h, "canceled superseded", "queued")
		h.deliver(t, push("release", shaA))
		wantStates(t, h, "canceled superseded", "queued", "queued")
		h.deliver(t, push("release", shaA)) // once more
		wantStates(t, h, "canceled superseded", "queued", "queued")
	})
}

// Where the forge told of an end before its API showed it, what waited was built.
func TestAnEndThatTheForgeDoesNotShowYetIsAskedForAgain(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	h.deliver(t, push("line", shaB))
	end := ignored(push("line", ""), core.WhyBranchDeleted)
	id := h.keep(t, marshaled(t, end))
	h.work(t, func() bool {
		d, err := h.store.FindDelivery(t.Context(), id)
		return err == nil && d.NotBefore.After(h.clock.now())
	})
	wantStates(t, h, "queued")
	h.forge.happen(end)
	h.decided(t, id)
	wantStates(t, h, "canceled not_needed")
}
