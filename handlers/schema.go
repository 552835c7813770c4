package handlers

import (
	"crypto/sha256"
	"fmt"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
)

// workflowSchema answers GET /schema/oore.yaml.json: what editors check a `.oore.yaml`
// by.
func workflowSchema() fiber.Handler {
	return document([]byte(core.WorkflowSchema()))
}

// document answers with a file of JSON that is the same for everybody, also for pages of
// other origins.
func document(body []byte) fiber.Handler {
	tag := fmt.Sprintf(`"%.16x"`, sha256.Sum256(body))
	return func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderCacheControl, "public, max-age=3600")
		c.Set(fiber.HeaderETag, tag)
		c.Set(fiber.HeaderAccessControlAllowOrigin, "*")
		if c.Get(fiber.HeaderIfNoneMatch) == tag {
			return c.SendStatus(fiber.StatusNotModified)
		}
		c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSONCharsetUTF8)
		return c.Send(body)
	}
}
