package gitlabtest

import (
	"net/http"
	"slices"
	"strings"
)

// Note is a comment on a merge request.
type Note struct {
	ID     int
	Number int // of the merge request
	Body   string
	Author User
	Edits  int
}

// Notes lists the comments of a merge request, oldest first.
func (s *Server) Notes(p Project, number int) []Note {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Note
	for _, n := range s.byID(p.ID).notes {
		if n.Number == number {
			all = append(all, *n)
		}
	}
	return all
}

// AddNote makes a comment of somebody.
func (s *Server) AddNote(p Project, number int, author User, body string) Note {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.byID(p.ID)
	n := &Note{ID: s.nextID(), Number: number, Body: body, Author: author}
	found.notes = append(found.notes, n)
	return *n
}

// DeleteNote removes a comment.
func (s *Server) DeleteNote(p Project, id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.byID(p.ID)
	found.notes = slices.DeleteFunc(found.notes, func(n *Note) bool { return n.ID == id })
}

// Commands lists the quick actions that comments ran: lines that start with a slash.
func (s *Server) Commands(p Project) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.byID(p.ID).commands)
}

func (p *project) run(body string) {
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, "/") {
			p.commands = append(p.commands, strings.TrimSpace(line))
		}
	}
}

func (n *Note) show() object {
	return object{"id": n.ID, "body": n.Body, "author": n.Author.show(), "system": false, "noteable_iid": n.Number, "noteable_type": "MergeRequest"}
}

func (s *Server) listNotes(c *call) answer {
	p, mr, a := s.mergeRequest(c, 0)
	if mr == nil {
		return a
	}
	rows := []object{}
	for _, n := range p.notes {
		if n.Number == mr.Number {
			rows = append(rows, n.show())
		}
	}
	if c.URL.Query().Get("sort") != "asc" {
		slices.Reverse(rows)
	}
	return page(c, rows)
}

func noteBody(c *call) (string, answer) {
	var f struct {
		Body string `json:"body"`
	}
	if a := c.fields(&f); a.status != 0 {
		return "", a
	}
	if f.Body == "" {
		return "", answer{status: http.StatusBadRequest, body: object{"error": "body is missing"}}
	}
	return f.Body, answer{}
}

func (s *Server) createNote(c *call) answer {
	p, mr, a := s.mergeRequest(c, Guest)
	if mr == nil {
		return a
	}
	body, a := noteBody(c)
	if a.status != 0 {
		return a
	}
	p.run(body)
	n := &Note{ID: s.nextID(), Number: mr.Number, Body: body, Author: c.token.user}
	p.notes = append(p.notes, n)
	return created(n.show())
}

// ownNote finds the note of the path, which must be of who asks.
func (s *Server) ownNote(c *call) (*project, *Note, answer) {
	p, mr, a := s.mergeRequest(c, Guest)
	if mr == nil {
		return nil, nil, a
	}
	for _, n := range p.notes {
		if n.ID != c.number("note_id") || n.Number != mr.Number {
			continue
		}
		if n.Author != c.token.user {
			return nil, nil, refuse(http.StatusForbidden, "403 Forbidden")
		}
		return p, n, answer{}
	}
	return nil, nil, notFound("")
}

func (s *Server) editNote(c *call) answer {
	p, n, a := s.ownNote(c)
	if n == nil {
		return a
	}
	body, a := noteBody(c)
	if a.status != 0 {
		return a
	}
	p.run(body)
	n.Body = body
	n.Edits++
	return ok(n.show())
}

func (s *Server) deleteNote(c *call) answer {
	p, n, a := s.ownNote(c)
	if n == nil {
		return a
	}
	p.notes = slices.DeleteFunc(p.notes, func(one *Note) bool { return one == n })
	return answer{status: http.StatusNoContent}
}
