package handlers

import (
	"crypto/rand"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
)

const requestIDHeader = "X-Request-Id"

// nameRequests gives each request an id, for its answer and for what the log says of it.
// The asker's own is taken if it looks like one.
func nameRequests(log *slog.Logger) fiber.Handler {
	ours := regexp.MustCompile(`^[A-Za-z0-9_.-]{8,64}$`)
	return func(c *fiber.Ctx) error {
		id := strings.Clone(c.Get(requestIDHeader))
		if !ours.MatchString(id) {
			id = rand.Text()
		}
		c.Set(requestIDHeader, id)
		c.SetUserContext(core.NameRequest(c.UserContext(), id))
		start := time.Now()
		err := c.Next()
		// The route, for a path may be a secret.
		log.Debug("request", "request", id, "from", c.IP(), "method", c.Method(), "route", c.Route().Path, "status", c.Response().StatusCode(), "took", time.Since(start))
		return err
	}
}

// requestID is the id of the request; one that was never read has none before.
func requestID(c *fiber.Ctx) string {
	if id := c.Response().Header.Peek(requestIDHeader); len(id) > 0 {
		return string(id)
	}
	id := rand.Text()
	c.Set(requestIDHeader, id)
	return id
}
