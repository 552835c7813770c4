package web

import (
	"path"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"github.com/oore-ci/oore/templates"
)

// QR is GET /i/:id/qr.svg and qr.png: the address of an install page as an image. For an
// artifact's id everybody gets one, whether there is such an artifact or not: it says
// nothing but the address, and a forge loads it to show it in a comment. For a secret the
// link must be good.
func (p *Pages) QR(c *fiber.Ctx) error {
	id := param(c, "id")
	caching := "public, max-age=86400"
	if len(id) != 36 || uuid.Validate(id) != nil {
		if _, err := p.app.FindShared(c.UserContext(), id); err != nil {
			return err
		}
		caching = "no-store"
	}
	draw, contentType := templates.QRSVG, "image/svg+xml"
	if path.Ext(c.Path()) == ".png" {
		draw, contentType = templates.QRPNG, "image/png"
	}
	image, err := draw(p.installURL(id))
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, contentType)
	c.Set(fiber.HeaderCacheControl, caching)
	c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'none'")
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set("Cross-Origin-Resource-Policy", "cross-origin")
	return c.Send(image)
}
