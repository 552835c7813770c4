package api

import (
	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
)

type foundJSON struct {
	Projects  []projectJSON  `json:"projects"`
	Pipelines []pipelineJSON `json:"pipelines"`
	Builds    []buildJSON    `json:"builds"`
}

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
	return c.JSON(foundJSON{
		Projects: renderAll(found.Projects, renderProject), Pipelines: renderAll(found.Pipelines, renderPipeline),
		Builds: renderAll(found.Builds, a.renderBuild),
	})
}
