package handlers

import (
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/api"
)

// auth turns a request's credential into an actor and hands it to the handler as an
// argument. It decides nothing else: what an actor may do is the commands' matter.
type auth struct {
	app       commands
	cookie    string // name of the session cookie
	publicURL string
	version   string
}

type actorHandler = func(c *fiber.Ctx, actor core.Actor) error

// api lets in whoever has a good bearer token or session.
func (a *auth) api(h actorHandler) fiber.Handler { return a.via(core.ViaAPI, h) }

func (a *auth) via(door core.Door, h actorHandler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		actor, err := a.actor(c)
		if err != nil {
			return err
		}
		actor.Door, actor.Address = door, c.IP()
		c.Set("Oore-Version", a.version)
		return h(c, actor)
	}
}

// page is api for people: who has not signed in is shown where to.
func (a *auth) page(h actorHandler) fiber.Handler {
	serve := a.via(core.ViaWeb, h)
	return func(c *fiber.Ctx) error {
		err := serve(c)
		if _, bearer := api.BearerToken(c); bearer || core.KindOf(err) != core.KindUnauthorized {
			return err
		}
		if c.Method() != fiber.MethodGet && c.Method() != fiber.MethodHead {
			return c.Redirect("/login?unsent=1", fiber.StatusSeeOther) // nobody must think that it was done
		}
		return c.Redirect("/login"+next(c), fiber.StatusSeeOther)
	}
}

// guest lets in everybody, those without a good credential as the zero actor.
func (a *auth) guest(h actorHandler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		actor, err := a.actor(c)
		if core.KindOf(err) == core.KindUnauthorized {
			actor = core.Actor{}
		} else if err != nil {
			return err
		}
		actor.Door, actor.Address = core.ViaWeb, c.IP()
		return h(c, actor)
	}
}

// next is the query that brings a reader back to the page after signing in. The
// path is taken from the router, so it is always one of ours.
func next(c *fiber.Ctx) string {
	if c.Method() != fiber.MethodGet || c.Path() == "/" {
		return ""
	}
	target := c.Path()
	if query := c.Request().URI().QueryString(); len(query) > 0 {
		target += "?" + string(query)
	}
	return "?next=" + url.QueryEscape(target)
}

// stream is api that takes a stream token in the address too: an EventSource on
// another origin can send neither header nor cookie.
func (a *auth) stream(h actorHandler) fiber.Handler {
	other := a.api(h)
	return func(c *fiber.Ctx) error {
		token := c.Query("token")
		if _, bearer := api.BearerToken(c); bearer || token == "" {
			return other(c)
		}
		actor, err := a.app.AuthenticateStream(c.UserContext(), token)
		if err != nil {
			return err
		}
		actor.Door, actor.Address = core.ViaAPI, c.IP()
		return h(c, actor)
	}
}

// runner lets in the runner that the path names, by its own token, and nobody else.
func (a *auth) runner(h func(c *fiber.Ctx, r core.Runner) error) fiber.Handler {
	return func(c *fiber.Ctx) error {
		secret, ok := api.BearerToken(c)
		if !ok || secret == "" {
			return missingAuth()
		}
		r, err := a.app.AuthenticateRunner(c.UserContext(), app.Visitor{Door: core.ViaAPI, Address: c.IP()}, secret)
		if err != nil {
			return err
		}
		if id := c.Params("id", r.ID); !strings.EqualFold(id, r.ID) {
			return core.Errorf(core.KindNotFound, "Runner not found")
		}
		c.Set("Oore-Version", a.version)
		return h(c, r)
	}
}

// logout answers POST /v1/auth/logout: it ends the session that asks.
func (a *auth) logout(c *fiber.Ctx) error {
	secret, err := a.secret(c)
	if err != nil {
		return err
	}
	if err := a.app.SignOut(c.UserContext(), app.Visitor{Door: core.ViaAPI, Address: c.IP()}, secret); err != nil {
		return err
	}
	c.Cookie(&fiber.Cookie{
		Name: a.cookie, Path: "/", Expires: time.Unix(0, 0), Secure: strings.HasPrefix(a.publicURL, "https://"),
		HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode,
	})
	return c.JSON(fiber.Map{"ok": true})
}

func (a *auth) actor(c *fiber.Ctx) (core.Actor, error) {
	secret, err := a.secret(c)
	if err != nil {
		return core.Actor{}, err
	}
	return a.app.Authenticate(c.UserContext(), secret)
}

// secret finds the credential: the bearer token, and only without one the cookie.
func (a *auth) secret(c *fiber.Ctx) (string, error) {
	if secret, ok := api.BearerToken(c); ok && secret != "" {
		return secret, nil
	} else if ok {
		return "", missingAuth()
	}
	secret := c.Cookies(a.cookie)
	if secret == "" {
		return "", missingAuth()
	}
	return secret, a.checkOrigin(c)
}

// credential is what the request shows of itself, good or not; empty: nothing.
func (a *auth) credential(c *fiber.Ctx) string {
	if secret, ok := api.BearerToken(c); ok {
		return secret
	}
	return c.Cookies(a.cookie)
}

func missingAuth() error {
	return core.Codef(core.KindUnauthorized, core.CodeMissingAuth, "Sign in, or send a token in the header Authorization: Bearer <token>")
}

// sameOrigin guards a route that reads the cookie itself.
func (a *auth) sameOrigin(h fiber.Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if err := a.checkOrigin(c); err != nil {
			return err
		}
		return h(c)
	}
}

// checkOrigin refuses a change that another site makes a browser ask for with the
// reader's cookie. Sec-Fetch-Site is the browser's own word; where it sends none,
// Origin must be ours.
func (a *auth) checkOrigin(c *fiber.Ctx) error {
	switch c.Method() {
	case fiber.MethodGet, fiber.MethodHead, fiber.MethodOptions:
		return nil
	}
	switch c.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return nil
	case "":
		if a.ownOrigin(c, c.Get(fiber.HeaderOrigin)) {
			return nil
		}
	}
	return core.Errorf(core.KindForbidden, "This request came from another site; open the page on this server and try again, or use a bearer token")
}

func (a *auth) ownOrigin(c *fiber.Ctx, origin string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false
	}
	if secure := string(c.Request().URI().Scheme()) == "https"; secure && u.Scheme != "https" {
		return false
	}
	if strings.EqualFold(u.Host, string(c.Context().Host())) {
		return true
	}
	public, err := url.Parse(a.publicURL)
	return err == nil && strings.EqualFold(u.Scheme, public.Scheme) && strings.EqualFold(u.Host, public.Host)
}
