// Package archive keeps the logs of ended builds as objects in a blob store: the
// log's chunks as they were stored, in compressed frames that are read one by one,
// and an index of the frames at the end. It knows no build and no record: whose log
// may be archived is for its caller to say.
package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"github.com/oore-ci/oore/app/core"
)

var _ core.LogArchive = (*Logs)(nil)

const (
	// frameBytes is the least that a frame holds, unpacked: what a window of a log costs
	// to read at least, and what the search of a long log divides it into.
	frameBytes = 256 << 10
	// maxFrameBytes is more than a frame can have: the chunk that fills one is no larger
	// than what a runner may send at once.
	maxFrameBytes = 32 << 20
	cacheBytes    = 8 << 20
	// bulkFrames is how many frames a read must have to be one of the whole log, which
	// would drive all else out of the cache.
	bulkFrames = 9
	// proofBytes is what Pack reads back at a time.
	proofBytes = 4 << 20
)

// Logs is a core.LogArchive on a blob store.
type Logs struct {
	blobs  core.BlobStore
	packer *zstd.Encoder
	opener *zstd.Decoder
	cache  *cache
}

// New returns the archive whose objects are in blobs.
func New(blobs core.BlobStore) (*Logs, error) {
	packer, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(2), zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("make a compressor: %w", err)
	}
	opener, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxFrameBytes))
	if err != nil {
		return nil, fmt.Errorf("make a decompressor: %w", err)
	}
	return &Logs{blobs: blobs, packer: packer, opener: opener, cache: newCache(cacheBytes)}, nil
}

// Pack is core.LogArchive's.
func (l *Logs) Pack(ctx context.Context, buildID string, next func() ([]core.LogChunk, error)) (core.LogObject, error) {
	w := &writer{packer: l.packer, next: next}
	sum, size, err := l.blobs.Put(ctx, w)
	if err != nil {
		return core.LogObject{}, err
	}
	o := core.LogObject{BuildID: buildID, SHA256: sum, Size: size, Next: w.sequence}
	for from := int64(0); from < o.Next; {
		chunks, err := l.Read(ctx, o, from, o.Next, proofBytes)
		if err != nil {
			return core.LogObject{}, fmt.Errorf("read back: %w", err)
		}
		from = chunks[len(chunks)-1].Next()
	}
	return o, nil
}

// Read is core.LogArchive's. Frames that follow each other are one read of the blob,
// and so are index and frames of an object that is not larger than its tail.
func (l *Logs) Read(ctx context.Context, o core.LogObject, from, before int64, maxBytes int) ([]core.LogChunk, error) {
	from, before = max(from, 0), min(before, o.Next)
	if from >= before {
		return nil, ctx.Err()
	}
	file := &file{ctx: ctx, blobs: l.blobs, object: o}
	defer file.close()
	index, err := l.index(file)
	if err != nil {
		return nil, err
	}
	first, last := index.span(from, before, maxBytes)
	frames, err := l.frames(file, index, first, last)
	if err != nil {
		return nil, err
	}
	var chunks []core.LogChunk
	for _, f := range frames {
		for _, c := range f {
			if c.Next() > from && c.FirstSequence < before {
				chunks = append(chunks, c)
			}
		}
	}
	return chunks, nil
}

// index returns the object's, from the cache if it is there.
func (l *Logs) index(file *file) (index, error) {
	key := cacheKey{object: file.object, frame: -1}
	if known, ok := l.cache.get(key); ok {
		return known.index, nil
	}
	packed, end, err := file.packedIndex()
	if err != nil {
		return nil, err
	}
	plain, err := l.opener.DecodeAll(packed, nil)
	if err != nil {
		return nil, damaged(file.object, fmt.Errorf("unpack the index: %w", err))
	}
	in, err := decodeIndex(plain)
	if err == nil {
		err = in.check(end, file.object.Next)
	}
	if err != nil {
		return nil, damaged(file.object, err)
	}
	l.cache.put(key, cached{index: in}, len(in)*indexEntryBytes)
	return in, nil
}

