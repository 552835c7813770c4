package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// An object is
//
//	frame …, index, trailer
//
// Frames and index are zstd frames of their own, each with its checksum. A frame holds
// whole chunks, one after another; the index has the frames' lengths, from which all
// else follows; the trailer is a number of its own (64 bits, random), the length of the
// packed index (32 bits, little endian) and the magic, in which the format's version is.
//
// No two objects are equal because of that number: a log that is packed again after a
// crash is never the blob left over by the first try, which a sweep may be about to
// delete.

const (
	magic        = "oorelog1"
	trailerBytes = 20 // 8, 4 and the magic
)

// frame is what the index knows of one.
type frame struct {
	first   int64 // sequence of its first record
	records int
	offset  int64 // in the object
	packed  int   // bytes in the object
	plain   int   // bytes of its chunks
}

// indexEntryBytes is what a frame takes in memory.
const indexEntryBytes = 40

func (f frame) next() int64 { return f.first + int64(f.records) }

// index has the frames of an object in order.
type index []frame

func (in index) encode() []byte {
	out := binary.AppendUvarint(nil, uint64(len(in)))
	for _, f := range in {
		out = binary.AppendUvarint(out, uint64(f.records))
		out = binary.AppendUvarint(out, uint64(f.packed))
		out = binary.AppendUvarint(out, uint64(f.plain))
	}
	return out
}

var errCut = errors.New("it ends in the middle of a number")

// numbers reads uvarints until one is missing or out of bounds.
type numbers struct {
	data []byte
	err  error
}

func (n *numbers) next(most uint64) int {
	value, length := binary.Uvarint(n.data)
	switch {
	case n.err != nil:
		return 0
	case length <= 0:
		n.err = errCut
		return 0
	case value > most:
		n.err = fmt.Errorf("%d is more than %d", value, most)
		return 0
	}
	n.data = n.data[length:]
	return int(value)
}

func decodeIndex(plain []byte) (index, error) {
	n := &numbers{data: plain}
	count := n.next(uint64(len(plain)) / 3) // a frame has three numbers
	in := make(index, 0, count)
	end := frame{}
	for range count {
		f := frame{first: end.next(), offset: end.offset + int64(end.packed)}
		f.records, f.packed, f.plain = n.next(math.MaxInt32), n.next(math.MaxInt32), n.next(maxFrameBytes)
		in, end = append(in, f), f
	}
	if n.err != nil {
		return nil, fmt.Errorf("index: %w", n.err)
	}
	if len(n.data) > 0 {
		return nil, errors.New("the index has more than its frames")
	}
	return in, nil
}

// check tells whether the frames end where they must: in the object, and in the log.
func (in index) check(offset, next int64) error {
	var last frame
	if len(in) > 0 {
		last = in[len(in)-1]
	}
	if end := last.offset + int64(last.packed); end != offset || last.next() != next {
		return fmt.Errorf("the frames end at byte %d and record %d, not at %d and %d", end, last.next(), offset, next)
	}
	return nil
}

// span returns the frames, from first to before last, that hold records from one
// sequence to before another, until maxBytes are gathered; one at least.
func (in index) span(from, before int64, maxBytes int) (first, last int) {
	first = sort.Search(len(in), func(i int) bool { return in[i].next() > from })
	size := 0
	for last = first; last < len(in) && in[last].first < before && (last == first || size < maxBytes); last++ {
		size += in[last].plain
	}
	return first, last
}

func appendTrailer(dst []byte, indexBytes int) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, rand.Uint64())
	dst = binary.LittleEndian.AppendUint32(dst, uint32(indexBytes))
	return append(dst, magic...)
}

func readTrailer(tail []byte, size int64) (indexBytes int, err error) {
	if len(tail) < trailerBytes || string(tail[len(tail)-len(magic):]) != magic {
		return 0, errors.New("it does not end as a log does")
	}
	length := int64(binary.LittleEndian.Uint32(tail[len(tail)-len(magic)-4:]))
	if length > size-trailerBytes {
		return 0, fmt.Errorf("an index of %d bytes does not fit into %d", length, size)
	}
	return int(length), nil
}

// appendChunk appends a chunk: count, step, time, bytes. Its place in the log is that
// in the frame.
func appendChunk(dst []byte, c core.LogChunk) []byte {
	dst = binary.AppendUvarint(dst, uint64(c.Count))
	dst = binary.AppendUvarint(dst, uint64(len(c.Step)))
	dst = append(dst, c.Step...)
	dst = binary.AppendVarint(dst, micros(c.At))
	dst = binary.AppendUvarint(dst, uint64(len(c.Data)))
	return append(dst, c.Data...)
}

// decodeChunks reads the chunks of a frame that starts at a sequence. They share the
// frame's memory.
func decodeChunks(plain []byte, buildID string, first int64) ([]core.LogChunk, error) {
	var chunks []core.LogChunk
	n := &numbers{data: plain}
	step := ""
	for len(n.data) > 0 && n.err == nil {
		c := core.LogChunk{BuildID: buildID, FirstSequence: first, Count: n.next(math.MaxInt32)}
		if name := n.bytes(); string(name) != step { // most chunks are of the same step as the one before
			step = string(name)
		}
		c.Step, c.At, c.Data = step, n.time(), n.bytes()
		chunks, first = append(chunks, c), c.Next()
	}
	return chunks, n.err
}

func (n *numbers) bytes() []byte {
	length := n.next(uint64(len(n.data)))
	if n.err == nil && length > len(n.data) {
		n.err = errCut
	}
	if n.err != nil {
		return nil
	}
	out := n.data[:length:length]
	n.data = n.data[length:]
	return out
}

// Times are kept as in the database: microseconds since 1970, the zero time as 0.

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func (n *numbers) time() time.Time {
	us, length := binary.Varint(n.data)
	if n.err == nil && length <= 0 {
		n.err = errCut
	}
	if n.err != nil || us == 0 {
		n.data = n.data[max(length, 0):]
		return time.Time{}
	}
	n.data = n.data[length:]
	return time.UnixMicro(us).UTC()
}
