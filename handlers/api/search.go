package api

import (
	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
)

// Search answers GET /v1/search?q=.
func (a *API) Search(c *fiber.Ctx, actor core.Actor) error {
	text, err := queryText(c, "q")
	if err != nil {
		return err
	}
	found, err := a.app.Find(c.UserContext(), actor, text)
	if err != nil {
		return err
	}
	return c.JSON(fiber.Map{
		"projects": renderAll(found.Projects, renderProject), "pipelines": renderAll(found.Pipelines, renderPipeline),
		"builds": renderAll(found.Builds, a.renderBuild),
	})
}
