package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"github.com/oore-ci/oore/app/core"
)

// Bounds of a list's window (contract section 3).
const (
	defaultLimit = 50
	maxLimit     = 200
)

func invalid(format string, args ...any) error {
	return core.Errorf(core.KindInvalid, format, args...)
}

// pathID returns the id in the path. One that is no UUID can name nothing.
func pathID(c *fiber.Ctx, noun string) (string, error) { return parseID(c.Params("id"), noun) }

func parseID(id, noun string) (string, error) {
	if len(id) != 36 || uuid.Validate(id) != nil {
		return "", core.Errorf(core.KindNotFound, "%s not found", noun)
	}
	return strings.ToLower(id), nil
}

// bareID is pathID for what takes no fields: a body, if there is one, must be empty.
func bareID(c *fiber.Ctx, noun string) (string, error) {
	id, err := pathID(c, noun)
	if err != nil || len(bytes.TrimSpace(c.Body())) == 0 {
		return id, err
	}
	return id, body(c, &struct{}{})
}

// optionalID is parseID for an id that may be missing.
func optionalID(id, noun string) (string, error) {
	if id == "" {
		return "", nil
	}
	return parseID(id, noun)
}

// page reads limit and offset.
func page(c *fiber.Ctx) (core.Page, error) {
	limit, err := queryInt(c, "limit", defaultLimit, 1, maxLimit)
	if err != nil {
		return core.Page{}, err
	}
	offset, err := queryInt(c, "offset", 0, 0, 1<<31-1)
	return core.Page{Limit: int(limit), Offset: int(offset)}, err
}

func queryInt(c *fiber.Ctx, name string, otherwise, low, high int64) (int64, error) {
	if !c.Context().QueryArgs().Has(name) {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(c.Query(name), 10, 64)
	if err != nil || n < low || n > high {
		return 0, invalid("%s must be a whole number from %d to %d", name, low, high)
	}
	return n, nil
}

func queryBool(c *fiber.Ctx, name string, otherwise bool) (bool, error) {
	switch c.Query(name) {
	case "":
		return otherwise, nil
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, invalid("%s must be true or false", name)
}

// queryText reads a free text. What no database takes as text can match nothing.
func queryText(c *fiber.Ctx, name string) (string, error) {
	text := c.Query(name)
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return "", invalid("%s is not valid text", name)
	}
	return text, nil
}

// window cuts a page out of a list that came whole.
func window[T any](items []T, p core.Page) []T {
	from := min(p.Offset, len(items))
	return items[from:min(from+p.Limit, len(items))]
}

// body decodes a JSON object strictly: every field must be known and of its type.
func body(c *fiber.Ctx, into any) error { return decodeBody(c, into, true) }

// runnersBody is body for what runners say. One that is newer than this server, after a
// step back perhaps, may say more: that is left alone.
func runnersBody(c *fiber.Ctx, into any) error { return decodeBody(c, into, false) }

func decodeBody(c *fiber.Ctx, into any, strict bool) error {
	mediaType, _, err := mime.ParseMediaType(c.Get(fiber.HeaderContentType))
	if err != nil || mediaType != fiber.MIMEApplicationJSON {
		return invalid("Send the body as JSON, with the header Content-Type: application/json")
	}
	return decode(c.Request().Body(), into, strict)
}

func decode(data []byte, into any, strict bool) error {
	data = bytes.TrimSpace(data)
	if len(data) == 0 {
		return invalid("The body is empty; send a JSON object")
	}
	if data[0] != '{' {
		return invalid("The body must be a JSON object")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if strict {
		d.DisallowUnknownFields()
	}
	if err := d.Decode(into); err != nil {
		return explain(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return invalid("Something follows the JSON object in the body; send one object")
	}
	return nil
}

// explain turns an error of encoding/json into a sentence for its sender.
func explain(err error) error {
	var wrongType *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	var ours *core.Error
	switch {
	case errors.As(err, &ours):
		return err
	case errors.As(err, &wrongType):
		return invalid("%s must be %s, not %s", fieldName(wrongType.Field), jsonType(wrongType), wrongType.Value)
	case errors.As(err, &syntax):
		return invalid("The body is not valid JSON: %s (at byte %d)", syntax.Error(), syntax.Offset)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return invalid("The body is not valid JSON: it ends too early")
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return invalid("Unknown field %s", name)
	}
	return invalid("The body is not valid JSON: %s", strings.TrimPrefix(err.Error(), "json: "))
}

func fieldName(path string) string {
	if path == "" {
		return "The value"
	}
	return path
}

func jsonType(e *json.UnmarshalTypeError) string {
	switch kind := e.Type.Kind().String(); {
	case kind == "string":
		return "a string"
	case kind == "bool":
		return "true or false"
	case kind == "slice":
		return "a list"
	case strings.HasPrefix(kind, "int"), strings.HasPrefix(kind, "uint"):
		return "a whole number"
	}
	return "an object"
}

// oneOf takes the value that was given under one of two names of a field.
func oneOf[T any](a, b *T, nameA, nameB string) (*T, error) {
	if a != nil && b != nil {
		return nil, invalid("Give %s or %s, not both: they are two names of one field", nameA, nameB)
	}
	if a != nil {
		return a, nil
	}
	return b, nil
}

// buildArgs reads both shapes of platform_build_args: a list, or the older
// {"extra_args": "…"}, whose words are parted by spaces.
type buildArgs []string

func (b *buildArgs) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte("{")) {
		var older struct {
			ExtraArgs string `json:"extra_args"`
		}
		d := json.NewDecoder(bytes.NewReader(data))
		d.DisallowUnknownFields()
		if err := d.Decode(&older); err != nil {
			return err
		}
		*b = strings.Fields(older.ExtraArgs)
		return nil
	}
	return json.Unmarshal(data, (*[]string)(b))
}
