package templates

import (
	"fmt"
	"html/template"

	"github.com/oore-ci/oore/app/core"
)

// LogView is a window of a build's log.
type LogView struct {
	URL     string // of the build's page
	Records []core.LogRecord
	From    int64 // the sequence of the first record shown
	Total   int64 // records stored so far
	Live    bool  // more may come
	Mark    Range
	Empty   string // what to say when there are no lines
}

// Range is a span of line numbers, from 1; the zero value is none.
type Range struct{ First, Last int64 }

func (r Range) has(line int64) bool { return r.First > 0 && line >= r.First && line <= r.Last }

// LogLine is one row of the log.
type LogLine struct {
	Number int64
	HTML   template.HTML
	Class  string
	Anchor string // id of a range that starts here
}

// RenderedLog is a window of the log as rows, with what the script needs to go on.
type RenderedLog struct {
	Lines  []LogLine
	Last   int64  // sequence of the last row, -1 for none
	Step   string // of the last row
	Tokens string // the style at its end
}

// shownLine is how much of one record a page shows, in bytes; static/log.js does the
// same. A build that prints megabytes without a line feed must not take the tab down.
const shownLine = 4 << 10

// Render turns the records into rows. A window that starts within a step starts
// plain: the style set before it is not known.
func (l LogView) Render() RenderedLog {
	out := RenderedLog{Lines: make([]LogLine, 0, len(l.Records)), Last: l.From - 1}
	var style ansi
	for _, r := range l.Records {
		if r.Step != out.Step {
			style, out.Step = ansi{}, r.Step
		}
		row := LogLine{Number: r.Sequence + 1, HTML: style.line(r.Content[:min(len(r.Content), shownLine)]), Class: "l"}
		if len(r.Content) > shownLine {
			row.Class += " long"
		}
		if r.Stream == core.StreamSystem {
			row.Class += " y"
		}
		if l.Mark.has(row.Number) {
			row.Class += " sel"
		}
		if row.Number == l.Mark.First && l.Mark.Last > l.Mark.First {
			row.Anchor = fmt.Sprintf("L%d-L%d", l.Mark.First, l.Mark.Last)
		}
		out.Lines = append(out.Lines, row)
		out.Last = r.Sequence
	}
	out.Tokens = style.tokens()
	return out
}

// Until is the number of the last line shown.
func (l LogView) Until() int64 { return l.From + int64(len(l.Records)) }

// Tail tells whether the window reaches the newest line.
func (l LogView) Tail() bool { return l.Until() >= l.Total }

// Follows tells whether the page starts at the end and stays there.
func (l LogView) Follows() bool { return l.Live && l.Tail() && l.Mark.First == 0 }

// LogWindow is how many lines a window of the log has.
const LogWindow = 500

// Earlier is the first line of the window before this one, 0 for none.
func (l LogView) Earlier() int64 {
	if l.From == 0 {
		return 0
	}
	return max(1, l.From+1-LogWindow)
}

// LastWindow is the first line of the window at the end.
func (l LogView) LastWindow() int64 { return max(1, l.Total+1-LogWindow) }
