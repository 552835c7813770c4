package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// contract is the server's own description of its API, and a server to hold it against.
type contract struct {
	*matrixWorld
	doc  *openapi3.T
	rows map[string]matrixRow
}

// contractAnswer is an answer as a client of the description sees it.
type contractAnswer struct {
	status int
	kind   string // media type
	body   []byte
}

func newContract(t *testing.T, database string) *contract {
	t.Helper()
	c := &contract{matrixWorld: newMatrixWorld(t, database), rows: matrixRows(t)}
	c.describe()
	return c
}

// describe reads the server's description of itself.
func (c *contract) describe() {
	c.t.Helper()
	_, file := c.by(adminToken, "GET", "/v1/openapi.json", nil)
	doc, err := openapi3.NewLoader().LoadFromData(file)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, schema := range doc.Components.Schemas {
		if len(schema.Value.Properties) > 0 {
			schema.Value.AdditionalProperties = openapi3.AdditionalProperties{Has: new(bool)} // the server answers no more than it says
		}
	}
	c.doc = doc
}

// each calls f with every operation of /v1 and its row of matrixTable.
func (c *contract) each(f func(path, method string, o *openapi3.Operation, r matrixRow)) {
	for _, path := range slices.Sorted(keysOf(c.doc.Paths.Map())) {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			o := c.doc.Paths.Value(path).GetOperation(method)
			if o == nil || !strings.HasPrefix(path, "/v1/") {
				continue
			}
			route := method + " " + regexp.MustCompile(`\{(\w+)\}`).ReplaceAllString(path, ":$1")
			r, known := c.rows[route]
			if !known {
				c.t.Errorf("%s has no row in matrixTable", route)
				continue
			}
			f(path, method, o, r)
		}
	}
}

func keysOf[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for key := range m {
			if !yield(key) {
				return
			}
		}
	}
}

// address fills the path's parameters: the things of our own project, or what is not there.
func (c *contract) address(path string, r matrixRow, known bool) string {
	id := unknownID
	if own := c.own[r.kind]; known && own != "" {
		id = own
	}
	return strings.NewReplacer("{id}", id, "{build_id}", unknownID, "{user_id}", c.member, "{schedule_id}", c.own["schedule"], "{name}", "TOKEN").Replace(path)
}

func (c *contract) request(method, address, secret string, text []byte, headers ...string) contractAnswer {
	c.t.Helper()
	req, err := http.NewRequest(method, c.url+address, strings.NewReader(string(text)))
	if err != nil {
		c.t.Fatal(err)
	}
	if secret != "" {
		req.Header.Set("Authorization", "Bearer "+secret)
	}
	if len(text) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		c.t.Fatalf("%s %.200s: %v", method, address, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	kind, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	return contractAnswer{resp.StatusCode, kind, data}
}

// promised is what the operation's description says of an answer, or why it says nothing.
func (c *contract) promised(o *openapi3.Operation, a contractAnswer) error {
	described := o.Responses.Status(a.status)
	if described == nil {
		return fmt.Errorf("the status %d is not described", a.status)
	}
	if len(described.Value.Content) == 0 {
		if len(a.body) > 0 {
			return fmt.Errorf("nothing is described and %.200s is answered", a.body)
		}
		return nil
	}
	media := described.Value.Content[a.kind]
	if media == nil {
		return fmt.Errorf("%s is not described for %d: %.200s", a.kind, a.status, a.body)
	}
	if a.kind != "application/json" {
		return nil
	}
	var value any
	if err := json.Unmarshal(a.body, &value); err != nil {
		return err
	}
	if a.status >= http.StatusBadRequest {
		return promisedError(media.Schema.Value, value)
	}
	return media.Schema.Value.VisitJSON(value, openapi3.EnableJSONSchema2020(), openapi3.VisitAsResponse())
}

// promisedError judges the one form of errors by hand, for there are thousands of them.
func promisedError(schema *openapi3.Schema, value any) error {
	envelope, _ := value.(map[string]any)
	for name, field := range envelope {
		if text, ok := field.(string); !ok || text == "" || !slices.Contains([]string{"error", "code", "details"}, name) {
			return fmt.Errorf("%s is no part of an error: %v", name, field)
		}
	}
	for _, part := range schema.AllOf {
		if code := part.Value.Properties["code"]; code != nil && len(code.Value.Enum) > 0 {
			if !slices.Contains(code.Value.Enum, envelope["code"]) {
				return fmt.Errorf("the code %v is none of %v: %v", envelope["code"], code.Value.Enum, envelope["error"])
			}
			return nil
		}
	}
	return fmt.Errorf("no codes are described")
}

// TestAClientOfTheDescriptionIsAnsweredAsItSays drives every operation of /v1/openapi.json
// against the real server: as who may, as nobody, as a stranger and for what is not there.
func TestAClientOfTheDescriptionIsAnsweredAsItSays(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		c := newContract(t, database)
		done := 0
		judge := func(who, method, path string, o *openapi3.Operation, a contractAnswer) {
			if err := c.promised(o, a); err != nil {
				t.Errorf("%s %s by %s is answered %d: %v", method, path, who, a.status, err)
			}
			if a.status < 300 {
				done++
			}
		}
		stranger := c.actors[1].secret
		c.each(func(path, method string, o *openapi3.Operation, r matrixRow) {
			text := []byte(strings.NewReplacer("{pipeline}", c.own["pipeline"], "{sha}", c.own["sha"]).Replace(r.body))
			_, query, _ := strings.Cut(r.path, "?")
			if query != "" {
				query = "?" + query
			}
			judge("nobody", method, path, o, c.request(method, c.address(path, r, true)+query, "", text))
			judge("a stranger", method, path, o, c.request(method, c.address(path, r, true)+query, stranger, text))
			judge("an admin, of what is not there", method, path, o, c.request(method, c.address(path, r, false)+query, adminToken, text))
			if r.kind != "none" && !r.unwatched {
				lasting := c.own[r.kind]
				if r.ends {
					c.own[r.kind] = c.fresh(r.kind, c.own)
				}
				judge("an admin", method, path, o, c.request(method, c.address(path, r, true)+query, adminToken, text))
				c.own[r.kind] = lasting
			}
		})
		if done < 50 {
			t.Errorf("only %d calls succeeded", done)
		}
	})
}

