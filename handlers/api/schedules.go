package api

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// ScheduleCommands are those about builds that start by themselves.
type ScheduleCommands interface {
	ListSchedules(ctx context.Context, actor core.Actor, projectID string) ([]core.Schedule, error)
	CreateSchedule(ctx context.Context, actor core.Actor, projectID string, in app.ScheduleInput) (core.Schedule, error)
	UpdateSchedule(ctx context.Context, actor core.Actor, projectID, id string, in app.ScheduleInput) (core.Schedule, error)
	DeleteSchedule(ctx context.Context, actor core.Actor, projectID, id string) error
}

type scheduleJSON struct {
	ID          string `json:"id"`
	ProjectID   string `json:"project_id"`
	PipelineID  string `json:"pipeline_id"`
	Name        string `json:"name"`
	Cron        string `json:"cron"`
	TimeZone    string `json:"time_zone"`
	Branch      string `json:"branch,omitempty"` // the project's default branch
	Enabled     bool   `json:"enabled"`
	NextRunAt   *int64 `json:"next_run_at,omitempty"`
	LastRunAt   *int64 `json:"last_run_at,omitempty"`
	LastBuildID string `json:"last_build_id,omitempty"`
	LastError   string `json:"last_error,omitempty"`
	CreatedBy   string `json:"created_by"`
	CreatedAt   int64  `json:"created_at"`
	UpdatedAt   int64  `json:"updated_at"`
}

func renderSchedule(s core.Schedule) scheduleJSON {
	out := scheduleJSON{
		ID: s.ID, ProjectID: s.ProjectID, PipelineID: s.PipelineID, Name: s.Name, Cron: s.Cron, TimeZone: s.TimeZone, Branch: s.Branch, Enabled: s.Enabled,
		LastRunAt: unix(s.LastAt), LastBuildID: s.LastBuildID, LastError: s.LastError, CreatedBy: s.CreatedBy,
		CreatedAt: s.CreatedAt.Unix(), UpdatedAt: s.UpdatedAt.Unix(),
	}
	if s.Enabled {
		out.NextRunAt = unix(&s.DueAt)
	}
	return out
}

type scheduleBody struct {
	Name       *string `json:"name"`
	PipelineID *string `json:"pipeline_id"`
	Cron       *string `json:"cron"`
	TimeZone   *string `json:"time_zone"`
	Branch     *string `json:"branch"`
	Enabled    *bool   `json:"enabled"`
}

func scheduleRequest(c *fiber.Ctx) (project string, in app.ScheduleInput, err error) {
	if project, err = pathID(c, "Project"); err != nil {
		return "", in, err
	}
	var b scheduleBody
	err = body(c, &b)
	return project, app.ScheduleInput(b), err
}

// ListSchedules answers GET /v1/projects/{id}/schedules.
func (a *API) ListSchedules(c *fiber.Ctx, actor core.Actor) error {
	return listOf(c, actor, "Project", "schedules", a.app.ListSchedules, renderSchedule)
}

// CreateSchedule answers POST /v1/projects/{id}/schedules.
func (a *API) CreateSchedule(c *fiber.Ctx, actor core.Actor) error {
	project, in, err := scheduleRequest(c)
	if err != nil {
		return err
	}
	s, err := a.app.CreateSchedule(c.UserContext(), actor, project, in)
	if err != nil {
		return err
	}
	return created(c, renderSchedule(s))
}

// UpdateSchedule answers PATCH /v1/projects/{id}/schedules/{schedule_id}.
func (a *API) UpdateSchedule(c *fiber.Ctx, actor core.Actor) error {
	project, in, err := scheduleRequest(c)
	if err != nil {
		return err
	}
	id, err := parseID(c.Params("schedule_id"), "Schedule")
	if err != nil {
		return err
	}
	s, err := a.app.UpdateSchedule(c.UserContext(), actor, project, id, in)
	if err != nil {
		return err
	}
	return c.JSON(renderSchedule(s))
}

// DeleteSchedule answers DELETE /v1/projects/{id}/schedules/{schedule_id}.
func (a *API) DeleteSchedule(c *fiber.Ctx, actor core.Actor) error {
	project, err := pathID(c, "Project")
	if err != nil {
		return err
	}
	id, err := parseID(c.Params("schedule_id"), "Schedule")
	if err != nil {
		return err
	}
	return noContent(c, a.app.DeleteSchedule(c.UserContext(), actor, project, id))
}
