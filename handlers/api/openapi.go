package api

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// group is operations about one thing.
type group struct {
	tag, about string
	operations []operation
}

// operation describes one route. Its id, path and values are all that is written by
// hand: the schemas come from the Go values that the route encodes and decodes.
type operation struct {
	method, path string
	id, summary  string
	text         string // more for people; empty: the summary says it all
	door         door
	parameters   []object // of the query and of headers; those of the path are found in it
	in           any      // what the body is decoded into, or the bodies that are no JSON; nil: there is none
	optional     bool     // the body may be left out
	needs        []string // fields of the body without which nothing works
	answers      []answerOf
	codes        []string // "409 invalid_transition": errors besides those that every such route has
	errors       []int    // statuses of errors besides those
}

// answerOf is one answer that is no error.
type answerOf struct {
	status int
	out    any // what is encoded; nil: nothing
	more   object
}

// listed is a list of something in the API's form.
type listed struct {
	plural string
	item   any
}

// media is a body that is no JSON, by its media types.
type media object

// door says who is let in.
type door int

const (
	forReaders door = iota // a session or a token
	forStreams             // or the ticket of one stream
	forRunners             // the runner of the path
	forAll
	forGitHub
	forGitLab
	forSlack
)

func ok(out any) []answerOf   { return []answerOf{{status: http.StatusOK, out: out}} }
func made(out any) []answerOf { return []answerOf{{status: http.StatusCreated, out: out}} }
func nothing() []answerOf     { return []answerOf{{status: http.StatusNoContent}} }
func okAlso(out any, more object) []answerOf {
	return []answerOf{{status: http.StatusOK, out: out, more: more}}
}

// Description is the OpenAPI 3.1 file of everything here, as JSON. It is the same for
// everybody and names no version of the program. cookie is the session's.
func Description(publicURL, cookie string) []byte {
	d := describer{newSchemas(), map[string][]string{}}
	paths, tags := object{}, []any{}
	for _, g := range groups() {
		tags = append(tags, object{"name": g.tag, "description": g.about})
		for _, o := range g.operations {
			item, found := paths[o.path].(object)
			if !found {
				item = object{}
				paths[o.path] = item
			}
			item[strings.ToLower(o.method)] = d.operation(g.tag, o)
		}
	}
	out, err := json.Marshal(object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Oore", "version": "v1", "description": aboutAPI,
			"license": object{"name": "MIT", "identifier": "MIT"}, "contact": object{"name": "Oore", "url": "https://github.com/oore-ci/oore"},
		},
		"servers":  []any{object{"url": publicURL}},
		"tags":     tags,
		"security": doors(forReaders),
		"paths":    paths,
		"components": object{
			"schemas": d.named, "responses": d.responses(), "securitySchemes": securitySchemes(cookie),
		},
	})
	if err != nil {
		panic(err) // strings, numbers and maps of them
	}
	return out
}

const aboutAPI = "JSON in and out, with `Authorization: Bearer <token>`. Ids are UUIDs; an id that is none, or is of something that the asker " +
	"may not see, is answered 404. Times are Unix seconds. Fields that are null are left out. A list is `{\"<plural>\": […], \"total\": n}` " +
	"with `limit` and `offset`. Unknown fields in a body are an error that names them. Every error has the form of `Error`."

// ErrorJSON is the published form of an error.
type ErrorJSON struct {
	Error   string `json:"error"`
	Code    string `json:"code"`
	Details string `json:"details,omitempty"`
}

type describer struct {
	*schemas
	needs map[string][]string // without which fields a component is worth nothing
}

func (d describer) operation(tag string, o operation) object {
	out := object{
		"operationId": o.id, "summary": o.summary, "tags": []string{tag}, "responses": d.answers(o),
		"description": cmp.Or(o.text, o.summary+"."), "security": doors(o.door),
	}
	if all := append(pathParameters(o.path), o.parameters...); len(all) > 0 {
		out["parameters"] = all
	}
	if o.in != nil {
		out["requestBody"] = object{"required": !o.optional, "content": d.input(o)}
	}
	return out
}

func (d describer) input(o operation) object {
	if m, raw := o.in.(media); raw {
		return object(m)
	}
	t := reflect.TypeOf(o.in)
	name := d.component(t, d.use(o, taken))
	body := d.named[name].(object)
	if before, known := d.needs[name]; !known {
		d.needs[name] = o.needs
	} else if !slices.Equal(before, o.needs) { // a change needs less than what it changes did
		body, name = maps.Clone(body), strings.ToUpper(o.id[:1])+o.id[1:]
		delete(body, "required")
		d.named[name] = body
	}
	if o.needs != nil {
		body["required"] = o.needs
	}
	return object{fiber.MIMEApplicationJSON: object{"schema": ref(name), "example": d.sample(ref(name))}}
}

// use is how the values of an operation are described.
func (d describer) use(o operation, u use) use {
	if o.door == forRunners {
		return wire
	}
	return u
}

func (d describer) answers(o operation) object {
	out := object{}
	for _, a := range o.answers {
		content := object{}
		maps.Copy(content, a.more)
		if a.out != nil {
			schema := d.output(o, a.out)
			content[fiber.MIMEApplicationJSON] = object{"schema": schema, "example": d.sample(schema)}
		}
		answer := object{"description": http.StatusText(a.status)}
		if len(content) > 0 {
			answer["content"] = content
		}
		out[strconv.Itoa(a.status)] = answer
	}
	for status, codes := range o.failures() {
		if slices.Equal(codes, usualCodes(status)) {
			out[strconv.Itoa(status)] = object{"$ref": "#/components/responses/" + responseName(status)}
			continue
		}
		out[strconv.Itoa(status)] = failure(http.StatusText(status), codes)
	}
	out["default"] = object{"$ref": "#/components/responses/Failure"}
	return out
}

func (d describer) output(o operation, value any) object {
	if l, isList := value.(listed); isList {
		return object{
			"type": "object", "required": []string{l.plural, "total"},
			"properties": object{
				l.plural: object{"type": "array", "items": d.of(reflect.TypeOf(l.item), sent)},
				"total":  object{"type": "integer", "description": "How many there are, this page apart.", "examples": []any{1}},
			},
		}
	}
	return d.of(reflect.TypeOf(value), d.use(o, sent))
}

// Route is a method and a path of the description.
type Route struct{ Method, Path string }

// Routes lists what the description describes.
func Routes() []Route {
	var out []Route
	for _, g := range groups() {
		for _, o := range g.operations {
			out = append(out, Route{o.method, o.path})
		}
	}
	return out
}
