package templates

import (
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

//go:embed mail_html.tmpl
var mailHTMLSource string

var mailHTML = template.Must(template.New("mail_html").Parse(mailHTMLSource))

// mail is what the mail's templates show.
type mail struct {
	Title, Intro string
	Facts        []noticeFact
	Tail         []string
	Link         string
	Project      string
	SettingsURL  string
}

// Mail writes a notice as an e-mail: one line for its subject, and the body twice, as
// text and as HTML.
func Mail(n core.Notice) (title, text, html string) {
	view := mail{Title: inline(n.Text), Link: n.Link, Project: inline(n.Project.Name), SettingsURL: n.SettingsURL}
	title = view.Title
	if r := n.Report; r != nil {
		view.Title = fmt.Sprintf("%s · %s #%d", view.Project, inline(r.Pipeline.Name), r.Build.Number)
		view.Intro = inline(r.Description)
		view.Facts = noticeFacts(*r)
		if r.FailedStep != "" {
			view.Facts = append(view.Facts, noticeFact{"Failed step", inline(r.FailedStep)})
		}
		for _, line := range noticeTailOf(*r) {
			view.Tail = append(view.Tail, strings.ReplaceAll(line, "@"+joiner, "@")) // nobody is mentioned by mail
		}
		title = fmt.Sprintf("[%s] %s #%d: %s", view.Project, inline(r.Pipeline.Name), r.Build.Number, inline(r.Description))
		if ref := cmp.Or(r.Build.Tag, r.Build.Branch); ref != "" {
			title += " (" + inline(ref) + ")"
		}
	}
	return title, render(mailText, view), render(mailHTML, view)
}
