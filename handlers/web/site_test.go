package web

import (
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/api"
	"github.com/oore-ci/oore/templates"
)

func owner() core.Actor {
	return core.Actor{Kind: core.ActorUser, UserID: "u1", Name: "sam", Role: core.RoleOwner}
}

// onePixel stands for the icons that the API's handlers send.
func onePixel() []byte {
	return []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00\x3a\x7e\x9b\x55\x00\x00\x00\nIDATx\x9cc`\x00\x00\x00\x02\x00\x01H\xaf\xa4q\x00\x00\x00\x00IEND\xaeB`\x82")
}

// site mounts every page as handlers.New does, signed in as the actor.
func site(t testing.TB, commands Commands, actor core.Actor, publicURL string) *fiber.App {
	t.Helper()
	return siteWith(t, commands, actor, publicURL, nil)
}

// siteWith is site with a door before its pages, if it is not nil.
func siteWith(t testing.TB, commands Commands, actor core.Actor, publicURL string, l *live) *fiber.App {
	t.Helper()
	set, err := templates.New()
	if err != nil {
		t.Fatal(err)
	}
	p := New(Options{App: commands, Templates: set, PublicURL: publicURL, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Development: true})
	a := fiber.New(fiber.Config{ErrorHandler: p.ErrorPage, DisableStartupMessage: true})
	if l != nil {
		p.stop, l.pages = l.stop, p
		p.timing.reread, p.timing.heartbeat = 100*time.Millisecond, 200*time.Millisecond // a reader that has gone shows only when written to
		a.Use(l.door)
		a.Get("/v1/builds/:id/logs/search", l.search)
	}
	as := func(h func(*fiber.Ctx, core.Actor) error) fiber.Handler {
		return func(c *fiber.Ctx) error { return h(c, actor) }
	}
	a.Use(func(c *fiber.Ctx) error {
		err := c.Next()
		c.Set("Test-Route", c.Route().Path)
		return err
	})
	icon := func(c *fiber.Ctx) error { return c.Type("png").Send(onePixel()) }
	a.Get("/artifacts/:id/icon", icon)
	a.Get("/i/:secret/icon", icon)
	a.Get("/docs/api", p.Reference(api.Description(publicURL, SessionCookie(publicURL))))
	p.Mount(a, Doors{Page: as, Guest: as, SameOrigin: func(h fiber.Handler) fiber.Handler { return h }})
	return a
}
