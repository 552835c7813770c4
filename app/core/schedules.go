package core

import (
	"context"
	"strconv"
	"strings"
	"time"
)

// Schedule starts builds of a pipeline at the moments that a cron expression names.
type Schedule struct {
	ID         string
	ProjectID  string
	PipelineID string
	Name       string
	Cron       string
	TimeZone   string // name of the time zone database
	Branch     string // empty: the project's default branch
	Enabled    bool

	DueAt     time.Time // the next moment; it is not moved while a try for it goes on
	NotBefore time.Time // when it is looked at next: DueAt, or later after a failed try
	Attempts  int       // failed tries for DueAt

	LastAt      *time.Time // the moment for which the last build was started
	LastBuildID string
	LastError   string // why the last moment made no build; empty: it did

	CreatedBy string
	CreatedAt time.Time
	UpdatedAt time.Time
}

const (
	// MaxSchedules is how many a project may have.
	MaxSchedules = 50
	// ScheduleGrace is how late the build of a moment may still be started: of those that
	// nobody was there for, the last one is made up for if it is younger, and the others
	// are not.
	ScheduleGrace = time.Hour
)

// Validate checks what a person set: KindInvalid names the field.
func (s Schedule) Validate() error {
	if wrong := checkName(s.Name); wrong != "" {
		return Errorf(KindInvalid, "name %s", wrong)
	}
	if s.Branch != "" {
		if err := ValidRef(s.Branch); err != nil {
			return Errorf(KindInvalid, "branch: %s", MessageOf(err))
		}
	}
	_, err := ParseCron(s.Cron, s.TimeZone)
	return err
}

// BuildKey is the dedupe key of the build for the due moment: one moment makes one
// build, whoever starts it.
func (s Schedule) BuildKey() string {
	return "schedule:" + s.ID + ":" + strconv.FormatInt(s.DueAt.Unix(), 10)
}

// ScheduleOf is the id of the schedule that started the build; empty: none did.
func ScheduleOf(b Build) string {
	if b.TriggerType != TriggerSchedule {
		return ""
	}
	id, _, _ := strings.Cut(strings.TrimPrefix(b.DedupeKey, "schedule:"), ":")
	return id
}

// ScheduleStore keeps schedules.
type ScheduleStore interface {
	CreateSchedule(ctx context.Context, s Schedule) error
	FindSchedule(ctx context.Context, id string) (Schedule, error)
	ListSchedules(ctx context.Context, projectID string) ([]Schedule, error) // by name
	DeleteSchedule(ctx context.Context, id string) error
	// UpdateSchedule stores s, provided that nobody has changed or held what was read as was;
	// otherwise KindConflict, and nothing is changed.
	UpdateSchedule(ctx context.Context, s, was Schedule) error
	// DueSchedules lists enabled ones whose NotBefore has come, oldest first.
	DueSchedules(ctx context.Context, now time.Time, limit int) ([]Schedule, error)
}
