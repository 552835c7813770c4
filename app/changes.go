package app

import (
	"context"
	"fmt"

	"github.com/oore-ci/oore/app/core"
)

// applyChange keeps the books: which repositories we can reach, and under what
// name. Repositories are known by their forge's id; names change.
func (a *App) applyChange(ctx context.Context, tx core.Store, u understood, c core.Change) (core.Reason, error) {
	if err := a.noteInstallation(ctx, tx, u.delivery.IntegrationID, c); err != nil {
		return core.Reason{}, err
	}
	switch c.Kind {
	case core.ChangeInstalled, core.ChangeAdded:
		return a.saveRepositories(ctx, tx, u, c, "")
	case core.ChangeUnsuspended, core.ChangePermissions:
		return a.markInstallation(ctx, tx, u, c, "")
	case core.ChangeUninstalled:
		return a.markInstallation(ctx, tx, u, c, "The App was uninstalled from "+c.Account)
	case core.ChangeSuspended:
		return a.markInstallation(ctx, tx, u, c, suspendedOn(c.Account))
	case core.ChangeRemoved:
		return a.saveRepositories(ctx, tx, u, c, noAccess(u.delivery.Provider))
	case core.ChangeDeleted:
		return a.saveRepositories(ctx, tx, u, c, "It was deleted or archived")
	case core.ChangeRepository:
		return a.saveRepositories(ctx, tx, u, c, "")
	}
	return core.Reason{}, fmt.Errorf("unknown change %q", c.Kind)
}

// noteInstallation keeps the list of accounts that an integration is installed on.
func (a *App) noteInstallation(ctx context.Context, tx core.Store, integrationID string, c core.Change) error {
	if integrationID == "" || c.InstallationID == 0 {
		return nil
	}
	switch c.Kind {
	case core.ChangeUninstalled:
		return tx.DeleteInstallation(ctx, integrationID, c.InstallationID)
	case core.ChangeInstalled, core.ChangeSuspended, core.ChangeUnsuspended, core.ChangePermissions:
	case core.ChangeAdded, core.ChangeRemoved, core.ChangeRepository, core.ChangeDeleted:
		return nil
	}
	known, err := tx.ListInstallations(ctx, integrationID)
	if err != nil {
		return err
	}
	i := core.Installation{IntegrationID: integrationID, ExternalID: c.InstallationID}
	for _, old := range known {
		if old.ExternalID == c.InstallationID {
			i = old
		}
	}
	i.Account, i.Suspended, i.UpdatedAt = orElse(c.Account, i.Account), c.Kind == core.ChangeSuspended, a.now()
	if c.Kind == core.ChangePermissions {
		i.Missing = nil // the next inventory looks again
	}
	a.bell.ring(topicInventory)
	return tx.SaveInstallation(ctx, i)
}

// saveRepositories takes over what the change says of each repository; what it does
// not say stays.
func (a *App) saveRepositories(ctx context.Context, tx core.Store, u understood, c core.Change, unavailable string) (core.Reason, error) {
	if len(c.Repositories) == 0 {
		return bookkeeping("Noted for the account %s.", c.Account), nil
	}
	names := ""
	for _, said := range c.Repositories {
		said.Provider, said.InstallationID = u.delivery.Provider, c.InstallationID
		if late, err := a.heldElsewhere(ctx, tx, u, c, said); err != nil || late {
			if err != nil {
				return core.Reason{}, err
			}
			continue
		}
		if err := a.keepRepository(ctx, tx, u.delivery.IntegrationID, u.host, said, unavailable); err != nil {
			return core.Reason{}, err
		}
		if names != "" {
			names += ", "
		}
		names += said.FullName
	}
	if names == "" {
		return bookkeeping("Another installation has them by now."), nil
	}
	if unavailable == "" {
		return bookkeeping("Noted: %s.", names), nil
	}
	return bookkeeping("Noted: %s. %s.", names, unavailable), nil
}

// heldElsewhere tells whether a removal comes from an installation that does not hold the
// repository any more: after a transfer the two messages come in any order.
func (a *App) heldElsewhere(ctx context.Context, tx core.Store, u understood, c core.Change, said core.Repository) (bool, error) {
	if c.Kind != core.ChangeRemoved || c.InstallationID == 0 {
		return false, nil
	}
	r, err := tx.FindRepositoryByExternalID(ctx, u.delivery.Provider, u.host, said.ExternalID)
	if core.KindOf(err) == core.KindNotFound {
		return false, nil
	}
	return err == nil && r.InstallationID != 0 && r.InstallationID != c.InstallationID, err
}

