package runner

import (
	"bytes"
	"io"
	"slices"
	"sort"
	"strings"
	"sync"
)

// masked stands in the log where a secret was.
const masked = "***"

// masks are the secrets of a build that its log must not show. It is safe for
// concurrent use.
type masks struct {
	mu      sync.Mutex
	values  []string
	current *scanner // nil: to be made
}

// add hides a value from now on.
func (m *masks) add(value string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.Contains(m.values, value) {
		m.values, m.current = append(m.values, value), nil
	}
}

// scanner is nil when there is nothing to hide.
func (m *masks) scanner() *scanner {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.current == nil && len(m.values) > 0 {
		var all []string
		for _, value := range m.values {
			all = append(all, needles(value)...)
		}
		m.current = newScanner(all)
	}
	return m.current
}

// text is s without what is to be hidden.
func (m *masks) text(s string) string {
	scanner := m.scanner()
	if scanner == nil {
		return s
	}
	var out bytes.Buffer
	w := maskWriter{next: &out, scanner: scanner}
	w.pass([]byte(s), len(s))
	return out.String()
}

// writer hides in what is written to next. With nothing to hide it is next itself.
// What is added later is not hidden in it.
func (m *masks) writer(next io.Writer) io.Writer {
	if scanner := m.scanner(); scanner != nil {
		return &maskWriter{next: next, scanner: scanner}
	}
	return next
}

// maskWriter replaces needles in a stream, also those that come in pieces: an end of
// what was written that may be the beginning of a needle waits for what follows. It
// waits without a time-out, since whoever can write half a secret can also pause;
// other output never waits. One goroutine owns it.
type maskWriter struct {
	next    io.Writer
	scanner *scanner
	held    []byte
	covered int // bytes of held that the last mask stands for
}

// Write never fails. It does not keep p.
func (w *maskWriter) Write(p []byte) (int, error) {
	text := p
	if len(w.held) > 0 {
		w.held = append(w.held, p...)
		text = w.held
	}
	ready := w.scanner.undecided(text)
	w.pass(text, ready)
	w.held = append(w.held[:0], text[ready:]...)
	return len(p), nil
}

// Close passes on what waited, and the end.
func (w *maskWriter) Close() error {
	w.pass(w.held, len(w.held))
	w.held = nil
	if c, ok := w.next.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// pass passes text on as far as it is ready. Needles that overlap get one mask.
func (w *maskWriter) pass(text []byte, ready int) {
	var out []byte
	end := w.covered // of what is masked
	for from := 0; ; {
		start, stop, ok := w.scanner.find(text, from)
		if !ok || start >= ready {
			break
		}
		if start >= end {
			out = append(append(out, text[end:start]...), masked...)
		}
		end, from = max(end, stop), start+1
	}
	w.covered = max(0, end-ready)
	rest := text[min(end, ready):ready]
	if out != nil {
		rest = append(out, rest...)
	}
	if len(rest) > 0 {
		_, _ = w.next.Write(rest)
	}
}

// maxWindow bounds the part of the needles that the scanner's skips are made of:
// beyond it the table fills up and there is nothing more to skip.
const maxWindow = 12

// scanner finds needles by the algorithm of Wu and Manber: it looks at two bytes, and
// from where in the needles they may stand it knows how far to go.
type scanner struct {
	sorted  []string
	heads   map[string][]string // by their first window bytes, the longest first
	skip    [1 << 16]uint8      // 0: a needle's head may end here
	begins  [1 << 16]bool       // the first two bytes of a needle
	begin   [1 << 8]bool        // the first
	window  int
	longest int
}

// newScanner returns nil when there are no needles.
func newScanner(all []string) *scanner {
	if len(all) == 0 {
		return nil
	}
	slices.Sort(all)
	s := &scanner{sorted: slices.Compact(all), heads: map[string][]string{}, window: maxWindow}
	for _, n := range s.sorted {
		s.window, s.longest = min(s.window, len(n)), max(s.longest, len(n))
	}
	for i := range s.skip {
		s.skip[i] = uint8(s.window - 1)
	}
	for _, n := range slices.Backward(s.sorted) { // of needles with one head the longer ones come first
		head := n[:s.window]
		s.heads[head] = append(s.heads[head], n)
		s.begins[pair(n[0], n[1])], s.begin[n[0]] = true, true
		for i := 1; i < s.window; i++ {
			at := pair(n[i-1], n[i])
			s.skip[at] = min(s.skip[at], uint8(s.window-1-i))
		}
	}
	for _, same := range s.heads {
		slices.SortStableFunc(same, func(a, b string) int { return len(b) - len(a) })
	}
	return s
}

func pair(a, b byte) uint16 { return uint16(a)<<8 | uint16(b) }

// find returns the first needle that begins at from or later, the longest of them.
func (s *scanner) find(text []byte, from int) (start, end int, ok bool) {
	for i := from + s.window - 1; i < len(text); {
		if skip := s.skip[pair(text[i-1], text[i])]; skip > 0 {
			i += int(skip)
			continue
		}
		start = i - s.window + 1
		for _, n := range s.heads[string(text[start:i+1])] {
			if len(n) <= len(text)-start && string(text[start:start+len(n)]) == n {
				return start, start + len(n), true
			}
		}
		i++
	}
	return 0, 0, false
}

// undecided is where the first needle begins of which text may hold only a part; the
// text's length if there is none.
func (s *scanner) undecided(text []byte) int {
	for i := max(0, len(text)-s.longest+1); i < len(text)-1; i++ {
		if s.begins[pair(text[i], text[i+1])] && s.isBeginning(text[i:]) {
			return i
		}
	}
	if n := len(text); n > 0 && s.begin[text[n-1]] {
		return n - 1
	}
	return len(text)
}

// isBeginning tells whether a needle goes on after text.
func (s *scanner) isBeginning(text []byte) bool {
	i := sort.Search(len(s.sorted), func(i int) bool { return s.sorted[i] > string(text) })
	return i < len(s.sorted) && strings.HasPrefix(s.sorted[i], string(text))
}
