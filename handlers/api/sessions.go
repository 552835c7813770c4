package api

import (
	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
)

type sessionJSON struct {
	ID         string `json:"id"`
	UserID     string `json:"user_id"`
	Address    string `json:"address,omitempty"`
	UserAgent  string `json:"user_agent,omitempty"`
	Current    bool   `json:"current"` // it is the one that asks
	CreatedAt  int64  `json:"created_at"`
	LastUsedAt *int64 `json:"last_used_at,omitempty"`
	ExpiresAt  *int64 `json:"expires_at,omitempty"` // at the latest
}

// ListSessions answers GET /v1/sessions?user_id=.
func (a *API) ListSessions(c *fiber.Ctx, actor core.Actor) error {
	p, err := page(c)
	if err != nil {
		return err
	}
	user, err := optionalID(c.Query("user_id"), "User")
	if err != nil {
		return err
	}
	sessions, err := a.app.ListSessions(c.UserContext(), actor, user)
	if err != nil {
		return err
	}
	return list(c, "sessions", renderAll(window(sessions, p), func(s core.Credential) sessionJSON {
		return sessionJSON{
			ID: s.ID, UserID: s.UserID, Address: s.Address, UserAgent: s.UserAgent, Current: s.ID == actor.CredentialID,
			CreatedAt: s.CreatedAt.Unix(), LastUsedAt: unix(s.LastUsedAt), ExpiresAt: unix(s.ExpiresAt),
		}
	}), len(sessions))
}

// DeleteSession answers DELETE /v1/sessions/{id}.
func (a *API) DeleteSession(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "Session")
	if err != nil {
		return err
	}
	return noContent(c, a.app.DeleteSession(c.UserContext(), actor, id))
}
