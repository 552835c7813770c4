package web

import (
	"io"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// UI is GET /_ui, the components that pages are made of, while the program is in development.
// A released one has no such page.
func (p *Pages) UI(c *fiber.Ctx, actor core.Actor) error {
	if !p.development {
		return core.Errorf(core.KindNotFound, "There is no page /_ui")
	}
	v := templates.Page{Look: look(c), Title: "Components", Actor: actor.Name, Now: time.Now()}
	return p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.UI(w, v) })
}
