package runner

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/oore-ci/oore/app/core"
)

func TestALongLineIsSplitBetweenCharacters(t *testing.T) {
	for _, c := range []struct {
		name, before, after string
		first               int // bytes in the first record
	}{
		{"two bytes, torn", "", "é", core.MaxLogLine - 1},
		{"three bytes, torn after two", "", "€", core.MaxLogLine - 2},
		{"four bytes, torn after three", "", "🚀", core.MaxLogLine - 3},
		{"a character that just fits", "é", "x", core.MaxLogLine},
		{"what begins no character", "\xff", "\xff", core.MaxLogLine},
		{"continuation bytes only", "", "\x80\x80\x80\x80", core.MaxLogLine},
	} {
		t.Run(c.name, func(t *testing.T) {
			line := strings.Repeat("x", core.MaxLogLine-len(c.before)) + c.before + c.after
			if c.before == "" { // after lies across the cut
				line = strings.Repeat("x", core.MaxLogLine-max(1, len(c.after)-1)) + c.after
			}
			j := newJournal(0, 1<<20)
			w := &lineWriter{journal: j, stream: core.StreamStdout}
			_, _ = w.Write([]byte(line + "\n"))
			j.system("", "%s", line)
			records, _, _ := j.take(1 << 20)
			if len(records) != 4 {
				t.Fatalf("%d records", len(records))
			}
			for i := 0; i < 4; i += 2 {
				a, b := records[i], records[i+1]
				if len(a.Content) != c.first || !a.Partial || b.Partial || string(a.Content)+string(b.Content) != line {
					t.Errorf("split after %d bytes, want %d", len(a.Content), c.first)
				}
				if utf8.ValidString(line) && (!utf8.Valid(a.Content) || !utf8.Valid(b.Content)) {
					t.Error("a character is torn")
				}
			}
		})
	}
}
