package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// ApproveDelivery lets the commit of a fork's pull request be built, and processes
// the delivery again. sha must be the whole id of the commit that the pull request
// stands at now: a branch can move between the look and the click. Codes:
// sha_required, sha_stale, self_approve, nothing_to_approve.
func (a *App) ApproveDelivery(ctx context.Context, actor core.Actor, id, sha string) (core.Delivery, error) {
	if err := core.Allow(actor, core.ActRead, nil); err != nil {
		return core.Delivery{}, err
	}
	d, err := a.store.FindDelivery(ctx, id)
	if err != nil {
		return d, err
	}
	e, repo, err := a.approvable(ctx, actor, d)
	if err != nil {
		return core.Delivery{}, err
	}
	if !core.ValidSHA(sha) {
		return core.Delivery{}, core.Codef(core.KindInvalid, core.CodeSHARequired,
			"sha: name the commit that you reviewed by its whole id; this delivery is about %s", e.SHA)
	}
	if err := a.stillHead(ctx, actor, repo, e, sha); err != nil {
		return core.Delivery{}, err
	}
	d.Status, d.NotBefore, d.Attempts, d.ProcessedAt = core.DeliveryReceived, a.now(), 0, nil
	err = a.store.InTx(ctx, func(tx core.Store) error {
		if err := a.approve(ctx, tx, actor, repo, e.PullRequest.Number, sha); err != nil {
			return err
		}
		return tx.UpdateDelivery(ctx, d, "")
	})
	if err != nil {
		return core.Delivery{}, fmt.Errorf("approve delivery %s: %w", id, err)
	}
	a.log.Info("fork commit approved", "delivery", id, "sha", sha, "actor", actor.Name)
	a.bell.ring(topicInbox)
	return d, nil
}

// approve lets a commit be built, once.
func (a *App) approve(ctx context.Context, tx core.Store, actor core.Actor, repo core.Repository, number int, sha string) error {
	created, err := tx.SaveApproval(ctx, core.Approval{RepositoryID: repo.ID, PullRequest: number, SHA: sha, Approver: actor.Name, At: a.now()})
	if err != nil || !created {
		return err
	}
	entry := auditPullRequest(core.AuditApprove, repo, number)
	entry.Changes = core.AuditChanges{}.With("commit_sha", "", sha)
	return a.note(ctx, tx, actor, entry)
}

// approvable reads the delivery and checks that there is something to approve for
// this actor.
func (a *App) approvable(ctx context.Context, actor core.Actor, d core.Delivery) (core.Event, core.Repository, error) {
	u := a.understand(ctx, d)
	e := u.event
	if u.err != nil || e.PullRequest == nil || !e.PullRequest.Fork {
		return e, core.Repository{}, core.Codef(core.KindConflict, core.CodeNothingToApprove,
			"This delivery is about no pull request from a fork; there is nothing to approve")
	}
	repo, err := a.store.FindRepositoryByExternalID(ctx, d.Provider, u.host, e.RepositoryID)
	if err != nil {
		return e, repo, err
	}
	projects, err := a.store.ListProjectsOfRepository(ctx, repo.ID)
	if err != nil {
		return e, repo, err
	}
	refused := error(core.Codef(core.KindConflict, core.CodeNothingToApprove, "No project that you see asks for approvals of this"))
	for _, p := range projects {
		if p.Forks != core.ForksApprove || core.Allow(actor, core.ActRead, &p) != nil {
			continue
		}
		if refused = core.Allow(actor, core.ActApprove, &p); refused == nil {
			return e, repo, a.notTheOpener(ctx, actor, repo, e)
		}
	}
	return e, repo, refused
}

// notTheOpener keeps who opened a pull request from approving it. Who a user of the house
// is at the forge is known of those who have connected their account there: then its
// number decides. Of others the name is all that is known, and a namesake is refused.
func (a *App) notTheOpener(ctx context.Context, actor core.Actor, repo core.Repository, e core.Event) error {
	own := core.Codef(core.KindForbidden, core.CodeSelfApprove, "The author of a pull request cannot approve it; ask somebody else")
	known := false
	if actor.UserID != "" && e.OpenerID != "" {
		identities, err := a.store.ListIdentities(ctx, actor.UserID)
		if err != nil {
			return err
		}
		for _, i := range identities {
			if i.Provider != core.ForgeIdentity(repo.Provider, repo.Host) {
				continue
			}
			if known = true; i.Subject == e.OpenerID {
				return own
			}
		}
	}
	if !known && e.Opener != "" && strings.EqualFold(actor.Name, e.Opener) {
		return own
	}
	return nil
}

// stillHead checks with the forge that the pull request is open, stands at the commit,
// and was not opened by the actor: GitLab's payloads name its author by number alone.
func (a *App) stillHead(ctx context.Context, actor core.Actor, repo core.Repository, e core.Event, sha string) error {
	forge, err := a.forge(repo.Provider)
	if err != nil {
		return err
	}
	if talker, ok := forge.(core.Talker); ok {
		now, err := talker.FindPullRequest(ctx, repo, e.PullRequest.Number)
		if err != nil {
			return err
		}
		if now.Closed {
			return core.Codef(core.KindConflict, "pr_closed", "Pull request #%d is closed; there is nothing to approve", e.PullRequest.Number)
		}
		if err := a.notTheOpener(ctx, actor, repo, now); err != nil {
			return err
		}
	}
	head, err := forge.PullRequestHead(ctx, repo, e.PullRequest.Number)
	if err != nil {
		return err
	}
	if sha != e.SHA || sha != head {
		return core.Codef(core.KindConflict, core.CodeSHAStale,
			"Pull request #%d stands at %s now; review that commit and approve it on its own delivery", e.PullRequest.Number, head)
	}
	return nil
}

