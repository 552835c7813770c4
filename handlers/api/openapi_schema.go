package api

import (
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode"

	"github.com/oore-ci/oore/app/core"
)

// object is a part of the description as it is sent.
type object = map[string]any

// use is what a value is described for: a field that is always sent must not be asked
// for, and between a server and its runners nothing is promised.
type use string

const (
	sent  use = ""
	taken use = "Input"
	wire  use = "Wire"
)

// schemas describes Go values by the JSON that they are encoded to and decoded from, so
// that the description cannot say anything else than the code does.
type schemas struct {
	named  object
	owners map[string]reflect.Type
	enums  map[reflect.Type][]string
	words  map[string]word
}

func newSchemas() *schemas {
	return &schemas{named: object{}, owners: map[string]reflect.Type{}, enums: enums(), words: vocabulary()}
}

func ref(name string) object { return object{"$ref": "#/components/schemas/" + name} }

// of describes a type; structs become components and are referred to.
func (s *schemas) of(t reflect.Type, u use) object {
	if known, ok := s.special(t); ok {
		return known
	}
	switch t.Kind() { //nolint:exhaustive // a kind that no answer of the API has panics below, where a test builds the schema
	case reflect.Pointer:
		return s.of(t.Elem(), u)
	case reflect.Struct:
		return ref(s.component(t, u))
	case reflect.Slice:
		return object{"type": "array", "items": s.of(t.Elem(), u)}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": s.of(t.Elem(), u)}
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int64, reflect.Uint32:
		return object{"type": "integer", "format": "int64"}
	case reflect.Int, reflect.Int32:
		return object{"type": "integer", "format": "int32"}
	case reflect.Float64:
		return object{"type": "number"}
	default:
		panic(fmt.Sprintf("the API has no word for %s", t))
	}
}

// special describes types whose JSON is not what their Go shape says.
func (s *schemas) special(t reflect.Type) (object, bool) {
	if values, ok := s.enums[t]; ok {
		return object{"type": "string", "enum": values}, true
	}
	switch t {
	case reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}, true
	case reflect.TypeFor[[]byte]():
		return object{"type": "string", "contentEncoding": "base64"}, true
	case reflect.TypeFor[buildArgs]():
		older := object{"type": "object", "properties": object{"extra_args": object{"type": "string"}}, "additionalProperties": false}
		return object{"oneOf": []any{object{"type": "array", "items": object{"type": "string"}}, older}}, true
	case reflect.TypeFor[core.Command]():
		named := object{
			"type": "object", "required": []string{"name", "run"}, "additionalProperties": false,
			"properties": object{"name": object{"type": "string"}, "run": object{"type": "string"}},
		}
		return object{"oneOf": []any{object{"type": "string"}, named}}, true
	}
	return nil, false
}

// component adds a struct to the components and returns its name.
func (s *schemas) component(t reflect.Type, u use) string {
	name := schemaName(t, u)
	if owner, known := s.owners[name]; known {
		if owner != t {
			panic(fmt.Sprintf("%s and %s are both called %s", owner, t, name))
		}
		return name
	}
	s.owners[name] = t
	properties, required := object{}, []string{}
	s.fields(name, t, u, properties, &required)
	out := object{"type": "object", "properties": properties}
	if u == taken {
		out["additionalProperties"] = false
	}
	if len(required) > 0 {
		out["required"] = required
	}
	s.named[name] = out
	return name
}

// fields describes the fields of a struct, those of embedded ones as its own.
func (s *schemas) fields(owner string, t reflect.Type, u use, into object, required *[]string) {
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || !f.IsExported() && !f.Anonymous {
			continue
		}
		if f.Anonymous && name == "" {
			s.fields(owner, f.Type, u, into, required)
			continue
		}
		if name == "" {
			name = f.Name
		}
		into[name] = s.field(owner, name, f.Type, u)
		if u == sent && options == "" {
			*required = append(*required, name)
		}
	}
}

// field is a field's schema with what people are told of it.
func (s *schemas) field(owner, name string, t reflect.Type, u use) object {
	out := s.of(t, u)
	if kind := t.Kind(); u == wire && (kind == reflect.Pointer || kind == reflect.Slice || kind == reflect.Map) {
		out = orNull(out)
	}
	said, known := s.words[owner+"."+name]
	if !known {
		if said, known = s.words[name]; !known {
			return out
		}
	}
	if said.text != "" {
		out["description"] = said.text
	}
	if said.instead != "" {
		out["x-instead-of"] = said.instead
	}
	if said.sample != nil && matches(out["type"], said.sample) {
		out["examples"] = []any{said.sample}
	}
	if said.format != "" && out["type"] == "string" {
		out["format"] = said.format
	}
	return out
}

func orNull(schema object) object {
	if kind, ok := schema["type"].(string); ok && schema["enum"] == nil {
		schema["type"] = []string{kind, "null"}
		return schema
	}
	return object{"anyOf": []any{schema, object{"type": "null"}}}
}

// matches tells whether a sample is of a schema's type: fields of one name may have
// several.
func matches(kind any, sample any) bool {
	switch sample.(type) {
	case string:
		return kind == "string"
	case int:
		return kind == "integer" || kind == "number"
	case []any:
		return kind == "array"
	case object:
		return kind == "object"
	}
	return false
}

// schemaName is how a struct is called in the description.
func schemaName(t reflect.Type, u use) string {
	name := strings.TrimSuffix(strings.TrimSuffix(t.Name(), "JSON"), "Body")
	if name == "" {
		panic("a struct of the API has no name")
	}
	name = string(unicode.ToUpper(rune(name[0]))) + name[1:]
	return name + string(u)
}

// sample makes an example of a schema from the examples of its parts.
func (s *schemas) sample(schema object) any {
	if name, ok := schema["$ref"].(string); ok {
		return s.sample(s.named[strings.TrimPrefix(name, "#/components/schemas/")].(object))
	}
	if given, ok := schema["examples"].([]any); ok {
		return given[0]
	}
	if values, ok := schema["enum"].([]string); ok {
		return values[0]
	}
	for _, choice := range []string{"oneOf", "anyOf", "allOf"} {
		if all, ok := schema[choice].([]any); ok {
			return s.sample(all[0].(object))
		}
	}
	kind, _ := schema["type"].(string)
	if several, ok := schema["type"].([]string); ok {
		kind = several[0]
	}
	switch kind {
	case "object":
		out := object{}
		properties, _ := schema["properties"].(object)
		for name, property := range properties {
			if property.(object)["x-instead-of"] == nil {
				out[name] = s.sample(property.(object))
			}
		}
		return out
	case "array":
		return []any{s.sample(schema["items"].(object))}
	case "integer", "number":
		return 1
	case "boolean":
		return true
	}
	if schema["format"] == "date-time" {
		return sampleInstant
	}
	return "text"
}
