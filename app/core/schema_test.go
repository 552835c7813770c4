package core

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

func compiledSchema(tb testing.TB) *jsonschema.Schema {
	tb.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(WorkflowSchema()))
	if err != nil {
		tb.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("oore.yaml.json", doc); err != nil {
		tb.Fatal(err)
	}
	s, err := c.Compile("oore.yaml.json") // which checks it against its own schema
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// beyondSchema are the problems that a schema cannot say.
var beyondSchema = regexp.MustCompile(`a second time|is there already|is no valid pattern|between 1 second and 24 hours|is larger than|has the pattern|more than 64 patterns`)

// judged compares what the parser and the schema say of one file. The schema must
// refuse nothing that works, and let pass only what it cannot express.
func judged(t *testing.T, s *jsonschema.Schema, text string, value any) {
	t.Helper()
	_, err := ParseWorkflow([]byte(text))
	refusal := s.Validate(value)
	switch {
	case err == nil && refusal != nil:
		t.Errorf("%.300s\nworks, and the schema refuses it: %v", text, refusal)
	case err != nil && refusal == nil && !beyondSchema.MatchString(err.Error()):
		t.Errorf("%.300s\nthe schema takes it, and it does not work: %v", text, err)
	}
}

// plainValue is what an editor shows its schema of a node. The keys are as written.
func plainValue(n *yaml.Node) any {
	node := resolved(n)
	switch node.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i+1 < len(node.Content); i += 2 {
			m[resolved(node.Content[i]).Value] = plainValue(node.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range node.Content {
			list = append(list, plainValue(item))
		}
		return list
	case yaml.DocumentNode, yaml.AliasNode, yaml.ScalarNode:
	}
	var v any
	switch node.Tag {
	case "!!int", "!!float", "!!bool", "!!null":
		if node.Decode(&v) == nil {
			return v
		}
	}
	return node.Value
}

func yamlValue(text []byte) (any, bool) {
	r := &workflowReader{}
	root := r.document(text)
	if root == nil {
		return nil, false
	}
	return plainValue(root.Node), true
}

func TestSchemaAndParserJudgeFilesTheSame(t *testing.T) {
	s := compiledSchema(t)
	var files []string
	for _, c := range otherWays() {
		files = append(files, c.yaml)
	}
	for _, c := range badWorkflows() {
		files = append(files, c.yaml)
	}
	for _, path := range []string{"testdata/full.yaml", "../../docs/demo/oore.yaml"} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, string(data))
	}
	seen := 0
	for _, text := range files {
		if value, ok := yamlValue([]byte(text)); ok { // what is no YAML has no value
			judged(t, s, text, value)
			seen++
		}
	}
	if seen < 70 {
		t.Errorf("only %d of %d files have a value", seen, len(files))
	}
}

// place is a spot in a file that the schema describes.
type place struct {
	path   string
	schema map[string]any
	wrap   func(any) map[string]any // a whole file with the value in this spot
}

type schemaWalk struct {
	definitions map[string]any
	places      []place
}

func walkSchema(tb testing.TB) schemaWalk {
	tb.Helper()
	var root map[string]any
	if err := json.Unmarshal([]byte(WorkflowSchema()), &root); err != nil {
		tb.Fatal(err)
	}
	w := schemaWalk{definitions: root["definitions"].(map[string]any)}
	w.walk(place{"", root, func(v any) map[string]any {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		return m
	}})
	return w
}

// resolve follows references.
func (w *schemaWalk) resolve(s map[string]any) map[string]any {
	if ref, ok := s["$ref"].(string); ok {
		target := w.definitions[strings.TrimPrefix(ref, "#/definitions/")].(map[string]any)
		return w.resolve(target)
	}
	return s
}

func (w *schemaWalk) walk(p place) {
	p.schema = w.resolve(p.schema)
	w.places = append(w.places, p)
	for _, kind := range []string{"allOf", "anyOf"} {
		for _, part := range items(p.schema[kind]) {
			w.walk(place{p.path, part.(map[string]any), p.wrap})
		}
	}
	properties, _ := p.schema["properties"].(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		w.walk(place{strings.TrimPrefix(p.path+"."+key, "."), properties[key].(map[string]any), func(v any) map[string]any {
			m, _ := w.sample(p.schema).(map[string]any)
			m = maps.Clone(m)
			m[key] = v
			if p.path == "" {
				m["version"] = 1
				m[key] = v
			}
			return p.wrap(m)
		}})
	}
	if items, ok := p.schema["items"].(map[string]any); ok {
		w.walk(place{p.path + "[]", items, func(v any) map[string]any { return p.wrap([]any{v}) }})
	}
}

func items(v any) []any {
	list, _ := v.([]any)
	return list
}

// sample is a value that the schema takes.
func (w *schemaWalk) sample(s map[string]any) any {
	s = w.resolve(s)
	if of, ok := s["const"]; ok {
		return of
	}
	for _, key := range []string{"enum", "examples"} {
		if all := items(s[key]); len(all) > 0 {
			return all[0]
		}
	}
	m := map[string]any{}
	properties, _ := s["properties"].(map[string]any)
	for _, key := range items(s["required"]) {
		m[key.(string)] = w.sample(properties[key.(string)].(map[string]any))
	}
	switch {
	case properties != nil:
		return m
	case s["items"] != nil:
		return []any{w.sample(s["items"].(map[string]any))}
	}
	return "x1"
}

