package templates

import (
	_ "embed"
	"fmt"
	"html"
	"io"
	"strings"
	"text/template"
	"time"
	"unicode/utf8"

	"github.com/oore-ci/oore/app/core"
)

// CommentMarker is the first line of the sticky comment; it tells ours from others.
const CommentMarker = "<!-- oore:report -->"

const (
	commentLimit = 60_000 // characters; GitHub refuses more than 65,536
	maxTails     = 20     // of one comment; more would hardly fit
	maxFiles     = 5      // of one row
	maxInstalls  = 4      // QR codes
)

//go:embed comment.md.tmpl
var commentSource string

var commentTemplate = template.Must(template.New("comment.md").Parse(commentSource))

// comment is what the template shows. All text in it is escaped.
type comment struct {
	Marker   string
	SHA      string
	Headline string
	Rows     []commentRow
	More     int // rows that did not fit
	Installs []commentInstall
	Tails    []commentTail
	Updated  string
}

type commentRow struct {
	Name, URL, State, Time string
	Files                  []commentFile
	MoreFiles              int // that a row has no place for
}

// commentInstall is an image of a link to an install page, in HTML.
type commentInstall struct{ Name, URL, QR string }

// commentFile is a link to an artifact.
type commentFile struct{ Name, URL string }

// commentTail is why a build failed: the first error, where it is known, and the end of
// the failed step's log, folded.
type commentTail struct {
	About, Where, URL, Error string
	Title, Fence, Text       string
}

// Comment writes the sticky comment of a pull request in Markdown: a row for each
// pipeline and the folded last lines of what failed. Nothing that comes from a
// repository can add markup, mention anybody, or start a line with a slash. It has
// at most 60,000 characters; what does not fit is left out, log first.
func Comment(c core.Comment) string {
	view := comment{
		Marker: CommentMarker, SHA: c.SHA[:min(len(c.SHA), 7)], Headline: headline(c),
		Updated: c.UpdatedAt.UTC().Format("2 Jan 2006, 15:04 UTC"),
	}
	for _, r := range c.Reports {
		view.Rows = append(view.Rows, rowOf(r))
		view.addInstalls(r)
		if len(view.Tails) == maxTails {
			continue
		}
		if tail, ok := tailOf(r, len(c.Reports) > 1); ok {
			view.Tails = append(view.Tails, tail)
		}
	}
	for {
		text := render(commentTemplate, view)
		if utf8.RuneCountInString(text) <= commentLimit || !view.shrink() {
			return text
		}
	}
}

func (v *comment) addInstalls(r core.Report) {
	for _, a := range r.Artifacts {
		if a.QRURL != "" && len(v.Installs) < maxInstalls {
			v.Installs = append(v.Installs, commentInstall{Name: htmlText(a.Name), URL: html.EscapeString(a.URL), QR: html.EscapeString(a.QRURL)})
		}
	}
}

func rowOf(r core.Report) commentRow {
	name := markdown(r.Pipeline.Name)
	if r.Build.Number > 0 { // else nothing was built
		name += fmt.Sprintf(" #%d", r.Build.Number)
	}
	row := commentRow{Name: name, URL: r.TargetURL, State: reportState(r), Time: reportTime(r)}
	if r.Build.Tests != nil {
		row.State += " · " + r.Build.Tests.String()
	}
	for _, a := range r.Artifacts[:min(len(r.Artifacts), maxFiles)] {
		name := markdown(a.Name)
		if a.Kind.Installable() {
			name = "Install " + name
		}
		row.Files = append(row.Files, commentFile{Name: name, URL: a.URL})
	}
	row.MoreFiles = len(r.Artifacts) - len(row.Files)
	return row
}

func render(t executor, view any) string {
	var out strings.Builder
	if err := t.Execute(&out, view); err != nil {
		panic(fmt.Sprintf("templates: %s.tmpl does not fit its view: %v", t.Name(), err))
	}
	return out.String()
}

// executor is a template of either kind.
type executor interface {
	Name() string
	Execute(w io.Writer, view any) error
}

// shrink leaves something out; false: there is nothing left to leave out.
func (v *comment) shrink() bool {
	if n := len(v.Tails); n > 0 {
		v.Tails = v.Tails[:n-1]
		return true
	}
	if n := len(v.Rows); n > 1 {
		drop := 1 + n/20
		v.Rows, v.More = v.Rows[:n-drop], v.More+drop
		return true
	}
	return false
}

// headline sums all pipelines up, the worst first.
func headline(c core.Comment) string {
	counts, longest := map[core.ReportState]int{}, time.Duration(0)
	for _, r := range c.Reports {
		counts[r.State]++
		longest = max(longest, r.Duration)
	}
	n := len(c.Reports)
	if n == 0 {
		return "no builds"
	}
	state := c.State()
	switch state {
	case core.ReportSuccess:
		took := core.HumanDuration(longest)
		if n == 1 {
			return "passed in " + took
		}
		return fmt.Sprintf("all %d pipelines passed in %s", n, took)
	case core.ReportFailure:
		return share(counts[state], n, "failed")
	case core.ReportError:
		return share(counts[state], n, "did not finish")
	case core.ReportRunning:
		return share(counts[state], n, "running")
	case core.ReportPending:
		return share(counts[state], n, "queued")
	case core.ReportSkipped:
	}
	return string(state)
}

func share(k, n int, what string) string {
	if n == 1 {
		return what
	}
	return fmt.Sprintf("%d of %d pipelines %s", k, n, what)
}

func reportState(r core.Report) string {
	switch r.State {
	case core.ReportPending:
		return "⏳ " + markdown(r.Description)
	case core.ReportRunning:
		return "🔵 " + markdown(r.Description)
	case core.ReportSuccess:
		return "✅ Succeeded"
	case core.ReportFailure:
		if r.Build.Status == core.BuildTimedOut {
			return "⌛ " + markdown(r.Description)
		}
		if r.FailedStep != "" {
			return "❌ Failed at **" + markdown(r.FailedStep) + "**"
		}
		return "❌ " + markdown(r.Description)
	case core.ReportError:
		return "⊘ " + markdown(r.Description)
	case core.ReportSkipped:
	}
	return markdown(r.Description)
}

func reportTime(r core.Report) string {
	if r.Duration <= 0 {
		return ""
	}
	return core.HumanDuration(r.Duration)
}

// tailOf names the first error and folds the failed step's last lines; among several
// pipelines it is named.
func tailOf(r core.Report, several bool) (commentTail, bool) {
	tail := commentTail{About: "First error"}
	if several {
		tail.About += " of " + markdown(r.Pipeline.Name)
	}
	if first := r.FirstError; first != nil {
		tail.Where, tail.URL, tail.Error = markdown(first.Where()), markdownURL(r.FirstErrorURL), markdownLine(first.Message, maxError)
	}
	lines := tailLines(r.Tail)
	if len(lines) == 0 {
		return tail, tail.Error != ""
	}
	title := fmt.Sprintf("Last %d lines", len(lines))
	if len(lines) == 1 {
		title = "Last line"
	}
	if r.FailedStep != "" {
		title += " of " + htmlText(r.FailedStep)
	}
	if several {
		title = htmlText(r.Pipeline.Name) + ": " + strings.ToLower(title[:1]) + title[1:]
	}
	tail.Title, tail.Text = title, strings.Join(lines, "\n")
	tail.Fence = fence(tail.Text)
	return tail, true
}