func takeOver(r *core.Repository, said core.Repository) {
	for _, f := range []struct{ to, from *string }{
		{&r.FullName, &said.FullName}, {&r.WebURL, &said.WebURL}, {&r.CloneURL, &said.CloneURL}, {&r.DefaultBranch, &said.DefaultBranch},
	} {
		if *f.from != "" {
			*f.to = *f.from
		}
	}
	r.Private = said.Private
}

// markInstallation says of all repositories of an installation that they can or
// cannot be reached.
func (a *App) markInstallation(ctx context.Context, tx core.Store, u understood, c core.Change, unavailable string) (core.Reason, error) {
	all, err := tx.ListRepositories(ctx, u.delivery.Provider)
	if err != nil {
		return core.Reason{}, err
	}
	n := 0
	for _, r := range all {
		if r.InstallationID != c.InstallationID || r.Host != u.host {
			continue
		}
		n++
		if err := a.setAvailable(ctx, tx, r, unavailable); err != nil {
			return core.Reason{}, err
		}
	}
	if unavailable == "" {
		return bookkeeping("The App works on %s; %d repositories are back.", c.Account, n), nil
	}
	return bookkeeping("%s; %d repositories are out of reach.", unavailable, n), nil
}

// setAvailable stores the repository. What waited for it goes on when it is back;
// what is queued for it ends when it is gone.
func (a *App) setAvailable(ctx context.Context, tx core.Store, r core.Repository, unavailable string) error {
	r.Unavailable, r.UpdatedAt = unavailable, a.now()
	stored, err := tx.SaveRepository(ctx, r)
	if err != nil {
		return err
	}
	if unavailable == "" {
		return tx.WakeEffects(ctx, stored.ID, a.now())
	}
	queued, _, err := tx.ListBuilds(ctx, core.BuildFilter{RepositoryID: stored.ID, Statuses: []core.BuildStatus{core.BuildQueued}}, core.Page{})
	if err != nil {
		return err
	}
	for _, b := range queued {
		if err := a.cancel(ctx, tx, stored, &b, "oore", core.ReasonRepositoryGone, "Canceled: "+unavailable); err != nil {
			return err
		}
	}
	return nil
}

func bookkeeping(format string, args ...any) core.Reason {
	return core.Reason{Code: core.WhyBookkeeping, Text: fmt.Sprintf(format, args...)}
}

// rerunCommit makes new builds of what failed on a commit, as somebody asked the
// forge to. It returns what each pipeline made of it.
func (a *App) rerunCommit(ctx context.Context, tx core.Store, d core.Delivery, e core.Event, candidates []candidate) ([]core.DeliveryVerdict, error) {
	var verdicts []core.DeliveryVerdict
	for _, c := range candidates {
		b, err := tx.NewestBuild(ctx, c.pipeline.ID, e.Rerun.SHA)
		if core.KindOf(err) == core.KindNotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		out := core.Verdict{Code: core.WhyNothingToRerun, Reason: fmt.Sprintf("Build #%d of this commit is %s.", b.Number, b.Status)}
		refused := enabled(c.pipeline)
		if refused == nil {
			refused = a.trusted(ctx, tx, c.project, core.Event{SHA: b.SHA, PullRequest: b.PullRequest})
		}
		if k := core.KindOf(refused); refused != nil && k != core.KindConflict && k != core.KindForbidden {
			return nil, refused
		}
		if refused != nil {
			verdicts = append(verdicts, verdictOf(c, core.Verdict{Code: core.CodeOf(refused), Reason: core.MessageOf(refused)}))
			continue
		}
		named := e.Rerun.BuildID == b.ID
		if named && b.Status.Terminal() || e.Rerun.BuildID == "" && b.Status.Terminal() && b.Status != core.BuildSucceeded {
			again := a.rerunOf(b, c.pipeline, core.Actor{Name: e.Actor})
			again.DeliveryID = d.ID
			if refused := a.admit(ctx, tx, c, again); refused != nil {
				v, is := core.QuotaVerdict(refused)
				if !is {
					return nil, refused
				}
				verdicts = append(verdicts, verdictOf(c, v))
				continue
			}
			if b, _, err = tx.CreateBuild(ctx, again, queuedEvent(again)); err != nil {
				return nil, err
			}
			if err := a.noteBuild(ctx, tx, presser(d, e), core.AuditBuildRerun, b); err != nil {
				return nil, err
			}
			if err := a.wantReports(ctx, tx, c.project.Repository, b); err != nil {
				return nil, err
			}
			out = core.Verdict{Matched: true, Code: core.WhyRerun, Reason: fmt.Sprintf("Run again as build #%d.", b.Number)}
		}
		v := verdictOf(c, out)
		if v.Matched {
			v.BuildID = b.ID
		}
		verdicts = append(verdicts, v)
	}
	return verdicts, nil
}
