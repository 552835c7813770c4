package handlers

import (
	"crypto/sha256"
	"fmt"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
)

// workflowSchema answers GET /schema/oore.yaml.json: what editors check a `.oore.yaml`
// by. It is everybody's, also from pages of other origins.
func workflowSchema() fiber.Handler {
	body := core.WorkflowSchema()
	tag := fmt.Sprintf(`"%.16x"`, sha256.Sum256([]byte(body)))
	return func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderCacheControl, "public, max-age=3600")
		c.Set(fiber.HeaderETag, tag)
		c.Set(fiber.HeaderAccessControlAllowOrigin, "*")
		if c.Get(fiber.HeaderIfNoneMatch) == tag {
			return c.SendStatus(fiber.StatusNotModified)
		}
		c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSONCharsetUTF8)
		return c.SendString(body)
	}
}
