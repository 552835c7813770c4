package store

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app/core"
)

type scheduleRow struct {
	ID          string `gorm:"primaryKey"`
	ProjectID   string
	PipelineID  string
	Name        string
	Cron        string
	TimeZone    string
	Branch      string
	Enabled     bool
	DueAt       int64
	NotBefore   int64
	Attempts    int
	LastAt      *int64
	LastBuildID string
	LastError   string
	CreatedBy   string
	Created     int64 `gorm:"column:created_at"`
	Updated     int64 `gorm:"column:updated_at"`
}

// TableName is gorm's.
func (scheduleRow) TableName() string { return "schedules" }

func newScheduleRow(s core.Schedule) scheduleRow {
	return scheduleRow{
		ID: s.ID, ProjectID: s.ProjectID, PipelineID: s.PipelineID, Name: s.Name, Cron: s.Cron, TimeZone: s.TimeZone, Branch: s.Branch, Enabled: s.Enabled,
		DueAt: micros(s.DueAt), NotBefore: micros(s.NotBefore), Attempts: s.Attempts, LastAt: microsOrNil(s.LastAt), LastBuildID: s.LastBuildID,
		LastError: s.LastError, CreatedBy: s.CreatedBy, Created: micros(s.CreatedAt), Updated: micros(s.UpdatedAt),
	}
}

func (r scheduleRow) toCore() core.Schedule {
	return core.Schedule{
		ID: r.ID, ProjectID: r.ProjectID, PipelineID: r.PipelineID, Name: r.Name, Cron: r.Cron, TimeZone: r.TimeZone, Branch: r.Branch, Enabled: r.Enabled,
		DueAt: instant(r.DueAt), NotBefore: instant(r.NotBefore), Attempts: r.Attempts, LastAt: instantOrNil(r.LastAt), LastBuildID: r.LastBuildID,
		LastError: r.LastError, CreatedBy: r.CreatedBy, CreatedAt: instant(r.Created), UpdatedAt: instant(r.Updated),
	}
}

// CreateSchedule is core.ScheduleStore's.
func (s *Store) CreateSchedule(ctx context.Context, schedule core.Schedule) error {
	row := newScheduleRow(schedule)
	err := s.writeOne(ctx, func(q session) error { return q.db().Create(&row).Error })
	return failed(err, "create schedule %s", schedule.Name)
}

// FindSchedule is core.ScheduleStore's.
func (s *Store) FindSchedule(ctx context.Context, id string) (core.Schedule, error) {
	var row scheduleRow
	err := s.read(ctx).db().Take(&row, "id = ?", id).Error
	return row.toCore(), found(err, "Schedule", "find schedule %s", id)
}

// ListSchedules is core.ScheduleStore's.
func (s *Store) ListSchedules(ctx context.Context, projectID string) ([]core.Schedule, error) {
	var rows []scheduleRow
	err := s.read(ctx).db().Order("name, id").Find(&rows, "project_id = ?", projectID).Error
	return toCores(rows), failed(err, "list the schedules of project %s", projectID)
}

// DeleteSchedule is core.ScheduleStore's.
func (s *Store) DeleteSchedule(ctx context.Context, id string) error {
	return s.writeOne(ctx, func(q session) error {
		return changed(q.db().Delete(&scheduleRow{}, "id = ?", id), "Schedule", "delete schedule %s", id)
	})
}

// UpdateSchedule is core.ScheduleStore's.
func (s *Store) UpdateSchedule(ctx context.Context, schedule, was core.Schedule) error {
	row := newScheduleRow(schedule)
	return s.writeOne(ctx, func(q session) error {
		result := q.db().Model(&scheduleRow{}).Where("id = ? AND not_before = ? AND updated_at = ?", schedule.ID, micros(was.NotBefore), micros(was.UpdatedAt)).
			Select("*").Omit("ID", "ProjectID", "CreatedBy", "Created").Updates(row)
		if result.Error == nil && result.RowsAffected == 0 {
			return core.Errorf(core.KindConflict, "The schedule changed at this very moment; look at it again")
		}
		return failed(result.Error, "update schedule %s", schedule.ID)
	})
}

// DueSchedules is core.ScheduleStore's.
func (s *Store) DueSchedules(ctx context.Context, now time.Time, limit int) ([]core.Schedule, error) {
	var rows []scheduleRow
	err := s.read(ctx).db().Where("enabled AND not_before <= ?", micros(now)).Order("not_before, id").Limit(limit).Find(&rows).Error
	return toCores(rows), failed(err, "list due schedules")
}
