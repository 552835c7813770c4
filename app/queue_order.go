package app

import (
	"context"

	"github.com/oore-ci/oore/app/core"
)

// PutBuildFirst puts a build that waits before all others. One that no longer waits is
// KindConflict, code invalid_transition.
func (a *App) PutBuildFirst(ctx context.Context, actor core.Actor, id string) (core.Build, error) {
	if err := core.Allow(actor, core.ActManageQueue, nil); err != nil {
		return core.Build{}, err
	}
	b, _, err := a.buildFor(ctx, actor, core.ActRead, id)
	if err != nil {
		return b, err
	}
	err = a.noting(ctx, actor, auditBuild(core.AuditBuildFirst, b), func(tx core.Store) error { return tx.PutFirst(ctx, id) })
	if err != nil {
		return b, err
	}
	a.log.Info("build put first", "build", id, "actor", actor.Name)
	a.bell.ring(topicQueue, topicBuild(id))
	return b, nil
}

// PauseQueue keeps runners from claiming builds; what runs goes on. A pause that is
// there already stays as it is.
func (a *App) PauseQueue(ctx context.Context, actor core.Actor) error {
	return a.switchQueue(ctx, actor, core.AuditQueuePause, func(tx core.Store) (bool, error) {
		return tx.PauseQueue(ctx, core.QueuePause{By: actor.Name, At: a.now()})
	})
}

// ResumeQueue lets runners claim builds again.
func (a *App) ResumeQueue(ctx context.Context, actor core.Actor) error {
	return a.switchQueue(ctx, actor, core.AuditQueueResume, func(tx core.Store) (bool, error) { return tx.ResumeQueue(ctx, a.now()) })
}

func (a *App) switchQueue(ctx context.Context, actor core.Actor, action core.AuditAction, change func(tx core.Store) (bool, error)) error {
	if err := core.Allow(actor, core.ActManageQueue, nil); err != nil {
		return err
	}
	err := a.store.InTx(ctx, func(tx core.Store) error {
		changed, err := change(tx)
		if err != nil || !changed {
			return err
		}
		return a.note(ctx, tx, actor, core.AuditEntry{Action: action, TargetKind: core.TargetQueue, Target: "the queue"})
	})
	if err == nil {
		a.log.Info("queue", "change", action, "actor", actor.Name)
		a.bell.ring(topicQueue)
	}
	return err
}
