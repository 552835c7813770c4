package api

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// newSessionJSON is a session that has just begun; its secret is in this answer alone.
type newSessionJSON struct {
	Token     string   `json:"session_token"` // a bearer token
	ExpiresAt int64    `json:"expires_at"`    // at the latest
	User      userJSON `json:"user"`
}

func renderNewSession(s app.NewSession) newSessionJSON {
	return newSessionJSON{s.Secret, s.Expires.Unix(), renderUser(s.User)}
}

// visitor is who asks, as far as a request says that by itself. A cookie is no matter of
// the API's sessions.
func visitor(c *fiber.Ctx) app.Visitor {
	return app.Visitor{Door: core.ViaAPI, Address: c.IP(), UserAgent: strings.Clone(c.Get(fiber.HeaderUserAgent))}
}

type signInBody struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

// SignInWithPassword answers POST /v1/auth/local/login.
func (a *API) SignInWithPassword(c *fiber.Ctx) error {
	var in signInBody
	if err := body(c, &in); err != nil {
		return err
	}
	s, err := a.app.SignInWithPassword(c.UserContext(), visitor(c), in.Email, in.Password)
	if err != nil {
		return err
	}
	return c.JSON(renderNewSession(s))
}

type passwordBody struct {
	Current string `json:"current_password"`
	New     string `json:"new_password"`
}

// SetPassword answers PUT /v1/users/me/password. The session that asks ends with all
// others; the answer has the new one.
func (a *API) SetPassword(c *fiber.Ctx, actor core.Actor) error {
	var in passwordBody
	if err := body(c, &in); err != nil {
		return err
	}
	s, err := a.app.SetPassword(c.UserContext(), actor, visitor(c), app.SetPassword(in))
	if err != nil {
		return err
	}
	return c.JSON(renderNewSession(s))
}

type identityJSON struct {
	Provider   string `json:"provider"`
	Subject    string `json:"subject"`
	Login      string `json:"login,omitempty"`
	CreatedAt  int64  `json:"created_at"`
	LastUsedAt *int64 `json:"last_used_at,omitempty"`
}

// ListIdentities answers GET /v1/users/me/identities: the accounts elsewhere that sign
// the asker in.
func (a *API) ListIdentities(c *fiber.Ctx, actor core.Actor) error {
	p, err := page(c)
	if err != nil {
		return err
	}
	all, err := a.app.ListIdentities(c.UserContext(), actor)
	if err != nil {
		return err
	}
	return list(c, "identities", renderAll(window(all, p), func(i core.Identity) identityJSON {
		return identityJSON{Provider: i.Provider, Subject: i.Subject, Login: i.Login, CreatedAt: i.CreatedAt.Unix(), LastUsedAt: unix(i.LastUsedAt)}
	}), len(all))
}

// DisconnectIdentity answers DELETE /v1/users/me/identities?provider=&subject=.
func (a *API) DisconnectIdentity(c *fiber.Ctx, actor core.Actor) error {
	provider, err := queryText(c, "provider")
	if err != nil {
		return err
	}
	subject, err := queryText(c, "subject")
	if err != nil {
		return err
	}
	return noContent(c, a.app.DisconnectIdentity(c.UserContext(), actor, provider, subject))
}
