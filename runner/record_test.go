package runner

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// noBlobs is a house whose blob store is away.
type noBlobs struct{ Jobs }

func (noBlobs) Record(context.Context, core.Lease, core.Record) error {
	return core.Errorf(core.KindUnavailable, "the blob store is away")
}

// The end of a build came after its tests, for which the blob store was waited for without
// end: after an hour the build was given up and run again.
func TestABuildsEndWaitsForNoBlobStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), finishPatience)
		defer cancel()
		b := &build{pool: &Pool{jobs: noBlobs{}}, lines: slog.New(slog.DiscardHandler)}
		began := time.Now()
		b.record(ctx, core.Record{Tests: []core.TestCase{{Name: "it works"}}})
		if took := time.Since(began); ctx.Err() != nil || took > 2*recordPatience {
			t.Errorf("its end waited for %s", took)
		}
	})
}
