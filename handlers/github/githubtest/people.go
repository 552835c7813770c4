package githubtest

import "strings"

// userID is the numeric id of a login, which is made when it is first asked for. The
// caller holds mu.
func (s *Server) userID(login string) int64 {
	key := strings.ToLower(login)
	if s.users[key] == 0 {
		s.users[key] = s.nextID()
	}
	return s.users[key]
}

func (s *Server) showUser(login string) object {
	kind := "User"
	if strings.HasSuffix(login, "[bot]") {
		kind = "Bot"
	}
	return object{"login": login, "id": s.userID(login), "type": kind}
}

// person shows a user in a payload.
func (s *Server) person(login string) object {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.showUser(login)
}

// SetPermissionOf gives the login to the user with the id, and the user a role in the
// repository: one of GitHub's, or one that people made up with what it builds on, as
// in "release-manager:write". A login that was never given to anybody is nobody's.
func (s *Server) SetPermissionOf(repo Repo, login string, id int64, role string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := strings.ToLower(login)
	s.users[key] = id
	s.repositories[strings.ToLower(repo.FullName)].roles[key] = role
}

func (s *Server) getPermission(c *call) answer {
	r, a := s.repository(c, "metadata:read")
	if r == nil {
		return a
	}
	login := c.PathValue("login")
	id, known := s.users[strings.ToLower(login)]
	if !known {
		a := notFound()
		a.body.(object)["message"] = login + " is not a user"
		return a
	}
	role, legacy, custom := strings.Cut(r.roles[strings.ToLower(login)], ":")
	switch {
	case custom:
	case role == "" || role == "none":
		role, legacy = "none", "none"
		if !r.Private { // everybody reads it
			role, legacy = "read", "read"
		}
	case role == "maintain":
		legacy = "write"
	case role == "triage":
		legacy = "read"
	default:
		legacy = role
	}
	return ok(object{"permission": legacy, "role_name": role, "user": object{"login": login, "id": id, "type": "User", "role_name": role}})
}