// frames returns the chunks of the frames from first to before last. Those between the
// first and the last that the cache lacks are one read.
func (l *Logs) frames(file *file, in index, first, last int) ([][]core.LogChunk, error) {
	out := make([][]core.LogChunk, last-first)
	var missing []int
	for i := first; i < last; i++ {
		known, ok := l.cache.get(cacheKey{object: file.object, frame: i})
		if !ok {
			missing = append(missing, i)
		}
		out[i-first] = known.chunks
	}
	if len(missing) == 0 {
		return out, nil
	}
	start, end := in[missing[0]], in[missing[len(missing)-1]]
	packed, err := file.at(start.offset, int(end.offset-start.offset)+end.packed)
	if err != nil {
		return nil, err
	}
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, i := range missing {
		g.Go(func() (err error) {
			at := int(in[i].offset - start.offset)
			out[i-first], err = l.unpack(file.object, in[i], packed[at:at+in[i].packed])
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, damaged(file.object, err)
	}
	if last-first < bulkFrames {
		for _, i := range missing {
			l.cache.put(cacheKey{object: file.object, frame: i}, cached{chunks: out[i-first]}, in[i].plain)
		}
	}
	return out, nil
}

func (l *Logs) unpack(o core.LogObject, f frame, packed []byte) ([]core.LogChunk, error) {
	plain, err := l.opener.DecodeAll(packed, make([]byte, 0, f.plain))
	if err != nil {
		return nil, fmt.Errorf("unpack the frame at record %d: %w", f.first, err)
	}
	chunks, err := decodeChunks(plain, o.BuildID, f.first)
	if err != nil {
		return nil, fmt.Errorf("frame at record %d: %w", f.first, err)
	}
	if n := len(chunks); n == 0 || chunks[n-1].Next() != f.next() {
		return nil, fmt.Errorf("the frame at record %d does not end at record %d", f.first, f.next())
	}
	return chunks, nil
}

// file is an object's blob, opened when it is first read.
type file struct {
	ctx    context.Context
	blobs  core.BlobStore
	object core.LogObject
	blob   io.ReadSeekCloser // nil until it is opened
	tail   []byte            // the end of the blob, once it was read
}

// tailBytes is what the first read of a blob takes from its end: all of most logs,
// and more than the index of 1 GiB of log.
const tailBytes = 64 << 10

// packedIndex reads the object's index and tells where it starts, which is where the
// frames end.
func (f *file) packedIndex() (packed []byte, start int64, err error) {
	size := f.object.Size
	if f.tail, err = f.at(max(0, size-tailBytes), int(min(size, tailBytes))); err != nil {
		return nil, 0, err
	}
	length, err := readTrailer(f.tail, size)
	if err != nil {
		return nil, 0, damaged(f.object, err)
	}
	start = size - trailerBytes - int64(length)
	packed, err = f.at(start, length)
	return packed, start, err
}

// at reads length bytes at the offset.
func (f *file) at(offset int64, length int) ([]byte, error) {
	if in := offset - (f.object.Size - int64(len(f.tail))); len(f.tail) > 0 && in >= 0 {
		return f.tail[in : in+int64(length)], nil
	}
	if err := f.ctx.Err(); err != nil {
		return nil, err
	}
	if f.blob == nil {
		blob, err := f.blobs.Open(f.ctx, f.object.SHA256)
		if core.KindOf(err) == core.KindNotFound {
			return nil, core.Errorf(core.KindUnavailable,
				"log object missing: the log lies in the blob store as %s, and nothing is there; restore the blob store from its backup", f.object.SHA256).Because(err)
		}
		if err != nil {
			return nil, err
		}
		f.blob = blob
	}
	out := make([]byte, length)
	_, err := f.blob.Seek(offset, io.SeekStart)
	if err == nil {
		_, err = io.ReadFull(f.blob, out)
	}
	return out, f.unread(err)
}

// unread sorts what reading failed by: the caller's will and errors of ours pass.
func (f *file) unread(err error) error {
	var ours *core.Error
	switch {
	case err == nil, f.ctx.Err() != nil, errors.As(err, &ours):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return damaged(f.object, err)
	}
	return core.Errorf(core.KindUnavailable, "The blob store does not give the log now; try again in a moment").Because(err)
}

func (f *file) close() {
	if f.blob != nil {
		_ = f.blob.Close() // it was only read
	}
}

func damaged(o core.LogObject, why error) error {
	return core.Errorf(core.KindUnavailable,
		"log object damaged: the log lies in the blob store as %s, and that is not what was written; restore the blob store from its backup", o.SHA256).Because(why)
}
