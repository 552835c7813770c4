package app

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/oore-ci/oore/app/core"
)

const (
	standingsAtOnce = 8  // are asked about
	standingsBatch  = 64 // are taken
)

func standingSealedAt(id string) string { return "standings/" + id }

func (a *App) askEvery() time.Duration { return cmp.Or(a.signIn.AskEvery, core.StandingEvery) }

// askAgain is how soon a service is asked again after a no, which may be a mistake there.
func (a *App) askAgain() time.Duration { return a.askEvery() / 10 }

// keepStanding keeps by what the service can be asked about a person whom its list has
// just let in, and lets in again who was shut out because they had left.
func (a *App) keepStanding(ctx context.Context, tx core.Store, v Visitor, i core.Identity, way core.SignInWay, p core.Person) error {
	if !p.Admitted {
		return nil
	}
	if err := a.readmit(ctx, tx, v, i, way); err != nil || p.Standing == nil {
		return err
	}
	s := core.Standing{ID: a.newID(), Provider: i.Provider, Subject: i.Subject, AskAt: a.now().Add(a.askEvery())}
	var err error
	if s.Sealed, err = a.vault.Seal(p.Standing, standingSealedAt(s.ID)); err != nil {
		return fmt.Errorf("seal by what %s is asked: %w", way.Name, err)
	}
	return tx.SaveStanding(ctx, s)
}

func (a *App) readmit(ctx context.Context, tx core.Store, v Visitor, i core.Identity, way core.SignInWay) error {
	u, err := tx.HoldUser(ctx, i.UserID)
	if err != nil || u.Enabled || u.Departed != i.Provider {
		return err
	}
	u.Enabled, u.Departed, u.UpdatedAt = true, "", a.now()
	if err := tx.UpdateUser(ctx, u); err != nil {
		return err
	}
	entry := auditUser(core.AuditUserEnable, u)
	entry.Changes = core.AuditChanges{}.With("enabled", false, true).With("by", "", way.Name)
	return a.note(ctx, tx, core.Actor{Kind: core.ActorUser, UserID: u.ID, Name: u.Name, Door: v.Door, Address: v.Address}, entry)
}

// checkStandings asks the services about those whom their lists have let in. Who is on one
// no more is shut out; a service that does not answer changes nothing for anybody.
func (a *App) checkStandings(ctx context.Context) (more bool, err error) {
	now := a.now()
	due, err := a.store.TakeStandings(ctx, now, now.Add(a.askEvery()), standingsBatch)
	if err != nil {
		return false, err
	}
	return len(due) == standingsBatch, severally(ctx, a, standingsAtOnce, due, a.checkStanding)
}

func (a *App) checkStanding(ctx context.Context, s core.Standing) error {
	room := a.roomOf(s.Provider)
	if room == nil {
		return nil // people do not sign in there any more, and nobody can be asked
	}
	asked, err := a.vault.Open(s.Sealed, standingSealedAt(s.ID))
	if err != nil {
		return fmt.Errorf("open by what %s is asked: %w", s.Provider, err)
	}
	next, no := room.StillAdmitted(ctx, asked)
	if next != nil && !bytes.Equal(next, asked) {
		if s.Sealed, err = a.vault.Seal(next, standingSealedAt(s.ID)); err != nil {
			return fmt.Errorf("seal by what %s is asked: %w", s.Provider, err)
		}
	}
	switch kind := core.KindOf(no); {
	case no == nil && next == nil:
		_, err := a.store.DeleteStanding(ctx, s.ID)
		return err
	case no == nil:
		s.Noes = 0
	case kind != core.KindForbidden && kind != core.KindUnauthorized:
		a.warn(ctx, "a service does not say whether somebody may sign in still", "service", s.Provider, "user", s.UserID, "error", no)
	case s.Noes == 0:
		s.Noes, s.AskAt = 1, a.now().Add(a.askAgain())
	default:
		return a.shutOut(ctx, s, no)
	}
	return a.store.UpdateStanding(ctx, s)
}

func (a *App) roomOf(provider string) core.SignInRoom {
	for _, room := range a.signIn.Rooms {
		if room.Way().Provider == provider {
			return room
		}
	}
	return nil
}

// shutOut disables a user who has left what let them in. They are let in again when they
// are back, or by an admin. The last owner has to sign in anew, and stays one.
func (a *App) shutOut(ctx context.Context, s core.Standing, why error) error {
	out := false
	err := a.store.InTx(ctx, func(tx core.Store) (err error) {
		out, err = a.shutOutIn(ctx, tx, s, why)
		return err
	})
	if err != nil {
		return fmt.Errorf("shut out user %s: %w", s.UserID, err)
	}
	if !out {
		return nil
	}
	a.log.Warn("user shut out: they have left what let them in", "user", s.UserID, "service", s.Provider, "why", core.MessageOf(why))
	a.bell.ring(topicAccess(s.UserID))
	return nil
}

// shutOutIn tells whether there was somebody to shut out.
func (a *App) shutOutIn(ctx context.Context, tx core.Store, s core.Standing, why error) (bool, error) {
	owners, err := tx.HoldOwners(ctx)
	if err != nil {
		return false, err
	}
	u, err := tx.HoldUser(ctx, s.UserID)
	if err != nil {
		return false, err
	}
	// While the service was asked they may have signed in anew or disconnected the
	// account, and an admin may have disabled them, for good.
	asked, err := tx.DeleteStanding(ctx, s.ID)
	if err != nil || !asked || !u.Enabled {
		return false, err
	}
	entry := auditUser(core.AuditSignOut, u)
	if !lastOwner(owners, u) {
		u.Enabled, u.Departed, u.UpdatedAt = false, s.Provider, a.now()
		entry.Action, entry.Changes = core.AuditUserDisable, core.AuditChanges{}.With("enabled", true, false)
	}
	if err := tx.UpdateUser(ctx, u); err != nil {
		return false, err
	}
	if err := endAccess(ctx, tx, u.ID); err != nil {
		return false, err
	}
	entry.Changes = entry.Changes.With("why", "", core.MessageOf(why))
	return true, a.note(ctx, tx, core.Actor{Kind: core.ActorSystem, Name: "oore"}, entry)
}
