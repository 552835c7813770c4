package gitlabtest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Application is an OAuth application of the double.
type Application struct {
	ID, Secret  string
	RedirectURI string
	Scopes      []string
}

const (
	codeLife  = 10 * time.Minute
	tokenLife = 2 * time.Hour
)

// code is what a person's agreement is exchanged with, once.
type code struct {
	app       Application
	user      User
	redirect  string
	challenge string
	nonce     string
	scopes    []string
	expires   time.Time
	used      bool
}

// grant is what an application may do for somebody, by its newest pair of tokens.
type grant struct {
	app     Application
	access  string // value of the token
	refresh string
	user    User
	scopes  []string
	revoked bool
}

// Refresh is one use of a refresh token.
type Refresh struct {
	Alive bool // the access token that it replaced was good still
	Used  bool // the refresh token had been used before: refused
}

// oauth is what the double knows of applications and grants.
type oauth struct {
	apps      []Application
	codes     map[string]*code
	grants    []*grant
	spent     map[string]bool // refresh tokens
	refreshes []Refresh
	visitor   User // whose browser comes to /oauth/authorize
	denies    bool
	life      time.Duration
	profiles  map[int]Profile // by user
	key       *rsa.PrivateKey // signs who people are
}

// AddApplication registers an application.
func (s *Server) AddApplication(redirectURI string, scopes ...string) Application {
	s.mu.Lock()
	defer s.mu.Unlock()
	app := Application{ID: "app-" + rand.Text(), Secret: "gloas-" + rand.Text(), RedirectURI: redirectURI, Scopes: scopes}
	s.oauth.apps = append(s.oauth.apps, app)
	return app
}

// Visit says who comes to be asked for access from now on, and whether they refuse. The
// default is Oore's own user, who agrees.
func (s *Server) Visit(u User, denies bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.oauth.visitor, s.oauth.denies = u, denies
}

// SetTokenLife makes access tokens live so long from now on; 0: they say nothing of it.
func (s *Server) SetTokenLife(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.oauth.life = d
}

// ExpireTokens ends all access tokens of applications. They can be refreshed.
func (s *Server) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.oauth.grants {
		s.tokens[g.access].expires = time.Now().Add(-time.Second)
	}
}

// RevokeGrants takes back what all applications may do.
func (s *Server) RevokeGrants() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.oauth.grants {
		g.revoked, s.tokens[g.access].revoked = true, true
	}
}

// Refreshes lists all uses of refresh tokens, in order.
func (s *Server) Refreshes() []Refresh {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.oauth.refreshes)
}

// AccessTokens lists the values of all access tokens that applications ever got.
func (s *Server) AccessTokens() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for value, t := range s.tokens {
		if t.granted {
			all = append(all, value)
		}
	}
	return all
}

var challengeForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// authorize is the page on which a person agrees; they do, or refuse, at once. What the
// application got wrong about itself is shown to them and leads nowhere.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	s.mu.Lock()
	i := slices.IndexFunc(s.oauth.apps, func(a Application) bool { return a.ID == q.Get("client_id") && a.RedirectURI == q.Get("redirect_uri") })
	answer := url.Values{}
	if i >= 0 {
		answer = s.decide(s.oauth.apps[i], q)
	}
	s.mu.Unlock()
	if i < 0 {
		http.Error(w, "The client or its redirect URI is unknown", http.StatusUnauthorized)
		return
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+answer.Encode(), http.StatusFound)
}