// hostile are values that no field and no parameter expects.
func hostile() []any {
	deep := strings.Repeat("[", 5000) + strings.Repeat("]", 5000)
	return []any{
		nil, true, -1, 0, 1e300, json.Number("123456789012345678901234567890"), "", "\x00", "a\x00b", "\xff\xfe", strings.Repeat("x", 100_000), "' OR 1=1 --", "../../etc/passwd",
		"{{7*7}}", "<script>alert(1)</script>", "\u202e", json.RawMessage(deep), json.RawMessage("{\"a\":" + deep + "}"),
		[]any{},
		[]any{nil, 1, "x"},
		map[string]any{"x": 1},
		json.RawMessage("\"\xff\xfe\""), json.RawMessage(`"\ud800"`), "@/etc/passwd", "${jndi:ldap://x}", int64(-1) << 62,
	}
}

// TestHostileInputIsRefusedAsDescribed sends every operation wrong types, huge numbers, NUL,
// deep JSON, unknown fields, text that is not UTF-8 and very long text, by chance that is
// the same each time. No answer is a fault of ours, none tells of our insides.
func TestHostileInputIsRefusedAsDescribed(t *testing.T) {
	t.Parallel()
	inside := regexp.MustCompile(`(?i)sqlstate|gorm|goroutine|panic|\.go:\d|/root/|no such table|constraint|syntax error at or near|runtime error|reflect\.|core\.[A-Z]|api\.[a-z]+(JSON|Body)`)
	onBoth(t, func(t *testing.T, database string) {
		c := newContract(t, database)
		chance := rand.New(rand.NewPCG(7, 11))
		values := hostile()
		any1 := func() any { return values[chance.IntN(len(values))] }
		look := func(method, address string, o *openapi3.Operation, a contractAnswer) {
			if a.status >= 500 && a.status != http.StatusServiceUnavailable || inside.Match(a.body) {
				t.Errorf("%s %.200s is answered %d %.300s", method, address, a.status, a.body)
			} else if err := c.promised(o, a); err != nil && a.status >= 400 && a.status != http.StatusRequestHeaderFieldsTooLarge {
				t.Errorf("%s %.200s is answered %d: %v", method, address, a.status, err)
			}
		}
		c.each(func(path, method string, o *openapi3.Operation, r matrixRow) {
			for _, address := range []string{strings.ReplaceAll(path, "{id}", "%00"), strings.ReplaceAll(path, "{id}", "%ff%fe"), strings.ReplaceAll(path, "{id}", "x'--"), strings.ReplaceAll(path, "{id}", strings.Repeat("9", 3000))} {
				if address != path && !strings.HasSuffix(path, "/stream") {
					look(method, address, o, c.request(method, address, adminToken, []byte("{}")))
				}
			}
			known := !r.ends && !r.unwatched
			for range 3 {
				query := url.Values{}
				for _, p := range o.Parameters {
					if p.Value.In == "query" && p.Value.Name != "wait" {
						text := fmt.Sprint(any1())
						query.Set(p.Value.Name, text[:min(len(text), 300)])
					}
				}
				if len(query) > 0 {
					address := c.address(path, r, known) + "?" + query.Encode()
					look(method, address, o, c.request(method, address, adminToken, nil))
				}
			}
			if o.RequestBody == nil || r.need == "open" {
				return
			}
			media := o.RequestBody.Value.Content["application/json"]
			if media == nil || media.Schema == nil {
				return
			}
			fields := slices.Sorted(keysOf(media.Schema.Value.Properties))
			for _, raw := range []string{"", "null", "[]", "1", "{", "{}{}", `{"` + strings.Repeat("a", 1000) + `":1}`, `{"nobody_knows_this": 1}`, "\xff", "{\"a\":\"\x00\"}"} {
				look(method, path, o, c.request(method, c.address(path, r, false), adminToken, []byte(raw), "Content-Type: application/json"))
			}
			for range 8 {
				in := map[string]any{}
				for _, name := range fields {
					if chance.IntN(2) == 0 {
						in[name] = any1()
					}
				}
				text, err := json.Marshal(in)
				if err != nil { // what is no JSON at all goes as it is
					text = []byte(`{"` + fields[0] + `":` + "\"\xff\xfe\"}")
				}
				look(method, path, o, c.request(method, c.address(path, r, known), adminToken, text))
			}
		})
		c.ready()
	})
}
