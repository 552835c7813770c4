package githubtest

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v4"
)

const (
	maxJWTLife = 10 * time.Minute
	clockSkew  = time.Minute
)

type installation struct {
	id          int64
	account     string
	suspended   bool
	permissions map[string]string
	budget      *budget
}

// token is an installation's access token.
type token struct {
	installation *installation
	repositories []int64 // nil: all of the installation
	permissions  map[string]string
	expires      time.Time
}

// Suspend makes the installation refuse everything, until Unsuspend.
func (s *Server) Suspend(installationID int64) { s.setSuspended(installationID, true) }

// Unsuspend ends a suspension.
func (s *Server) Unsuspend(installationID int64) { s.setSuspended(installationID, false) }

func (s *Server) setSuspended(id int64, suspended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.installations[id].suspended = suspended
}

// Uninstall removes the installation and its tokens. Its repositories stay, and are
// no longer seen by the App.
func (s *Server) Uninstall(installationID int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.installations, installationID)
	maps.DeleteFunc(s.tokens, func(_ string, t *token) bool { return t.installation.id == installationID })
}

// SetPermission changes what an installation has been granted: "read", "write", or
// "" for nothing. Tokens minted before keep what they had.
func (s *Server) SetPermission(installationID int64, name, level string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.installations[installationID].permissions[name] = level
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

func bearer(r *http.Request) string {
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") && !strings.EqualFold(scheme, "token") {
		return ""
	}
	return value
}

// asApp checks the JWT as GitHub does.
func (s *Server) asApp(c *call) (answer, bool) {
	var claims jwt.RegisteredClaims
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithoutClaimsValidation())
	_, err := parser.ParseWithClaims(bearer(c.Request), &claims, func(*jwt.Token) (any, error) { return &s.key.PublicKey, nil })
	now := time.Now()
	switch {
	case err != nil:
		return refuse(http.StatusUnauthorized, "A JSON web token could not be decoded"), false
	case claims.Issuer != strconv.FormatInt(s.AppID, 10):
		return refuse(http.StatusUnauthorized, "'Issuer' claim ('iss') must be an Integer and refer to this App"), false
	case claims.IssuedAt == nil || claims.IssuedAt.After(now.Add(clockSkew)):
		return refuse(http.StatusUnauthorized, "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"), false
	case claims.ExpiresAt == nil || claims.ExpiresAt.Before(now):
		return refuse(http.StatusUnauthorized, "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires"), false
	case claims.ExpiresAt.Sub(claims.IssuedAt.Time) > maxJWTLife:
		return refuse(http.StatusUnauthorized, "'Expiration time' claim ('exp') is too far in the future"), false
	}
	return answer{}, true
}

func (s *Server) getApp(c *call) answer {
	if a, good := s.asApp(c); !good {
		return a
	}
	return ok(object{"id": s.AppID, "slug": s.Slug, "name": s.Slug})
}

func (s *Server) getInstallation(c *call) answer {
	if a, good := s.asApp(c); !good {
		return a
	}
	r := s.repositories[fullName(c)]
	if r == nil || s.installations[r.InstallationID] == nil {
		return notFound()
	}
	in := s.installations[r.InstallationID]
	return ok(object{"id": in.id, "app_id": s.AppID, "app_slug": s.Slug, "account": object{"login": in.account}, "permissions": in.permissions})
}

// mint makes an installation token, restricted as the body says. The body may be
// null or missing.
func (s *Server) mint(c *call) answer {
	if a, good := s.asApp(c); !good {
		return a
	}
	in := s.installations[c.number("id")]
	if in == nil {
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
		if !s.installedOn(in.id, id) {
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

func (s *Server) installedOn(installation, repository int64) bool {
	for _, r := range s.repositories {
		if r.ID == repository {
			return r.InstallationID == installation
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
	return t.installation.id == r.InstallationID && (t.repositories == nil || slices.Contains(t.repositories, r.ID))
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
