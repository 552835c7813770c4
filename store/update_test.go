package store_test

import (
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

func TestATransactionUndoesNothingThatOthersAddToTheBuildItFound(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h := furnish(t, url)
		b := h.queue(t, h.newBuild())
		added := make(chan error, 1)
		ok(t, h.InTx(t.Context(), func(tx core.Store) error {
			mine, err := tx.FindBuild(t.Context(), b.ID)
			if err != nil {
				return err
			}
			go func() {
				other := b
				other.PullRequest = &core.PullRequest{Number: 7}
				added <- h.UpdateBuild(t.Context(), other, core.BuildQueued, "", nil)
			}()
			select {
			case err := <-added:
				added <- err
			case <-time.After(300 * time.Millisecond): // it waits for us, as it must
			}
			event, err := mine.Transition(core.BuildCanceled, "ann", core.ReasonCanceledByUser, at(1))
			if err != nil {
				return err
			}
			return tx.UpdateBuild(t.Context(), mine, core.BuildQueued, "", &event)
		}))
		refused(t, <-added, core.KindConflict, core.CodeInvalidTransition)
	})
}
