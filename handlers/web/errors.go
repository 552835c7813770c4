package web

import (
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// StatusOf is the one table from kinds to HTTP, for pages and API alike.
func StatusOf(kind core.Kind) int {
	switch kind {
	case core.KindInvalid:
		return http.StatusBadRequest
	case core.KindUnauthorized:
		return http.StatusUnauthorized
	case core.KindForbidden:
		return http.StatusForbidden
	case core.KindNotFound:
		return http.StatusNotFound
	case core.KindConflict:
		return http.StatusConflict
	case core.KindGone:
		return http.StatusGone
	case core.KindTooLarge:
		return http.StatusRequestEntityTooLarge
	case core.KindLimited:
		return http.StatusTooManyRequests
	case core.KindUnavailable:
		return http.StatusServiceUnavailable
	case core.KindInternal:
	}
	return http.StatusInternalServerError
}

// ErrorPage answers an error as a page: the sign-in page for those we do not know,
// one and the same text for what is missing and what may not be seen, and a
// reference into the log for our own faults, which say nothing else.
func (p *Pages) ErrorPage(c *fiber.Ctx, err error) error {
	e, status := asError(err)
	if e.Kind == core.KindUnauthorized {
		return p.login(c, status, &templates.Alert{State: "queued", Text: e.Message}, templates.LoginView{})
	}
	heading, text := "That does not work", e.Message
	v := templates.ErrorView{Page: templates.Page{Look: look(c), Now: time.Now()}, RetryIn: e.RetryAfter}
	switch e.Kind {
	case core.KindNotFound:
		heading, text, v.Find = "Not found", "There is nothing at this address, or it is not yours to see.", true
	case core.KindForbidden:
		heading = "Not allowed"
	case core.KindUnavailable:
		heading = "Not available now"
	case core.KindInternal:
		heading, text = "Something failed on our side", "It is not your doing. Trying again may help."
		v.Reference = rand.Text()
		// The route, for a path may be a secret.
		p.log.Error("page failed", "reference", v.Reference, "method", c.Method(), "route", c.Route().Path, "error", err)
	case core.KindTooLarge:
		heading = "Too large"
	case core.KindLimited:
		heading = "Too often"
	case core.KindGone:
		heading = "Gone"
	case core.KindInvalid, core.KindUnauthorized, core.KindConflict:
	}
	v.Title, v.Heading, v.Text = heading, heading, text
	return p.send(c, status, func(w io.Writer) error { return p.templates.Error(w, v) })
}

// asError reads the errors of the house and those of the router.
func asError(err error) (*core.Error, int) {
	var e *core.Error
	if errors.As(err, &e) {
		return e, StatusOf(e.Kind)
	}
	var f *fiber.Error
	if errors.As(err, &f) && f.Code < http.StatusInternalServerError {
		kind := core.KindInvalid
		switch f.Code {
		case http.StatusNotFound, http.StatusMethodNotAllowed:
			kind = core.KindNotFound
		case http.StatusRequestEntityTooLarge:
			kind = core.KindTooLarge
		}
		return core.Errorf(kind, "%s", f.Message), f.Code
	}
	return core.Errorf(core.KindInternal, "internal error"), http.StatusInternalServerError
}
