package handlers

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/api"
	"github.com/oore-ci/oore/handlers/web"
)

// unknownPause is what a limited caller is told to wait when nobody knows better.
const unknownPause = time.Minute

// errorHandler answers every error, ours and fiber's, in the published envelope or,
// for pages, as a page.
type errorHandler struct {
	pages     *web.Pages
	publicURL string
	log       *slog.Logger
}

func (h *errorHandler) handle(c *fiber.Ctx, err error) error {
	setSecurityHeaders(c, h.publicURL) // an answer to an unreadable request has passed no middleware
	id := requestID(c)
	code, shown := publish(c, err)
	if code == http.StatusUnauthorized {
		c.Set(fiber.HeaderWWWAuthenticate, "Bearer")
	}
	if pause := retryAfter(shown); pause > 0 {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(int(math.Ceil(pause.Seconds()))))
	}
	if shown.Kind == core.KindUnavailable {
		h.log.Warn("request not served", "request", id, "method", c.Method(), "route", c.Route().Path, "error", err)
	}
	if wantsPage(c) {
		return h.sendPage(c, code, shown, err)
	}
	if shown.Kind == core.KindInternal {
		h.log.Error("request failed", "request", id, "shown", shown.Message, "method", c.Method(), "route", c.Route().Path, "error", err)
	}
	return c.Status(code).JSON(api.ErrorJSON{Error: shown.Message, Code: shown.Code, Details: shown.Details})
}

// sendPage leaves the wording of our own faults, and their note in the log, to the
// page.
func (h *errorHandler) sendPage(c *fiber.Ctx, code int, shown *core.Error, err error) error {
	var page error = shown
	if shown.Kind == core.KindInternal {
		page = err
	}
	err = h.pages.ErrorPage(c, page)
	c.Status(code)
	return err
}

// publish decides what of an error may be seen.
func publish(c *fiber.Ctx, err error) (int, *core.Error) {
	var fromFiber *fiber.Error
	if errors.As(err, &fromFiber) && fromFiber.Code < http.StatusInternalServerError {
		return fromFiber.Code, publicFiberError(c, fromFiber.Code)
	}
	if errors.Is(err, fiber.ErrBadGateway) { // fiber's word for a sender who broke off
		return http.StatusBadRequest, publicFiberError(c, http.StatusBadRequest)
	}
	var ours *core.Error
	if errors.As(err, &ours) && ours.Kind != core.KindInternal {
		return web.StatusOf(ours.Kind), ours
	}
	return http.StatusInternalServerError, core.Errorf(core.KindInternal, "Something failed on our side (ref %s)", rand.Text()[:8])
}

// publicFiberError words the errors that fiber and the HTTP parser make; their own
// messages may repeat the request.
func publicFiberError(c *fiber.Ctx, code int) *core.Error {
	switch code {
	case http.StatusNotFound:
		return core.Errorf(core.KindNotFound, "There is nothing at this address")
	case http.StatusMethodNotAllowed:
		return core.Codef(core.KindInvalid, "method_not_allowed", "This address does not take %s", c.Method())
	case http.StatusRequestEntityTooLarge:
		lingerTooLarge(c)
		return core.Errorf(core.KindTooLarge, "The request's body is larger than this address takes")
	case http.StatusUnsupportedMediaType:
		return core.Errorf(core.KindInvalid, "Send the body as it is: Content-Encoding is not taken")
	case http.StatusRequestTimeout:
		return core.Codef(core.KindInvalid, "timeout", "The request took too long to arrive")
	}
	return core.Errorf(core.KindInvalid, "The request is not valid HTTP: %s", http.StatusText(code))
}

func retryAfter(e *core.Error) time.Duration {
	if e.Kind == core.KindLimited && e.RetryAfter <= 0 {
		return unknownPause
	}
	if e.Kind == core.KindLimited || e.Kind == core.KindUnavailable {
		return e.RetryAfter
	}
	return 0
}

// wantsPage tells whether a person with a browser asks, at an address for people.
func wantsPage(c *fiber.Ctx) bool {
	path := c.Path()
	if path == "/v1" || strings.HasPrefix(path, "/v1/") || path == "/healthz" || path == "/metrics" || path == "/readyz" {
		return false
	}
	return strings.Contains(c.Get(fiber.HeaderAccept), fiber.MIMETextHTML)
}

// recoverPanic turns a panic into an error, with its stack for the log.
func recoverPanic(c *fiber.Ctx) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return c.Next()
}
