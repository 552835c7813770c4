package store_test

import (
	"bytes"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

func chunk(b core.Build, first int64, count int) core.LogChunk {
	return core.LogChunk{BuildID: b.ID, FirstSequence: first, Count: count, Step: "build", At: at(1), Data: []byte{0, 0xff, byte(first)}}
}

func TestLogIsAppendedWithoutGapOrRepeat(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		h.queue(t, h.newBuild())
		b := h.claim(t, "lease")
		one, two, three := chunk(b, 0, 3), chunk(b, 3, 2), chunk(b, 5, 5)
		ok(t, h.AppendLog(ctx, "lease", nil))
		ok(t, h.AppendLog(ctx, "lease", []core.LogChunk{one}))
		ok(t, h.AppendLog(ctx, "lease", []core.LogChunk{one, two})) // one again
		refused(t, h.AppendLog(ctx, "lease", []core.LogChunk{chunk(b, 6, 1)}), core.KindConflict, "log_gap")
		refused(t, h.AppendLog(ctx, "lease", []core.LogChunk{chunk(b, 4, 4)}), core.KindConflict, "log_gap")
		for _, stale := range []string{"other", ""} {
			refused(t, h.AppendLog(ctx, stale, []core.LogChunk{three}), core.KindConflict, core.CodeLeaseLost)
		}
		// A gap in the middle takes nothing of the rest.
		refused(t, h.AppendLog(ctx, "lease", []core.LogChunk{three, chunk(b, 11, 1)}), core.KindConflict, "log_gap")
		extent, err := h.FindLog(ctx, b.ID)
		ok(t, err)
		equal(t, extent, core.LogExtent{Next: 5})
		ok(t, h.AppendLog(ctx, "lease", []core.LogChunk{three}))

		for _, test := range []struct {
			after int64
			bytes int
			want  []core.LogChunk
		}{
			{-1, 1 << 20, []core.LogChunk{one, two, three}},
			{1, 1 << 20, []core.LogChunk{one, two, three}},
			{2, 1 << 20, []core.LogChunk{two, three}},
			{3, 1 << 20, []core.LogChunk{two, three}},
			{4, 1 << 20, []core.LogChunk{three}},
			{8, 1 << 20, []core.LogChunk{three}},
			{9, 1 << 20, nil},
			{100, 1 << 20, nil},
			{-1, 1, []core.LogChunk{one}},
			{-1, 3, []core.LogChunk{one}},
			{-1, 4, []core.LogChunk{one, two}},
		} {
			got, err := h.ReadLog(ctx, b.ID, test.after, test.bytes)
			ok(t, err)
			equal(t, got, test.want)
		}
		extent, err = h.FindLog(ctx, "unknown")
		ok(t, err)
		equal(t, extent, core.LogExtent{})
		refused(t, h.AppendLog(ctx, "lease", []core.LogChunk{{BuildID: "unknown"}}), core.KindConflict, core.CodeLeaseLost)
	})
}

func TestLongLogIsReadInPages(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		h.queue(t, h.newBuild())
		b := h.claim(t, "lease")
		var chunks []core.LogChunk
		for i := range 300 {
			c := chunk(b, int64(i), 1)
			c.Data = bytes.Repeat([]byte{byte(i)}, 1+i%7*100)
			chunks = append(chunks, c)
		}
		ok(t, h.AppendLog(ctx, "lease", chunks))
		const page = 20000
		var got []core.LogChunk
		for after := int64(-1); len(got) < len(chunks); {
			more, err := h.ReadLog(ctx, b.ID, after, page)
			ok(t, err)
			size := 0
			for _, c := range more {
				size += len(c.Data)
			}
			if len(more) == 0 || size < page && after+int64(len(more)) < 299 || size >= page+700 {
				t.Fatalf("after %d: %d chunks with %d bytes", after, len(more), size)
			}
			got = append(got, more...)
			after = got[len(got)-1].FirstSequence
		}
		equal(t, got, chunks)
	})
}

func TestParallelRepeatsOfAChunkAreStoredOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		h.queue(t, h.newBuild())
		b := h.claim(t, "lease")
		ok(t, inParallel(16, func(int) error {
			return h.AppendLog(ctx, "lease", []core.LogChunk{chunk(b, 0, 3), chunk(b, 3, 4)})
		}))
		got, err := h.ReadLog(ctx, b.ID, -1, 1<<20)
		ok(t, err)
		equal(t, got, []core.LogChunk{chunk(b, 0, 3), chunk(b, 3, 4)})
	})
}
