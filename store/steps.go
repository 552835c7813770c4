package store

import (
	"context"

	"gorm.io/gorm/clause"

	"github.com/oore-ci/oore/app/core"
)

// eventRow has an id besides, made by the database: the order of the transitions.
type eventRow struct {
	BuildID    string
	FromStatus string
	ToStatus   string
	Actor      string
	Reason     string
	At         int64
}

func (r eventRow) toCore() core.BuildEvent {
	return core.BuildEvent{
		BuildID: r.BuildID, From: core.BuildStatus(r.FromStatus), To: core.BuildStatus(r.ToStatus),
		Actor: r.Actor, Reason: r.Reason, At: instant(r.At),
	}
}

func (s session) addEvent(e core.BuildEvent) error {
	_, err := s.exec("INSERT INTO build_events (build_id, from_status, to_status, actor, reason, at) VALUES ($1, $2, $3, $4, $5, $6)",
		e.BuildID, string(e.From), string(e.To), e.Actor, e.Reason, micros(e.At))
	return err
}

// ListBuildEvents is core.BuildStore's.
func (s *Store) ListBuildEvents(ctx context.Context, buildID string) ([]core.BuildEvent, error) {
	var rows []eventRow
	err := s.read(ctx).db().Table("build_events").Order("id").Find(&rows, "build_id = ?", buildID).Error
	return toCores(rows), failed(err, "list events of build %s", buildID)
}

type stepRow struct {
	BuildID       string `gorm:"primaryKey"`
	Index         int    `gorm:"primaryKey;autoIncrement:false;column:step_index"`
	Name          string
	Command       string
	Status        string
	ExitCode      *int
	FirstSequence int64
	LastSequence  *int64
	StartedAt     int64
	FinishedAt    *int64
}

// TableName is gorm's.
func (stepRow) TableName() string { return "steps" }

func (r stepRow) toCore() core.Step {
	return core.Step{
		BuildID: r.BuildID, Index: r.Index, Name: r.Name, Command: r.Command, Status: core.StepStatus(r.Status), ExitCode: r.ExitCode,
		FirstSequence: r.FirstSequence, LastSequence: r.LastSequence, StartedAt: instant(r.StartedAt), FinishedAt: instantOrNil(r.FinishedAt),
	}
}

// SaveStep is core.BuildStore's.
func (s *Store) SaveStep(ctx context.Context, step core.Step) error {
	row := stepRow{
		BuildID: step.BuildID, Index: step.Index, Name: step.Name, Command: step.Command, Status: string(step.Status), ExitCode: step.ExitCode,
		FirstSequence: step.FirstSequence, LastSequence: step.LastSequence, StartedAt: micros(step.StartedAt), FinishedAt: microsOrNil(step.FinishedAt),
	}
	err := s.writeOne(ctx, func(q session) error {
		return q.db().Clauses(clause.OnConflict{
			Columns:   []clause.Column{{Name: "build_id"}, {Name: "step_index"}},
			DoUpdates: clause.AssignmentColumns([]string{"name", "command", "status", "exit_code", "first_sequence", "last_sequence", "started_at", "finished_at"}),
		}).Create(&row).Error
	})
	return failed(err, "save step %d of build %s", step.Index, step.BuildID)
}

// ListSteps is core.BuildStore's.
func (s *Store) ListSteps(ctx context.Context, buildID string) ([]core.Step, error) {
	var rows []stepRow
	err := s.read(ctx).db().Order("step_index").Find(&rows, "build_id = ?", buildID).Error
	return toCores(rows), failed(err, "list steps of build %s", buildID)
}
