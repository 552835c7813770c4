package githubtest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
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

// App is a GitHub App of the double. Its fields may be changed before it is used.
type App struct {
	AppID         int64
	Slug          string // its bot user is Slug[bot]
	Name          string
	PrivateKeyPEM []byte
	WebhookSecret string
	ClientID      string
	ClientSecret  string

	server      *Server
	key         *rsa.PrivateKey
	permissions map[string]string
	events      []string
}

// newApp makes an App with all that Oore asks for. It is not one of the server's yet.
func (s *Server) newApp(id int64, slug, webhookSecret string) (*App, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("make the App's key: %w", err)
	}
	return &App{
		AppID: id, Slug: slug, Name: slug, WebhookSecret: webhookSecret, ClientID: "Iv1." + rand.Text()[:16], ClientSecret: rand.Text(),
		PrivateKeyPEM: pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}),
		server:        s, key: key,
		permissions: map[string]string{
			"metadata": "read", "contents": "read", "statuses": "write", "pull_requests": "write", "issues": "write", "checks": "write",
			"merge_queues": "read",
		},
		events: []string{
			"push", "pull_request", "issue_comment", "pull_request_review", "merge_group", "check_run", "check_suite", "repository",
		},
	}, nil
}

// AddApp makes another App, with a webhook secret of its own.
func (s *Server) AddApp(tb TB, slug string) *App {
	tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	app, err := s.newApp(s.nextID(), slug, "webhook-secret-of-"+slug)
	if err != nil {
		tb.Fatalf("%v", err)
		return nil
	}
	s.apps = append(s.apps, app)
	return app
}

// Apps lists all Apps, in the order in which they were made.
func (s *Server) Apps() []*App {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.apps)
}

// Install installs the App on an account, for all repositories there, and returns the
// installation's id.
func (a *App) Install(account string) int64 {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	return a.installationOf(account)
}

type installation struct {
	id          int64
	app         *App
	account     string
	suspended   bool
	permissions map[string]string
	events      []string
	budget      *budget
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

// SetEvents changes which events an installation sends.
func (s *Server) SetEvents(installationID int64, events ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.installations[installationID].events = events
}

// SetPermission changes what an installation has been granted: "read", "write", or
// "" for nothing. Tokens minted before keep what they had.
func (s *Server) SetPermission(installationID int64, name, level string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.installations[installationID].permissions[name] = level
}

func bearer(r *http.Request) string {
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") && !strings.EqualFold(scheme, "token") {
		return ""
	}
	return value
}

// asApp finds the App that the JWT names, and checks it as GitHub does.
func (s *Server) asApp(c *call) (*App, answer) {
	var claims jwt.RegisteredClaims
	var app *App
	unknown := false
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithoutClaimsValidation())
	_, err := parser.ParseWithClaims(bearer(c.Request), &claims, func(*jwt.Token) (any, error) {
		i := slices.IndexFunc(s.apps, func(a *App) bool { return strconv.FormatInt(a.AppID, 10) == claims.Issuer })
		if unknown = i < 0; unknown {
			return nil, errors.New("no such App")
		}
		app = s.apps[i]
		return &app.key.PublicKey, nil
	})
	now := time.Now()
	switch {
	case unknown:
		return nil, refuse(http.StatusNotFound, "Integration not found")
	case err != nil:
		return nil, refuse(http.StatusUnauthorized, "A JSON web token could not be decoded")
	case claims.IssuedAt == nil || claims.IssuedAt.After(now.Add(clockSkew)):
		return nil, refuse(http.StatusUnauthorized, "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued")
	case claims.ExpiresAt == nil || claims.ExpiresAt.Before(now):
		return nil, refuse(http.StatusUnauthorized, "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires")
	case claims.ExpiresAt.Sub(claims.IssuedAt.Time) > maxJWTLife:
		return nil, refuse(http.StatusUnauthorized, "'Expiration time' claim ('exp') is too far in the future")
	}
	return app, answer{}
}

func (s *Server) getApp(c *call) answer {
	app, a := s.asApp(c)
	if app == nil {
		return a
	}
	return ok(app.show())
}

func (a *App) show() object {
	return object{
		"id": a.AppID, "slug": a.Slug, "name": a.Name, "client_id": a.ClientID, "external_url": "https://oore.example.com",
		"html_url": a.server.URL() + "/github-apps/" + a.Slug, "permissions": a.permissions, "events": a.events,
	}
}

func (s *Server) getInstallation(c *call) answer {
	app, a := s.asApp(c)
	if app == nil {
		return a
	}
	r := s.repositories[fullName(c)]
	if r == nil {
		return notFound()
	}
	for _, in := range s.installations {
		if in.app == app && in.sees(r) {
			return ok(in.show())
		}
	}
	return notFound()
}

// sees tells whether the installation's account owns the repository.
func (in *installation) sees(r *repository) bool {
	owner, _, _ := strings.Cut(r.FullName, "/")
	return strings.EqualFold(owner, in.account)
}
