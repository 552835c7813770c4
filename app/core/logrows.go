package core

import (
	"cmp"
	"slices"
)

// LogSpan is a run of lines of a log, by sequence: From is in it, To is not.
type LogSpan struct{ From, To int64 }

// LogRows tells which lines of a log are shown where some of its groups are folded: a
// folded one is its first line alone. Rows count from 0.
type LogRows struct {
	Hidden []LogSpan // in order, apart from each other
	Lines  int64     // of the whole log
}

// NewLogRows folds the groups.
func NewLogRows(lines int64, folded []LogGroup) LogRows {
	r := LogRows{Lines: lines}
	slices.SortFunc(folded, func(a, b LogGroup) int { return cmp.Compare(a.First, b.First) })
	for _, g := range folded {
		s := LogSpan{g.First + 1, min(g.Last+1, lines)}
		if n := len(r.Hidden); n > 0 && s.From <= r.Hidden[n-1].To {
			r.Hidden[n-1].To = max(r.Hidden[n-1].To, s.To)
		} else if s.From < s.To {
			r.Hidden = append(r.Hidden, s)
		}
	}
	return r
}

// Count is how many rows there are.
func (r LogRows) Count() int64 {
	n := r.Lines
	for _, h := range r.Hidden {
		n -= h.To - h.From
	}
	return n
}

// Row is where a line stands, or the row under which it is folded away.
func (r LogRows) Row(sequence int64) int64 {
	row := sequence
	for _, h := range r.Hidden {
		switch {
		case sequence >= h.To:
			row -= h.To - h.From
		case sequence >= h.From:
			return row - (sequence - h.From) - 1
		}
	}
	return row
}

// Spans are the lines of count rows from one on.
func (r LogRows) Spans(from, count int64) []LogSpan {
	var spans []LogSpan
	at, row := int64(0), int64(0)
	for _, h := range append(slices.Clone(r.Hidden), LogSpan{r.Lines, r.Lines}) {
		length := h.From - at // of the shown lines before it
		first, last := max(from-row, 0), min(from+count-row, length)
		if first < last {
			spans = append(spans, LogSpan{at + first, at + last})
		}
		at, row = h.To, row+length
	}
	return spans
}
