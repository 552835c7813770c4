package web

import (
	"io"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/templates"
)

// Status is GET /status, for everybody: whether the server can do its work. Why not is at
// /readyz, for whoever may know.
func (p *Pages) Status(c *fiber.Ctx) error {
	v := templates.StatusView{Page: templates.Page{Look: look(c), Title: "Status", Bare: true, Now: time.Now()}}
	status := http.StatusOK
	if err := p.app.Ready(c.UserContext()); err != nil {
		status = http.StatusServiceUnavailable
		v.Trouble = "It cannot do its work now. Whoever runs it finds the cause in its log."
		p.log.Warn("status: not ready", "error", err)
	}
	return p.send(c, status, func(w io.Writer) error { return p.templates.Status(w, v) })
}
