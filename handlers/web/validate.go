package web

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// ValidateForm is GET /validate?project=&pipeline=: the form; with ?read=1 what the file of
// the project's repository comes to, at ?ref=.
func (p *Pages) ValidateForm(c *fiber.Ctx, actor core.Actor) error {
	v, err := p.validateView(c, actor, query(c, "project"), query(c, "pipeline"))
	if err != nil {
		return err
	}
	if query(c, "read") != "" {
		return p.validateFile(c, actor, v)
	}
	if v.Content = exampleWorkflow; v.Pipeline.ID != "" {
		if v.Content, err = v.Pipeline.WorkflowText(); err != nil {
			return err
		}
	}
	return p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.Validate(w, v) })
}

// validateFile reads the file, and checks it as if somebody had pasted it.
func (p *Pages) validateFile(c *fiber.Ctx, actor core.Actor, v templates.ValidateView) error {
	v.Ref.Value = strings.TrimSpace(query(c, "ref"))
	if v.Content = exampleWorkflow; v.Project == "" {
		v.Ref.Error = "Choose the project whose file is to be read."
		return p.send(c, http.StatusBadRequest, func(w io.Writer) error { return p.templates.Validate(w, v) })
	}
	f, err := p.app.ReadWorkflow(c.UserContext(), actor, app.WorkflowAt{ProjectID: v.Project, PipelineID: v.Pipeline.ID, Ref: v.Ref.Value})
	if err != nil {
		alert, other := hostTrouble(err)
		if other != nil {
			return other
		}
		v.Ref.Error = alert.Text
		return p.send(c, StatusOf(core.KindOf(err)), func(w io.Writer) error { return p.templates.Validate(w, v) })
	}
	v.Content, v.Path, v.SHA = f.Text, f.Path, f.SHA
	return p.check(c, actor, v)
}

// exampleWorkflow is there to be written over.
const exampleWorkflow = `version: 1
commands:
  pre_build: [flutter pub get]
  build:
    - flutter test
    - flutter build apk --release
artifacts: {patterns: ["**/*.apk"]}
`

// validateView is the form with its choices. A project that is not named takes no part.
func (p *Pages) validateView(c *fiber.Ctx, actor core.Actor, projectID, pipelineID string) (templates.ValidateView, error) {
	ctx := c.UserContext()
	v := templates.ValidateView{Page: page(c, actor, "Check a .oore.yaml", "projects", "/schema/oore.yaml.json")}
	var err error
	if v.Projects, _, err = p.app.ListProjects(ctx, actor, core.Page{Limit: maxPage}); err != nil || projectID == "" {
		return v, err
	}
	project, err := p.app.FindProject(ctx, actor, projectID)
	if err != nil {
		return v, err
	}
	v.Project = project.ID
	if v.Pipelines, err = p.app.ListPipelines(ctx, actor, project.ID); err != nil {
		return v, err
	}
	if i := slices.IndexFunc(v.Pipelines, func(p core.Pipeline) bool { return p.ID == pipelineID }); i >= 0 {
		v.Pipeline = v.Pipelines[i]
	}
	return v, nil
}

// Validate is POST /validate: every problem with its place, or what the file comes to, who
// would run it and what would start it.
func (p *Pages) Validate(c *fiber.Ctx, actor core.Actor) error {
	v, err := p.validateView(c, actor, form(c, "project"), form(c, "pipeline"))
	if err != nil {
		return err
	}
	v.Content = strings.Clone(c.FormValue("content"))
	return p.check(c, actor, v)
}

func (p *Pages) check(c *fiber.Ctx, actor core.Actor, v templates.ValidateView) error {
	r := templates.ValidateResult{Labels: v.Pipeline.Labels, Tried: v.Project != ""}
	file, err := core.ParseWorkflow([]byte(v.Content))
	if err == nil {
		r.Plan, err = core.ResolveConfig(v.Pipeline, file)
	}
	if r.Problems, err = problemsOf(err); err != nil {
		return err
	}
	tried := v.Pipeline
	if file != nil && tried.ID == "" {
		r.Labels, tried = file.Labels, core.Pipeline{Enabled: true, Trigger: triggersOf(file)}
	}
	if v.Result = &r; len(r.Problems) > 0 {
		r.Tried = false
		status := http.StatusBadRequest
		if v.SHA != "" { // the question was good
			status = http.StatusOK
		}
		return p.send(c, status, func(w io.Writer) error { return p.templates.Validate(w, v) })
	}
	f, err := p.app.FitFor(c.UserContext(), actor, r.Labels)
	if err != nil {
		return err
	}
	if r.Fit, r.Runners = f.Fit, f.Runners; r.Tried {
		trials, err := p.app.TryPipeline(c.UserContext(), actor, v.Project, tried)
		if err != nil {
			return err
		}
		r.Trials = trialRows(trials)
	}
	return p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.Validate(w, v) })
}

func triggersOf(file *core.Workflow) core.Trigger {
	if file.Triggers == nil {
		return core.Trigger{}
	}
	return *file.Triggers
}

// problemsOf lists what is wrong with a file; other is an error that is not about it.
func problemsOf(err error) (problems []core.Problem, other error) {
	var found *core.WorkflowError
	switch {
	case err == nil:
		return nil, nil
	case errors.As(err, &found):
		return found.Problems, nil
	case core.KindOf(err) == core.KindInvalid:
		return []core.Problem{{Line: 1, Column: 1, Message: core.MessageOf(err)}}, nil
	}
	return nil, err
}
