package api

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// QueueCommands are those about what waits.
type QueueCommands interface {
	ReadQueue(ctx context.Context, actor core.Actor, page core.Page) (app.Queue, error)
	QueuePlaces(ctx context.Context, actor core.Actor, builds ...core.Build) (map[string]core.QueuePlace, error)
	PutBuildFirst(ctx context.Context, actor core.Actor, id string) (core.Build, error)
	PauseQueue(ctx context.Context, actor core.Actor) error
	ResumeQueue(ctx context.Context, actor core.Actor) error
}

// placeJSON is where a waiting build stands, and why it waits.
type placeJSON struct {
	Position       int         `json:"position"`
	Reason         core.Reason `json:"reason"`
	EstimatedStart *int64      `json:"estimated_start,omitempty"`
	First          bool        `json:"first,omitempty"`
}

func renderPlace(p core.QueuePlace) *placeJSON {
	return &placeJSON{Position: p.Position, Reason: p.Reason, EstimatedStart: unix(p.EstimatedStart), First: p.First}
}

func (a *API) renderPlaced(b core.Build, places map[string]core.QueuePlace) buildJSON {
	out := a.renderBuild(b)
	if p, waits := places[b.ID]; waits {
		out.Queue = renderPlace(p)
	}
	return out
}

type activeJSON struct {
	buildJSON
	EstimatedEnd *int64 `json:"estimated_end,omitempty"`
}

type queueJSON struct {
	Waiting      []buildJSON  `json:"waiting"`
	WaitingTotal int          `json:"waiting_total"`
	Running      []activeJSON `json:"running"`
	RunningTotal int          `json:"running_total"`
	Paused       *pauseJSON   `json:"paused,omitempty"`
}

// Queue answers GET /v1/queue: a window of what waits, the next build first, and all
// that is worked on. The totals count the builds of hidden projects too.
func (a *API) Queue(c *fiber.Ctx, actor core.Actor) error {
	p, err := page(c)
	if err != nil {
		return err
	}
	return a.showQueue(c, actor, p)
}

// pauseJSON says who paused the queue.
type pauseJSON struct {
	By string `json:"by"`
	At int64  `json:"at"`
}

func (a *API) showQueue(c *fiber.Ctx, actor core.Actor, p core.Page) error {
	q, err := a.app.ReadQueue(c.UserContext(), actor, p)
	if err != nil {
		return err
	}
	out := queueJSON{
		Waiting: renderAll(q.Waiting, func(b app.QueuedBuild) buildJSON {
			return a.renderPlaced(b.Build, map[string]core.QueuePlace{b.ID: *b.Place})
		}),
		WaitingTotal: q.WaitingTotal,
		Running: renderAll(q.Active, func(b app.QueuedBuild) activeJSON {
			return activeJSON{buildJSON: a.renderBuild(b.Build), EstimatedEnd: unix(b.EstimatedEnd)}
		}),
		RunningTotal: q.ActiveTotal,
	}
	if q.Paused != nil {
		out.Paused = &pauseJSON{By: q.Paused.By, At: q.Paused.At.Unix()}
	}
	return c.JSON(out)
}

// PutBuildFirst answers POST /v1/builds/{id}/first.
func (a *API) PutBuildFirst(c *fiber.Ctx, actor core.Actor) error {
	id, err := bareID(c, "Build")
	if err != nil {
		return err
	}
	build, err := a.app.PutBuildFirst(c.UserContext(), actor, id)
	return a.sendBuild(c, build, err)
}

// PauseQueue answers POST /v1/queue/pause with the queue.
func (a *API) PauseQueue(c *fiber.Ctx, actor core.Actor) error {
	return a.switchQueue(c, actor, a.app.PauseQueue)
}

// ResumeQueue answers POST /v1/queue/resume with the queue.
func (a *API) ResumeQueue(c *fiber.Ctx, actor core.Actor) error {
	return a.switchQueue(c, actor, a.app.ResumeQueue)
}

func (a *API) switchQueue(c *fiber.Ctx, actor core.Actor, do func(context.Context, core.Actor) error) error {
	p, err := page(c)
	if err != nil {
		return err
	}
	if err := do(c.UserContext(), actor); err != nil {
		return err
	}
	return a.showQueue(c, actor, p)
}
