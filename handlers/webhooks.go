package handlers

import (
	"context"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"

	"github.com/oore-ci/oore/app/core"
)

// webhook mounts a provider's door, which is a plain http.Handler; nil: nobody has
// set the provider up, and missing says so.
func webhook(door http.Handler, missing string) fiber.Handler {
	if door == nil {
		return func(*fiber.Ctx) error {
			return core.Codef(core.KindNotFound, "not_configured", "%s", missing)
		}
	}
	return func(c *fiber.Ctx) error {
		ctx := core.NameRequest(context.Background(), requestID(c))
		return adaptor.HTTPHandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			door.ServeHTTP(w, detached(ctx, r))
		})(c)
	}
}

// detached returns a request with the context, whose strings may outlive it. Those that
// fiber's adaptor makes are views of a buffer that the next request overwrites, and the
// context that it makes is recycled likewise. The body is read within the request.
func detached(ctx context.Context, r *http.Request) *http.Request {
	out := r.WithContext(ctx)
	out.Method, out.Proto, out.Host = strings.Clone(r.Method), strings.Clone(r.Proto), strings.Clone(r.Host)
	out.RequestURI = strings.Clone(r.RequestURI)
	if u, err := r.URL.Parse(out.RequestURI); err == nil {
		out.URL = u
	}
	out.Header = make(http.Header, len(r.Header))
	for name, values := range r.Header {
		for _, value := range values {
			out.Header.Add(strings.Clone(name), strings.Clone(value))
		}
	}
	return out
}
