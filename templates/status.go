package templates

import "io"

// StatusView is whether the server can do its work.
type StatusView struct {
	Page
	Trouble string // why it cannot; empty: it can
}

// Status writes it.
func (s *Set) Status(w io.Writer, v StatusView) error { return s.render(w, "status", "layout", v) }
