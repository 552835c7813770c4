package api

import (
	"errors"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
)

type problemJSON struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

type validateBody struct {
	Content *string `json:"content"`
}

type validationJSON struct {
	Valid    bool          `json:"valid"`
	Problems []problemJSON `json:"problems"`
	Steps    []string      `json:"steps"`
	Notes    []string      `json:"notes"`
}

// ValidateWorkflow answers POST /v1/pipelines/validate: every problem of a `.oore.yaml`
// with its place, or the steps that it comes to.
func (a *API) ValidateWorkflow(c *fiber.Ctx, actor core.Actor) error {
	if err := core.Allow(actor, core.ActRead, nil); err != nil {
		return err
	}
	var in validateBody
	if err := body(c, &in); err != nil {
		return err
	}
	if in.Content == nil {
		return invalid("content: give the text of the .oore.yaml")
	}
	plan, problems := checkWorkflow(*in.Content)
	steps := []string{}
	for _, s := range plan.Steps {
		steps = append(steps, s.Name)
	}
	return c.JSON(validationJSON{Valid: len(problems) == 0, Problems: problems, Steps: steps, Notes: orEmpty(plan.Notes)})
}

func checkWorkflow(content string) (core.Plan, []problemJSON) {
	problems := []problemJSON{}
	file, err := core.ParseWorkflow([]byte(content))
	var found *core.WorkflowError
	if errors.As(err, &found) {
		for _, p := range found.Problems {
			problems = append(problems, problemJSON(p))
		}
		return core.Plan{}, problems
	}
	plan, err := core.ResolveConfig(core.Pipeline{}, file)
	if err != nil {
		problems = append(problems, problemJSON{Line: 1, Column: 1, Message: err.Error()})
	}
	return plan, problems
}
