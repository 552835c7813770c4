package runner

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// matchersSource says what the problems look like that the tools of builds print.
//
//go:embed matchers.json
var matchersSource string

// matcher finds one kind of problem in a command's output. Its patterns are for lines
// that follow each other; what their groups path, line, column, level, message and
// title caught together is the problem. The group tool names a program that is not
// there instead.
type matcher struct {
	Name      string   `json:"name"`
	Literals  []string `json:"literals"` // a first line has at least one of them
	Lines     []string `json:"lines"`
	Within    int      `json:"within"`     // each further line comes within so many; default 1
	Loop      bool     `json:"loop"`       // the last pattern may match on and on
	FirstOnly bool     `json:"first_only"` // one problem of a build is enough
	Level     string   `json:"level"`      // where the lines do not say; default error
	Title     string   `json:"title"`      // likewise

	patterns []pattern
	mask     uint64 // of its literals
}

// matchers are all of them; of those that match a line the first counts.
type matchers struct {
	all      []matcher
	literals [][]byte // of all, each once; at most 64
}

func loadMatchers(source string) (matchers, error) {
	var m matchers
	decoder := json.NewDecoder(strings.NewReader(source))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&m.all); err != nil {
		return m, fmt.Errorf("read the problem matchers: %w", err)
	}
	for i := range m.all {
		if err := m.prepare(&m.all[i]); err != nil {
			return m, fmt.Errorf("read the problem matcher %q: %w", m.all[i].Name, err)
		}
	}
	return m, nil
}

func (m *matchers) prepare(one *matcher) error {
	if len(one.Literals) == 0 || len(one.Lines) == 0 {
		return errors.New("it needs literals and lines")
	}
	one.Within = max(one.Within, 1)
	for _, line := range one.Lines {
		pattern, err := newPattern(line)
		if err != nil {
			return err
		}
		one.patterns = append(one.patterns, pattern)
	}
	for _, literal := range one.Literals {
		bit := slices.IndexFunc(m.literals, func(known []byte) bool { return string(known) == literal })
		if bit < 0 {
			bit = len(m.literals)
			m.literals = append(m.literals, []byte(literal))
		}
		if bit >= 64 {
			return errors.New("there are more than 64 literals")
		}
		one.mask |= 1 << bit
	}
	return nil
}

// within tells which of the literals stand in the text.
func (m *matchers) within(text []byte, among uint64) (found uint64) {
	for bit, literal := range m.literals {
		if among&(1<<bit) != 0 && bytes.Contains(text, literal) {
			found |= 1 << bit
		}
	}
	return found
}
