package gitlabtest

import "net/http"

// getMember knows roles of the project alone; those of groups have the same form.
func (s *Server) getMember(c *call) answer {
	p, a := s.project(c, 0)
	if p == nil {
		return a
	}
	if c.token == nil {
		return refuse(http.StatusUnauthorized, "401 Unauthorized")
	}
	for _, u := range s.users {
		if role := p.members[u.ID]; u.ID == c.number("user_id") && role > 0 {
			out := u.show()
			out["access_level"], out["membership_state"], out["expires_at"] = role, "active", nil
			return ok(out)
		}
	}
	return notFound("")
}
