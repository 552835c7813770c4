package archive

import (
	"reflect"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
)

func TestAnIndexComesBack(t *testing.T) {
	in := index{
		{first: 0, records: 5, offset: 0, packed: 100, plain: 300},
		{first: 5, records: 1, offset: 100, packed: 9, plain: 8 << 20},
		{first: 6, records: 1 << 30, offset: 109, packed: 1, plain: 1},
	}
	got, err := decodeIndex(in.encode())
	if err != nil || !reflect.DeepEqual(got, in) {
		t.Errorf("%+v, %v", got, err)
	}
	if err := in.check(110, 6+1<<30); err != nil {
		t.Error(err)
	}
	for _, wrong := range [][2]int64{{109, 6 + 1<<30}, {110, 6}} {
		if in.check(wrong[0], wrong[1]) == nil {
			t.Errorf("%v is believed", wrong)
		}
	}
	data := in.encode()
	for cut := range data {
		if got, err := decodeIndex(data[:cut]); err == nil {
			t.Errorf("cut after %d: %+v", cut, got)
		}
	}
	if _, err := decodeIndex(append(data, 1)); err == nil {
		t.Error("more than the frames is believed")
	}
}

func TestSpans(t *testing.T) {
	in := index{{first: 0, records: 10, plain: 100}, {first: 10, records: 10, plain: 100}, {first: 20, records: 10, plain: 100}}
	for _, c := range []struct {
		from, before int64
		bytes        int
		first, last  int
	}{
		{0, 30, 1000, 0, 3}, {0, 30, 1, 0, 1}, {0, 30, 100, 0, 1}, {0, 30, 101, 0, 2}, {9, 10, 1000, 0, 1}, {9, 11, 1000, 0, 2}, {10, 11, 0, 1, 2}, {29, 30, 0, 2, 3}, {30, 40, 1000, 3, 3},
	} {
		if first, last := in.span(c.from, c.before, c.bytes); first != c.first || last != c.last {
			t.Errorf("%+v: %d to %d", c, first, last)
		}
	}
}

func FuzzIndex(f *testing.F) {
	f.Add(index{{records: 3, packed: 4, plain: 5}, {records: 3, packed: 4, plain: 5}}.encode())
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		in, err := decodeIndex(data)
		if err != nil {
			return
		}
		again, err := decodeIndex(in.encode())
		if err != nil || !reflect.DeepEqual(again, in) {
			t.Errorf("%+v came back as %+v, %v", in, again, err)
		}
	})
}

func FuzzChunks(f *testing.F) {
	f.Add(appendChunk(appendChunk(nil, core.LogChunk{Count: 3, Step: "s", At: time.Unix(5, 0), Data: []byte("abc")}), core.LogChunk{Count: 1, Data: []byte{}}))
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		chunks, err := decodeChunks(data, "b", 7)
		if err != nil {
			return
		}
		var plain []byte
		next := int64(7)
		for _, c := range chunks {
			if c.FirstSequence != next {
				t.Fatalf("a chunk starts at %d, want %d", c.FirstSequence, next)
			}
			plain, next = appendChunk(plain, c), c.Next()
		}
		again, err := decodeChunks(plain, "b", 7)
		if err != nil || !reflect.DeepEqual(again, chunks) {
			t.Errorf("%+v came back as %+v, %v", chunks, again, err)
		}
	})
}

func FuzzTrailer(f *testing.F) {
	f.Add(appendTrailer(nil, 5), int64(100))
	f.Fuzz(func(t *testing.T, tail []byte, size int64) {
		if length, err := readTrailer(tail, size); err == nil && int64(length) > size-trailerBytes {
			t.Errorf("an index of %d bytes in %d", length, size)
		}
	})
}
