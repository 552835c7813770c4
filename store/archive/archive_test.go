package archive_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/archive"
	"github.com/oore-ci/oore/store/blob"
)

// counted is a blob store that counts what is opened and read.
type counted struct {
	*blob.Local
	mu           sync.Mutex
	opens, reads int
}

type countedFile struct {
	io.ReadSeekCloser
	of *counted
}

func (c *counted) Open(ctx context.Context, sum string) (io.ReadSeekCloser, error) {
	f, err := c.Local.Open(ctx, sum)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opens++
	return countedFile{f, c}, err
}

func (f countedFile) Read(p []byte) (int, error) {
	f.of.mu.Lock()
	f.of.reads++
	f.of.mu.Unlock()
	return f.ReadSeekCloser.Read(p)
}

func newArchive(tb testing.TB) (*archive.Logs, *counted, string) {
	tb.Helper()
	dir := tb.TempDir()
	local, err := blob.NewLocal(dir)
	ok(tb, err)
	blobs := &counted{Local: local}
	return reopened(tb, blobs), blobs, dir
}

// reopened is the archive of a server that has just started: it knows nothing.
func reopened(tb testing.TB, blobs core.BlobStore) *archive.Logs {
	tb.Helper()
	l, err := archive.New(blobs)
	ok(tb, err)
	return l
}

