package gitlabtest

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v4"
)

// Profile is what GitLab tells of somebody by OpenID Connect.
type Profile struct {
	Email    string
	Verified bool
	Groups   []string // full paths
}

// SetProfile says what is told of a user.
func (s *Server) SetProfile(u User, p Profile) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.oauth.profiles[u.ID] = p
}

// signingKey is made when it is first asked for: few tests do. The caller holds mu.
func (s *Server) signingKey() *rsa.PrivateKey {
	if s.oauth.key == nil {
		s.oauth.key, _ = rsa.GenerateKey(rand.Reader, 2048) // fails with this size never
	}
	return s.oauth.key
}

func (s *Server) describeSignIn() answer {
	return ok(object{
		"issuer": s.URL(), "authorization_endpoint": s.URL() + "/oauth/authorize", "token_endpoint": s.URL() + "/oauth/token", "userinfo_endpoint": s.URL() + "/oauth/userinfo",
		"jwks_uri": s.URL() + "/oauth/discovery/keys", "id_token_signing_alg_values_supported": []string{"RS256"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
	})
}

func (s *Server) showKeys() answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	public := s.signingKey().PublicKey
	return ok(object{"keys": []object{{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "test",
		"n": base64.RawURLEncoding.EncodeToString(public.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(public.E)).Bytes()),
	}}})
}

// profile is what the scopes allow to be told. GitLab signs less than it tells.
func (s *Server) profile(u User, scopes []string, signed bool) object {
	p := s.oauth.profiles[u.ID]
	out := object{"sub": strconv.Itoa(u.ID)}
	if slices.Contains(scopes, "email") {
		out["email"], out["email_verified"] = p.Email, p.Verified
	}
	if slices.Contains(scopes, "profile") && !signed {
		out["name"], out["nickname"], out["preferred_username"] = u.Username, u.Username, u.Username
	}
	if !signed {
		out["groups"] = p.Groups
	}
	return out
}

func (s *Server) signID(c *code) string {
	claims := jwt.MapClaims{"iss": s.URL(), "aud": c.app.ID, "iat": time.Now().Unix(), "exp": time.Now().Add(2 * time.Minute).Unix(), "nonce": c.nonce}
	for name, value := range s.profile(c.user, c.scopes, true) {
		claims[name] = value
	}
	t := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	t.Header["kid"] = "test"
	signed, err := t.SignedString(s.signingKey())
	if err != nil {
		return "unsigned: " + err.Error()
	}
	return signed
}

// tell answers /oauth/userinfo.
func (s *Server) tell(r *http.Request) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	t := s.tokens[bearer]
	if !t.good() || !slices.Contains(t.scopes, "openid") {
		return refuse(http.StatusUnauthorized, "invalid_token")
	}
	return ok(s.profile(t.user, t.scopes, false))
}
