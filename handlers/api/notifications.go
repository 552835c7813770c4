package api

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// NotificationCommands are those about who is told of builds.
type NotificationCommands interface {
	CreateNotification(ctx context.Context, actor core.Actor, projectID string, in app.NotificationInput) (n core.Notification, secret string, err error)
	UpdateNotification(ctx context.Context, actor core.Actor, id string, in app.NotificationInput) (core.Notification, error)
	DeleteNotification(ctx context.Context, actor core.Actor, id string) error
	ListNotifications(ctx context.Context, actor core.Actor, projectID string) ([]core.Notification, error)
	TestNotification(ctx context.Context, actor core.Actor, id string) (core.Notification, error)
}

type notificationJSON struct {
	ID         string                `json:"id"`
	ProjectID  string                `json:"project_id"`
	Kind       core.NotificationKind `json:"kind"`
	Target     string                `json:"target"`
	Secret     string                `json:"secret,omitempty"` // one that was made, this once
	PipelineID string                `json:"pipeline_id,omitempty"`
	Branches   []string              `json:"branches"`
	On         core.SubscribedTo     `json:"on"`
	Enabled    bool                  `json:"enabled"`
	LastError  string                `json:"last_error,omitempty"`
	CreatedAt  int64                 `json:"created_at"`
	UpdatedAt  int64                 `json:"updated_at"`
}

func renderNotification(n core.Notification) notificationJSON {
	return notificationJSON{
		ID: n.ID, ProjectID: n.ProjectID, Kind: n.Kind, Target: n.Target, PipelineID: n.PipelineID, Branches: orEmpty(n.Branches), On: n.On,
		Enabled: n.Enabled, LastError: n.LastError, CreatedAt: n.CreatedAt.Unix(), UpdatedAt: n.UpdatedAt.Unix(),
	}
}

type notificationBody struct {
	Kind       *core.NotificationKind `json:"kind"`
	Target     *string                `json:"target"`
	Secret     *string                `json:"secret"`
	PipelineID *string                `json:"pipeline_id"`
	Branches   *[]string              `json:"branches"`
	On         *core.SubscribedTo     `json:"on"`
	Enabled    *bool                  `json:"enabled"`
}

func notificationRequest(c *fiber.Ctx, noun string) (id string, in app.NotificationInput, err error) {
	if id, err = pathID(c, noun); err != nil {
		return "", in, err
	}
	var b notificationBody
	err = body(c, &b)
	return id, app.NotificationInput(b), err
}

// ListNotifications answers GET /v1/projects/{id}/notifications.
func (a *API) ListNotifications(c *fiber.Ctx, actor core.Actor) error {
	return listOf(c, actor, "Project", "notifications", a.app.ListNotifications, renderNotification)
}

// CreateNotification answers POST /v1/projects/{id}/notifications. A signing secret
// that was made is shown this once.
func (a *API) CreateNotification(c *fiber.Ctx, actor core.Actor) error {
	id, in, err := notificationRequest(c, "Project")
	if err != nil {
		return err
	}
	n, secret, err := a.app.CreateNotification(c.UserContext(), actor, id, in)
	if err != nil {
		return err
	}
	out := renderNotification(n)
	out.Secret = secret
	return created(c, out)
}

// UpdateNotification answers PATCH /v1/notifications/{id}.
func (a *API) UpdateNotification(c *fiber.Ctx, actor core.Actor) error {
	id, in, err := notificationRequest(c, "Notification")
	if err != nil {
		return err
	}
	n, err := a.app.UpdateNotification(c.UserContext(), actor, id, in)
	if err != nil {
		return err
	}
	return c.JSON(renderNotification(n))
}

// DeleteNotification answers DELETE /v1/notifications/{id}.
func (a *API) DeleteNotification(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "Notification")
	if err != nil {
		return err
	}
	if err := a.app.DeleteNotification(c.UserContext(), actor, id); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

// TestNotification answers POST /v1/notifications/{id}/test.
func (a *API) TestNotification(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "Notification")
	if err != nil {
		return err
	}
	n, err := a.app.TestNotification(c.UserContext(), actor, id)
	if err != nil {
		return err
	}
	return c.JSON(renderNotification(n))
}
