package apitest

import (
	"context"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// ListSchedules answers Schedule.
func (f *Commands) ListSchedules(_ context.Context, actor core.Actor, projectID string) ([]core.Schedule, error) {
	return []core.Schedule{f.Schedule}, f.note("ListSchedules", actor, projectID, nil)
}

// CreateSchedule answers Schedule.
func (f *Commands) CreateSchedule(_ context.Context, actor core.Actor, projectID string, in app.ScheduleInput) (core.Schedule, error) {
	return f.Schedule, f.note("CreateSchedule", actor, projectID, in)
}

// UpdateSchedule answers Schedule.
func (f *Commands) UpdateSchedule(_ context.Context, actor core.Actor, _, id string, in app.ScheduleInput) (core.Schedule, error) {
	return f.Schedule, f.note("UpdateSchedule", actor, id, in)
}

// DeleteSchedule answers Err.
func (f *Commands) DeleteSchedule(_ context.Context, actor core.Actor, _, id string) error {
	return f.note("DeleteSchedule", actor, id, nil)
}
