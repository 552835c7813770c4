package core

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxProblems bounds the answer to a file that is wrong throughout.
const maxProblems = 50

// workflowReader walks YAML nodes and gathers problems. Every list has a limit and
// nothing recurses but along the schema, so aliases cannot make the walk long.
type workflowReader struct{ problems []Problem }

// node is a YAML node behind its aliases.
type node struct{ *yaml.Node }

func resolved(n *yaml.Node) *node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return &node{n}
}

func (n *node) isMapping() bool { return n.Kind == yaml.MappingNode }

func (n *node) isNull() bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func (n *node) has(key string) bool {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if resolved(n.Content[i]).Value == key {
			return true
		}
	}
	return false
}

// field is a key that a mapping may have.
type field struct {
	key  string
	read func(*node)
}

func (r *workflowReader) problem(n *node, format string, args ...any) {
	r.problemAt(n.Line, n.Column, format, args...)
}

func (r *workflowReader) problemAt(line, column int, format string, args ...any) {
	if len(r.problems) < maxProblems {
		r.problems = append(r.problems, Problem{Line: line, Column: column, Message: fmt.Sprintf(format, args...)})
	}
}

// check reports what a check found wrong with the value of a field.
func (r *workflowReader) check(n *node, name, wrong string) {
	if wrong != "" {
		r.problem(n, "%s %s", name, wrong)
	}
}

// sorted puts the problems in the order of the file, each once.
func (r *workflowReader) sorted() []Problem {
	slices.SortStableFunc(r.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(r.problems)
}

// document reads the one document of the file; nil means that a problem says why not.
func (r *workflowReader) document(data []byte) *node {
	// The library fails by panicking; what it does not catch itself must not end the runner.
	defer func() {
		if p := recover(); p != nil {
			r.problemAt(1, 1, "the file is no YAML that can be read: %v", p)
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	switch err := decoder.Decode(&doc); {
	case errors.Is(err, io.EOF):
		r.problemAt(1, 1, "the file is empty; it needs at least `version: 1` and commands")
		return nil
	case err != nil:
		r.syntax(data, err)
		return nil
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		r.problemAt(second.Line, second.Column, "a second document begins here; the file must hold one")
		return nil
	case !errors.Is(err, io.EOF):
		r.syntax(data, err)
		return nil
	}
	return resolved(doc.Content[0])
}

var (
	yamlError  = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)
	yamlParser = regexp.MustCompile(`^did not find expected (?:key|node content|<document start>|'-' indicator|',' or)`)
)

// syntax reports an error of the YAML library. It tells lines alone (those of its
// parser from 0, those of its scanner from 1); the column is that of the first
// character after the line's indentation.
func (r *workflowReader) syntax(data []byte, err error) {
	message := yamlError.ReplaceAllString(err.Error(), "")
	line, column := 1, 1
	if where := yamlError.FindStringSubmatch(err.Error()); len(where) == 2 && where[1] != "" {
		line, _ = strconv.Atoi(where[1])
		if yamlParser.MatchString(message) {
			line++
		}
	}
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	line = min(line, len(lines)) // the end of the file counts as a line of its own there
	column += len(lines[line-1]) - len(strings.TrimLeft(lines[line-1], " "))
	r.problemAt(line, column, "%s", message)
}

// mapping reads a mapping with known keys alone, each at most once. An empty value
// is an empty mapping.
func (r *workflowReader) mapping(n *node, name string, fields []field) {
	if n.isNull() && name != "" {
		return
	}
	if !n.isMapping() {
		r.problem(n, "%s must be a mapping of keys to values", cmp.Or(name, "the file"))
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := resolved(n.Content[i]), resolved(n.Content[i+1])
		if r.repeated(key, seen) {
			continue
		}
		at := slices.IndexFunc(fields, func(f field) bool { return f.key == key.Value })
		if at < 0 || key.Kind != yaml.ScalarNode {
			r.unknown(key, name, fields)
			continue
		}
		fields[at].read(value)
	}
}

func (r *workflowReader) repeated(key *node, seen map[string]int) bool {
	if line, ok := seen[key.Value]; ok && key.Kind == yaml.ScalarNode {
		r.problem(key, "the key %q is there already, on line %d", truncate(key.Value, 40), line)
		return true
	}
	seen[key.Value] = key.Line
	return false
}

func (r *workflowReader) unknown(key *node, name string, fields []field) {
	if len(r.problems) >= maxProblems {
		return
	}
	known := make([]string, len(fields))
	for i, f := range fields {
		known[i] = f.key
	}
	place := ""
	if name != "" {
		place = " in " + name
	}
	r.problem(key, "unknown key %q%s%s", truncate(key.Value, 40), place, orElse(suggest(key.Value, known), "; known are "+list(known)))
}

// readPairs reads a mapping with keys of the author's choice.
func readPairs[T any](r *workflowReader, n *node, name string, limit int, read func(key, value *node) T) []T {
	r.check(n, name, checkCount(len(n.Content)/2, limit))
	var all []T
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content) && len(all) < limit; i += 2 {
		key, value := resolved(n.Content[i]), resolved(n.Content[i+1])
		if !r.repeated(key, seen) {
			all = append(all, read(key, value))
		}
	}
	return all
}

// readList reads a list; an empty value is an empty list. read gets the name of the
// entry, as in platforms[0].
func readList[T any](r *workflowReader, n *node, name string, limit int, read func(n *node, name string) T) []T {
	if n.isNull() {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		r.problem(n, "%s must be a list", name)
		return nil
	}
	r.check(n, name, checkCount(len(n.Content), limit))
	var all []T
	for i, item := range n.Content[:min(len(n.Content), limit)] {
		all = append(all, read(resolved(item), fmt.Sprintf("%s[%d]", name, i)))
	}
	return all
}

func (r *workflowReader) texts(n *node, name string, check func(string) string) []string {
	return readList(r, n, name, maxListItems, func(n *node, name string) string { return r.text(n, name, check) })
}

// text reads text and checks it.
func (r *workflowReader) text(n *node, name string, check func(string) string) string {
	before := len(r.problems)
	s := r.anyText(n, name)
	if len(r.problems) == before {
		r.check(n, name, check(s))
	}
	return s
}

// anyText reads a scalar as it is written, so that 3.10 stays 3.10 and yes stays yes.
func (r *workflowReader) anyText(n *node, name string) string {
	switch {
	case n.isNull():
		r.problem(n, "%s has no value", name)
	case n.Kind != yaml.ScalarNode || n.Tag == "!!binary":
		r.problem(n, "%s must be text", name)
	default:
		return n.Value
	}
	return ""
}

func (r *workflowReader) boolean(n *node, name string) (b bool) {
	if n.Tag != "!!bool" || n.Decode(&b) != nil { // by itself the library takes yes and on, too
		r.problem(n, "%s must be true or false", name)
	}
	return b
}

func (r *workflowReader) integer(n *node, name string) (i int) {
	if n.Tag != "!!int" || n.Decode(&i) != nil {
		r.problem(n, "%s must be a whole number", name)
	}
	return i
}
