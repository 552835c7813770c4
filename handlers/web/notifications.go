package web

import (
	"context"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// NotificationCommands are those about who is told of builds.
type NotificationCommands interface {
	NotificationKinds() []core.NotificationKind
	FindNotification(ctx context.Context, actor core.Actor, id string) (core.Notification, error)
	ListNotifications(ctx context.Context, actor core.Actor, projectID string) ([]core.Notification, error)
	CreateNotification(ctx context.Context, actor core.Actor, projectID string, in app.NotificationInput) (n core.Notification, secret string, err error)
	DeleteNotification(ctx context.Context, actor core.Actor, id string) error
	TestNotification(ctx context.Context, actor core.Actor, id string) (core.Notification, error)
}

// notifications fills in the part of the settings about who is told; what a form has
// brought stays.
func (p *Pages) notifications(c *fiber.Ctx, actor core.Actor, v *templates.ProjectSettingsView) error {
	all, err := p.app.ListNotifications(c.UserContext(), actor, v.Project.ID)
	if err != nil {
		return err
	}
	pipelines, err := p.app.ListPipelines(c.UserContext(), actor, v.Project.ID)
	if err != nil {
		return err
	}
	names := map[string]string{}
	for _, one := range pipelines {
		names[one.ID] = one.Name
	}
	for _, n := range all {
		v.Notifications.Rows = append(v.Notifications.Rows, templates.NotificationRow{Notification: n, Pipeline: names[n.PipelineID]})
	}
	if v.Notifications.Choices == nil {
		v.Notifications.Choices = templates.NotificationChoices(p.app.NotificationKinds(), pipelines)
	}
	return nil
}

// CreateNotification is POST /projects/:id/notifications; it comes back to the settings,
// which show a signing secret that was made, this once.
func (p *Pages) CreateNotification(c *fiber.Ctx, actor core.Actor) error {
	project, err := p.managed(c, actor)
	if err != nil {
		return err
	}
	v := settingsOf(actor, project, "notifications")
	form := &v.Notifications
	form.Target, form.BranchPatterns, form.Secret = typed(c, "target"), typed(c, "branches"), typed(c, "secret")
	branches := lines(strings.ReplaceAll(form.BranchPatterns.Value, ",", "\n"))
	_, secret, err := p.app.CreateNotification(c.UserContext(), actor, project.ID, app.NotificationInput{
		Kind: chosen[core.NotificationKind](c, "kind"), Target: &form.Target.Value, Secret: &form.Secret.Value,
		PipelineID: chosen[string](c, "pipeline_id"), Branches: &branches, On: chosen[core.SubscribedTo](c, "on"),
	})
	switch {
	case err != nil:
		return p.refuseNotification(c, actor, v, err)
	case secret == "":
		return c.Redirect("/projects/"+project.ID+"/settings/notifications?done=notification", http.StatusSeeOther)
	}
	v = settingsOf(actor, project, "notifications")
	v.Alert = &templates.Alert{State: "succeeded", Title: "The webhook is added.", Text: "What it sends is signed with this secret, shown this once: " + secret}
	err = p.settingsForm(c, actor, http.StatusOK, v)
	c.Set(fiber.HeaderCacheControl, "no-store")
	return err
}

// refuseNotification shows the form again, with what is wrong beside its field.
func (p *Pages) refuseNotification(c *fiber.Ctx, actor core.Actor, v templates.ProjectSettingsView, err error) error {
	pipelines, other := p.app.ListPipelines(c.UserContext(), actor, v.Project.ID)
	if other != nil {
		return other
	}
	n := &v.Notifications
	n.Open, n.Choices = true, templates.NotificationChoices(p.app.NotificationKinds(), pipelines)
	slots := []slot{{"target", &n.Target}, {"branches", &n.BranchPatterns}, {"secret", &n.Secret}}
	for i := range n.Choices {
		choice := &n.Choices[i]
		choice.Value = form(c, choice.Name)
		slots = append(slots, slot{choice.Name, &choice.Field})
	}
	if v.Alert, other = place(err, slots...); other != nil {
		return other
	}
	return p.settingsForm(c, actor, StatusOf(core.KindOf(err)), v)
}

// TestNotification is POST /notifications/:id/test.
func (p *Pages) TestNotification(c *fiber.Ctx, actor core.Actor) error {
	n, err := p.app.TestNotification(c.UserContext(), actor, param(c, "id"))
	if err == nil {
		return c.Redirect("/projects/"+n.ProjectID+"/settings/notifications?done=tested", http.StatusSeeOther)
	}
	alert, other := hostTrouble(err)
	if other != nil || n.ProjectID == "" {
		return err
	}
	project, other := p.app.FindProject(c.UserContext(), actor, n.ProjectID)
	if other != nil {
		return other
	}
	v := settingsOf(actor, project, "notifications")
	alert.Title, v.Alert = "The test message did not arrive.", alert
	return p.settingsForm(c, actor, StatusOf(core.KindOf(err)), v)
}

// DeleteNotification is POST /notifications/:id/delete.
func (p *Pages) DeleteNotification(c *fiber.Ctx, actor core.Actor) error {
	n, err := p.app.FindNotification(c.UserContext(), actor, param(c, "id"))
	if err != nil {
		return err
	}
	if err := p.app.DeleteNotification(c.UserContext(), actor, n.ID); err != nil {
		return err
	}
	return c.Redirect("/projects/"+n.ProjectID+"/settings/notifications?done=forgotten", http.StatusSeeOther)
}
