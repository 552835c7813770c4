package api

import (
	"math"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
)

func securitySchemes(cookie string) object {
	header := func(name, text string) object {
		return object{"type": "apiKey", "in": "header", "name": name, "description": text}
	}
	return object{
		"token":         object{"type": "http", "scheme": "bearer", "description": "An API token or a session."},
		"session":       object{"type": "apiKey", "in": "cookie", "name": cookie, "description": "The session of a browser; changes must come from this origin."},
		"streamToken":   object{"type": "apiKey", "in": "query", "name": "token", "description": "A ticket for the log stream of one build."},
		"runnerToken":   object{"type": "http", "scheme": "bearer", "description": "The token that a runner was given when it was registered."},
		"githubSigning": header("X-Hub-Signature-256", "HMAC-SHA256 of the body with the App's webhook secret."),
		"gitlabToken":   header("X-Gitlab-Token", "The webhook's secret."),
		"slackSigning":  header("X-Slack-Signature", "The v0 signature of the body and of X-Slack-Request-Timestamp."),
	}
}

// doors lists the credentials of which one is needed.
func doors(d door) []any {
	names := map[door][]string{
		forReaders: {"token", "session"}, forStreams: {"token", "session", "streamToken"}, forRunners: {"runnerToken"},
		forGitHub: {"githubSigning"}, forGitLab: {"gitlabToken"}, forSlack: {"slackSigning"},
	}
	out := []any{}
	for _, name := range names[d] {
		out = append(out, object{name: []string{}})
	}
	return out
}

// pathParameters finds them in the path.
func pathParameters(path string) []object {
	var out []object
	for _, found := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
		schema := object{"type": "string", "format": "uuid", "examples": []any{sampleID}}
		text := "The id."
		switch name := found[1]; {
		case name == "name":
			schema, text = object{"type": "string", "pattern": "^[A-Z_][A-Z0-9_]*$", "examples": []any{"PLAY_TOKEN"}}, "The secret's name."
		case name != "id":
			text = "The id of the " + strings.TrimSuffix(name, "_id") + "."
		}
		out = append(out, object{"name": found[1], "in": "path", "required": true, "description": text, "schema": schema})
	}
	return out
}

func inQuery(name, text string, schema object) object {
	return object{"name": name, "in": "query", "description": text, "schema": schema}
}

func queryString(name, text string) object { return inQuery(name, text, object{"type": "string"}) }

func queryUUID(name, text string) object {
	return inQuery(name, text, object{"type": "string", "format": "uuid"})
}

func queryNumber(name, text string, otherwise, low, high int64) object {
	return inQuery(name, text, object{"type": "integer", "format": "int64", "default": otherwise, "minimum": low, "maximum": high})
}

func queryChoice[S ~string](name, text string, values ...S) object {
	return inQuery(name, text, object{"type": "string", "enum": values})
}

func required(parameter object) object {
	parameter["required"] = true
	return parameter
}

func inHeader(name, text string) object {
	return object{"name": name, "in": "header", "description": text, "schema": object{"type": "string"}}
}

// window describes limit and offset, before what else narrows a list.
func paged(more ...object) []object {
	return append([]object{
		queryNumber("limit", "How many at most.", defaultLimit, 1, maxLimit), queryNumber("offset", "How many to pass over.", 0, 0, math.MaxInt32),
	}, more...)
}

func logWindow(more ...object) []object {
	return append([]object{
		queryNumber("after_sequence", "Only what follows this line.", -1, -1, math.MaxInt64-1),
		queryNumber("limit", "How many lines at most.", defaultLogLimit, 1, maxLogLimit),
	}, more...)
}

func waits() []object {
	return []object{queryNumber("wait", "How many seconds to wait for something to answer.", maxWait, 0, maxWait)}
}

func leaseHeader(more ...object) []object {
	return append([]object{required(inHeader(LeaseHeader, "The lease that the claim gave."))}, more...)
}

