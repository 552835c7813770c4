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
	PutBuildFirst(ctx context.Context, actor core.Actor, id string) (core.Build, error)
	PauseQueue(ctx context.Context, actor core.Actor) error
	ResumeQueue(ctx context.Context, actor core.Actor) error
}

// Queue is GET /queue: what waits and why, and what runs.
func (p *Pages) Queue(c *fiber.Ctx, actor core.Actor) error {
	return p.queuePage(c, actor, http.StatusOK, nil)
}

func (p *Pages) queuePage(c *fiber.Ctx, actor core.Actor, status int, alert *templates.Alert) error {
	ctx, at := c.UserContext(), window(c)
	q, err := p.app.ReadQueue(ctx, actor, at)
	if err != nil {
		return err
	}
	v := templates.QueueView{
		Page:   page(c, actor, "Queue", "queue", "/v1/queue"),
		Hidden: q.WaitingTotal - q.WaitingSeen + q.ActiveTotal - q.ActiveSeen,
		Pager:  pager("/queue", nil, at, len(q.Waiting), q.WaitingSeen),
		Paused: q.Paused, Manages: may(actor, core.ActManageQueue, nil),
	}
	v.Alert = alert
	if v.Waiting, v.Running, err = p.names(actor).queue(ctx, q); err != nil {
		return err
	}
	return p.send(c, status, func(w io.Writer) error { return p.templates.Queue(w, v) })
}

// PauseQueue is POST /queue/pause.
func (p *Pages) PauseQueue(c *fiber.Ctx, actor core.Actor) error {
	return p.changeQueue(c, actor, p.app.PauseQueue(c.UserContext(), actor))
}

// ResumeQueue is POST /queue/resume.
func (p *Pages) ResumeQueue(c *fiber.Ctx, actor core.Actor) error {
	return p.changeQueue(c, actor, p.app.ResumeQueue(c.UserContext(), actor))
}

// PutBuildFirst is POST /queue/builds/:id/first.
func (p *Pages) PutBuildFirst(c *fiber.Ctx, actor core.Actor) error {
	_, err := p.app.PutBuildFirst(c.UserContext(), actor, param(c, "id"))
	return p.changeQueue(c, actor, err)
}

// CancelQueued is POST /queue/builds/:id/cancel.
func (p *Pages) CancelQueued(c *fiber.Ctx, actor core.Actor) error {
	_, err := p.app.CancelBuild(c.UserContext(), actor, param(c, "id"))
	return p.changeQueue(c, actor, err)
}

// changeQueue goes back to the queue. What does not apply any more is said there.
func (p *Pages) changeQueue(c *fiber.Ctx, actor core.Actor, err error) error {
	if err == nil {
		return c.Redirect("/queue", http.StatusSeeOther)
	}
	alert, other := refused(err)
	if other != nil {
		return other
	}
	return p.queuePage(c, actor, StatusOf(core.KindOf(err)), alert)
}
