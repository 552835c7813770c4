package templates

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Fold says which groups of a log are shown as one line: all but some, or some. A group
// goes by the number of its first line.
type Fold struct {
	All   bool
	Lines []int64
}

const maxFolds = 200

// ParseFold reads "12,500" or "all,12"; what is neither folds nothing.
func ParseFold(text string) Fold {
	var f Fold
	for i, part := range strings.SplitN(text, ",", maxFolds) {
		n, err := strconv.ParseInt(part, 10, 62)
		switch {
		case i == 0 && part == "all":
			f.All = true
		case err == nil && n > 0 && !slices.Contains(f.Lines, n):
			f.Lines = append(f.Lines, n)
		}
	}
	return f
}

// Closed tells whether the group at the line is folded.
func (f Fold) Closed(line int64) bool { return slices.Contains(f.Lines, line) != f.All }

// None tells whether nothing is folded.
func (f Fold) None() bool { return !f.All && len(f.Lines) == 0 }

// Toggle opens the group at the line if it is folded, and folds it otherwise.
func (f Fold) Toggle(line int64) Fold {
	if i := slices.Index(f.Lines, line); i >= 0 {
		return Fold{All: f.All, Lines: slices.Delete(slices.Clone(f.Lines), i, i+1)}
	}
	return Fold{All: f.All, Lines: append(slices.Clone(f.Lines), line)}
}

// String is what ParseFold reads.
func (f Fold) String() string {
	var parts []string
	if f.All {
		parts = append(parts, "all")
	}
	for _, n := range f.Lines {
		parts = append(parts, strconv.FormatInt(n, 10))
	}
	return strings.Join(parts, ",")
}

// LogQuery is how a reader looks at a log, as it stands in the address.
type LogQuery struct {
	Fold   Fold
	Search string
	Case   bool   // the search minds the case of letters
	Times  string // "since" a step's start, "clock", or empty: none
	Wrap   bool
}

func (q LogQuery) values() url.Values {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set("fold", q.Fold.String())
	set("q", q.Search)
	set("times", q.Times)
	if q.Case {
		v.Set("case", "true")
	}
	if q.Wrap {
		v.Set("wrap", "true")
	}
	return v
}

// String is the query of the address, with its question mark.
func (q LogQuery) String() string { return "?" + q.values().Encode() }

// Line is the address of a line.
func (q LogQuery) Line(n int64) string {
	number := strconv.FormatInt(n, 10)
	return q.linePrefix() + number + "#L" + number
}

func (q LogQuery) linePrefix() string {
	prefix := q.String()
	if prefix != "?" {
		prefix += "&"
	}
	return prefix + "line="
}

// From is the address of the window that starts at a line.
func (q LogQuery) From(n int64) string {
	v := q.values()
	v.Set("from", strconv.FormatInt(n, 10))
	return "?" + v.Encode()
}

// Toggled is the address with a group opened or folded.
func (q LogQuery) Toggled(line int64) string {
	q.Fold = q.Fold.Toggle(line)
	return q.Line(line)
}

// FoldAll and Unfold are the addresses with all groups folded, and with none.
func (q LogQuery) FoldAll() string { q.Fold = Fold{All: true}; return q.String() }

// Unfold is FoldAll's opposite.
func (q LogQuery) Unfold() string { q.Fold = Fold{}; return q.String() }

// WithTimes is the address with the times shown so.
func (q LogQuery) WithTimes(times string) string { q.Times = times; return q.String() }

// Wrapped is the address with long lines wrapped, or not any more.
func (q LogQuery) Wrapped() string { q.Wrap = !q.Wrap; return q.String() }
