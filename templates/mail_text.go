package templates

import (
	_ "embed"
	"text/template"
)

//go:embed mail.txt.tmpl
var mailTextSource string

// mailText stands apart from mailHTML, whose package has the same name.
var mailText = template.Must(template.New("mail.txt").Parse(mailTextSource))
