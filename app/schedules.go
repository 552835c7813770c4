package app

import (
	"context"

	"github.com/oore-ci/oore/app/core"
)

// ScheduleInput describes a schedule; nil fields keep what is there, or take the default.
type ScheduleInput struct {
	Name       *string
	PipelineID *string
	Cron       *string
	TimeZone   *string // default UTC
	Branch     *string // default: the project's default branch
	Enabled    *bool   // default true
}

// CreateSchedule lets builds of a pipeline start by themselves. The asker must be one
// who may start them.
func (a *App) CreateSchedule(ctx context.Context, actor core.Actor, projectID string, in ScheduleInput) (core.Schedule, error) {
	if err := a.maySchedule(ctx, actor, projectID); err != nil {
		return core.Schedule{}, err
	}
	now := a.now()
	s := core.Schedule{ID: a.newID(), ProjectID: projectID, TimeZone: "UTC", Enabled: true, CreatedBy: actor.Name, CreatedAt: now}
	if in.PipelineID == nil {
		in.PipelineID = new(string) // which is refused by its name
	}
	if err := a.changeSchedule(ctx, &s, in); err != nil {
		return s, err
	}
	entry := auditSchedule(core.AuditScheduleCreate, s)
	entry.Changes = scheduleChanges(core.Schedule{}, s)
	err := a.noting(ctx, actor, entry, func(tx core.Store) error {
		if err := tx.CreateSchedule(ctx, s); err != nil {
			return err
		}
		all, err := tx.ListSchedules(ctx, projectID)
		if err == nil && len(all) > core.MaxSchedules {
			err = core.Errorf(core.KindInvalid, "This project has %d schedules, and may have no more; delete one first", core.MaxSchedules)
		}
		return err
	})
	if err != nil {
		return s, err
	}
	a.log.Info("schedule created", "project", projectID, "schedule", s.ID, "cron", s.Cron, "actor", actor.Name)
	return s, nil
}

// maySchedule wants somebody who may make schedules, and who may start what they start.
func (a *App) maySchedule(ctx context.Context, actor core.Actor, projectID string) error {
	_, err := a.projectFor(ctx, a.store, actor, core.ActSchedule, projectID)
	if err == nil {
		_, err = a.projectFor(ctx, a.store, actor, core.ActTrigger, projectID)
	}
	return err
}

// changeSchedule applies what a person set; the next moment is counted from now.
func (a *App) changeSchedule(ctx context.Context, s *core.Schedule, in ScheduleInput) error {
	set(&s.Name, in.Name)
	set(&s.PipelineID, in.PipelineID)
	set(&s.Cron, in.Cron)
	set(&s.TimeZone, in.TimeZone)
	set(&s.Branch, in.Branch)
	set(&s.Enabled, in.Enabled)
	s.TimeZone = orElse(s.TimeZone, "UTC")
	if err := s.Validate(); err != nil {
		return err
	}
	cron, err := core.ParseCron(s.Cron, s.TimeZone)
	if err != nil {
		return err
	}
	s.UpdatedAt = a.now()
	s.DueAt = cron.Next(s.UpdatedAt)
	s.NotBefore, s.Attempts, s.LastError = s.DueAt, 0, ""
	p, err := a.store.FindPipeline(ctx, s.PipelineID)
	if core.KindOf(err) == core.KindNotFound && err != nil || err == nil && p.ProjectID != s.ProjectID {
		return core.Errorf(core.KindInvalid, "pipeline_id must be the id of a pipeline of this project")
	}
	return err
}

// UpdateSchedule changes a schedule. What was due before is not made up for.
func (a *App) UpdateSchedule(ctx context.Context, actor core.Actor, projectID, id string, in ScheduleInput) (core.Schedule, error) {
	was, err := a.scheduleFor(ctx, actor, projectID, id)
	if err != nil {
		return was, err
	}
	s := was
	if err := a.changeSchedule(ctx, &s, in); err != nil {
		return s, err
	}
	entry := auditSchedule(core.AuditScheduleUpdate, s)
	entry.Changes = scheduleChanges(was, s)
	return s, a.noting(ctx, actor, entry, func(tx core.Store) error { return tx.UpdateSchedule(ctx, s, was) })
}

// DeleteSchedule ends a schedule. What it started stays.
func (a *App) DeleteSchedule(ctx context.Context, actor core.Actor, projectID, id string) error {
	s, err := a.scheduleFor(ctx, actor, projectID, id)
	if err != nil {
		return err
	}
	return a.noting(ctx, actor, auditSchedule(core.AuditScheduleDelete, s), func(tx core.Store) error { return tx.DeleteSchedule(ctx, id) })
}

// ListSchedules lists a project's schedules, for all who see it.
func (a *App) ListSchedules(ctx context.Context, actor core.Actor, projectID string) ([]core.Schedule, error) {
	if _, err := a.projectFor(ctx, a.store, actor, core.ActRead, projectID); err != nil {
		return nil, err
	}
	return a.store.ListSchedules(ctx, projectID)
}

func (a *App) scheduleFor(ctx context.Context, actor core.Actor, projectID, id string) (core.Schedule, error) {
	if err := a.maySchedule(ctx, actor, projectID); err != nil {
		return core.Schedule{}, err
	}
	s, err := a.store.FindSchedule(ctx, id)
	if err == nil && s.ProjectID != projectID {
		return core.Schedule{}, core.Errorf(core.KindNotFound, "Schedule not found")
	}
	return s, err
}

func auditSchedule(action core.AuditAction, s core.Schedule) core.AuditEntry {
	return core.AuditEntry{Action: action, TargetKind: core.TargetSchedule, TargetID: s.ID, Target: s.Name, ProjectID: s.ProjectID}
}

func scheduleChanges(was, is core.Schedule) core.AuditChanges {
	return core.AuditChanges{}.
		With("name", was.Name, is.Name).
		With("pipeline_id", was.PipelineID, is.PipelineID).
		With("cron", was.Cron, is.Cron).
		With("time_zone", was.TimeZone, is.TimeZone).
		With("branch", was.Branch, is.Branch).
		With("enabled", was.Enabled, is.Enabled)
}
