package runner

import (
	"regexp"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

const (
	// maxMatched is how much of a line is looked at.
	maxMatched = 4 << 10
	// maxPending bounds the problems of more than one line that are under way.
	maxPending = 8
)

var terminalColors = regexp.MustCompile("\x1b\\[[0-9;:?]*[ -/]*[@-~]")

// watch looks for problems and test events in one stream of one step, as its lines
// pass. One goroutine owns it.
type watch struct {
	found   *findings
	from    place
	pending []pending
	tests   *testEvents // nil: the command prints none
	torn    bool        // the newest record goes on in the next
}

// pending is a problem of which the first lines have matched.
type pending struct {
	*matcher
	next int // the pattern that is waited for
	left int // lines until that is given up
	got  map[string]string
}

// see looks at the records of a chunk of output. It keeps nothing of them.
func (w *watch) see(chunk []byte, records []core.LogRecord) {
	likely := w.found.matchers.within(chunk, ^uint64(0))
	for _, r := range records {
		begins := !w.torn
		w.torn = r.Partial
		if w.tests != nil {
			w.tests.see(r.Content, r.Partial)
		}
		if begins && (likely != 0 || len(w.pending) > 0) {
			w.line(r.Content, likely)
		}
	}
}

func (w *watch) line(content []byte, likely uint64) {
	content = content[:min(len(content), maxMatched)]
	has := w.found.matchers.within(content, likely)
	if has == 0 && len(w.pending) == 0 || w.found.enough() {
		return
	}
	text := plainLine(content)
	if w.goOn(text) || has == 0 {
		return
	}
	for i := range w.found.matchers.all {
		m := &w.found.matchers.all[i]
		if m.mask&has == 0 {
			continue
		}
		got := m.patterns[0].groups(text, nil)
		if got == nil {
			continue
		}
		switch {
		case len(m.patterns) == 1:
			w.found.add(w.from, m, got)
		case len(w.pending) < maxPending:
			w.pending = append(w.pending, pending{matcher: m, next: 1, left: m.Within, got: got})
		}
		return
	}
}

// goOn shows the line to the problems that are under way; true: it belongs to one.
func (w *watch) goOn(text string) (taken bool) {
	waiting := w.pending[:0]
	for _, p := range w.pending {
		var got map[string]string
		if !taken {
			got = p.patterns[p.next].groups(text, p.got)
		}
		switch {
		case got == nil:
			if p.left--; p.left > 0 {
				waiting = append(waiting, p)
			} else {
				w.giveUp(p)
			}
			continue
		case p.next < len(p.patterns)-1:
			p.next, p.left, p.got = p.next+1, p.Within, got
			waiting = append(waiting, p)
		default:
			w.found.add(w.from, p.matcher, got)
			if p.Loop {
				p.left = p.Within
				waiting = append(waiting, p)
			}
		}
		taken = true
	}
	w.pending = waiting
	return taken
}

// giveUp keeps a problem whose last lines never came, if it says something.
func (w *watch) giveUp(p pending) {
	if p.got["message"] != "" {
		w.found.add(w.from, p.matcher, p.got)
	}
}

// close is for the end of the stream.
func (w *watch) close() {
	for _, p := range w.pending {
		w.giveUp(p)
	}
	w.pending = nil
	if w.tests != nil {
		w.found.count(w.tests.summary())
	}
}

// plainLine is the line as a person saw it last.
func plainLine(content []byte) string {
	text := strings.ToValidUTF8(strings.TrimRight(string(content), " \t\r"), "\uFFFD")
	text = text[strings.LastIndexByte(text, '\r')+1:]
	if strings.IndexByte(text, '\x1b') >= 0 {
		text = strings.TrimRight(terminalColors.ReplaceAllString(text, ""), " \t")
	}
	return text
}
