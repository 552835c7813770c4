package web

import (
	"context"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// ScheduleCommands are those about builds that start by themselves.
type ScheduleCommands interface {
	ListSchedules(ctx context.Context, actor core.Actor, projectID string) ([]core.Schedule, error)
	CreateSchedule(ctx context.Context, actor core.Actor, projectID string, in app.ScheduleInput) (core.Schedule, error)
	UpdateSchedule(ctx context.Context, actor core.Actor, projectID, id string, in app.ScheduleInput) (core.Schedule, error)
	DeleteSchedule(ctx context.Context, actor core.Actor, projectID, id string) error
}

// schedules fills in the part of the settings about builds that start by themselves;
// what a form has brought stays.
func (p *Pages) schedules(c *fiber.Ctx, actor core.Actor, v *templates.ProjectSettingsView) error {
	all, err := p.app.ListSchedules(c.UserContext(), actor, v.Project.ID)
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
		v.Schedules.Pipelines = append(v.Schedules.Pipelines, templates.Option{Value: one.ID, Label: one.Name})
	}
	for _, s := range all {
		v.Schedules.Rows = append(v.Schedules.Rows, templates.ScheduleRow{Schedule: s, Pipeline: names[s.PipelineID]})
	}
	return nil
}

// CreateSchedule is POST /projects/:id/schedules; it comes back to the settings.
func (p *Pages) CreateSchedule(c *fiber.Ctx, actor core.Actor) error {
	project, err := p.projectFor(c, actor, core.ActSchedule)
	if err != nil {
		return err
	}
	v := settingsOf(actor, project, "schedules")
	s := &v.Schedules
	s.Open = true
	s.Name, s.Pipeline, s.Cron, s.TimeZone, s.Branch = typed(c, "name"), typed(c, "pipeline_id"), typed(c, "cron"), typed(c, "time_zone"), typed(c, "branch")
	_, err = p.app.CreateSchedule(c.UserContext(), actor, project.ID, app.ScheduleInput{
		Name: &s.Name.Value, PipelineID: &s.Pipeline.Value, Cron: &s.Cron.Value, TimeZone: &s.TimeZone.Value, Branch: &s.Branch.Value,
	})
	if err == nil {
		return c.Redirect(v.At+"?done=schedule", http.StatusSeeOther)
	}
	var other error
	slots := []slot{{"name", &s.Name}, {"pipeline_id", &s.Pipeline}, {"cron", &s.Cron}, {"time_zone", &s.TimeZone}, {"branch", &s.Branch}}
	if v.Alert, other = place(err, slots...); other != nil {
		return other
	}
	return p.settingsForm(c, actor, StatusOf(core.KindOf(err)), v)
}

// SwitchSchedule is POST /projects/:id/schedules/:schedule_id: turns it on or off.
func (p *Pages) SwitchSchedule(c *fiber.Ctx, actor core.Actor) error {
	id, on := param(c, "id"), form(c, "enabled") == "true"
	if _, err := p.app.UpdateSchedule(c.UserContext(), actor, id, param(c, "schedule_id"), app.ScheduleInput{Enabled: &on}); err != nil {
		return err
	}
	return c.Redirect("/projects/"+id+"/settings/schedules?done=schedule", http.StatusSeeOther)
}

// DeleteSchedule is POST /projects/:id/schedules/:schedule_id/delete.
func (p *Pages) DeleteSchedule(c *fiber.Ctx, actor core.Actor) error {
	id := param(c, "id")
	if err := p.app.DeleteSchedule(c.UserContext(), actor, id, param(c, "schedule_id")); err != nil {
		return err
	}
	return c.Redirect("/projects/"+id+"/settings/schedules?done=no-schedule", http.StatusSeeOther)
}
