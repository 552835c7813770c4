package githubtest

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// token is an installation's access token.
type token struct {
	installation *installation
	repositories []int64 // nil: all of the installation
	permissions  map[string]string
	expires      time.Time
}

// SetTokenLife changes how long tokens minted from now on are good for; an hour else.
func (s *Server) SetTokenLife(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokenLife = d
}

// RevokeTokens makes all tokens invalid.
func (s *Server) RevokeTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// TokensMinted counts the installation tokens handed out.
func (s *Server) TokensMinted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.minted
}

// mint makes an installation token, restricted as the body says. The body may be
// null or missing.
func (s *Server) mint(c *call) answer {
	app, a := s.asApp(c)
	if app == nil {
		return a
	}
	in := s.installations[c.number("id")]
	if in == nil || in.app != app {
		return notFound()
	}
	if in.suspended {
		return refuse(http.StatusForbidden, "This installation has been suspended")
	}
	var wish struct {
		RepositoryIDs []int64           `json:"repository_ids"`
		Permissions   map[string]string `json:"permissions"`
	}
	if len(c.body) > 0 {
		if err := json.Unmarshal(c.body, &wish); err != nil {
			return refuse(http.StatusBadRequest, "Problems parsing JSON")
		}
	}
	for _, id := range wish.RepositoryIDs {
		if !s.installedOn(in, id) {
			return refuse(http.StatusUnprocessableEntity, "There is at least one repository that does not exist or is not accessible to the parent installation.")
		}
	}
	permissions := maps.Clone(in.permissions)
	if wish.Permissions != nil {
		permissions = maps.Clone(wish.Permissions)
		permissions["metadata"] = "read"
	}
	for name, level := range permissions {
		if !covers(in.permissions[name], level) {
			return refuse(http.StatusUnprocessableEntity, "The permissions requested are not granted to this installation.")
		}
	}
	value := "ghs_" + rand.Text() + rand.Text()[:10]
	t := &token{installation: in, repositories: wish.RepositoryIDs, permissions: permissions, expires: time.Now().Add(s.tokenLife)}
	s.tokens[value] = t
	s.minted++
	return created(object{"token": value, "expires_at": t.expires.UTC().Format(time.RFC3339), "permissions": permissions})
}

func (s *Server) installedOn(in *installation, repository int64) bool {
	for _, r := range s.repositories {
		if r.ID == repository {
			return in.sees(r)
		}
	}
	return false
}

// covers tells whether what was granted is enough for what is needed.
func covers(granted, needed string) bool {
	return granted == needed || granted == "write" && needed == "read" || needed == ""
}

// lookup finds a valid token. The caller holds mu.
func (s *Server) lookup(value string) *token {
	t := s.tokens[value]
	if t == nil || time.Now().After(t.expires) {
		return nil
	}
	return t
}

// allows tells whether the token reaches the repository.
func (t *token) allows(r *repository) bool {
	return t.installation.sees(r) && (t.repositories == nil || slices.Contains(t.repositories, r.ID))
}

// repository finds the repository of a call, if its token may do one of the needed
// things there, each written name:level.
func (s *Server) repository(c *call, needed ...string) (*repository, answer) {
	t := s.lookup(bearer(c.Request))
	if t == nil {
		return nil, refuse(http.StatusUnauthorized, "Bad credentials")
	}
	if t.installation.suspended {
		return nil, refuse(http.StatusForbidden, "This installation has been suspended")
	}
	r := s.repositories[fullName(c)]
	if r == nil || !t.allows(r) && r.Private {
		return nil, notFound()
	}
	for _, n := range needed {
		name, level, _ := strings.Cut(n, ":")
		if t.allows(r) && covers(t.permissions[name], level) {
			return r, answer{}
		}
	}
	return nil, refuse(http.StatusForbidden, fmt.Sprintf("Resource not accessible by integration (needs %s)", strings.Join(needed, " or ")))
}

func fullName(c *call) string {
	return strings.ToLower(c.PathValue("owner") + "/" + c.PathValue("repo"))
}
