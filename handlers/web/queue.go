package web

import (
	"context"
	"io"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// QueueCommands are those about what waits.
type QueueCommands interface {
	ReadQueue(ctx context.Context, actor core.Actor, page core.Page) (app.Queue, error)
	QueuePlaces(ctx context.Context, actor core.Actor, builds ...core.Build) (map[string]core.QueuePlace, error)
}

// Queue is GET /queue: what waits and why, and what runs.
func (p *Pages) Queue(c *fiber.Ctx, actor core.Actor) error {
	ctx, at := c.UserContext(), window(c)
	q, err := p.app.ReadQueue(ctx, actor, at)
	if err != nil {
		return err
	}
	v := templates.QueueView{
		Page:   page(c, actor, "Queue", "queue", "/v1/queue"),
		Hidden: q.WaitingTotal - q.WaitingSeen + q.ActiveTotal - q.ActiveSeen,
		Pager:  pager("/queue", nil, at, len(q.Waiting), q.WaitingSeen),
	}
	if v.Waiting, v.Running, err = p.names(actor).queue(ctx, q); err != nil {
		return err
	}
	return p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.Queue(w, v) })
}
