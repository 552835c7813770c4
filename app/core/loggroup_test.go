package core

import (
	"math/rand/v2"
	"reflect"
	"testing"
)

func TestGroupMarks(t *testing.T) {
	for line, want := range map[string]struct {
		name          string
		opens, closes bool
	}{
		"::group::Install tools":        {"Install tools", true, false},
		"::group::\x1b[32mgreen\x1b[0m": {"green", true, false},
		"::endgroup::":                  {"", false, true},
		"\x1b[0Ksection_start:1560896352:first_section[collapsed=true]\r\x1b[0KHeader of it": {"Header of it", true, false},
		"section_start:1560896352:only_id[collapsed=true]":                                   {"only_id", true, false},
		"\x1b[0Ksection_end:1560896353:first_section\r\x1b[0K":                               {"", false, true},
		"a ::group:: in the middle":                                                          {}, "--- a/file.go": {}, "": {}, "\x1b[": {}, "::": {}, "::group": {},
		"::group::\x1b[": {"", true, false},
	} {
		name, opens, closes := GroupMark([]byte(line))
		if name != want.name || opens != want.opens || closes != want.closes {
			t.Errorf("%q: %q, %v, %v", line, name, opens, closes)
		}
	}
}

func FuzzGroupMark(f *testing.F) {
	f.Add([]byte("\x1b[0Ksection_start:1:x\r\x1b[0Ktitle"))
	f.Add([]byte("::group::\x1b[31"))
	f.Fuzz(func(t *testing.T, line []byte) {
		if name, opens, closes := GroupMark(line); opens && closes || name != "" && !opens {
			t.Errorf("%q, %v, %v", name, opens, closes)
		}
	})
}

func TestGroupsEndWithTheirMarkOrTheirStep(t *testing.T) {
	var g Grouping
	for i, line := range []string{"a ::group::outer", "a ::group::inner", "a x", "a ::endgroup::", "a y", "b z", "b ::endgroup::", "b ::group::open"} {
		g.Add(LogRecord{Sequence: int64(i), Step: line[:1], Content: []byte(line[2:])})
	}
	var got []LogSpan
	for _, group := range g.Groups {
		got = append(got, LogSpan{group.First, group.Last})
	}
	if want := []LogSpan{{0, 4}, {1, 3}, {7, -1}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// Whatever is folded, each shown line has its row and each row its line.
func TestRowsAndLinesAgree(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		lines := rng.Int64N(60)
		var folded []LogGroup
		for range rng.IntN(6) {
			first := rng.Int64N(60)
			folded = append(folded, LogGroup{First: first, Last: first + rng.Int64N(20)})
		}
		r := NewLogRows(lines, folded)
		var shown []int64
		for _, s := range r.Spans(0, lines) {
			for i := s.From; i < s.To; i++ {
				if got := r.Row(i); got != int64(len(shown)) {
					t.Fatalf("%+v: line %d is in row %d, want %d", r, i, got, len(shown))
				}
				shown = append(shown, i)
			}
		}
		if r.Count() != int64(len(shown)) {
			t.Fatalf("%+v: %d rows, want %d", r, r.Count(), len(shown))
		}
		for i := range lines {
			hidden := false
			for _, g := range folded {
				hidden = hidden || i > g.First && i <= g.Last
			}
			if !hidden && shown[r.Row(i)] != i || hidden && shown[r.Row(i)] >= i {
				t.Fatalf("%+v: line %d has the row of line %d", r, i, shown[r.Row(i)])
			}
		}
		from, count := rng.Int64N(60), rng.Int64N(20)
		var some []int64
		for _, s := range r.Spans(from, count) {
			for i := s.From; i < s.To; i++ {
				some = append(some, i)
			}
		}
		want := shown[min(from, int64(len(shown))):min(from+count, int64(len(shown)))]
		if len(some) != len(want) || len(want) > 0 && !reflect.DeepEqual(some, want) {
			t.Fatalf("%+v from %d: %v, want %v", r, from, some, want)
		}
	}
}
