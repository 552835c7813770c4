package api

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// RunnerCommands are those about runners, and those of runners.
type RunnerCommands interface {
	ListRunners(ctx context.Context, actor core.Actor) ([]app.RunnerDetail, error)
	FindRunner(ctx context.Context, actor core.Actor, id string) (app.RunnerDetail, error)
	RegisterRunner(ctx context.Context, actor core.Actor, in app.RegisterRunner) (r app.RunnerDetail, token string, err error)
	UpdateRunner(ctx context.Context, actor core.Actor, id string, in app.UpdateRunner) (app.RunnerDetail, error)
	DeleteRunner(ctx context.Context, actor core.Actor, id string) error
	JobCommands
}

type runnerJSON struct {
	ID         string           `json:"id"`
	Name       string           `json:"name"`
	State      core.RunnerState `json:"state"`
	Enabled    bool             `json:"enabled"`
	Embedded   bool             `json:"embedded"`
	Labels     []string         `json:"labels"`
	Platform   string           `json:"platform"`
	Version    string           `json:"version,omitempty"`
	Slots      int              `json:"slots"`
	Builds     []heldJSON       `json:"builds"`
	LastSeenAt *int64           `json:"last_seen_at,omitempty"`
	CreatedAt  int64            `json:"created_at"`
	UpdatedAt  int64            `json:"updated_at"`
}

// heldJSON is a build that a runner works on.
type heldJSON struct {
	ID          string           `json:"id"`
	ProjectID   string           `json:"project_id"`
	PipelineID  string           `json:"pipeline_id"`
	BuildNumber int              `json:"build_number"`
	Status      core.BuildStatus `json:"status"`
}

func (a *API) renderRunner(r app.RunnerDetail) runnerJSON {
	out := runnerJSON{
		ID: r.ID, Name: r.Name, State: r.State(a.now()), Enabled: r.Enabled, Embedded: r.Embedded, Labels: orEmpty(r.AllLabels()),
		Platform: r.Platform, Version: r.Version, Slots: r.Slots, CreatedAt: r.CreatedAt.Unix(), UpdatedAt: r.UpdatedAt.Unix(),
		Builds: renderAll(r.Builds, func(b core.Build) heldJSON {
			return heldJSON{b.ID, b.ProjectID, b.PipelineID, b.Number, b.Status}
		}),
	}
	if !r.LastSeenAt.IsZero() {
		out.LastSeenAt = unix(&r.LastSeenAt)
	}
	return out
}

// ListRunners answers GET /v1/runners.
func (a *API) ListRunners(c *fiber.Ctx, actor core.Actor) error {
	p, err := page(c)
	if err != nil {
		return err
	}
	runners, err := a.app.ListRunners(c.UserContext(), actor)
	if err != nil {
		return err
	}
	return list(c, "runners", renderAll(window(runners, p), a.renderRunner), len(runners))
}

// Runner answers GET /v1/runners/{id}.
func (a *API) Runner(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "Runner")
	if err != nil {
		return err
	}
	r, err := a.app.FindRunner(c.UserContext(), actor, id)
	if err != nil {
		return err
	}
	return c.JSON(a.renderRunner(r))
}

type registerRunnerBody struct {
	Name     string   `json:"name"`
	Labels   []string `json:"labels"`
	Platform string   `json:"platform"`
	Slots    int      `json:"slots"`
}

type registeredJSON struct {
	Runner runnerJSON `json:"runner"`
	Token  string     `json:"token"`
}

// RegisterRunner answers POST /v1/runners/register; the runner's token is in this
// answer alone.
func (a *API) RegisterRunner(c *fiber.Ctx, actor core.Actor) error {
	var in registerRunnerBody
	if err := body(c, &in); err != nil {
		return err
	}
	r, token, err := a.app.RegisterRunner(c.UserContext(), actor, app.RegisterRunner(in))
	if err != nil {
		return err
	}
	return created(c, registeredJSON{Runner: a.renderRunner(r), Token: token})
}

type updateRunnerBody struct {
	Name    *string   `json:"name"`
	Labels  *[]string `json:"labels"`
	Enabled *bool     `json:"enabled"`
}

// UpdateRunner answers PATCH /v1/runners/{id}.
func (a *API) UpdateRunner(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "Runner")
	if err != nil {
		return err
	}
	var in updateRunnerBody
	if err := body(c, &in); err != nil {
		return err
	}
	r, err := a.app.UpdateRunner(c.UserContext(), actor, id, app.UpdateRunner(in))
	if err != nil {
		return err
	}
	return c.JSON(a.renderRunner(r))
}

// DeleteRunner answers DELETE /v1/runners/{id}: what it holds is run again.
func (a *API) DeleteRunner(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "Runner")
	if err != nil {
		return err
	}
	if err := a.app.DeleteRunner(c.UserContext(), actor, id); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}
