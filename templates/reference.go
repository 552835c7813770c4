package templates

import "io"

// ReferenceView is the manual of the API.
type ReferenceView struct {
	Page
	About  string
	Groups []OperationGroup
	Values []DescribedValue
}

// OperationGroup is operations about one thing.
type OperationGroup struct {
	Name, About string
	Operations  []DescribedOperation
}

// DescribedOperation is what one method of one path takes and answers.
type DescribedOperation struct {
	ID, Method, Path string
	Summary, Text    string
	Doors            []string // the credentials of which one is needed; empty: none is
	Parameters       []DescribedField
	Body             *DescribedBody
	Answers          []DescribedAnswer
	Sample           string // a call of curl
}

// DescribedBody is what a request or an answer carries.
type DescribedBody struct {
	Kind   string    // its media types
	Type   FieldType // of JSON
	Sample string    // JSON; empty: it is none
}

// DescribedAnswer is one status.
type DescribedAnswer struct {
	Status, Text string
	Codes        []string // of an error
	Body         *DescribedBody
}

// DescribedValue is an object that operations have in common.
type DescribedValue struct {
	Name   string
	Fields []DescribedField
}

// DescribedField is a parameter, or a field of an object.
type DescribedField struct {
	Name, In string // In: query, path or header; empty for a field
	Type     FieldType
	Required bool
	Text     string
}

// FieldType words a type: around the name of a value, if it is one.
type FieldType struct{ Text, Value string }

// Reference writes the manual of the API.
func (s *Set) Reference(w io.Writer, v ReferenceView) error {
	return s.render(w, "reference", "layout", v)
}
