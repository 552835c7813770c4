package web

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func (f *fake) ListSchedules(_ context.Context, _ core.Actor, projectID string) ([]core.Schedule, error) {
	if projectID != "p1" {
		return nil, nil
	}
	at := time.Date(2026, 3, 1, 2, 30, 0, 0, time.UTC)
	return []core.Schedule{
		{ID: "s1", ProjectID: "p1", PipelineID: "l2", Name: "Every night", Cron: "30 2 * * *", TimeZone: "Europe/Berlin", Enabled: true, DueAt: at, LastAt: &at, LastBuildID: "b1"},
		{ID: "s2", ProjectID: "p1", PipelineID: "l1", Name: hostile, Cron: hostile, TimeZone: "UTC", Branch: hostile, LastError: hostile},
	}, nil
}

func (f *fake) CreateSchedule(_ context.Context, actor core.Actor, projectID string, in app.ScheduleInput) (core.Schedule, error) {
	return core.Schedule{}, f.change(actor, "schedule "+projectID+" "+*in.Cron+" "+*in.PipelineID)
}

func (f *fake) UpdateSchedule(_ context.Context, actor core.Actor, _, id string, in app.ScheduleInput) (core.Schedule, error) {
	if *in.Enabled {
		return core.Schedule{}, f.change(actor, "schedule on "+id)
	}
	return core.Schedule{}, f.change(actor, "schedule off "+id)
}

func (f *fake) DeleteSchedule(_ context.Context, actor core.Actor, _, id string) error {
	return f.change(actor, "unschedule "+id)
}
