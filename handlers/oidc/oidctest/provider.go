// Package oidctest is an OpenID provider for tests. It checks what a provider checks
// (client, redirect address, PKCE, that a code is used once) and lies on demand.
package oidctest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v4"
)

// TB is the part of testing.TB that the provider needs.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Cleanup(f func())
}

// Claims are what a token says.
type Claims = map[string]any

// Provider is the double. Change its lies by Lie alone.
type Provider struct {
	ClientID, ClientSecret string

	http *httptest.Server

	mu      sync.Mutex
	person  Claims
	lies    Lies
	key     *rsa.PrivateKey
	keyID   string
	retired *rsa.PrivateKey // known no more
	codes   map[string]*grant
	tokens  map[string]*grant
	asked   map[string]int // requests, by path
}

// Lies are what the provider does wrong. The zero value: nothing.
type Lies struct {
	Claims   func(Claims) // changes the signed claims
	UserInfo func(Claims) // changes what is told beside them
	Sign     string       // none, HS256, public (HS256 with the public key), stolen (another key by our name)
	Answer   func(url.Values)
	Document func(Claims) // changes the discovery document
	NoToken  bool         // sends no id_token
	Silent   bool         // answers 503 to everything
	Reuse    bool         // takes a code more than once
	NotQuiet string       // the error that it answers who must ask the person nothing; empty: it knows the person
}

type grant struct {
	redirect, challenge, nonce string
	used                       bool
}

// New starts a provider whose person is ada@example.com, verified.
func New(tb TB) *Provider {
	tb.Helper()
	p := &Provider{
		ClientID: "oore", ClientSecret: "secret-of-the-client", codes: map[string]*grant{}, tokens: map[string]*grant{}, asked: map[string]int{},
		person: Claims{"sub": "248289761001", "email": "ada@example.com", "email_verified": true, "name": "Ada Lovelace", "preferred_username": "ada"},
	}
	p.RotateKey(tb)
	p.RotateKey(tb)
	p.http = httptest.NewUnstartedServer(http.HandlerFunc(p.serve)) // a client of another test may ask at once, at an address used before
	p.http.Start()
	tb.Cleanup(p.http.Close)
	return p
}

// URL is the issuer.
func (p *Provider) URL() string { return p.http.URL }

// Lie makes the provider do so from now on.
func (p *Provider) Lie(l Lies) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lies = l
}

// SetPerson says who signs in from now on.
func (p *Provider) SetPerson(c Claims) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.person = c
}

// RotateKey signs with a new key from now on, and knows the old one no more.
func (p *Provider) RotateKey(tb TB) {
	tb.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		tb.Fatalf("make a key: %v", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.retired, p.key, p.keyID = p.key, key, rand.Text()
}

// Asked counts the requests of a path.
func (p *Provider) Asked(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[path]
}

func (p *Provider) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked[r.URL.Path]++
	switch {
	case p.lies.Silent:
		http.Error(w, "down", http.StatusServiceUnavailable)
	case r.URL.Path == "/.well-known/openid-configuration":
		p.describe(w)
	case r.URL.Path == "/keys":
		p.showKeys(w)
	case r.URL.Path == "/authorize":
		p.authorize(w, r)
	case r.URL.Path == "/token":
		p.exchange(w, r)
	case r.URL.Path == "/userinfo":
		p.tell(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (p *Provider) describe(w http.ResponseWriter) {
	issuer := p.http.URL
	document := Claims{
		"issuer": issuer, "authorization_endpoint": issuer + "/authorize", "token_endpoint": issuer + "/token", "jwks_uri": issuer + "/keys",
		"userinfo_endpoint": issuer + "/userinfo", "id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"},
		"authorization_response_iss_parameter_supported": true,
	}
	if p.lies.Document != nil {
		p.lies.Document(document)
	}
	answer(w, http.StatusOK, document)
}

func (p *Provider) showKeys(w http.ResponseWriter) {
	answer(w, http.StatusOK, Claims{"keys": []Claims{{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": p.keyID,
		"n": base64.RawURLEncoding.EncodeToString(p.key.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(p.key.E)).Bytes()),
	}}})
}

// authorize is the page on which a person signs in; they do at once.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("client_id") != p.ClientID || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || q.Get("nonce") == "" {
		http.Error(w, "invalid_request", http.StatusBadRequest)
		return
	}
	if q.Get("prompt") == "none" && p.lies.NotQuiet != "" {
		back := url.Values{"error": {p.lies.NotQuiet}, "state": {q.Get("state")}, "iss": {p.http.URL}}
		http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
		return
	}
	code := rand.Text()
	p.codes[code] = &grant{redirect: q.Get("redirect_uri"), challenge: q.Get("code_challenge"), nonce: q.Get("nonce")}
	back := url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {p.http.URL}}
	if p.lies.Answer != nil {
		p.lies.Answer(back)
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

func (p *Provider) exchange(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	if id != p.ClientID || secret != p.ClientSecret {
		answer(w, http.StatusUnauthorized, Claims{"error": "invalid_client"})
		return
	}
	g := p.codes[r.PostFormValue("code")]
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if g == nil || g.used && !p.lies.Reuse || g.redirect != r.PostFormValue("redirect_uri") || g.challenge != base64.RawURLEncoding.EncodeToString(sum[:]) {
		answer(w, http.StatusBadRequest, Claims{"error": "invalid_grant"})
		return
	}
	g.used = true
	access := rand.Text()
	p.tokens[access] = g
	out := Claims{"access_token": access, "token_type": "Bearer", "expires_in": 300}
	if !p.lies.NoToken {
		out["id_token"] = p.sign(g)
	}
	answer(w, http.StatusOK, out)
}

func (p *Provider) sign(g *grant) string {
	c := jwt.MapClaims{"iss": p.http.URL, "aud": p.ClientID, "exp": time.Now().Add(5 * time.Minute).Unix(), "iat": time.Now().Unix(), "nonce": g.nonce}
	for name, value := range p.person {
		c[name] = value
	}
	if p.lies.Claims != nil {
		p.lies.Claims(Claims(c))
	}
	method, key := jwt.SigningMethod(jwt.SigningMethodRS256), any(p.key)
	switch p.lies.Sign {
	case "none":
		method, key = jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType
	case "HS256":
		method, key = jwt.SigningMethodHS256, []byte(p.ClientSecret)
	case "public":
		method, key = jwt.SigningMethodHS256, p.key.N.Bytes()
	case "stolen":
		key = p.retired
	}
	t := jwt.NewWithClaims(method, c)
	t.Header["kid"] = p.keyID
	signed, err := t.SignedString(key)
	if err != nil {
		return "unsigned: " + err.Error()
	}
	return signed
}

func (p *Provider) tell(w http.ResponseWriter, r *http.Request) {
	value := r.Header.Get("Authorization")
	if len(value) < 8 || p.tokens[value[len("Bearer "):]] == nil {
		answer(w, http.StatusUnauthorized, Claims{"error": "invalid_token"})
		return
	}
	c := Claims{}
	for name, v := range p.person {
		c[name] = v
	}
	if p.lies.UserInfo != nil {
		p.lies.UserInfo(c)
	}
	answer(w, http.StatusOK, c)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that has gone away is no matter of ours
}
