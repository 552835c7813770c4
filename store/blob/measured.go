package blob

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// Measured is a blob store whose work is counted.
type Measured struct {
	core.BlobStore
	Meter core.Meter
}

// NewMeasured counts from the start: a rate sees no first rise of a series that was not there.
func NewMeasured(b core.BlobStore, meter core.Meter) Measured {
	for _, op := range []string{"put", "open", "sweep"} {
		for _, result := range []string{"ok", "not_found", "broken_off", "failed"} {
			meter.Note(core.MetricBlobOps, 0, op, result)
		}
	}
	return Measured{BlobStore: b, Meter: meter}
}

// note tells what the store failed at from what whoever asked broke off, or gave too much of:
// the store's own faults are KindUnavailable.
func (m Measured) note(op string, err error) {
	result := "ok"
	switch {
	case err == nil:
	case core.KindOf(err) == core.KindNotFound:
		result = "not_found"
	case errors.Is(err, context.Canceled), core.KindOf(err) != core.KindUnavailable:
		result = "broken_off"
	default:
		result = "failed"
	}
	m.Meter.Note(core.MetricBlobOps, 1, op, result)
}

// Put is core.BlobStore's.
func (m Measured) Put(ctx context.Context, r io.Reader) (sum string, size int64, err error) {
	sum, size, err = m.BlobStore.Put(ctx, r)
	m.note("put", err)
	m.Meter.Note(core.MetricBlobBytes, float64(size), "in")
	return sum, size, err
}

// Open is core.BlobStore's.
func (m Measured) Open(ctx context.Context, sum string) (io.ReadSeekCloser, error) {
	r, err := m.BlobStore.Open(ctx, sum)
	m.note("open", err)
	if err != nil {
		return nil, err
	}
	return measuredReader{r, m.Meter}, nil
}

// Sweep is core.BlobStore's.
func (m Measured) Sweep(ctx context.Context, t time.Time, unwanted func(ctx context.Context, sums []string) ([]string, error)) (int, error) {
	n, err := m.BlobStore.Sweep(ctx, t, unwanted)
	m.note("sweep", err)
	return n, err
}

type measuredReader struct {
	io.ReadSeekCloser
	meter core.Meter
}

// Link is core.DirectBlob's.
func (r measuredReader) Link(ctx context.Context, contentType, disposition string) (string, error) {
	if direct, ok := r.ReadSeekCloser.(core.DirectBlob); ok {
		return direct.Link(ctx, contentType, disposition)
	}
	return "", nil
}

// Read is io.Reader's.
func (r measuredReader) Read(p []byte) (int, error) {
	n, err := r.ReadSeekCloser.Read(p)
	r.meter.Note(core.MetricBlobBytes, float64(n), "out")
	return n, err
}
