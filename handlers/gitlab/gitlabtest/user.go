package gitlabtest

import (
	"crypto/rand"
	"net/http"
	"time"
)

// The roles in a project.
const (
	Guest      = 10
	Reporter   = 20
	Developer  = 30
	Maintainer = 40
	Owner      = 50
)

// User is somebody at the double.
type User struct {
	ID       int
	Username string
}

// good tells whether the token is worth anything now.
func (t *token) good() bool {
	return t != nil && !t.revoked && (t.expires.IsZero() || time.Now().Before(t.expires))
}

type token struct {
	user    User
	scopes  []string
	expires time.Time // zero: never
	revoked bool
	granted bool // to an application: it comes as a bearer
}

// AddUser makes a user who is member of nothing.
func (s *Server) AddUser(username string) User {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := User{s.nextID(), username}
	s.users = append(s.users, u)
	return u
}

// RenameUser gives somebody another name.
func (s *Server) RenameUser(u User, username string) User {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.users {
		if s.users[i].ID == u.ID {
			s.users[i].Username = username
		}
	}
	u.Username = username
	return u
}

// AddToken makes an access token that ends at the time; zero: never.
func (s *Server) AddToken(u User, expires time.Time, scopes ...string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	value := "glpat-" + rand.Text()[:20]
	s.tokens[value] = &token{user: u, scopes: scopes, expires: expires}
	return value
}

// RevokeToken ends a token.
func (s *Server) RevokeToken(value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[value].revoked = true
}

func (u User) show() object {
	return object{"id": u.ID, "username": u.Username, "name": u.Username, "state": "active", "bot": false}
}

func (s *Server) getUser(c *call) answer {
	if c.token == nil {
		return refuse(http.StatusUnauthorized, "401 Unauthorized")
	}
	return ok(c.token.user.show())
}

func (s *Server) getToken(c *call) answer {
	if c.token == nil {
		return refuse(http.StatusUnauthorized, "401 Unauthorized")
	}
	t := c.token
	if t.granted {
		return refuse(http.StatusBadRequest, "400 Bad request - This endpoint requires token type to be a personal access token")
	}
	out := object{"id": 1, "name": "Oore", "revoked": false, "scopes": t.scopes, "user_id": t.user.ID, "active": true, "expires_at": nil}
	if !t.expires.IsZero() {
		out["expires_at"] = t.expires.UTC().Format(time.DateOnly)
	}
	return ok(out)
}
