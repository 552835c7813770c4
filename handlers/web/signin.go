package web

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// SignInCommands are those by which people come in.
type SignInCommands interface {
	SignIn(ctx context.Context, v app.Visitor, link string) (app.NewSession, error)
	SignOut(ctx context.Context, v app.Visitor, session string) error
	Passwords() bool
	SignInWithPassword(ctx context.Context, v app.Visitor, email, password string) (app.NewSession, error)
	SetPassword(ctx context.Context, actor core.Actor, v app.Visitor, in app.SetPassword) (app.NewSession, error)
	SignInByProxy(ctx context.Context, v app.Visitor, email string) (app.NewSession, error)
	SignInWays() []core.SignInWay
	Depart(ctx context.Context, v app.Visitor, way, next string) (app.Departure, error)
	DepartAgain(ctx context.Context, v app.Visitor, next string) (d app.Departure, ok bool, err error)
	DepartToConnect(ctx context.Context, actor core.Actor, way, next string) (app.Departure, error)
	Arrive(ctx context.Context, v app.Visitor, r app.Return) (app.Arrival, error)
	ListIdentities(ctx context.Context, actor core.Actor) ([]core.Identity, error)
	DisconnectIdentity(ctx context.Context, actor core.Actor, provider, subject string) error
}

// LoginPage is GET /login: the ways in that this server has. Whose session is only to be
// vouched for again is sent where that is done, and comes back with a new one, but for who
// has sent a form, which would be lost without a word.
func (p *Pages) LoginPage(c *fiber.Ctx) error {
	if query(c, "unsent") != "" {
		alert := &templates.Alert{State: "failed", Text: "What you sent was not done, since you are no longer signed in. Sign in, and send it again."}
		return p.login(c, http.StatusOK, alert, templates.LoginView{})
	}
	if navigates(c) {
		d, ok, err := p.app.DepartAgain(c.UserContext(), p.visitor(c), localPath(query(c, "next")))
		if err != nil {
			return p.loginAgain(c, err, query(c, "next"))
		}
		if ok {
			p.setSignInCookie(c, d.Browser, d.Expires)
			return c.Redirect(d.URL, http.StatusSeeOther)
		}
	}
	return p.login(c, http.StatusOK, nil, templates.LoginView{Next: query(c, "next")})
}

// navigates tells whether a person opens a page, and no script of one asks again and again.
// Browsers say so over https; else by what only they accept.
func navigates(c *fiber.Ctx) bool {
	if c.Method() != fiber.MethodGet {
		return false
	}
	if mode := c.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return strings.Contains(c.Get(fiber.HeaderAccept), "application/xhtml+xml")
}

func (p *Pages) login(c *fiber.Ctx, status int, alert *templates.Alert, v templates.LoginView) error {
	v.Page = templates.Page{Look: look(c), Title: "Sign in", Bare: true, Alert: alert, Now: time.Now()}
	if v.Next = localPath(v.Next); v.Next == "/" {
		v.Next = ""
	}
	v.Ways, v.Passwords = p.app.SignInWays(), p.app.Passwords()
	// A header that cannot be used is told of when somebody wants to come in by it.
	v.Proxy, _ = p.proxy.person(c)
	return p.send(c, status, func(w io.Writer) error { return p.templates.Login(w, v) })
}