// Both directions at once: the parser names the keys that it knows.
func TestTheSchemaHasTheKeysOfTheParser(t *testing.T) {
	w := walkSchema(t)
	known := regexp.MustCompile(`unknown key "zzzzzzzz"[^;]*; known are ([^;]*)`)
	checked := map[string]bool{}
	for _, p := range w.places {
		properties, ok := p.schema["properties"].(map[string]any)
		if !ok {
			continue
		}
		m, _ := w.sample(p.schema).(map[string]any)
		m = maps.Clone(m)
		m["zzzzzzzz"] = 1
		_, err := ParseWorkflow([]byte(jsonText(t, p.wrap(m))))
		got := known.FindStringSubmatch(fmt.Sprint(err))
		if want := slices.Sorted(maps.Keys(properties)); got == nil || !slices.Equal(sortedWords(got[1]), want) {
			t.Errorf("%q: the schema has %v, the parser says %v", p.path, want, err)
		}
		checked[p.path] = true
	}
	if len(checked) < 13 {
		t.Errorf("only %d mappings were looked at: %v", len(checked), slices.Sorted(maps.Keys(checked)))
	}
}

func sortedWords(list string) []string {
	words := strings.Split(list, ", ")
	slices.Sort(words)
	return words
}

func jsonText(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// awkward are values that somewhere are right or wrong.
func awkward(sample any) []any {
	values := []any{
		nil, true, 1, 0, -1, 100, 101, 1.5, "", " ", "x1", "a b", "a,b", "a\nb", "a\x01b", "a\x00b", "ä", "../x", "x/..", "/x", "x/", "a//b", "./x", `a\b`,
		"!", "!x", "**/*.x", "1A", "A-B", "LD_X", "LD", "GIT_DIR", "OORE", "OORE_X", "PATH", "30m", "1h30m", "30", "-5m", "+5m", "1.5h", ".5h", "1e3s", "android",
		"windows", "push", "tag_push", "stable", "$(id)", "~/.npm", "~/.npm/x", "~/.npmrc", "~/.npm/*", "~", "~x", "~/.npm/../x", ".git", ".GIT/x", ".gitx", "x/.git",
		"{{ .OS }}", "a{{.Arch}}b", "{{ hashFiles 'a' \"b\" }}", "{{ hashFiles }}", "{{ hashFiles a }}", "{{ .os }}", "{{}}", "{{", "}}", "a}}{{ .OS }}", "{a}", "a{", "}{}", "{{ .OS }}}", "{{{ .OS }}", "{{ .OS }}{{ .OS }}}}",
		[]any{},
		[]any{nil},
		[]any{[]any{}},
		[]any{"x1", "x1"},
		[]any{map[string]any{}},
		map[string]any{},
		map[string]any{"zz": "x"},
		map[string]any{"name": "x"},
		map[string]any{"run": "x"},
		map[string]any{"run": "x", "name": nil},
		map[string]any{"extra_args": nil},
		map[string]any{"cancel_previous": true, "cancel_in_progress": true},
		map[string]any{"key": "a"},
		map[string]any{"key": "a", "paths": []any{}},
		map[string]any{"1A": "x"},
	}
	for _, n := range []int{64, 65, 100, 101, 128, 129, 512, 513, 2048, 2049, 4096, 4097} {
		values = append(values, strings.Repeat("x", n), strings.Repeat("ä", n))
		if n > 200 {
			continue
		}
		values = append(values, slices.Repeat([]any{sample}, n))
		many := map[string]any{}
		for i := range n {
			many[fmt.Sprint("K", i)] = "x"
		}
		values = append(values, many)
	}
	return values
}

func TestSchemaAndParserJudgeEveryKindOfValueEverywhereTheSame(t *testing.T) {
	s, w := compiledSchema(t), walkSchema(t)
	judgments := 0
	paths := map[string]bool{}
	for _, p := range w.places {
		if paths[p.path] { // the same spot, in another alternative of the schema
			continue
		}
		paths[p.path] = true
		item := any("x1")
		if items, ok := p.schema["items"].(map[string]any); ok {
			item = w.sample(items)
		}
		for _, value := range append(awkward(item), w.sample(p.schema)) {
			file := p.wrap(value)
			if file == nil { // no file has such a root
				continue
			}
			text := jsonText(t, file)
			var plain any
			if err := json.Unmarshal([]byte(text), &plain); err != nil {
				t.Fatal(err)
			}
			judged(t, s, text, plain)
			judgments++
		}
	}
	t.Logf("%d judgments in %d places", judgments, len(paths))
}

func TestTheSchemaExplainsEveryKey(t *testing.T) {
	s, w := compiledSchema(t), walkSchema(t)
	var root map[string]any
	if err := json.Unmarshal([]byte(WorkflowSchema()), &root); err != nil {
		t.Fatal(err)
	}
	for _, p := range w.places {
		properties, _ := p.schema["properties"].(map[string]any)
		for key, property := range properties {
			own := property.(map[string]any)
			if said, _ := own["description"].(string); said == "" && w.resolve(own)["description"] == nil {
				t.Errorf("%s.%s has no description", p.path, key)
			}
			if p.path != "" {
				continue
			}
			if key != "version" && own["examples"] == nil {
				t.Errorf("%s has no example", key)
			}
			for _, example := range items(own["examples"]) {
				if err := s.Validate(map[string]any{"version": 1, key: example}); err != nil {
					t.Errorf("the example of %s is wrong: %v", key, err)
				}
			}
		}
	}
	if err := s.Validate(items(root["examples"])[0]); err != nil {
		t.Error(err)
	}
	var problems *WorkflowError
	if _, err := ParseWorkflow([]byte(jsonText(t, items(root["examples"])[0]))); errors.As(err, &problems) {
		t.Error(err)
	}
}
