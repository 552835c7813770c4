package githubtest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// OAuthApp is what people sign in with at the double.
type OAuthApp struct {
	ClientID, ClientSecret string
	Callback               string
}

// Account is somebody with a browser.
type Account struct {
	Login         string
	ID            int64
	Name          string
	Emails        []Email
	Organizations map[string]string // by name: active or pending
	Closed        []string          // organizations that do not let applications see their members
}

// Email is an address of an account.
type Email struct {
	Email    string `json:"email"`
	Primary  bool   `json:"primary"`
	Verified bool   `json:"verified"`
}

// signing is what the double knows of people who sign in elsewhere with it.
type signing struct {
	apps    []OAuthApp
	visitor Account
	denies  bool
	codes   map[string]*oauthCode
	tokens  map[string]*oauthCode
}

type oauthCode struct {
	app                 OAuthApp
	account             Account
	redirect, challenge string
	scopes              []string
	used                bool
}

// AddOAuthApp registers an application.
func (s *Server) AddOAuthApp(callback string) OAuthApp {
	s.mu.Lock()
	defer s.mu.Unlock()
	app := OAuthApp{ClientID: "Ov23" + rand.Text(), ClientSecret: strings.ToLower(rand.Text()), Callback: callback}
	s.signing.apps = append(s.signing.apps, app)
	return app
}

// Visit says whose browser comes to sign in from now on, and whether they refuse.
func (s *Server) Visit(a Account, denies bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.ID == 0 {
		a.ID = s.userID(a.Login)
	}
	s.users[strings.ToLower(a.Login)] = a.ID
	s.signing.visitor, s.signing.denies = a, denies
}

// SetOrganizations changes in which organizations somebody is who has signed in.
func (s *Server) SetOrganizations(login string, organizations map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, code := range s.signing.codes {
		if code.account.Login == login {
			code.account.Organizations = organizations
		}
	}
}

// RevokeSignIns ends the tokens of all who have signed in.
func (s *Server) RevokeSignIns() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.signing.tokens)
}

func (s *Server) oauthApp(clientID string) (OAuthApp, bool) {
	i := slices.IndexFunc(s.signing.apps, func(a OAuthApp) bool { return a.ClientID == clientID })
	if i < 0 {
		return OAuthApp{}, false
	}
	return s.signing.apps[i], true
}

// authorize is the page on which a person agrees; they do, or refuse, at once.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	to := s.decide(r.URL.Query())
	if to == "" {
		http.Error(w, "The redirect_uri is not associated with this application.", http.StatusNotFound)
		return
	}
	http.Redirect(w, r, to, http.StatusFound)
}

func (s *Server) decide(q url.Values) (to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	app, known := s.oauthApp(q.Get("client_id"))
	if !known || q.Get("redirect_uri") != app.Callback || q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 {
		return ""
	}
	back := url.Values{"state": {q.Get("state")}}
	if s.signing.denies {
		back.Set("error", "access_denied")
		back.Set("error_description", "The user has denied your application access.")
	} else {
		code := strings.ToLower(rand.Text()[:20])
		s.signing.codes[code] = &oauthCode{
			app: app, account: s.signing.visitor, redirect: app.Callback, challenge: q.Get("code_challenge"), scopes: strings.Fields(q.Get("scope")),
		}
		back.Set("code", code)
	}
	return app.Callback + "?" + back.Encode()
}

// exchange answers POST /login/oauth/access_token. As at GitHub, refusals have the status
// 200.
func (s *Server) exchange(w http.ResponseWriter, r *http.Request) {
	out := s.token(r)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(out) // a client that has gone away is no matter of ours
}

func (s *Server) token(r *http.Request) object {
	s.mu.Lock()
	defer s.mu.Unlock()
	app, known := s.oauthApp(r.PostFormValue("client_id"))
	code := s.signing.codes[r.PostFormValue("code")]
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	out := object{}
	switch {
	case !known || r.PostFormValue("client_secret") != app.ClientSecret:
		out["error"] = "incorrect_client_credentials"
	case code == nil || code.used || code.app != app || code.challenge != base64.RawURLEncoding.EncodeToString(sum[:]):
		out["error"] = "bad_verification_code"
		out["error_description"] = "The code passed is incorrect or expired."
	default:
		code.used = true
		token := "gho_" + rand.Text()
		s.signing.tokens[token] = code
		out["access_token"], out["token_type"], out["scope"] = token, "bearer", strings.Join(code.scopes, ",")
	}
	return out
}

// signedIn finds whose token a call has, if it has the scope.
func (s *Server) signedIn(c *call, scope string) (Account, answer, bool) {
	code := s.signing.tokens[bearer(c.Request)]
	switch {
	case code == nil:
		return Account{}, refuse(http.StatusUnauthorized, "Bad credentials"), false
	case !slices.Contains(code.scopes, scope):
		return Account{}, notFound(), false
	}
	return code.account, answer{}, true
}

func (s *Server) getAccount(c *call) answer {
	a, refusal, good := s.signedIn(c, "read:user")
	if !good {
		return refusal
	}
	return ok(object{"login": a.Login, "id": a.ID, "name": a.Name, "type": "User", "email": nil})
}

func (s *Server) listEmails(c *call) answer {
	a, refusal, good := s.signedIn(c, "user:email")
	if !good {
		return refusal
	}
	return ok(a.Emails)
}

func (s *Server) getMembership(c *call) answer {
	a, refusal, good := s.signedIn(c, "read:org")
	name := strings.ToLower(c.PathValue("org"))
	switch {
	case !good:
		return refusal
	case slices.Contains(a.Closed, name):
		return refuse(http.StatusForbidden, "Although you appear to have the correct authorization credentials, the organization has enabled OAuth App access restrictions.")
	case a.Organizations[name] == "":
		return notFound()
	}
	return ok(object{"state": a.Organizations[name], "role": "member", "organization": object{"login": name, "id": 1}, "user": s.showUser(a.Login)})
}