// loginAgain shows the sign-in page with what went wrong. Our own faults are handed back.
func (p *Pages) loginAgain(c *fiber.Ctx, err error, next string) error {
	var e *core.Error
	if !errors.As(err, &e) || e.Kind == core.KindInternal {
		return err
	}
	if e.RetryAfter > 0 {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	v := templates.LoginView{Next: next, Email: form(c, "email")}
	return p.login(c, StatusOf(e.Kind), &templates.Alert{State: "failed", Text: e.Message}, v)
}

// signedIn answers whoever has come in, or was not let in.
func (p *Pages) signedIn(c *fiber.Ctx, s app.NewSession, next string, err error) error {
	if err != nil {
		return p.loginAgain(c, err, next)
	}
	p.setSession(c, s.Secret, s.Expires)
	if next = localPath(next); next == "/" && s.First && app.Introduced(s.User) { // the first owner has the first steps before them
		next = mePath + "?done=welcome"
	}
	return c.Redirect(next, http.StatusSeeOther)
}

// SignInWithPassword is POST /sign-in/password.
func (p *Pages) SignInWithPassword(c *fiber.Ctx) error {
	session, err := p.app.SignInWithPassword(c.UserContext(), p.visitor(c), form(c, "email"), exact(c, "password"))
	return p.signedIn(c, session, form(c, "next"), err)
}

// exact is form for what must not be trimmed, and never stands in an address.
func exact(c *fiber.Ctx, name string) string { return string(c.Request().PostArgs().Peek(name)) }

// Depart is POST /sign-in/:way: it sends the browser to a service that people sign in at.
func (p *Pages) Depart(c *fiber.Ctx) error {
	d, err := p.app.Depart(c.UserContext(), p.visitor(c), param(c, "way"), localPath(form(c, "next")))
	if err != nil {
		return p.loginAgain(c, err, form(c, "next"))
	}
	return p.depart(c, d, templates.Page{Look: look(c), Title: "Sign in", Bare: true, Now: time.Now()}, "/login")
}

// ConnectIdentity is POST /settings/me/connect/:way.
func (p *Pages) ConnectIdentity(c *fiber.Ctx, actor core.Actor) error {
	d, err := p.app.DepartToConnect(c.UserContext(), actor, param(c, "way"), mePath+"?done=connected")
	if err != nil {
		return p.meAfter(c, actor, "", err)
	}
	return p.depart(c, d, settingsPage(c, actor, "Connect an account", mePath, "/v1/users/me"), mePath)
}

// depart goes on by a page that leads away, and not by a redirect: of a form that was
// posted, that is forbidden by our policy, and the service may redirect to others in turn.
func (p *Pages) depart(c *fiber.Ctx, d app.Departure, page templates.Page, back string) error {
	p.setSignInCookie(c, d.Browser, d.Expires)
	v := templates.DepartView{Page: page, Name: d.Name, URL: d.URL, Back: back}
	return onlyNow(c, p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.Depart(w, v) }))
}

// Arrive is GET /sign-in/:way/callback, where the service sends the browser back.
func (p *Pages) Arrive(c *fiber.Ctx) error {
	if c.Method() == fiber.MethodHead {
		return nil
	}
	r := app.Return{
		Way: param(c, "way"), Browser: strings.Clone(c.Cookies(signInCookie(p.publicURL))),
		State: query(c, "state"), Code: query(c, "code"), Issuer: query(c, "iss"), Denied: query(c, "error"),
	}
	arrival, err := p.app.Arrive(c.UserContext(), p.visitor(c), r)
	if core.CodeOf(err) != core.CodeInvalidState { // else it may be of another tab, which is still away
		p.setSignInCookie(c, "", time.Unix(1, 0))
	}
	if err == nil && arrival.Connected {
		return c.Redirect(localPath(arrival.Next), http.StatusSeeOther)
	}
	return p.signedIn(c, arrival.NewSession, arrival.Next, err)
}

func signInCookie(publicURL string) string {
	if secure(publicURL) {
		return "__Host-oore-signin"
	}
	return "oore_signin"
}

func (p *Pages) setSignInCookie(c *fiber.Ctx, value string, expires time.Time) {
	c.Cookie(&fiber.Cookie{
		Name: signInCookie(p.publicURL), Value: value, Path: "/", Expires: expires,
		HTTPOnly: true, Secure: secure(p.publicURL), SameSite: fiber.CookieSameSiteLaxMode,
	})
	c.Set(fiber.HeaderCacheControl, "no-store")
}
