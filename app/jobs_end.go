package app

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// Finish ends the build, if it has not ended, and lets go of the lease. A build
// that its runner gives back before the end (shutdown) is run again.
func (a *App) Finish(ctx context.Context, l core.Lease, r core.Result) error {
	err := a.store.InTx(ctx, func(tx core.Store) error {
		b, err := a.leased(ctx, tx, l)
		if err != nil {
			return err
		}
		err = a.finish(ctx, tx, &b, r)
		core.CrashPoint("result.written")
		return err
	})
	if err != nil {
		return err
	}
	core.CrashPoint("result.stored")
	a.moved(l.BuildID)
	a.bell.ring(topicOutbox, topicQueue)
	return nil
}

func (a *App) finish(ctx context.Context, tx core.Store, b *core.Build, r core.Result) error {
	if b.Status == core.BuildAssigned && r.Reason == core.ReasonRunnerShutdown { // its log goes on
		return a.requeue(ctx, tx, b, r.Reason)
	}
	if r.Log != nil {
		if err := tx.SaveLogTally(ctx, b.ID, *r.Log); err != nil {
			return err
		}
	}
	if b.Status.Terminal() { // canceled meanwhile: the runner only lets go
		return a.release(ctx, tx, *b)
	}
	if b.Status == core.BuildAssigned {
		// The table has no way from assigned to an end but cancel: it ran, if only briefly.
		if err := a.start(ctx, tx, b, ""); err != nil {
			return err
		}
	}
	return a.end(ctx, tx, b, r)
}

// end moves a running build to the result's state, frees it and, if it was lost,
// runs it again.
func (a *App) end(ctx context.Context, tx core.Store, b *core.Build, r core.Result) error {
	lease := b.LeaseToken
	event, err := b.Transition(r.Status, b.RunnerName, r.Reason, a.now())
	if err != nil {
		return err
	}
	r = r.Bounded()
	b.StatusMessage, b.ExitCode, b.Problems, b.Tests = r.Message, r.ExitCode, r.Problems, r.Tests
	b.LeaseToken, b.LeaseExpiresAt = "", time.Time{}
	if err := tx.UpdateBuild(ctx, *b, core.BuildRunning, lease, &event); err != nil {
		return err
	}
	if err := a.closeSteps(ctx, tx, *b); err != nil {
		return err
	}
	p, err := tx.FindProject(ctx, b.ProjectID)
	if err != nil {
		return err
	}
	if b.RunsAgain() { // the one that runs it again speaks for both: nobody is alarmed
		return a.runAgain(ctx, tx, p, *b)
	}
	return a.wantReports(ctx, tx, p.Repository, *b)
}

// closeSteps ends steps that a lost runner left running.
func (a *App) closeSteps(ctx context.Context, tx core.Store, b core.Build) error {
	steps, err := tx.ListSteps(ctx, b.ID)
	if err != nil {
		return err
	}
	for _, s := range steps {
		if s.Status != core.StepRunning {
			continue
		}
		s.Status, s.FinishedAt = core.StepCanceled, b.FinishedAt
		if err := tx.SaveStep(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (a *App) runAgain(ctx context.Context, tx core.Store, p core.Project, b core.Build) error {
	pipeline, err := tx.FindPipeline(ctx, b.PipelineID)
	if err != nil {
		return err
	}
	again := a.rerunOf(b, pipeline, core.Actor{Kind: core.ActorSystem, Name: "oore"})
	again.LostRuns = b.LostRuns
	if b.StatusReason == core.ReasonRunnerLost { // an orderly shutdown is no sign of a bad build
		again.LostRuns++
	}
	again, _, err = tx.CreateBuild(ctx, again, queuedEvent(again))
	if err != nil {
		return err
	}
	return a.wantReports(ctx, tx, p.Repository, again)
}

func (a *App) release(ctx context.Context, tx core.Store, b core.Build) error {
	lease := b.LeaseToken
	b.LeaseToken, b.LeaseExpiresAt = "", time.Time{}
	if err := a.closeSteps(ctx, tx, b); err != nil {
		return err
	}
	return tx.UpdateBuild(ctx, b, b.Status, lease, nil)
}

func (a *App) requeue(ctx context.Context, tx core.Store, b *core.Build, reason string) error {
	lease := b.LeaseToken
	event, err := b.Transition(core.BuildQueued, b.RunnerName, reason, a.now())
	if err != nil {
		return err
	}
	return tx.UpdateBuild(ctx, *b, core.BuildAssigned, lease, &event)
}
