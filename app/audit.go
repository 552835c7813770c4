package app

import (
	"context"

	"github.com/oore-ci/oore/app/core"
)

// note writes what the actor did into the audit log, in the transaction that does it.
func (a *App) note(ctx context.Context, tx core.Store, actor core.Actor, e core.AuditEntry) error {
	e.ID, e.At = a.newID(), a.now()
	e.ActorKind, e.ActorID, e.Actor, e.CredentialID = actor.Kind, orElse(actor.UserID, actor.CredentialID), actor.Name, actor.CredentialID
	e.Door, e.Address, e.Delivery = actor.Door, actor.Address, actor.Delivery
	if e.Door == "" {
		e.Door = core.ViaSystem
	}
	return tx.AppendAudit(ctx, e)
}

// noting is a transaction of one write and its entry.
func (a *App) noting(ctx context.Context, actor core.Actor, e core.AuditEntry, write func(tx core.Store) error) error {
	return a.store.InTx(ctx, func(tx core.Store) error {
		if err := write(tx); err != nil {
			return err
		}
		return a.note(ctx, tx, actor, e)
	})
}

// ListAudit lists what people did, newest first, and their number (0 where the filter
// says Before). For owners and admins; a project's part of it for its maintainers.
func (a *App) ListAudit(ctx context.Context, actor core.Actor, f core.AuditFilter, page core.Page) ([]core.AuditEntry, int, error) {
	if f.ProjectID != "" && core.Allow(actor, core.ActManageInstance, nil) != nil {
		if _, err := a.projectFor(ctx, a.store, actor, core.ActManageProject, f.ProjectID); err != nil {
			return nil, 0, err
		}
	} else if err := core.Allow(actor, core.ActManageInstance, nil); err != nil {
		return nil, 0, err
	}
	return a.store.ListAudit(ctx, f, page)
}
