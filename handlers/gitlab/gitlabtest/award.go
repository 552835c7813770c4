package gitlabtest

import (
	"net/http"
	"slices"
)

// Award is an emoji that somebody put on a note.
type Award struct {
	ID   int
	Name string
	User User
}

// Awards lists the emojis on a note, oldest first.
func (s *Server) Awards(p Project, note int) []Award {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.byID(p.ID).notes {
		if n.ID == note {
			return slices.Clone(n.awards)
		}
	}
	return nil
}

func (a Award) show() object {
	return object{"id": a.ID, "name": a.Name, "user": a.User.show(), "awardable_type": "Note"}
}

// note finds the one of the path. Nil: the answer says why.
func (s *Server) note(c *call, role int) (*project, *Note, answer) {
	p, mr, a := s.mergeRequest(c, role)
	if mr == nil {
		return nil, nil, a
	}
	for _, n := range p.notes {
		if n.ID == c.number("note_id") && n.Number == mr.Number {
			return p, n, answer{}
		}
	}
	return nil, nil, notFound("")
}

func (s *Server) listAwards(c *call) answer {
	_, n, a := s.note(c, 0)
	if n == nil {
		return a
	}
	rows := []object{}
	for _, one := range n.awards {
		rows = append(rows, one.show())
	}
	return page(c, rows)
}

// createAward refuses with 404 whatever it refuses, as GitLab does.
func (s *Server) createAward(c *call) answer {
	_, n, a := s.note(c, Guest)
	if n == nil {
		return a
	}
	var f struct {
		Name string `json:"name"`
	}
	if a := c.fields(&f); a.status != 0 {
		return a
	}
	one := Award{ID: s.nextID(), Name: f.Name, User: c.token.user}
	switch {
	case f.Name == "":
		return answer{status: http.StatusBadRequest, body: object{"error": "name is missing"}}
	case !slices.Contains([]string{"confused", "eyes", "rocket", "thumbsdown", "thumbsup"}, f.Name):
		return notFound("Award Emoji Name is not a valid emoji name")
	case slices.ContainsFunc(n.awards, func(known Award) bool { return known.Name == one.Name && known.User == one.User }):
		return notFound("Award Emoji Name has already been taken")
	}
	n.awards = append(n.awards, one)
	return created(one.show())
}
