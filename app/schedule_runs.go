package app

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

const (
	schedulesEvery = 2 * time.Second
	schedulesBatch = 20
	// schedulesAtOnce keeps a forge that hangs from holding up the others' schedules.
	schedulesAtOnce = 10
	// scheduleHold is how long a server may take for a moment before another tries too.
	scheduleHold = time.Minute
	retriedError = "It is tried again: " // begins the LastError of a moment that is
)

// runSchedules starts what is due. Of several servers one takes each moment, by
// compare-and-set; were two to, the build's key lets the second make none.
func (a *App) runSchedules(ctx context.Context) (more bool, err error) {
	due, err := a.store.DueSchedules(ctx, a.now(), schedulesBatch)
	if err != nil {
		return false, err
	}
	err = severally(ctx, a, schedulesAtOnce, due, a.takeSchedule)
	return err == nil && len(due) == schedulesBatch, err
}

func (a *App) takeSchedule(ctx context.Context, s core.Schedule) error {
	held := s
	held.NotBefore = a.now().Add(scheduleHold)
	err := a.store.UpdateSchedule(ctx, held, s)
	if err != nil && core.KindOf(err) == core.KindConflict {
		return nil // another server has it, or a person changed it
	}
	if err == nil {
		err = a.runSchedule(ctx, held)
	}
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("run schedule %s: %w", s.ID, err)
	}
	return nil
}

// runSchedule starts the build of a moment and moves the schedule on, in one
// transaction. Moments that nobody was there for are passed over but for the last, if
// that is younger than core.ScheduleGrace.
func (a *App) runSchedule(ctx context.Context, held core.Schedule) error {
	now := a.now()
	cron, err := core.ParseCron(held.Cron, held.TimeZone)
	if err != nil { // its time zone is not known any more
		return a.settleSchedule(ctx, held, cron, core.MessageOf(err))
	}
	s := held
	s.DueAt = cron.Last(held.DueAt, now)
	late := now.Sub(s.DueAt)
	if late > core.ScheduleGrace && held.Attempts > 0 { // LastError says what was in the way
		return a.settleSchedule(ctx, s, cron, strings.Replace(s.LastError, retriedError, "It was tried until it was too late: ", 1))
	}
	if late > core.ScheduleGrace {
		return a.settleSchedule(ctx, s, cron, fmt.Sprintf("Nobody was there at %s, and it is too late to make up for that", s.DueAt.Format("2006-01-02 15:04 MST")))
	}
	b, project, pipeline, err := a.scheduledBuild(ctx, s)
	kind := core.KindOf(err)
	switch {
	case err != nil && (kind == core.KindUnavailable || kind == core.KindLimited || kind == core.KindInternal):
		return a.postponeSchedule(ctx, held, err)
	case err != nil:
		return a.settleSchedule(ctx, s, cron, core.MessageOf(err))
	}
	return a.startScheduled(ctx, held, s, cron, b, project, pipeline)
}

func (a *App) scheduledBuild(ctx context.Context, s core.Schedule) (b core.Build, project core.Project, pipeline core.Pipeline, err error) {
	if err := a.databaseDisk.room(); err != nil {
		return b, project, pipeline, err
	}
	if project, err = a.store.FindProject(ctx, s.ProjectID); err != nil {
		return b, project, pipeline, err
	}
	if pipeline, err = a.store.FindPipeline(ctx, s.PipelineID); err != nil {
		return b, project, pipeline, err
	}
	if err := enabled(pipeline); err != nil {
		return b, project, pipeline, err
	}
	branch := orElse(s.Branch, project.Branch())
	commit, err := a.resolve(ctx, project.Repository, branch, "")
	if err != nil {
		return b, project, pipeline, err
	}
	b = a.newBuild(pipeline, core.TriggerSchedule, core.Actor{Kind: core.ActorSystem, Name: "schedule"})
	b.Branch, b.SHA, b.CommitMessage, b.CommitAuthor = branch, commit.SHA, commit.Message, commit.Author
	b.TriggerRef, b.DedupeKey = s.Name, s.BuildKey()
	return b, project, pipeline, nil
}

