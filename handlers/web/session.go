package web

import (
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// SignIn is GET /sign-in/:token: uses up a one-time link, keeps the session in a
// cookie and goes on to ?next= if that is a page of ours.
func (p *Pages) SignIn(c *fiber.Ctx) error {
	if c.Method() == fiber.MethodHead {
		return nil // previews and scanners look at links like this; they must not use one up
	}
	session, err := p.app.SignIn(c.UserContext(), p.visitor(c), param(c, "token"))
	if err != nil {
		return err
	}
	return p.signedIn(c, session, query(c, "next"), nil)
}

// SignOut is POST /logout.
func (p *Pages) SignOut(c *fiber.Ctx) error {
	if v := p.visitor(c); v.Session != "" {
		if err := p.app.SignOut(c.UserContext(), v, v.Session); err != nil {
			return err
		}
	}
	p.setSession(c, "", time.Unix(1, 0))
	return c.Redirect("/login", http.StatusSeeOther)
}

// visitor is who asks, as far as a request says that by itself.
func (p *Pages) visitor(c *fiber.Ctx) app.Visitor {
	return app.Visitor{
		Door: core.ViaWeb, Address: c.IP(), UserAgent: strings.Clone(c.Get(fiber.HeaderUserAgent)),
		Session: strings.Clone(c.Cookies(SessionCookie(p.publicURL))),
	}
}

// setSession sets the cookie. Lax keeps it out of other sites' posts and lets links
// from chat and mail arrive signed in.
func (p *Pages) setSession(c *fiber.Ctx, value string, expires time.Time) {
	c.Cookie(&fiber.Cookie{
		Name: SessionCookie(p.publicURL), Value: value, Path: "/", Expires: expires,
		HTTPOnly: true, Secure: secure(p.publicURL), SameSite: fiber.CookieSameSiteLaxMode,
	})
	c.Set(fiber.HeaderCacheControl, "no-store")
}

// localPath lets through paths of this server alone: "//host" and "/\host" are
// addresses of others to a browser, which also leaves out line feeds and tabs.
func localPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") ||
		strings.ContainsFunc(next, func(r rune) bool { return r == '\\' || unicode.IsControl(r) }) {
		return "/"
	}
	return next
}

// Static is GET /static/*: styles, scripts and icons. Their addresses carry a hash of
// their content, so a browser may keep them for good.
func (p *Pages) Static(c *fiber.Ctx) error {
	asset, immutable, ok := p.templates.Static(param(c, "*"))
	if !ok {
		return core.Errorf(core.KindNotFound, "Not found")
	}
	c.Set(fiber.HeaderContentType, asset.ContentType)
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderCacheControl, "no-cache")
	if immutable {
		c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
	}
	c.Vary(fiber.HeaderAcceptEncoding)
	if c.Request().Header.HasAcceptEncoding("gzip") {
		c.Set(fiber.HeaderContentEncoding, "gzip")
		return c.Send(asset.Gzip)
	}
	return c.Send(asset.Body)
}
