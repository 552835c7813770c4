package app

import (
	"context"
	"fmt"

	"github.com/oore-ci/oore/app/core"
)

// chatApprove lets exactly the commit that a fork's pull request stands at be built, and
// builds it.
func (a *App) chatApprove(ctx context.Context, c *conversation, in core.ChatCommand) (said, error) {
	pull, err := a.pullRequest(ctx, c)
	if err != nil {
		return said{}, err
	}
	if pull.PullRequest == nil || !pull.PullRequest.Fork {
		return said{}, core.Codef(core.KindConflict, core.CodeNothingToApprove, "This pull request is no fork's; there is nothing to approve.")
	}
	if len(in.Args) == 0 || !core.ValidSHA(in.Args[0]) {
		return said{}, core.SHARequired(pull.SHA)
	}
	sha := in.Args[0]
	if sha != pull.SHA {
		return said{}, core.Codef(core.KindConflict, core.CodeSHAStale, "Head moved to %.7s after the commit you named; please review again.", pull.SHA)
	}
	chosen := c.candidates
	if selectors := in.List("pipeline"); len(selectors) > 0 {
		if chosen, err = selectPipelines(chosen, selectors); err != nil {
			return said{}, err
		}
	}
	var started []string
	err = a.store.InTx(ctx, func(tx core.Store) error {
		started, c.delivery.Verdicts, c.delivery.SHA = nil, nil, sha
		approval := core.Approval{RepositoryID: c.repo.ID, PullRequest: pull.PullRequest.Number, SHA: sha, Approver: c.actor.Name, At: a.now()}
		if err := tx.SaveApproval(ctx, approval); err != nil {
			return err
		}
		pull := pull
		pull.Actor = c.actor.Name
		for _, one := range chosen {
			v, wake, err := a.act(ctx, tx, c.delivery, pull, one, decide(one, pull, c.actor.Name))
			if err != nil {
				return err
			}
			c.delivery.Verdicts = append(c.delivery.Verdicts, v)
			c.rings = append(c.rings, wake...)
			if v.BuildID != "" {
				c.rings = append(c.rings, v.BuildID)
				started = append(started, v.Pipeline)
			}
		}
		return nil
	})
	if err != nil {
		return said{}, err
	}
	a.log.Info("fork commit approved", "delivery", c.delivery.ID, "sha", sha, "actor", c.actor.Name)
	return said{text: fmt.Sprintf("Commit %.7s is approved; started: %s.", sha, some(started)), done: true}, nil
}

// chatRevoke takes all approvals of the pull request back and stops its builds.
func (a *App) chatRevoke(ctx context.Context, c *conversation) (said, error) {
	var revoked, stopped int
	err := a.store.InTx(ctx, func(tx core.Store) (err error) {
		revoked, stopped = 0, 0
		if revoked, err = tx.DeleteApprovals(ctx, c.repo.ID, c.chat.Number); err != nil {
			return err
		}
		living, err := a.activeBuilds(ctx, tx, core.BuildFilter{RepositoryID: c.repo.ID, PullRequest: c.chat.Number})
		if err != nil {
			return err
		}
		for _, b := range living {
			if b.PullRequest == nil || !b.PullRequest.Fork {
				continue
			}
			if err := a.cancel(ctx, tx, c.repo, &b, c.actor.Name, core.ReasonCanceledByUser, c.actor.Name+" took the approval back"); err != nil {
				return err
			}
			c.rings = append(c.rings, b.ID)
			stopped++
		}
		return nil
	})
	if err != nil {
		return said{}, err
	}
	if revoked == 0 {
		return said{}, core.Codef(core.KindConflict, "nothing_to_revoke", "No commit of this pull request is approved.")
	}
	return said{text: fmt.Sprintf("The approval is taken back; %d builds are stopped.", stopped), done: true}, nil
}