// startScheduled stores the build, unless there is one of that moment already, and the
// schedule's next moment.
func (a *App) startScheduled(ctx context.Context, held, s core.Schedule, cron core.Cron, wanted core.Build, project core.Project, pipeline core.Pipeline) error {
	var canceled []core.Build
	created := false
	err := a.store.InTx(ctx, func(tx core.Store) (err error) {
		canceled = nil
		if err := a.admit(ctx, tx, candidate{project, pipeline}, wanted); err != nil {
			return err
		}
		b, made, err := tx.CreateBuild(ctx, wanted, queuedEvent(wanted))
		if created = made; err != nil {
			return err
		}
		next := s
		next.LastAt, next.LastBuildID, next.LastError = new(time.Time), b.ID, ""
		*next.LastAt = s.DueAt
		a.moveOn(&next, cron)
		if err := tx.UpdateSchedule(ctx, next, held); err != nil || !created {
			return err
		}
		if canceled, err = a.supersede(ctx, tx, project.Repository, pipeline, b); err != nil {
			return err
		}
		return a.wantReports(ctx, tx, project.Repository, b)
	})
	if _, refused := core.QuotaVerdict(err); refused {
		return a.settleSchedule(ctx, s, cron, core.MessageOf(err))
	}
	if core.KindOf(err) == core.KindConflict && err != nil { // a person changed it meanwhile: what they want is true now
		return nil
	}
	if err != nil {
		return err
	}
	if !created {
		return nil
	}
	for _, old := range canceled {
		a.ringCanceled(old)
	}
	a.listed()
	a.bell.ring(topicQueue, topicOutbox)
	return nil
}

// recallSchedules puts moments that a clock which was ahead has put off to where they belong.
func (a *App) recallSchedules(ctx context.Context) error {
	all, err := a.store.DueSchedules(ctx, a.now().AddDate(100, 0, 0), math.MaxInt32)
	if err != nil {
		return err
	}
	for _, was := range all {
		cron, err := core.ParseCron(was.Cron, was.TimeZone)
		if err != nil {
			continue // its turn says so
		}
		s := was
		if s.DueAt = cron.Next(a.now()); !s.DueAt.Before(was.DueAt) {
			continue
		}
		s.NotBefore, s.Attempts = s.DueAt, 0
		if err := gone(a.store.UpdateSchedule(ctx, s, was)); err != nil {
			return err
		}
	}
	return nil
}

// moveOn sets the moment after the schedule's, and after now.
func (a *App) moveOn(s *core.Schedule, cron core.Cron) {
	s.DueAt = cron.Next(s.DueAt)
	if now := a.now(); s.DueAt.Before(now) && !s.DueAt.IsZero() {
		s.DueAt = cron.Next(now)
	}
	s.NotBefore, s.Attempts = s.DueAt, 0
	s.Enabled = s.Enabled && !s.DueAt.IsZero()
}

// settleSchedule goes on to the next moment without a build, and says why.
func (a *App) settleSchedule(ctx context.Context, s core.Schedule, cron core.Cron, why string) error {
	a.log.Warn("a schedule started no build", "schedule", s.ID, "project", s.ProjectID, "moment", s.DueAt, "reason", why)
	held := s
	s.LastError = why
	if cron == (core.Cron{}) {
		s.Enabled = false
	} else {
		a.moveOn(&s, cron)
	}
	return gone(a.store.UpdateSchedule(ctx, s, held))
}

// postponeSchedule tries the moment again later: the forge is down, or the disk full.
func (a *App) postponeSchedule(ctx context.Context, s core.Schedule, why error) error {
	held := s
	s.Attempts++
	pause := min(core.Backoff(s.Attempts), 5*time.Minute)
	s.NotBefore = a.now().Add(pause/2 + rand.N(pause))
	s.LastError = retriedError + core.MessageOf(why)
	a.warn(ctx, "a schedule could not start its build", "schedule", s.ID, "attempt", s.Attempts, "error", why)
	return gone(a.store.UpdateSchedule(ctx, s, held))
}

// gone forgives that somebody else changed or deleted it meanwhile.
func gone(err error) error {
	if kind := core.KindOf(err); err != nil && (kind == core.KindConflict || kind == core.KindNotFound) {
		return nil
	}
	return err
}