// decide is what the application is told by way of the person's browser.
func (s *Server) decide(app Application, q url.Values) url.Values {
	answer := url.Values{"state": {q.Get("state")}}
	scopes := strings.Fields(q.Get("scope"))
	switch {
	case q.Get("response_type") != "code":
		answer.Set("error", "unsupported_response_type")
	case len(scopes) == 0 || slices.ContainsFunc(scopes, func(one string) bool { return !slices.Contains(app.Scopes, one) }):
		answer.Set("error", "invalid_scope")
		answer.Set("error_description", "The requested scope is invalid, unknown, or malformed.")
	case q.Get("code_challenge_method") != "S256" || !challengeForm.MatchString(q.Get("code_challenge")):
		answer.Set("error", "invalid_code_challenge_method")
	case s.oauth.denies:
		answer.Set("error", "access_denied")
		answer.Set("error_description", "The resource owner or authorization server denied the request.")
	default:
		value := rand.Text()
		s.oauth.codes[value] = &code{
			app: app, user: s.oauth.visitor, redirect: app.RedirectURI, challenge: q.Get("code_challenge"), nonce: q.Get("nonce"), scopes: scopes, expires: time.Now().Add(codeLife),
		}
		answer.Set("code", value)
	}
	return answer
}

// exchange answers POST /oauth/token.
func (s *Server) exchange(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.ParseForm() != nil {
		notFound("").write(w)
		return
	}
	s.mu.Lock()
	a := denial(http.StatusBadRequest, "unsupported_grant_type")
	app, known := s.client(r)
	switch {
	case !known:
		a = denial(http.StatusUnauthorized, "invalid_client")
	case r.PostForm.Get("grant_type") == "authorization_code":
		a = s.exchangeCode(app, r.PostForm)
	case r.PostForm.Get("grant_type") == "refresh_token":
		a = s.refresh(app, r.PostForm.Get("refresh_token"))
	}
	s.mu.Unlock()
	a.write(w)
}

// client finds the application that asks, by its secret.
func (s *Server) client(r *http.Request) (Application, bool) {
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	for _, app := range s.oauth.apps {
		if app.ID == id && subtle.ConstantTimeCompare([]byte(app.Secret), []byte(secret)) == 1 {
			return app, true
		}
	}
	return Application{}, false
}

func denial(status int, code string) answer {
	return answer{status: status, body: object{"error": code, "error_description": "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client."}}
}

func (s *Server) exchangeCode(app Application, form url.Values) answer {
	c := s.oauth.codes[form.Get("code")]
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	switch {
	case c == nil || c.used || c.app.ID != app.ID || time.Now().After(c.expires):
	case c.redirect != form.Get("redirect_uri"), c.challenge != base64.RawURLEncoding.EncodeToString(sum[:]):
	default:
		c.used = true
		g := &grant{app: app, user: c.user, scopes: c.scopes}
		s.oauth.grants = append(s.oauth.grants, g)
		a := s.give(g)
		if slices.Contains(c.scopes, "openid") {
			a.body.(object)["id_token"] = s.signID(c)
		}
		return a
	}
	return denial(http.StatusBadRequest, "invalid_grant")
}

// refresh ends the pair of tokens and gives a new one.
func (s *Server) refresh(app Application, value string) answer {
	i := slices.IndexFunc(s.oauth.grants, func(g *grant) bool { return g.refresh == value && g.app.ID == app.ID && !g.revoked })
	if i < 0 || value == "" {
		s.oauth.refreshes = append(s.oauth.refreshes, Refresh{Used: s.oauth.spent[value]})
		return denial(http.StatusBadRequest, "invalid_grant")
	}
	g := s.oauth.grants[i]
	old := s.tokens[g.access]
	s.oauth.refreshes = append(s.oauth.refreshes, Refresh{Alive: old.expires.IsZero() || time.Now().Before(old.expires)})
	old.revoked, s.oauth.spent[value] = true, true
	return s.give(g)
}

func (s *Server) give(g *grant) answer {
	g.access, g.refresh = rand.Text()+rand.Text(), rand.Text()+rand.Text()
	t := &token{user: g.user, scopes: g.scopes, granted: true}
	s.tokens[g.access] = t
	out := object{
		"access_token": g.access, "token_type": "Bearer", "refresh_token": g.refresh, "scope": strings.Join(g.scopes, " "), "created_at": time.Now().Unix(),
	}
	if s.oauth.life > 0 {
		t.expires = time.Now().Add(s.oauth.life)
		out["expires_in"] = int(s.oauth.life.Seconds())
	}
	return ok(out)
}
