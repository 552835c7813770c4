package runner

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestWhatStandsInEveryLineOfAPattern(t *testing.T) {
	for source, want := range map[string][]string{
		`^Error: (?P<message>.+)$`:                          {"Error: "},
		`^(?P<path>[^:]+\.dart):(\d+):(?:(\d+):)? .*b+ (x)`: {".dart", ":", aDigit, ":", " ", "b", " ", "x"},
		`(?i)error: (?:a|bc)?\d*[0-8]`:                      nil,
		`a|b`:                                               nil,
	} {
		p, err := newPattern(source)
		if err != nil || !slices.Equal(p.parts, want) {
			t.Errorf("%s: %q, %v", source, p.parts, err)
		}
	}
}

// A quick no must be what the expression says too.
func FuzzQuickNo(f *testing.F) {
	logs, err := filepath.Glob(filepath.Join("testdata", "problems", "*.log"))
	if err != nil || len(logs) == 0 {
		f.Fatal(logs, err)
	}
	for _, log := range logs {
		text, err := os.ReadFile(log)
		if err != nil {
			f.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			f.Add(strings.TrimRight(line, "\n"))
		}
	}
	all := shippedMatchers(f).all
	f.Fuzz(func(t *testing.T, line string) {
		line = plainLine([]byte(line))
		for _, m := range all {
			for _, p := range m.patterns {
				if !p.mayMatch(line) && p.expression.MatchString(line) {
					t.Errorf("%q does not pass for %s, which it matches", line, p.expression)
				}
			}
		}
	})
}
