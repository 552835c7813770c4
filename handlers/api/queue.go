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
}

// placeJSON is where a waiting build stands, and why it waits.
type placeJSON struct {
	Position       int         `json:"position"`
	Reason         core.Reason `json:"reason"`
	EstimatedStart *int64      `json:"estimated_start,omitempty"`
}

func renderPlace(p core.QueuePlace) *placeJSON {
	return &placeJSON{Position: p.Position, Reason: p.Reason, EstimatedStart: unix(p.EstimatedStart)}
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
}

// Queue answers GET /v1/queue: a window of what waits, the next build first, and all
// that is worked on. The totals count the builds of hidden projects too.
func (a *API) Queue(c *fiber.Ctx, actor core.Actor) error {
	p, err := page(c)
	if err != nil {
		return err
	}
	q, err := a.app.ReadQueue(c.UserContext(), actor, p)
	if err != nil {
		return err
	}
	return c.JSON(queueJSON{
		Waiting: renderAll(q.Waiting, func(b app.QueuedBuild) buildJSON {
			return a.renderPlaced(b.Build, map[string]core.QueuePlace{b.ID: *b.Place})
		}),
		WaitingTotal: q.WaitingTotal,
		Running: renderAll(q.Active, func(b app.QueuedBuild) activeJSON {
			return activeJSON{buildJSON: a.renderBuild(b.Build), EstimatedEnd: unix(b.EstimatedEnd)}
		}),
		RunningTotal: q.ActiveTotal,
	})
}