func bytesOf(text string, types ...string) media {
	out := media{}
	for _, name := range types {
		out[name] = object{"schema": object{"type": "string", "format": "binary", "description": text}}
	}
	return out
}

func textOf(text string, types ...string) object {
	out := object{}
	for _, name := range types {
		out[name] = object{"schema": object{"type": "string", "description": text}}
	}
	return out
}

// failures are the errors that an operation may answer, by status, with their codes.
func (o operation) failures() map[int][]string {
	out := map[int][]string{}
	add := func(statuses ...int) {
		for _, status := range statuses {
			out[status] = usualCodes(status)
		}
	}
	add(http.StatusTooManyRequests, http.StatusServiceUnavailable)
	if o.door == forReaders || o.door == forStreams {
		add(http.StatusUnauthorized, http.StatusForbidden)
	}
	if o.door == forRunners {
		add(http.StatusUnauthorized, http.StatusConflict)
		out[http.StatusConflict] = []string{core.CodeLeaseLost, core.CodeInvalidTransition}
	}
	if o.in != nil {
		add(http.StatusBadRequest, http.StatusRequestEntityTooLarge)
	}
	if len(o.parameters) > 0 || o.method != fiber.MethodGet && o.method != fiber.MethodDelete {
		add(http.StatusBadRequest)
	}
	if strings.Contains(o.path, "{") || slices.ContainsFunc(o.parameters, namesAThing) {
		add(http.StatusNotFound)
	}
	add(o.errors...)
	for _, text := range o.codes {
		number, code, _ := strings.Cut(text, " ")
		status, err := strconv.Atoi(number)
		if err != nil {
			panic("no status in " + text)
		}
		out[status] = append(slices.Clone(out[status]), code)
	}
	return out
}

func namesAThing(parameter object) bool { return parameter["schema"].(object)["format"] == "uuid" }

// usualCodes are those of a status that need no saying.
func usualCodes(status int) []string {
	return map[int][]string{
		http.StatusBadRequest:            {core.CodeInvalidInput},
		http.StatusUnauthorized:          {core.CodeMissingAuth, core.CodeInvalidSession},
		http.StatusForbidden:             {core.CodePermissionDenied},
		http.StatusNotFound:              {core.CodeNotFound},
		http.StatusRequestEntityTooLarge: {core.CodeTooLarge},
		http.StatusTooManyRequests:       {core.CodeRateLimited},
		http.StatusServiceUnavailable:    {core.CodeUnavailable},
	}[status]
}

func responseName(status int) string { return strings.ReplaceAll(http.StatusText(status), " ", "") }

// failure is an answer in the form of an error, with one of the codes.
func failure(text string, codes []string) object {
	code := object{"type": "string", "enum": codes}
	return object{
		"description": text,
		"content": object{fiber.MIMEApplicationJSON: object{
			"schema":  object{"allOf": []any{ref("Error"), object{"type": "object", "properties": object{"code": code}}}},
			"example": object{"error": text, "code": codes[0]},
		}},
	}
}

// responses are the errors that many operations share.
func (d describer) responses() object {
	out := object{"Failure": object{
		"description": "Something failed on our side, or the request is not one that can be read.",
		"content": object{fiber.MIMEApplicationJSON: object{
			"schema": ref(d.component(reflect.TypeFor[ErrorJSON](), sent)), "example": object{"error": "Something failed on our side (ref 4XJ2Q7PA)", "code": core.CodeInternal},
		}},
	}}
	for _, status := range []int{400, 401, 403, 404, 413, 429, 503} {
		out[responseName(status)] = failure(http.StatusText(status), usualCodes(status))
	}
	limited := out[responseName(http.StatusTooManyRequests)].(object)
	limited["headers"] = object{fiber.HeaderRetryAfter: object{"description": "Seconds to wait.", "schema": object{"type": "integer"}}}
	return out
}
