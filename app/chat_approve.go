package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// chatApprove lets exactly the commit that a fork's pull request stands at be built, and
// builds it.
func (a *App) chatApprove(ctx context.Context, c *conversation, in core.ChatCommand) (deed, error) {
	pull, err := a.pullRequest(ctx, c)
	if err != nil {
		return nil, err
	}
	if pull.PullRequest == nil || !pull.PullRequest.Fork {
		return nil, core.Codef(core.KindConflict, core.CodeNothingToApprove, "This pull request is no fork's; there is nothing to approve.")
	}
	if len(in.Args) == 0 || !core.ValidSHA(in.Args[0]) {
		return nil, core.SHARequired(pull.SHA)
	}
	sha := in.Args[0]
	if sha != pull.SHA {
		return nil, core.Codef(core.KindConflict, core.CodeSHAStale, "Head moved to %.7s after the commit you named; please review again.", pull.SHA)
	}
	chosen := c.candidates
	if selectors := in.List("pipeline"); len(selectors) > 0 {
		if chosen, err = selectPipelines(chosen, selectors, toStart); err != nil {
			return nil, err
		}
	}
	pull.Actor = c.actor.Name
	return func(ctx context.Context, tx core.Store) (said, error) {
		if err := a.approve(ctx, tx, c.actor, c.repo, pull.PullRequest.Number, sha); err != nil {
			return said{}, err
		}
		out := said{done: true, sha: sha}
		var started, full []string
		for _, one := range chosen {
			v, wake, err := a.act(ctx, tx, c.delivery, pull, one, decide(one, pull, c.actor.Name))
			if err != nil {
				return said{}, err
			}
			out.verdicts, out.rings = append(out.verdicts, v), append(out.rings, wake...)
			if v.BuildID != "" {
				started = append(started, v.Pipeline)
			}
			if v.Code == core.WhyConcurrency || v.Code == core.WhyRateLimited {
				full = append(full, "\n"+v.Pipeline+": "+v.Reason)
			}
		}
		out.text = fmt.Sprintf("Commit %.7s is approved; started: %s.", sha, some(started)) + strings.Join(full, "")
		out.partly = len(full) > 0
		return out, nil
	}, nil
}

// chatRevoke takes all approvals of the pull request back and stops its builds.
func (a *App) chatRevoke(c *conversation) deed {
	return func(ctx context.Context, tx core.Store) (said, error) {
		revoked, err := tx.DeleteApprovals(ctx, c.repo.ID, c.chat.Number)
		if err != nil {
			return said{}, err
		}
		living, err := a.activeBuilds(ctx, tx, core.BuildFilter{RepositoryID: c.repo.ID, PullRequest: c.chat.Number})
		if err != nil {
			return said{}, err
		}
		out := said{done: true}
		for _, b := range living {
			if b.PullRequest == nil || !b.PullRequest.Fork {
				continue
			}
			if err := a.cancel(ctx, tx, c.repo, &b, c.actor.Name, core.ReasonCanceledByUser, c.actor.Name+" took the approval back"); err != nil {
				return said{}, err
			}
			out.rings = append(out.rings, b.ID)
		}
		switch stopped := len(out.rings); {
		case revoked > 0:
			out.text = fmt.Sprintf("The approval is taken back; %d builds are stopped.", stopped)
		case stopped > 0: // the project builds forks without one
			out.text = fmt.Sprintf("No commit of this pull request was approved; %d builds are stopped.", stopped)
		default:
			return said{}, core.Codef(core.KindConflict, "nothing_to_revoke", "No commit of this pull request is approved, and none of it is being built.")
		}
		return out, a.note(ctx, tx, c.actor, auditPullRequest(core.AuditRevoke, c.repo, c.chat.Number))
	}
}
