package archive

import (
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/oore-ci/oore/app/core"
)

// writer makes an object while it is read, so that no more than a frame and what next
// gives at a time is in memory.
type writer struct {
	packer *zstd.Encoder
	next   func() ([]core.LogChunk, error)

	chunks   []core.LogChunk // given and not yet in a frame
	sequence int64           // after the last record in a frame
	index    index
	offset   int64
	plain    []byte // of the frame at hand
	packed   []byte // its memory is used again
	rest     []byte // of packed, not yet read
	ended    bool
}

// Read implements io.Reader.
func (w *writer) Read(p []byte) (int, error) {
	for len(w.rest) == 0 {
		if w.ended {
			return 0, io.EOF
		}
		if err := w.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, w.rest)
	w.rest = w.rest[n:]
	return n, nil
}

// fill makes the next frame, or at the end of the log the index.
func (w *writer) fill() error {
	f := frame{first: w.sequence, offset: w.offset}
	w.plain = w.plain[:0]
	for len(w.plain) < frameBytes {
		if len(w.chunks) == 0 {
			var err error
			if w.chunks, err = w.next(); err != nil {
				return err
			}
			if len(w.chunks) == 0 {
				break
			}
		}
		c := w.chunks[0]
		if c.FirstSequence != w.sequence || c.Count < 1 {
			return fmt.Errorf("the log has a gap: record %d is followed by %d", w.sequence-1, c.FirstSequence)
		}
		w.plain = appendChunk(w.plain, c)
		w.chunks, w.sequence = w.chunks[1:], c.Next()
	}
	if len(w.plain) == 0 {
		w.finish()
		return nil
	}
	w.packed = w.packer.EncodeAll(w.plain, w.packed[:0])
	w.rest = w.packed
	f.records, f.packed, f.plain = int(w.sequence-f.first), len(w.packed), len(w.plain)
	w.index, w.offset = append(w.index, f), w.offset+int64(f.packed)
	return nil
}

func (w *writer) finish() {
	w.packed = w.packer.EncodeAll(w.index.encode(), w.packed[:0])
	w.rest = appendTrailer(w.packed, len(w.packed))
	w.ended = true
}
