package templates

import (
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// LogWindow is how many rows a window of the log has. Windows begin at its multiples.
const LogWindow = 500

// LogView is some windows of a build's log.
type LogView struct {
	URL     string // of the build's page
	Query   LogQuery
	Rows    core.LogRows     // of the whole log
	From    int64            // the first row shown, from 0
	Records []core.LogRecord // the rows shown, in order
	Before  []core.LogRecord // what comes just before them, for the colors that it sets
	Groups  map[int64]core.LogGroup
	Links   LogLinks
	Live    bool // more may come
	Mark    Range
	Empty   string     // what to say when there are no lines
	Ended   string     // what to say after the last one
	Search  *LogSearch // nil: nothing is searched for
	Begin   time.Time  // the build's times count from here
	Steps   []core.Step
}

// LogSearch is what was found in the whole log.
type LogSearch struct {
	Total      int64
	At         int64 // which of them is shown, from 1; 0: none
	Prev, Next int64 // their line numbers
	Problem    string
	Lines      []int64 // numbers of the first lines that were found
}

// Range is a span of line numbers, from 1; the zero value is none.
type Range struct{ First, Last int64 }

func (r Range) has(line int64) bool { return r.First > 0 && line >= r.First && line <= r.Last }

// LogRows writes rows alone, for the script to put in place.
func (s *Set) LogRows(w io.Writer, v LogView) error {
	_, err := io.WriteString(w, string(v.render(v.Records, v.style())))
	return err
}

// LogTail renders the newest lines of a living log. It is used by one reader: what a line
// does to the colors lasts.
type LogTail struct{ row rower }

// NewLogTail begins after the records.
func NewLogTail(v LogView) *LogTail { return &LogTail{row: v.style()} }

// Render are the rows of records that follow those before. A gap between starts plain.
func (t *LogTail) Render(v LogView, records []core.LogRecord, gap bool) string {
	if gap {
		t.row.style, t.row.step = ansi{links: v.Links}, ""
	}
	return string(v.renderWith(&t.row, records))
}

// shownLine is how much of one record a page shows, in bytes. A build that prints
// megabytes without a line feed must not take the tab down.
const shownLine = 4 << 10

// rower draws rows, one after the other.
type rower struct {
	style ansi
	step  string
	begin time.Time // of the step
	href  string    // of lines, up to the number; escaped
}

// style is what the lines before leave. A window whose beginning lies far after the
// last color starts plain.
func (l LogView) style() rower {
	r := rower{style: ansi{links: l.Links}, href: template.HTMLEscapeString(l.Query.linePrefix())}
	for _, record := range l.Before {
		r.enter(l, record)
		r.style.line(record.Content[:min(len(record.Content), shownLine)])
	}
	return r
}

func (r *rower) enter(l LogView, record core.LogRecord) {
	if record.Step == r.step {
		return
	}
	r.style, r.step, r.begin = ansi{links: l.Links}, record.Step, record.Time
	for _, s := range l.Steps {
		if s.Name == record.Step {
			r.begin = s.StartedAt
		}
	}
}

func (l LogView) render(records []core.LogRecord, r rower) template.HTML {
	return l.renderWith(&r, records)
}

func (l LogView) renderWith(r *rower, records []core.LogRecord) template.HTML {
	var b strings.Builder
	b.Grow(len(records) * 200)
	for _, record := range records {
		r.enter(l, record)
		l.row(&b, r, record)
	}
	return template.HTML(b.String()) //nolint:gosec // all text is escaped by ansi.line, all else is numbers and our own words
}

// row writes one row. It is written by hand: it is drawn by the thousand.
func (l LogView) row(b *strings.Builder, r *rower, record core.LogRecord) {
	number := strconv.FormatInt(record.Sequence+1, 10)
	content := record.Content[:min(len(record.Content), shownLine)]
	text := r.style.line(content)
	if record.Sequence+1 == l.Mark.First && l.Mark.Last > l.Mark.First {
		fmt.Fprintf(b, `<a id="L%d-L%d"></a>`, l.Mark.First, l.Mark.Last)
	}
	b.WriteString(`<div class="l`)
	b.WriteString(l.classes(r, record))
	b.WriteString(`" id="L` + number + `" data-t="` + strconv.FormatInt(record.Time.Sub(l.Begin).Milliseconds(), 10) + `"`)
	if at := l.time(r, record); at != "" {
		b.WriteString(` data-at="` + at + `"`)
	}
	b.WriteString(`><a tabindex="-1" href="` + r.href + number + "#L" + number + `">` + number + `</a>`)
	if !l.header(b, record) {
		b.WriteString("<span>" + string(text) + "</span>")
	}
	b.WriteString("</div>\n")
}

func (l LogView) classes(r *rower, record core.LogRecord) string {
	c := ""
	for _, class := range []struct {
		name string
		is   bool
	}{
		{" long", len(record.Content) > shownLine},
		{" y", record.Stream == core.StreamSystem},
		{" err", r.style.faulty},
		{" sel", l.Mark.has(record.Sequence + 1)},
		{" found", l.Search.has(record.Sequence + 1)},
	} {
		if class.is {
			c += class.name
		}
	}
	return c
}

// time is the record's as the reader wants it.
func (l LogView) time(r *rower, record core.LogRecord) string {
	switch l.Query.Times {
	case "clock":
		return record.Time.UTC().Format("15:04:05.000")
	case "since":
		since := record.Time.Sub(r.begin)
		return fmt.Sprintf("%d:%06.3f", int(since.Minutes()), (since % time.Minute).Seconds())
	}
	return ""
}

// header writes the line of a group's name: with what folds it, and if it is folded with
// what is not seen.
func (l LogView) header(b *strings.Builder, record core.LogRecord) bool {
	name, opens, closes := core.GroupMark(record.Content)
	g, known := l.Groups[record.Sequence]
	folded := known && g.Folds() && l.folded(g)
	if folded {
		name = g.Name
	} else if closes {
		b.WriteString(`<span class="d">end of the group</span>`)
		return true
	} else if !opens {
		return false
	}
	sign, expanded, note := "▾", "true", ""
	if folded {
		sign, expanded = "▸", "false"
		note = fmt.Sprintf(`<span class="d"> %s lines, %s</span>`, number(g.Last-g.First), core.HumanDuration(g.End.Sub(g.Start)))
	}
	b.WriteString(`<span><a class="fold" tabindex="-1" aria-expanded="` + expanded + `" href="` +
		template.HTMLEscapeString(l.Query.Toggled(record.Sequence+1)) + `">` + sign + ` <b>`)
	b.WriteString(template.HTMLEscapeString(name))
	b.WriteString(`</b></a>` + note + `</span>`)
	return true
}

// folded tells whether what follows the group's first line is not shown.
func (l LogView) folded(g core.LogGroup) bool { return l.Rows.Row(g.First+1) == l.Rows.Row(g.First) }

func (s *LogSearch) has(line int64) bool {
	if s == nil {
		return false
	}
	for _, n := range s.Lines {
		if n >= line {
			return n == line
		}
	}
	return false
}

// Window is a window that the page shows.
type Window struct {
	Index int64
	HTML  template.HTML
}

// Windows are those shown, each with its rows.
func (l LogView) Windows() []Window {
	r := l.style()
	var out []Window
	for i := 0; i < len(l.Records); i += LogWindow {
		rows := l.Records[i:min(i+LogWindow, len(l.Records))]
		out = append(out, Window{Index: l.From/LogWindow + int64(i/LogWindow), HTML: l.renderWith(&r, rows)})
	}
	return out
}

// Total is how many lines the log has.
func (l LogView) Total() int64 { return l.Rows.Lines }

// First and Last are the numbers of the lines shown first and last, 0 if there is none.
func (l LogView) First() int64 {
	if len(l.Records) == 0 {
		return 0
	}
	return l.Records[0].Sequence + 1
}

// Last is First's other end.
func (l LogView) Last() int64 {
	if len(l.Records) == 0 {
		return 0
	}
	return l.Records[len(l.Records)-1].Sequence + 1
}

// until is the row after the last one shown.
func (l LogView) until() int64 { return l.From + int64(len(l.Records)) }

// Tail tells whether the windows reach the newest line.
func (l LogView) Tail() bool { return l.until() >= l.Rows.Count() }

// Follows tells whether the page starts at the end and stays there.
func (l LogView) Follows() bool { return l.Live && l.Tail() && l.Mark.First == 0 }

// Earlier is the number of a line in the window before, 0 for none.
func (l LogView) Earlier() int64 {
	if l.From == 0 {
		return 0
	}
	spans := l.Rows.Spans(max(0, l.From-2*LogWindow), 1)
	return spans[0].From + 1
}

// Later is the number of the first line after those shown.
func (l LogView) Later() int64 {
	spans := l.Rows.Spans(l.until(), 1)
	if len(spans) == 0 {
		return 0
	}
	return spans[0].From + 1
}

// Hidden are the lines that are folded away, as the script reads them: "2-40,60-61".
func (l LogView) Hidden() string {
	parts := make([]string, len(l.Rows.Hidden))
	for i, h := range l.Rows.Hidden {
		parts[i] = fmt.Sprintf("%d-%d", h.From+1, h.To)
	}
	return strings.Join(parts, ",")
}

// BeginMS is Begin in milliseconds since 1970.
func (l LogView) BeginMS() int64 { return l.Begin.UnixMilli() }
