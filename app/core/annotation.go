package core

import (
	"fmt"
	"io/fs"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The limits of what is kept of a build's findings. Texts are cut, a longer path is
// left out.
const (
	MaxFindings       = 50 // problems of a build, and failures of its tests
	maxFindingMessage = 1000
	maxFindingTitle   = 200
	maxFindingPath    = 500
)

// Annotation is what is to be said about a line of a file, or about no file where
// Path is empty.
type Annotation struct {
	Path    string          `json:"path,omitempty"`   // within the repository
	Line    int             `json:"line,omitempty"`   // from 1; 0: not known
	Column  int             `json:"column,omitempty"` // from 1; 0: not known
	Level   AnnotationLevel `json:"level"`
	Title   string          `json:"title,omitempty"`
	Message string          `json:"message"`
}

// AnnotationLevel says how bad it is.
type AnnotationLevel string

// The levels.
const (
	LevelError   AnnotationLevel = "error"
	LevelWarning AnnotationLevel = "warning"
)

// Where names the place: "lib/main.dart:12"; empty: it is not known.
func (a Annotation) Where() string {
	if a.Path == "" || a.Line == 0 {
		return a.Path
	}
	return fmt.Sprintf("%s:%d", a.Path, a.Line)
}

// String is one line: "lib/main.dart:12: Expected ';' after this."
func (a Annotation) String() string {
	message := strings.Join(strings.Fields(a.Message), " ")
	if where := a.Where(); where != "" {
		return where + ": " + message
	}
	return message
}

// FirstError is the problem to look at first: the first error of a build that
// failed, else its first failed test. nil: none is known.
func (b Build) FirstError() *Annotation {
	if b.Status != BuildFailed && b.Status != BuildTimedOut {
		return nil
	}
	for _, p := range b.Problems {
		if p.Level == LevelError {
			return &p
		}
	}
	if b.Tests != nil && len(b.Tests.Failures) > 0 {
		first := b.Tests.Failures[0].annotation()
		return &first
	}
	return nil
}

// Annotations are the build's problems and its failed tests.
func (b Build) Annotations() []Annotation {
	all := append([]Annotation(nil), b.Problems...)
	if b.Tests != nil {
		for _, f := range b.Tests.Failures {
			all = append(all, f.annotation())
		}
	}
	return all
}

// Bounded is the result within the limits of what is kept, and with nothing in its
// findings that a runner could not have found.
func (r Result) Bounded() Result {
	var problems []Annotation
	for _, p := range r.Problems[:min(len(r.Problems), MaxFindings)] {
		p.Title, p.Message = boundedText(p.Title, maxFindingTitle), boundedText(p.Message, maxFindingMessage)
		p.Path, p.Line = boundedPlace(p.Path, p.Line)
		p.Column = max(p.Column, 0)
		if p.Level != LevelWarning {
			p.Level = LevelError
		}
		problems = append(problems, p)
	}
	r.Problems = problems
	if r.Tests == nil {
		return r
	}
	tests := *r.Tests
	tests.Passed, tests.Failed, tests.Skipped, tests.Duration = max(tests.Passed, 0), max(tests.Failed, 0), max(tests.Skipped, 0), max(tests.Duration, 0)
	tests.Failures = nil
	for _, f := range r.Tests.Failures[:min(len(r.Tests.Failures), MaxFindings)] {
		f.Suite, f.Name = boundedText(f.Suite, maxFindingTitle), boundedText(f.Name, maxFindingTitle)
		f.Message = boundedText(f.Message, maxFindingMessage)
		f.Path, f.Line = boundedPlace(f.Path, f.Line)
		tests.Failures = append(tests.Failures, f)
	}
	r.Tests = &tests
	return r
}

// boundedText has no characters that a reader would not see.
func boundedText(s string, limit int) string {
	seen := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return truncate(seen, limit)
}

func boundedPlace(path string, line int) (string, int) {
	if len(path) > maxFindingPath || !fs.ValidPath(path) || !utf8.ValidString(path) || strings.ContainsFunc(path, unicode.IsControl) {
		return "", 0
	}
	return path, max(line, 0)
}
