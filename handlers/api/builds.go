package api

import (
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

type triggerBuildBody struct {
	PipelineID string `json:"pipeline_id"`
	Branch     string `json:"branch"`
	CommitSHA  string `json:"commit_sha"`
	TriggerRef string `json:"trigger_ref"`
}

// TriggerBuild answers POST /v1/projects/{id}/builds.
func (a *API) TriggerBuild(c *fiber.Ctx, actor core.Actor) error {
	project, err := pathID(c, "Project")
	if err != nil {
		return err
	}
	var in triggerBuildBody
	if err := body(c, &in); err != nil {
		return err
	}
	pipeline, err := optionalID(in.PipelineID, "Pipeline")
	if err != nil {
		return err
	}
	how := core.TriggerManual
	if _, ok := BearerToken(c); ok {
		how = core.TriggerAPI
	}
	build, err := a.app.TriggerBuild(c.UserContext(), actor, app.TriggerBuild{
		ProjectID: project, PipelineID: pipeline, Branch: in.Branch, SHA: in.CommitSHA, TriggerRef: in.TriggerRef, Type: how,
	})
	return a.sendBuild(c, build, err)
}

func (a *API) sendBuild(c *fiber.Ctx, b core.Build, err error) error {
	if err != nil {
		return err
	}
	return c.JSON(a.renderBuild(b))
}

// ListProjectBuilds answers GET /v1/projects/{id}/builds.
func (a *API) ListProjectBuilds(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "Project")
	if err != nil {
		return err
	}
	return a.listBuilds(c, actor, id)
}

// ListBuilds answers GET /v1/builds.
func (a *API) ListBuilds(c *fiber.Ctx, actor core.Actor) error {
	id, err := optionalID(c.Query("project_id"), "Project")
	if err != nil {
		return err
	}
	return a.listBuilds(c, actor, id)
}

func (a *API) listBuilds(c *fiber.Ctx, actor core.Actor, projectID string) error {
	filter, err := buildFilter(c)
	if err != nil {
		return err
	}
	filter.ProjectID = projectID
	p, err := page(c)
	if err != nil {
		return err
	}
	builds, total, err := a.app.ListBuilds(c.UserContext(), actor, filter, p)
	if err != nil {
		return err
	}
	places, err := a.app.QueuePlaces(c.UserContext(), actor, builds...)
	if err != nil {
		return err
	}
	return list(c, "builds", renderAll(builds, func(b core.Build) buildJSON { return a.renderPlaced(b, places) }), total)
}

func buildFilter(c *fiber.Ctx) (core.BuildFilter, error) {
	f := core.BuildFilter{TriggerType: core.TriggerType(c.Query("trigger_type"))}
	var err error
	if f.Branch, err = queryText(c, "branch"); err != nil {
		return f, err
	}
	if f.SHA, err = queryText(c, "commit_sha"); err != nil {
		return f, err
	}
	f.SHA = strings.ToLower(f.SHA)
	if f.PipelineID, err = optionalID(c.Query("pipeline_id"), "Pipeline"); err != nil {
		return f, err
	}
	if status := c.Query("status"); status != "" {
		for word := range strings.SplitSeq(status, ",") {
			s := core.BuildStatus(strings.TrimSpace(word))
			if !s.Valid() {
				return f, invalid("status: %q is no state of a build; the states are %s", s, words(core.BuildStatuses()))
			}
			f.Statuses = append(f.Statuses, s)
		}
	}
	if f.TriggerType != "" && !slices.Contains(triggerTypes(), f.TriggerType) {
		return f, invalid("trigger_type: %q is none of %s", f.TriggerType, words(triggerTypes()))
	}
	return f, nil
}

func triggerTypes() []core.TriggerType {
	return []core.TriggerType{
		core.TriggerManual, core.TriggerAPI, core.TriggerWebhook, core.TriggerChat, core.TriggerSchedule, core.TriggerRerun,
	}
}

func words[S ~string](items []S) string {
	return strings.Join(renderAll(items, func(s S) string { return string(s) }), ", ")
}

// Build answers GET /v1/builds/{id}.
func (a *API) Build(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "Build")
	if err != nil {
		return err
	}
	detail, err := a.app.FindBuildDetail(c.UserContext(), actor, id)
	if err != nil {
		return err
	}
	places, err := a.app.QueuePlaces(c.UserContext(), actor, detail.Build)
	if err != nil {
		return err
	}
	out := a.renderDetail(detail)
	out.buildJSON = a.renderPlaced(detail.Build, places)
	return c.JSON(out)
}

// CancelBuild answers POST /v1/builds/{id}/cancel.
func (a *API) CancelBuild(c *fiber.Ctx, actor core.Actor) error {
	id, err := bareID(c, "Build")
	if err != nil {
		return err
	}
	build, err := a.app.CancelBuild(c.UserContext(), actor, id)
	return a.sendBuild(c, build, err)
}

// RerunBuild answers POST /v1/builds/{id}/rerun.
func (a *API) RerunBuild(c *fiber.Ctx, actor core.Actor) error {
	id, err := bareID(c, "Build")
	if err != nil {
		return err
	}
	build, err := a.app.RerunBuild(c.UserContext(), actor, id)
	return a.sendBuild(c, build, err)
}

type streamTokenJSON struct {
	Token     string `json:"token"`
	ExpiresAt int64  `json:"expires_at"`
}

// CreateStreamToken answers POST /v1/builds/{id}/stream-token.
func (a *API) CreateStreamToken(c *fiber.Ctx, actor core.Actor) error {
	id, err := bareID(c, "Build")
	if err != nil {
		return err
	}
	token, expires, err := a.app.CreateStreamToken(c.UserContext(), actor, id)
	if err != nil {
		return err
	}
	return created(c, streamTokenJSON{token, expires.Unix()})
}
