package web

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// A released program has no page of the components: it is not found, as any other address.
func TestComponentsAreShownInDevelopmentAlone(t *testing.T) {
	if answer, body := get(t, site(t, filled(), owner(), "http://127.0.0.1:8787"), "/_ui"); answer.StatusCode != http.StatusOK || !strings.Contains(body, "<h1>Components</h1>") {
		t.Errorf("in development: status %d", answer.StatusCode)
	}
	set, err := templates.New()
	if err != nil {
		t.Fatal(err)
	}
	p := New(Options{App: filled(), Templates: set, PublicURL: "http://127.0.0.1:8787", Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	a := fiber.New(fiber.Config{ErrorHandler: p.ErrorPage, DisableStartupMessage: true})
	a.Get("/_ui", func(c *fiber.Ctx) error { return p.UI(c, owner()) })
	answer, body := get(t, a, "/_ui")
	missing, other := get(t, site(t, filled(), core.Actor{}, "http://127.0.0.1:8787"), "/none")
	if answer.StatusCode != http.StatusNotFound || missing.StatusCode != http.StatusNotFound || body != other {
		t.Errorf("released: status %d, not as of an address that there is none of", answer.StatusCode)
	}
}
