package main

import (
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/archive"
	"github.com/oore-ci/oore/store/blob"
)

// TestAnArchivedLogIsComparedWithWhatItsRunnerShipped: an object that is whole may hold what
// was changed before it was packed.
func TestAnArchivedLogIsComparedWithWhatItsRunnerShipped(t *testing.T) {
	blobs, err := blob.NewLocal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	logs, err := archive.New(blobs)
	if err != nil {
		t.Fatal(err)
	}
	chunks := []core.LogChunk{
		core.EncodeLog("b", []core.LogRecord{{Content: []byte("hello"), Stream: core.StreamStdout}}),
		core.EncodeLog("b", []core.LogRecord{{Sequence: 1, Content: []byte("world"), Stream: core.StreamStdout}}),
	}
	var shipped core.LogTally
	for _, c := range chunks {
		shipped.Add(c)
	}
	o, err := logs.Pack(t.Context(), "b", func() ([]core.LogChunk, error) {
		next := chunks
		chunks = nil
		return next, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	changed := shipped
	changed.CRC32C++
	for want, tally := range []core.LogTally{shipped, changed} {
		var f store.Finding
		if err := verifyLogs(t.Context(), &f, blobs, []store.ShippedLog{{Object: o, Shipped: tally}}, nil); err != nil || f.Count != want {
			t.Errorf("%+v: %v, %+v", tally, err, f)
		}
	}
}
