package gitlabtest

import (
	"net/http"
	"slices"
	"strings"
	"unicode"
)

// Note is a comment on a merge request.
type Note struct {
	ID     int
	Number int // of the merge request
	Body   string
	Author User
	Edits  int

	Internal bool // for members alone

	hidden bool
	awards []Award
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

// HideNote makes a comment one that nobody may see who asks, such as a reference from
// a project that is hidden from them.
func (s *Server) HideNote(p Project, id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.byID(p.ID).notes {
		n.hidden = n.hidden || n.ID == id
	}
}

// Commands lists the quick actions that comments ran: lines that start with a slash.
func (s *Server) Commands(p Project) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.byID(p.ID).commands)
}

// run notes the quick actions of a body, and returns it as GitLab keeps it. It knows
// no action /oore.
func (p *project) run(body string) string {
	body = strings.TrimRightFunc(strings.ReplaceAll(body, "\r", ""), unicode.IsSpace)
	for line := range strings.Lines(body) {
		if word, _, _ := strings.Cut(strings.TrimSpace(line), " "); strings.HasPrefix(line, "/") && word != "/oore" {
			p.commands = append(p.commands, strings.TrimSpace(line))
		}
	}
	return body
}

func (n *Note) show() object {
	return object{"id": n.ID, "body": n.Body, "author": n.Author.show(), "system": false, "internal": n.Internal, "noteable_iid": n.Number, "noteable_type": "MergeRequest"}
}

// listNotes leaves hidden notes out of the page that they are on, as GitLab does.
func (s *Server) listNotes(c *call) answer {
	p, mr, a := s.mergeRequest(c, 0)
	if mr == nil {
		return a
	}
	var notes []*Note
	for _, n := range p.notes {
		if n.Number == mr.Number {
			notes = append(notes, n)
		}
	}
	if c.URL.Query().Get("sort") != "asc" {
		slices.Reverse(notes)
	}
	a = page(c, notes)
	rows := []object{}
	for _, n := range a.body.([]*Note) {
		if !n.hidden {
			rows = append(rows, n.show())
		}
	}
	a.body = rows
	return a
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
	n := &Note{ID: s.nextID(), Number: mr.Number, Body: p.run(body), Author: c.token.user}
	p.notes = append(p.notes, n)
	return created(n.show())
}

// ownNote finds the note of the path, which must be of who asks.
func (s *Server) ownNote(c *call) (*project, *Note, answer) {
	p, n, a := s.note(c, Guest)
	if n != nil && n.Author != c.token.user {
		return nil, nil, refuse(http.StatusForbidden, "403 Forbidden")
	}
	return p, n, a
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
	n.Body = p.run(body)
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
