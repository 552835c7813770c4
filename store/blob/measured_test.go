package blob_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/blob"
)

// results counts what became of operations.
type results map[string]int

func (r results) Note(metric string, value float64, labels ...string) {
	if metric == core.MetricBlobOps && value > 0 {
		r[strings.Join(labels, " ")] += int(value)
	}
}

// TestWhatWasBrokenOffIsNoFailureOfTheStore: builds that were canceled while they uploaded,
// and files that are too large, raised the alert that artifacts cannot be stored.
func TestWhatWasBrokenOffIsNoFailureOfTheStore(t *testing.T) {
	local, err := blob.NewLocal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	counted := results{}
	m := blob.NewMeasured(local, counted)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	put := func(ctx context.Context, r io.Reader, kind core.Kind) {
		t.Helper()
		if _, _, err := m.Put(ctx, r); err == nil || core.KindOf(err) != kind {
			t.Errorf("it is stored, or refused otherwise: %v", err)
		}
	}
	put(canceled, strings.NewReader("x"), core.KindInternal)
	put(t.Context(), iotest.ErrReader(core.Errorf(core.KindTooLarge, "too large")), core.KindTooLarge)
	put(t.Context(), iotest.ErrReader(io.ErrUnexpectedEOF), core.KindInternal)
	asked := core.Errorf(core.KindUnavailable, "the database").Because(context.Canceled)
	sweeping := func(context.Context, []string) ([]string, error) { return nil, asked }
	if _, _, err := m.Put(t.Context(), strings.NewReader("kept")); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Sweep(t.Context(), time.Now().Add(time.Hour), sweeping); !errors.Is(err, asked) {
		t.Errorf("swept: %v", err)
	}
	put(t.Context(), iotest.ErrReader(core.Errorf(core.KindUnavailable, "the disk")), core.KindUnavailable)
	if want := (results{"put broken_off": 3, "put ok": 1, "sweep broken_off": 1, "put failed": 1}); !maps.Equal(counted, want) {
		t.Errorf("counted are %v", counted)
	}
}
