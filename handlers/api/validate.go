package api

import (
	"errors"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

type problemJSON struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

type validateBody struct {
	Content    *string `json:"content"`
	ProjectID  string  `json:"project_id"`
	PipelineID string  `json:"pipeline_id"`
	Ref        string  `json:"ref"`
}

type validationJSON struct {
	Valid    bool          `json:"valid"`
	Problems []problemJSON `json:"problems"`
	Steps    []string      `json:"steps"`
	Notes    []string      `json:"notes"`
	Path     string        `json:"path,omitempty"` // of a repository's file, with its commit
	SHA      string        `json:"commit_sha,omitempty"`
}

// ValidateWorkflow answers POST /v1/pipelines/validate: every problem of a `.oore.yaml`
// with its place, or the steps that it comes to. The text is in the body, or that of a
// project's repository.
func (a *API) ValidateWorkflow(c *fiber.Ctx, actor core.Actor) error {
	if err := core.Allow(actor, core.ActRead, nil); err != nil {
		return err
	}
	var in validateBody
	if err := body(c, &in); err != nil {
		return err
	}
	if (in.Content == nil) == (in.ProjectID == "") {
		return invalid("content: give the text of the .oore.yaml, or project_id and ref to read it from the repository")
	}
	if in.Content != nil && in.PipelineID+in.Ref != "" {
		return invalid("ref, pipeline_id: they go with project_id")
	}
	var file app.WorkflowFile
	if in.Content == nil {
		var err error
		if file, err = a.workflowAt(c, actor, in); err != nil {
			return err
		}
		in.Content = &file.Text
	}
	plan, problems := checkWorkflow(*in.Content, file.Pipeline)
	steps := []string{}
	for _, s := range plan.Steps {
		steps = append(steps, s.Name)
	}
	return c.JSON(validationJSON{Valid: len(problems) == 0, Problems: problems, Steps: steps, Notes: orEmpty(plan.Notes), Path: file.Path, SHA: file.SHA})
}

func (a *API) workflowAt(c *fiber.Ctx, actor core.Actor, in validateBody) (app.WorkflowFile, error) {
	at := app.WorkflowAt{ProjectID: in.ProjectID, PipelineID: in.PipelineID, Ref: in.Ref}
	if _, err := parseID(at.ProjectID, "Project"); err != nil {
		return app.WorkflowFile{}, err
	}
	if at.PipelineID != "" {
		if _, err := parseID(at.PipelineID, "Pipeline"); err != nil {
			return app.WorkflowFile{}, err
		}
	}
	return a.app.ReadWorkflow(c.UserContext(), actor, at)
}

func checkWorkflow(content string, p core.Pipeline) (core.Plan, []problemJSON) {
	problems := []problemJSON{}
	file, err := core.ParseWorkflow([]byte(content))
	var found *core.WorkflowError
	if errors.As(err, &found) {
		for _, p := range found.Problems {
			problems = append(problems, problemJSON(p))
		}
		return core.Plan{}, problems
	}
	plan, err := core.ResolveConfig(p, file)
	if err != nil {
		problems = append(problems, problemJSON{Line: 1, Column: 1, Message: err.Error()})
	}
	return plan, problems
}
