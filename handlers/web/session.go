package web

import (
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// LoginPage is GET /login: how to get a sign-in link.
func (p *Pages) LoginPage(c *fiber.Ctx) error { return p.login(c, http.StatusOK, nil) }

func (p *Pages) login(c *fiber.Ctx, status int, alert *templates.Alert) error {
	v := templates.LoginView{Page: templates.Page{Title: "Sign in", Bare: true, Alert: alert, Now: time.Now()}}
	return p.send(c, status, func(w io.Writer) error { return p.templates.Login(w, v) })
}

// SignIn is GET /sign-in/:token: uses up a one-time link, keeps the session in a
// cookie and goes on to ?next= if that is a page of ours.
func (p *Pages) SignIn(c *fiber.Ctx) error {
	if c.Method() == fiber.MethodHead {
		return nil // previews and scanners look at links like this; they must not use one up
	}
	session, expires, err := p.app.SignIn(c.UserContext(), param(c, "token"))
	if err != nil {
		return err
	}
	p.setSession(c, session, expires)
	return c.Redirect(localPath(query(c, "next")), http.StatusSeeOther)
}

// SignOut is POST /logout.
func (p *Pages) SignOut(c *fiber.Ctx) error {
	if session := c.Cookies(SessionCookie(p.publicURL)); session != "" {
		if err := p.app.SignOut(c.UserContext(), strings.Clone(session)); err != nil {
			return err
		}
	}
	p.setSession(c, "", time.Unix(1, 0))
	return c.Redirect("/login", http.StatusSeeOther)
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
// addresses of others to a browser.
func localPath(next string) string {
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
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
