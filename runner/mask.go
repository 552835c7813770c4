package runner

import (
	"bytes"
	"io"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
)

// masked stands in the log where a secret was.
const masked = "***"

// masks are the secrets of a build that its log must not show. It is safe for
// concurrent use.
type masks struct {
	mu      sync.Mutex
	values  []string
	current *scanner // nil: to be made

	hidden atomic.Int64 // places so far
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
	w := maskWriter{next: &out, scanner: scanner, hidden: &m.hidden}
	w.pass([]byte(s), len(s))
	return out.String()
}

// writer hides in what is written to next. With nothing to hide it is next itself.
// What is added later is not hidden in it.
func (m *masks) writer(next io.Writer) io.Writer {
	if scanner := m.scanner(); scanner != nil {
		return &maskWriter{next: next, scanner: scanner, hidden: &m.hidden}
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
	hidden  *atomic.Int64
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
			w.hidden.Add(1)
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

// manyBlocks is how many pairs of bytes may stand in the needles before the scanner
// looks at three bytes instead: a long key has nearly all pairs of a text like base64
// somewhere, and there would be nothing to skip. With few needles pairs are faster.
const manyBlocks = 1000

// scanner finds needles by the algorithm of Wu and Manber: it looks at a block of two
// or three bytes, and from where in the needles that may stand it knows how far to go.
type scanner struct {
	sorted  []string
	heads   map[string][]string // by their first window bytes, the longest first
	block   int                 // bytes
	skip    [1 << 16]uint8      // by block; 0: a needle's head may end with it
	begins  [1 << 16]bool       // by three bytes: a needle may begin with them
	window  int                 // at least core.MinSecretChars
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
		s.begins[triple(n[0], n[1], n[2])] = true
	}
	for _, n := range s.sorted {
		s.heads[n[:s.window]] = append(s.heads[n[:s.window]], n)
	}
	for _, same := range s.heads {
		slices.SortStableFunc(same, func(a, b string) int { return len(b) - len(a) })
	}
	if s.block = 2; s.fillSkips() > manyBlocks {
		s.block = 3
		s.fillSkips()
	}
	return s
}

// fillSkips tells how many blocks stand in the heads.
func (s *scanner) fillSkips() (blocks int) {
	farthest := uint8(s.window - s.block + 1)
	for i := range s.skip {
		s.skip[i] = farthest
	}
	for head := range s.heads {
		for end := s.block; end <= s.window; end++ {
			at := s.ending([]byte(head[:end]), end-1)
			if s.skip[at] == farthest {
				blocks++
			}
			s.skip[at] = min(s.skip[at], uint8(s.window-end))
		}
	}
	return blocks
}

// ending is where the block that ends at i is in the table of skips.
func (s *scanner) ending(text []byte, i int) uint16 {
	if s.block == 2 {
		return uint16(text[i-1])<<8 | uint16(text[i])
	}
	return triple(text[i-2], text[i-1], text[i])
}

// triple is where three bytes are in a table. Others may be there too: what the table
// says is only that something may be so.
func triple(a, b, c byte) uint16 {
	return uint16((uint32(a)<<16 | uint32(b)<<8 | uint32(c)) * 0x9e3779b1 >> 16)
}

// find returns the first needle that begins at from or later, the longest of them.
func (s *scanner) find(text []byte, from int) (start, end int, ok bool) {
	for i := from + s.window - 1; i < len(text); {
		if skip := s.skip[s.ending(text, i)]; skip > 0 {
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
	i := max(0, len(text)-s.longest+1)
	for ; i < len(text)-2; i++ {
		if s.begins[triple(text[i], text[i+1], text[i+2])] && s.isBeginning(text[i:]) {
			return i
		}
	}
	for ; i < len(text) && !s.isBeginning(text[i:]); i++ {
	}
	return i
}

// isBeginning tells whether a needle goes on after text.
func (s *scanner) isBeginning(text []byte) bool {
	i := sort.Search(len(s.sorted), func(i int) bool { return s.sorted[i] > string(text) })
	return i < len(s.sorted) && len(s.sorted[i]) > len(text) && s.sorted[i][:len(text)] == string(text)
}
