package web

import (
	"errors"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// slot says which messages belong beside which field: those that start with the
// prefix, which is the input's name at the API.
type slot struct {
	prefix string
	field  *templates.Field
}

// place puts a command's refusal beside the field that it is about, or above the form
// when it is about none. What a person cannot mend is handed back.
func place(err error, slots ...slot) (above *templates.Alert, other error) {
	alert, other := refused(err)
	if other != nil {
		return nil, other
	}
	// "name must not be empty", "branch: "a b" is no name of a branch"
	name, text, _ := strings.Cut(alert.Text, " ")
	for _, s := range slots {
		if strings.HasPrefix(name, s.prefix) && text != "" {
			s.field.Error = capital(text)
			return nil, nil
		}
	}
	return alert, nil
}

// capital makes a message without its field's name a sentence again.
func capital(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// coded is place for a refusal whose code alone says which field it is about.
func coded(err error, code string, field *templates.Field) bool {
	var e *core.Error
	if !errors.As(err, &e) || e.Code != code {
		return false
	}
	_, text, found := strings.Cut(e.Message, ": ")
	if !found || text == "" {
		text = e.Message
	}
	field.Error = text
	return true
}

func typed(c *fiber.Ctx, name string) templates.Field { return templates.Field{Value: form(c, name)} }

// lines splits a text area into its lines, without empty ones.
func lines(text string) []string {
	var out []string
	for _, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}
