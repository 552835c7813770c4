package templates

import "github.com/oore-ci/oore/app/core"

// SchedulesView lists a project's schedules, with the form for one more.
type SchedulesView struct {
	Rows                                   []ScheduleRow
	Pipelines                              []Option
	Name, Pipeline, Cron, TimeZone, Branch Field
	Open                                   bool // the form has something to say
}

// ScheduleRow is one of them.
type ScheduleRow struct {
	core.Schedule
	Pipeline string // its name
}
