package web

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/templates"
)

// openAPI is as much of an OpenAPI file as the manual of the API shows.
type openAPI struct {
	Info    struct{ Description string }
	Servers []struct{ URL string }
	Tags    []struct{ Name, Description string }
	Paths   map[string]map[string]openOperation
	Parts   struct {
		Schemas   map[string]openSchema
		Responses map[string]openAnswer
	} `json:"components"`
}

type openOperation struct {
	OperationID, Summary, Description string
	Tags                              []string
	Security                          []map[string][]string
	Parameters                        []openParameter
	RequestBody                       *openAnswer
	Responses                         map[string]openAnswer
}

type openParameter struct {
	Name, In, Description string
	Required              bool
	Schema                openSchema
}

type openAnswer struct {
	Ref         string `json:"$ref"`
	Description string
	Content     map[string]openMedia
}

type openMedia struct {
	Schema  openSchema
	Example json.RawMessage
}

type openSchema struct {
	Ref         string `json:"$ref"`
	Type        any
	Format      string
	Description string
	Enum        []string
	Items       *openSchema
	Properties  map[string]openSchema
	Extra       any `json:"additionalProperties"`
	Required    []string
	OneOf       []openSchema
	AnyOf       []openSchema
	AllOf       []openSchema
}

// Reference answers GET /docs/api with the manual that an OpenAPI file makes. It is
// everybody's, as the file is.
func (p *Pages) Reference(file []byte) fiber.Handler {
	var api openAPI
	err := json.Unmarshal(file, &api)
	v := templates.ReferenceView{
		Page:  templates.Page{Title: "API", Bare: true, Now: time.Now()},
		About: api.Info.Description, Groups: api.groups(), Values: api.values(),
	}
	return func(c *fiber.Ctx) error {
		if err != nil {
			return fmt.Errorf("read the description of the API: %w", err)
		}
		return p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.Reference(w, v) })
	}
}

func (api openAPI) groups() []templates.OperationGroup {
	var out []templates.OperationGroup
	for _, tag := range api.Tags {
		g := templates.OperationGroup{Name: tag.Name, About: tag.Description}
		for _, path := range slices.Sorted(maps.Keys(api.Paths)) {
			for _, method := range []string{"get", "post", "put", "patch", "delete"} {
				if o, ok := api.Paths[path][method]; ok && slices.Contains(o.Tags, tag.Name) {
					g.Operations = append(g.Operations, api.operation(method, path, o))
				}
			}
		}
		out = append(out, g)
	}
	return out
}

func (api openAPI) operation(method, path string, o openOperation) templates.DescribedOperation {
	out := templates.DescribedOperation{
		ID: o.OperationID, Method: strings.ToUpper(method), Path: path, Summary: o.Summary, Text: o.Description, Sample: api.call(method, path, o),
	}
	for _, need := range o.Security {
		out.Doors = append(out.Doors, slices.Sorted(maps.Keys(need))...)
	}
	for _, each := range o.Parameters {
		out.Parameters = append(out.Parameters, templates.DescribedField{
			Name: each.Name, In: each.In, Type: each.Schema.words(), Required: each.Required, Text: each.Description,
		})
	}
	if o.RequestBody != nil {
		out.Body = o.RequestBody.body()
	}
	for _, status := range slices.Sorted(maps.Keys(o.Responses)) {
		a := o.Responses[status]
		if name, shared := strings.CutPrefix(a.Ref, "#/components/responses/"); shared {
			a = api.Parts.Responses[name]
		}
		described := templates.DescribedAnswer{Status: status, Text: a.Description, Body: a.body()}
		if schema := a.Content[fiber.MIMEApplicationJSON].Schema; status >= "400" {
			described.Body = nil // all errors have one form
			for _, part := range schema.AllOf {
				described.Codes = append(described.Codes, part.Properties["code"].Enum...)
			}
		}
		out.Answers = append(out.Answers, described)
	}
	return out
}

func (a openAnswer) body() *templates.DescribedBody {
	if len(a.Content) == 0 {
		return nil
	}
	asJSON := a.Content[fiber.MIMEApplicationJSON]
	return &templates.DescribedBody{
		Kind: strings.Join(slices.Sorted(maps.Keys(a.Content)), " or "), Type: asJSON.Schema.words(), Sample: indent(asJSON.Example, "  "),
	}
}

// call is a line that a person can paste.
func (api openAPI) call(method, path string, o openOperation) string {
	server := "http://127.0.0.1:8787"
	if len(api.Servers) > 0 {
		server = api.Servers[0].URL
	}
	line := "curl"
	if method != "get" {
		line += " -X " + strings.ToUpper(method)
	}
	if slices.ContainsFunc(o.Security, func(need map[string][]string) bool { return need["token"] != nil || need["runnerToken"] != nil }) {
		line += ` -H "Authorization: Bearer $TOKEN"`
	}
	if o.RequestBody != nil && o.RequestBody.Content[fiber.MIMEApplicationJSON].Example != nil {
		line += " -H 'Content-Type: application/json' -d '" + strings.ReplaceAll(indent(o.RequestBody.Content[fiber.MIMEApplicationJSON].Example, ""), "'", `'\''`) + "'"
	}
	return line + " '" + server + path + "'"
}

func indent(sample json.RawMessage, by string) string {
	if sample == nil {
		return ""
	}
	var value any
	if json.Unmarshal(sample, &value) != nil {
		return ""
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", by)
	_ = e.Encode(value) // it has been decoded
	return strings.TrimSpace(b.String())
}

func (api openAPI) values() []templates.DescribedValue {
	var out []templates.DescribedValue
	for _, name := range slices.Sorted(maps.Keys(api.Parts.Schemas)) {
		schema := api.Parts.Schemas[name]
		v := templates.DescribedValue{Name: name}
		for _, field := range slices.Sorted(maps.Keys(schema.Properties)) {
			of := schema.Properties[field]
			v.Fields = append(v.Fields, templates.DescribedField{
				Name: field, Type: of.words(), Required: slices.Contains(schema.Required, field), Text: of.Description,
			})
		}
		out = append(out, v)
	}
	return out
}

// words says what a value is.
func (s openSchema) words() templates.FieldType {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		return templates.FieldType{Value: name, Text: "a"}
	}
	kind, _ := s.Type.(string)
	if several, ok := s.Type.([]any); ok && len(several) > 0 {
		kind, _ = several[0].(string)
	}
	switch {
	case len(s.Enum) > 0:
		return templates.FieldType{Text: "one of " + strings.Join(s.Enum, ", ")}
	case len(s.AnyOf) > 0:
		return s.AnyOf[0].words()
	case len(s.OneOf) > 0:
		one, other := s.OneOf[0].words(), s.OneOf[len(s.OneOf)-1].words()
		return templates.FieldType{Text: one.Text + " or " + other.Text}
	case s.Items != nil:
		of := s.Items.words()
		return templates.FieldType{Text: "a list of: " + of.Text, Value: of.Value}
	case kind == "object" && len(s.Properties) == 2 && s.Properties["total"].Type != nil:
		for name, property := range s.Properties {
			if property.Items != nil {
				return templates.FieldType{Text: "a page of " + name + ":", Value: property.Items.words().Value}
			}
		}
	}
	return templates.FieldType{Text: cmp.Or(s.Format, kind)}
}