func ok(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// pages gives the chunks some at a time.
func pages(chunks []core.LogChunk, size int) func() ([]core.LogChunk, error) {
	return func() ([]core.LogChunk, error) {
		page := chunks[:min(size, len(chunks))]
		chunks = chunks[len(page):]
		return page, nil
	}
}

func pack(tb testing.TB, l *archive.Logs, chunks []core.LogChunk) core.LogObject {
	tb.Helper()
	o, err := l.Pack(tb.Context(), "b", pages(chunks, 7))
	ok(tb, err)
	return o
}

// randomLog has chunks of any bytes, of up to size each.
func randomLog(rng *rand.Rand, chunks, size int) []core.LogChunk {
	var all []core.LogChunk
	next := int64(0)
	for i := range chunks {
		c := core.LogChunk{BuildID: "b", FirstSequence: next, Count: 1 + rng.IntN(900), Step: fmt.Sprintf("step-%d", i/5), Data: []byte{}}
		if rng.IntN(10) > 0 {
			c.At = time.UnixMicro(rng.Int64N(1<<52) - 1<<50).UTC()
		}
		if rng.IntN(10) > 0 {
			c.Data = make([]byte, rng.IntN(size))
			for j := range c.Data {
				c.Data[j] = byte(rng.Uint32()) >> (i % 8)
			}
		}
		all = append(all, c)
		next = c.Next()
	}
	return all
}

// between are the chunks that hold records from one sequence to before another.
func between(chunks []core.LogChunk, from, before int64) []core.LogChunk {
	var some []core.LogChunk
	for _, c := range chunks {
		if from < before && c.Next() > from && c.FirstSequence < before {
			some = append(some, c)
		}
	}
	return some
}

func TestAnArchivedLogIsReadFromAnywhere(t *testing.T) {
	l, blobs, _ := newArchive(t)
	rng := rand.New(rand.NewPCG(7, 7))
	for _, shape := range []struct{ chunks, size int }{{1, 10}, {300, 40}, {40, 100_000}, {9, 700_000}} {
		chunks := randomLog(rng, shape.chunks, shape.size)
		o := pack(t, l, chunks)
		end := chunks[len(chunks)-1].Next()
		if o.Next != end || o.BuildID != "b" {
			t.Fatalf("%+v, want the end %d", o, end)
		}
		for range 200 {
			from, before := rng.Int64N(end+10)-5, rng.Int64N(end+10)
			got, err := l.Read(t.Context(), o, from, before, 1<<40)
			ok(t, err)
			if want := between(chunks, from, before); !reflect.DeepEqual(got, want) {
				t.Fatalf("%+v: from %d to %d: %d chunks, want %d", shape, from, before, len(got), len(want))
			}
			if rng.IntN(20) == 0 {
				l = reopened(t, blobs)
			}
		}
		var all []core.LogChunk
		for from := int64(0); from < end; {
			some, err := l.Read(t.Context(), o, from, end, 1+rng.IntN(1<<20))
			ok(t, err)
			all = append(all, some...)
			from = all[len(all)-1].Next()
		}
		if !reflect.DeepEqual(all, chunks) {
			t.Fatalf("%+v: page by page it is another log", shape)
		}
	}
}

// What is packed again is another blob: a sweep may be about to delete the first.
func TestALogPackedTwiceIsTwoObjects(t *testing.T) {
	l, blobs, _ := newArchive(t)
	chunks := randomLog(rand.New(rand.NewPCG(1, 1)), 60, 50_000)
	one, other := pack(t, l, chunks), pack(t, reopened(t, blobs), chunks)
	if one.SHA256 == other.SHA256 || one.Next != other.Next {
		t.Errorf("%+v and %+v", one, other)
	}
}

func TestAnEmptyLogIsAnObjectToo(t *testing.T) {
	l, blobs, _ := newArchive(t)
	o := pack(t, l, nil)
	got, err := reopened(t, blobs).Read(t.Context(), o, 0, 100, 100)
	if err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestALogWithAGapIsNotPacked(t *testing.T) {
	l, _, dir := newArchive(t)
	whole := randomLog(rand.New(rand.NewPCG(1, 1)), 60, 50_000)
	for name, chunks := range map[string][]core.LogChunk{
		"start": whole[1:], "middle": append(slices.Clone(whole[:40]), whole[41:]...), "twice": append(slices.Clone(whole[:40]), whole[39:]...),
	} {
		if o, err := l.Pack(t.Context(), "b", pages(chunks, 7)); err == nil || !strings.Contains(err.Error(), "gap") {
			t.Errorf("%s: %+v, %v", name, o, err)
		}
	}
	mine := errors.New("the database is down")
	if _, err := l.Pack(t.Context(), "b", func() ([]core.LogChunk, error) { return nil, mine }); !errors.Is(err, mine) {
		t.Errorf("error %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*", "*")); err != nil || len(left) != 0 {
		t.Errorf("left: %q, %v", left, err)
	}
}

// A page of a log costs at most two reads of the blob when nothing is known, one
// with the index, and none if it was read just before. Of a short log, one.
func TestAWindowCostsFewReads(t *testing.T) {
	first, blobs, _ := newArchive(t)
	long := pack(t, first, randomLog(rand.New(rand.NewPCG(1, 1)), 100, 200_000))
	short := pack(t, first, randomLog(rand.New(rand.NewPCG(1, 1)), 5, 2_000))
	l := reopened(t, blobs)
	for i, step := range []struct {
		object core.LogObject
		from   int64
		opens  int
		reads  int
	}{
		{long, long.Next / 2, 1, 2}, {long, long.Next / 4, 1, 1}, {long, long.Next / 4, 0, 0}, {short, 0, 1, 1}, {short, short.Next - 1, 0, 0},
	} {
		opens, reads := blobs.opens, blobs.reads
		_, err := l.Read(t.Context(), step.object, step.from, step.from+1, 1)
		ok(t, err)
		if blobs.opens-opens != step.opens || blobs.reads-reads != step.reads {
			t.Errorf("step %d: %d opens and %d reads, want %d and %d", i, blobs.opens-opens, blobs.reads-reads, step.opens, step.reads)
		}
	}
}

// Whoever reads whole logs, however long, must not fill the memory.
func TestTheCacheStaysSmall(t *testing.T) {
	l, _, _ := newArchive(t)
	chunks := randomLog(rand.New(rand.NewPCG(1, 1)), 200, 300_000)
	o := pack(t, l, chunks)
	for from := int64(0); from < o.Next; {
		some, err := l.Read(t.Context(), o, from, o.Next, 1<<20)
		ok(t, err)
		from = some[len(some)-1].Next()
	}
	if used := l.CacheUsed(); used > 8<<20 || used < 4<<20 {
		t.Errorf("the cache holds %d bytes", used)
	}
}

func TestManyReadAtOnce(t *testing.T) {
	l, blobs, _ := newArchive(t)
	chunks := randomLog(rand.New(rand.NewPCG(3, 1)), 80, 100_000)
	o := pack(t, l, chunks)
	l = reopened(t, blobs)
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(i), 1))
			for range 50 {
				from := rng.Int64N(o.Next)
				before := from + 1 + rng.Int64N(o.Next-from)
				got, err := l.Read(context.Background(), o, from, before, 1<<40)
				if err != nil || !reflect.DeepEqual(got, between(chunks, from, before)) {
					t.Errorf("from %d to %d: %d chunks, %v", from, before, len(got), err)
				}
			}
		})
	}
	group.Wait()
}
