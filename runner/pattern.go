package runner

import (
	"fmt"
	"maps"
	"regexp"
	"regexp/syntax"
	"strings"
)

// pattern is a regular expression with a quick no: most lines that are tried do not
// match, and to find that out by the expression costs microseconds.
type pattern struct {
	expression *regexp.Regexp
	parts      []string // stand in every line that matches, in this order and apart
}

// aDigit is the part that is any digit.
const aDigit = "0123456789"

func newPattern(source string) (pattern, error) {
	expression, err := regexp.Compile(source)
	if err != nil {
		return pattern{}, err
	}
	tree, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		return pattern{}, fmt.Errorf("parse %s: %w", source, err)
	}
	return pattern{expression: expression, parts: partsThatStandIn(tree)}, nil
}

// partsThatStandIn lists what an expression cannot match without.
func partsThatStandIn(e *syntax.Regexp) (parts []string) {
	digits := e.Op == syntax.OpCharClass && len(e.Rune) == 2 && e.Rune[0] == '0' && e.Rune[1] == '9'
	switch {
	case e.Op == syntax.OpLiteral && e.Flags&syntax.FoldCase == 0:
		return []string{string(e.Rune)}
	case digits:
		return []string{aDigit}
	case e.Op == syntax.OpConcat || e.Op == syntax.OpCapture || e.Op == syntax.OpPlus:
		for _, sub := range e.Sub {
			parts = append(parts, partsThatStandIn(sub)...)
		}
	}
	return parts
}

// mayMatch is false only for a line that does not match.
func (p pattern) mayMatch(line string) bool {
	for _, part := range p.parts {
		at, size := strings.Index(line, part), len(part)
		if part == aDigit {
			at, size = strings.IndexAny(line, aDigit), 1
		}
		if at < 0 {
			return false
		}
		line = line[at+size:]
	}
	return true
}

// groups adds what the named groups catch in the line to what is known already; nil:
// it does not match.
func (p pattern) groups(line string, known map[string]string) map[string]string {
	if !p.mayMatch(line) {
		return nil
	}
	match := p.expression.FindStringSubmatch(line)
	if match == nil {
		return nil
	}
	got := map[string]string{}
	maps.Copy(got, known)
	for i, name := range p.expression.SubexpNames() {
		if name != "" && match[i] != "" {
			got[name] = match[i]
		}
	}
	return got
}
