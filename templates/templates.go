// Package templates holds every text that Oore shows: HTML pages with their styles
// and scripts, and the comments it writes. It turns core values into markup and
// decides nothing; it must not know HTTP, the commands or the store.
package templates

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"strings"
)

//go:embed *.html.tmpl
var pageFiles embed.FS

// Set is every page of Oore, parsed once, with the files that the pages load. It is
// safe for concurrent use.
type Set struct {
	pages   map[string]*template.Template
	assets  map[string]Asset
	version string
}

// New parses the embedded pages. An error is a defect of this build of Oore.
func New() (*Set, error) {
	s := &Set{pages: map[string]*template.Template{}}
	if err := s.loadAssets(); err != nil {
		return nil, err
	}
	shared, err := template.New("").Funcs(s.funcs()).ParseFS(pageFiles, "layout.html.tmpl", "partials.html.tmpl", "project_parts.html.tmpl", "build_part_*.html.tmpl")
	if err != nil {
		return nil, fmt.Errorf("parse the layout: %w", err)
	}
	files, err := fs.Glob(pageFiles, "*.html.tmpl")
	if err != nil {
		return nil, fmt.Errorf("list the pages: %w", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(file, ".html.tmpl")
		if name == "layout" || name == "partials" || name == "project_parts" || strings.Contains(name, "_part_") {
			continue
		}
		parts, err := fs.Glob(pageFiles, name+"_part_*.html.tmpl")
		if err != nil {
			return nil, fmt.Errorf("list the parts of the page %s: %w", name, err)
		}
		page, err := shared.Clone()
		if err == nil {
			page, err = page.ParseFS(pageFiles, append(parts, file)...)
		}
		if err != nil {
			return nil, fmt.Errorf("parse the page %s: %w", name, err)
		}
		s.pages[name] = page
	}
	return s, nil
}

// render writes a whole page or nothing: a template that fails half way must not
// reach a browser.
func (s *Set) render(w io.Writer, page, part string, view any) error {
	var b bytes.Buffer
	if err := s.pages[page].ExecuteTemplate(&b, part, view); err != nil {
		return fmt.Errorf("render the page %s: %w", page, err)
	}
	_, err := w.Write(inert(b.Bytes()))
	return err
}
