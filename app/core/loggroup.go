package core

import (
	"bytes"
	"strings"
	"time"
)

// LogGroup is a run of lines of a log under one name: a step, or what a command put
// between marks.
type LogGroup struct {
	Name  string
	Step  string // whose output it is
	First int64  // the sequence of the line that opens it
	Last  int64  // of its last line; -1: more may come
	Start time.Time
	End   time.Time // zero while more may come
}

// MaxLogGroups bounds the groups that are looked for in one log.
const MaxLogGroups = 1000

// Folds tells whether it can be shown as its first line alone.
func (g LogGroup) Folds() bool { return g.Last > g.First }

// Count is how many lines it has after its first.
func (g LogGroup) Count() int64 { return g.Last - g.First }

// Took is how long it lasted.
func (g LogGroup) Took() time.Duration { return g.End.Sub(g.Start) }

// GroupMark reads a line that opens or closes a group: GitHub's `::group::name` and
// `::endgroup::`, GitLab's `section_start:…` and `section_end:…`.
func GroupMark(line []byte) (name string, opens, closes bool) {
	if rest, ok := bytes.CutPrefix(line, []byte("::group::")); ok {
		return groupName(string(rest)), true, false
	}
	if bytes.HasPrefix(line, []byte("::endgroup::")) {
		return "", false, true
	}
	rest := bytes.TrimPrefix(line, []byte("\x1b[0K"))
	if bytes.HasPrefix(rest, []byte("section_end:")) {
		return "", false, true
	}
	section, ok := bytes.CutPrefix(rest, []byte("section_start:"))
	if !ok {
		return "", false, false
	}
	id, title, _ := bytes.Cut(section, []byte("\r"))
	name = groupName(string(bytes.TrimPrefix(title, []byte("\x1b[0K"))))
	if _, after, found := bytes.Cut(id, []byte(":")); name == "" && found {
		plain, _, _ := bytes.Cut(after, []byte("["))
		name = groupName(string(plain))
	}
	return name, true, false
}

// groupName is a mark's text without colors, for lists.
func groupName(text string) string {
	for {
		before, after, found := strings.Cut(text, "\x1b[")
		if !found {
			break
		}
		end := strings.IndexFunc(after, func(r rune) bool { return r >= '@' && r <= '~' })
		if end < 0 {
			text = before
			break
		}
		text = before + after[end+1:]
	}
	return boundedText(strings.TrimSpace(text), maxFindingTitle)
}

// Grouping finds the groups of a log in its lines. Hand it all of them, in order.
type Grouping struct {
	Groups []LogGroup
	open   []int
	last   LogRecord
}

// Add looks at the next line.
func (g *Grouping) Add(r LogRecord) {
	if r.Step != g.last.Step {
		g.End()
	}
	g.last = LogRecord{Sequence: r.Sequence, Step: r.Step, Time: r.Time}
	name, opens, closes := GroupMark(r.Content)
	switch {
	case opens && len(g.Groups) < MaxLogGroups:
		g.open = append(g.open, len(g.Groups))
		g.Groups = append(g.Groups, LogGroup{Name: name, Step: r.Step, First: r.Sequence, Last: -1, Start: r.Time})
	case closes && len(g.open) > 0:
		last := len(g.open) - 1
		g.end(g.open[last], r.Sequence, r.Time)
		g.open = g.open[:last]
	}
}

func (g *Grouping) end(i int, last int64, at time.Time) { g.Groups[i].Last, g.Groups[i].End = last, at }

// End ends what was left open, as the last line of a step or of the log does.
func (g *Grouping) End() {
	for _, i := range g.open {
		g.end(i, g.last.Sequence, g.last.Time)
	}
	g.open = g.open[:0]
}
