package templates

import (
	_ "embed"
	"text/template"

	"github.com/oore-ci/oore/app/core"
)

// summaryLimit is what GitHub takes for a check run's summary. It says characters;
// bytes are never fewer.
const summaryLimit = 65_535

//go:embed check.md.tmpl
var checkSource string

var checkTemplate = template.Must(template.New("check.md").Parse(checkSource))

// check is what the template shows. All text in it is escaped.
type check struct {
	Row   commentRow
	Tails []commentTail // one at most
}

// CheckSummary writes what a check run's page says about a build, in Markdown and as
// safe as Comment. It has at most 65,535 bytes; of a log that does not fit the first
// lines are left out.
func CheckSummary(r core.Report) string {
	for {
		view := check{Row: rowOf(r)}
		if tail, ok := tailOf(r, false); ok {
			view.Tails = append(view.Tails, tail)
		}
		text := render(checkTemplate, view)
		if len(text) <= summaryLimit || len(r.Tail) == 0 {
			return text
		}
		r.Tail = r.Tail[1+len(r.Tail)/20:]
	}
}