// approver tells who approved the event's commit, or "".
func (a *App) approver(ctx context.Context, s core.Store, repositoryID string, e core.Event) (string, error) {
	if e.PullRequest == nil || !e.PullRequest.Fork {
		return "", nil
	}
	approval, err := s.FindApproval(ctx, repositoryID, e.PullRequest.Number, e.SHA)
	if core.KindOf(err) == core.KindNotFound {
		return "", nil
	}
	return approval.Approver, err
}

// forgetApprovals takes back what was approved before a pull request got another target:
// who approved it looked at another difference.
func (a *App) forgetApprovals(ctx context.Context, tx core.Store, d core.Delivery, e core.Event, repositoryID string) error {
	if !e.Retargeted || e.PullRequest == nil {
		return nil
	}
	approval, err := tx.FindApproval(ctx, repositoryID, e.PullRequest.Number, e.SHA)
	if core.KindOf(err) == core.KindNotFound || err == nil && !approval.At.Before(d.ReceivedAt) {
		return nil // none, or one of the new target
	}
	if err == nil {
		_, err = tx.DeleteApprovals(ctx, repositoryID, e.PullRequest.Number)
	}
	return err
}

// wantNote asks for a status of a commit that has no build: it waits for somebody, or
// a filter kept it from being built.
func (a *App) wantNote(ctx context.Context, tx core.Store, d core.Delivery, e core.Event, c candidate, note core.Reason) error {
	if a.reporters[c.project.Repository.Provider] == nil {
		return nil
	}
	return tx.WantEffect(ctx, core.Effect{
		Key: core.StatusKey(c.pipeline.ID, e.SHA), Kind: core.EffectStatus, RepositoryID: c.project.RepositoryID,
		PipelineID: c.pipeline.ID, SHA: e.SHA, NotBefore: a.now(), UpdatedAt: a.now(), DeliveryID: d.ID,
		Note: note,
	})
}

// noted is the report of an effect that has a note and no build.
func (a *App) noted(ctx context.Context, e core.Effect) (core.Report, error) {
	p, err := a.store.FindPipeline(ctx, e.PipelineID)
	state := core.ReportSkipped
	switch e.Note.Code {
	case core.WhyFork:
		state = core.ReportPending
	case core.WhyConcurrency, core.WhyRateLimited:
		state = core.ReportError
	}
	return core.Report{
		Build: core.Build{SHA: e.SHA, PipelineID: e.PipelineID}, Pipeline: p, State: state, Context: p.StatusContext,
		Description: e.Note.Text, TargetURL: a.publicURL + "/deliveries/" + e.DeliveryID,
	}, err
}

// EvaluateDelivery decides about a delivery with today's settings and changes
// nothing: what it returns is what processing it now would say.
func (a *App) EvaluateDelivery(ctx context.Context, actor core.Actor, id string) (core.Delivery, error) {
	d, err := a.FindDelivery(ctx, actor, id)
	if err != nil {
		return d, err
	}
	stored, err := a.store.FindDelivery(ctx, id) // FindDelivery may have hidden the payload from the actor
	if err != nil {
		return d, err
	}
	u := a.understand(ctx, stored)
	switch {
	case core.KindOf(u.err) == core.KindInvalid:
		d.Status, d.Reason, d.Verdicts = core.DeliveryIgnored, core.Reason{Code: core.WhyPayload, Text: core.MessageOf(u.err)}, nil
		return d, nil
	case u.err != nil:
		return d, u.err
	case u.event.Ignored != nil:
		d.Status, d.Reason, d.Verdicts = core.DeliveryIgnored, *u.event.Ignored, nil
		return d, nil
	}
	if u.event.Change != nil || u.event.Rerun != nil || u.event.Cancel != nil || u.event.Chat != nil {
		return d, nil // what these did is done; there is no filter to look at again
	}
	candidates, err := a.candidates(ctx, u)
	if err != nil {
		return d, err
	}
	if len(candidates) == 0 {
		d.Status, d.Reason, d.Verdicts = core.DeliveryIgnored, unlinked(u.event), nil
		return d, nil
	}
	approver, err := a.approver(ctx, a.store, candidates[0].project.RepositoryID, u.event)
	if err != nil {
		return d, err
	}
	h, err := a.hiddenFrom(ctx, actor)
	if err != nil {
		return d, err
	}
	e := a.complete(ctx, u, candidates)
	d.Verdicts = nil
	for _, c := range candidates {
		if h == nil || !h.projects[c.project.ID] {
			v, err := a.foresee(ctx, c, e, decide(c, e, approver))
			if err != nil {
				return d, err
			}
			d.Verdicts = append(d.Verdicts, verdictOf(c, v))
		}
	}
	if len(d.Verdicts) == 0 {
		d.Status, d.Reason = core.DeliveryIgnored, unlinked(u.event)
		return d, nil
	}
	d.Status, d.Reason = outcome(d.Verdicts)
	return d, nil
}
