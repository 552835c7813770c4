package app

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// candidate is a pipeline with what the decision about it needs.
type candidate struct {
	project  core.Project
	pipeline core.Pipeline
}

// candidates lists every pipeline, enabled or not, of every project of the repository.
func (a *App) candidates(ctx context.Context, u understood) ([]candidate, error) {
	repo, err := a.store.FindRepositoryByExternalID(ctx, u.delivery.Provider, u.host, u.event.RepositoryID)
	if core.KindOf(err) == core.KindNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	projects, err := a.store.ListProjectsOfRepository(ctx, repo.ID)
	if err != nil {
		return nil, err
	}
	var all []candidate
	for _, p := range projects {
		pipelines, err := a.store.ListPipelines(ctx, p.ID)
		if err != nil {
			return nil, err
		}
		for _, pipeline := range pipelines {
			all = append(all, candidate{project: p, pipeline: pipeline})
		}
	}
	return all, nil
}

// decide is the whole decision about one pipeline. approver is who approved the
// event's commit, if it is a fork's.
func decide(c candidate, e core.Event, approver string) core.Verdict {
	if !c.pipeline.Enabled {
		return core.Verdict{Code: core.WhyPipelineOff, Reason: "The pipeline is disabled."}
	}
	v := c.pipeline.Trigger.Match(e)
	if v.Matched && e.Gone && e.Head != "" { // of a pull request alone both are known
		return core.Verdict{Code: core.WhyAction, Reason: fmt.Sprintf("Pull request #%d has been closed since.", e.PullRequest.Number)}
	}
	if !v.Matched || e.PullRequest == nil || !e.PullRequest.Fork || c.project.Forks == core.ForksBuild {
		return v
	}
	if c.project.Forks == core.ForksIgnore {
		return core.Verdict{Code: core.WhyForkIgnored, Reason: "The pull request comes from a fork, and this project ignores forks."}
	}
	if approver != "" {
		v.Reason = fmt.Sprintf("Commit %s comes from a fork, and %s approved it.", e.SHA, approver)
		return v
	}
	return core.Verdict{
		Code: core.WhyFork, Reason: fmt.Sprintf("The pull request comes from a fork, by %s, and nobody has approved commit %s.", orElse(e.Opener, e.Actor), e.SHA),
	}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// act makes what the verdict asks for. It returns the ids of builds to wake.
func (a *App) act(ctx context.Context, tx core.Store, d core.Delivery, e core.Event, c candidate, v core.Verdict) (core.DeliveryVerdict, []string, error) {
	out := verdictOf(c, v)
	if err := a.wantSettings(ctx, tx, d, e, c); err != nil {
		return out, nil, err
	}
	if v.Code == core.WhyFork {
		return out, nil, a.wantNote(ctx, tx, d, e, c, core.Reason{Code: v.Code, Text: "From a fork: to build it, approve commit " + e.SHA})
	}
	if !v.Matched {
		if c.project.ReportSkipped && filtered(v.Code) && e.SHA != "" {
			return out, nil, a.wantNote(ctx, tx, d, e, c, core.Reason{Code: v.Code, Text: "Skipped: " + v.Reason})
		}
		return out, nil, nil
	}
	b, created, err := a.buildOfEvent(ctx, tx, d, e, c)
	if err != nil {
		refused, is, err := a.refuseByQuota(ctx, tx, d, e, c, err)
		if is {
			out = refused
		}
		return out, nil, err
	}
	out.BuildID = b.ID
	wake := []string{b.ID}
	if !created {
		out.Code, out.Reason = core.WhySharedBuild, fmt.Sprintf("Build #%d already builds this commit.", b.Number)
		if b.PullRequest == nil && e.PullRequest != nil && !e.PullRequest.Fork { // a stranger's would take its secrets, and its place among ours
			b.PullRequest = e.PullRequest
			if err := joinPullRequest(ctx, tx, b); err != nil {
				return out, nil, err
			}
		}
		return out, wake, a.wantReports(ctx, tx, c.project.Repository, b)
	}
	canceled, err := a.takePlace(ctx, tx, e, c, &b)
	if err != nil {
		return out, nil, err
	}
	if b.StatusReason == core.ReasonSuperseded {
		out.Reason = "It came late. " + b.StatusMessage + "."
	}
	for _, old := range canceled {
		wake = append(wake, old.ID)
	}
	return out, wake, a.wantReports(ctx, tx, c.project.Repository, b)
}

// filtered tells whether a pipeline's own filter, rather than a policy or the kind of
// event, kept a commit from being built: that is what a required check waits for in vain.
func filtered(code string) bool {
	return code == core.WhyBranch || code == core.WhyTarget || code == core.WhyPath || code == core.WhySkipMark
}

// joinPullRequest stores b's pull request with b and with its reruns: the comment
// speaks of the newest.
func joinPullRequest(ctx context.Context, tx core.Store, b core.Build) error {
	builds, _, err := tx.ListBuilds(ctx, core.BuildFilter{PipelineID: b.PipelineID, SHA: b.SHA}, core.Page{Limit: 200})
	if err != nil {
		return err
	}
	for _, other := range builds {
		if other, err = tx.FindBuild(ctx, other.ID); err != nil {
			return err
		}
		if other.PullRequest != nil || other.Tag != b.Tag {
			continue
		}
		other.PullRequest = b.PullRequest
		if err := tx.UpdateBuild(ctx, other, other.Status, other.LeaseToken, nil); err != nil {
			return err
		}
	}
	return nil
}

// revive makes a new build where the one that an event would share was ended by us
// before it ran, and the event asks for the commit again: a pull request is reopened, a
// branch restored, or set back to a commit that another had replaced.
func (a *App) revive(ctx context.Context, tx core.Store, d core.Delivery, e core.Event, c candidate, dead core.Build) (core.Build, bool, error) {
	switch dead.StatusReason {
	case core.ReasonNotNeeded, core.ReasonExpired, core.ReasonRepositoryGone:
	case core.ReasonSuperseded:
		own := placeOf(e, c)
		newest, _, err := tx.ListBuilds(ctx, core.BuildFilter{Before: &own}, core.Page{Limit: 1, Uncounted: true})
		if err != nil || d.Event == sweepEvent && len(newest) > 0 && byHand(newest[0]) {
			return dead, false, err // what a person had built there since stays
		}
		elsewhere := dead.Branch != e.Branch || forkOf(dead.PullRequest) != forkOf(e.PullRequest)
		if e.Head == e.SHA || elsewhere && !isLate(e) {
			break // set back, or it was another branch that went on
		}
		// Late news of the old commit must not replace the newer: the branch has to come from there.
		if isLate(e) || len(newest) == 0 || newest[0].SHA != e.Before {
			return dead, false, err
		}
	default:
		return dead, false, nil
	}
	if !dead.Status.Terminal() {
		return dead, false, nil
	}
	b, err := a.eventBuild(ctx, tx, d, e, c)
	if err != nil {
		return dead, false, err
	}
	b.DedupeKey += ":after:" + dead.ID
	return a.storeEvent(ctx, tx, d, e, c, b)
}

// eventBuild is a new build of the event's commit. If that came late, its place in lists is
// before the newest build of the newer one: badge, comment and messages go by the newest.
// What was built before the forge can have told of the event is not newer: the branch was
// set back to it.
func (a *App) eventBuild(ctx context.Context, tx core.Store, d core.Delivery, e core.Event, c candidate) (core.Build, error) {
	b := a.newBuild(c.pipeline, core.TriggerWebhook, core.Actor{Name: e.Actor})
	b.TriggerEvent, b.DeliveryID, b.DedupeKey = string(e.Kind), d.ID, core.EventBuildKey(c.pipeline.ID, e)
	b.Branch, b.Tag, b.SHA, b.PullRequest = e.Branch, e.Tag, e.SHA, e.PullRequest
	b.CommitMessage, b.CommitAuthor, b.TriggerRef = e.Message, e.Author, e.Ref
	ahead, err := a.ahead(ctx, tx, e, c)
	if err != nil || len(ahead) == 0 {
		return b, err
	}
	own := slices.IndexFunc(ahead, func(other core.Build) bool { return other.PipelineID == c.pipeline.ID })
	if newer := ahead[max(own, 0)]; newer.CreatedAt.After(d.ReceivedAt.Add(-forgeMemory)) {
		b.CreatedAt = newer.CreatedAt.Add(-time.Microsecond)
	}
	return b, nil
}

// buildOfEvent makes the event's build, or finds the one that it shares.
func (a *App) buildOfEvent(ctx context.Context, tx core.Store, d core.Delivery, e core.Event, c candidate) (core.Build, bool, error) {
	b, err := a.eventBuild(ctx, tx, d, e, c)
	if err != nil {
		return b, false, err
	}
	return a.storeEvent(ctx, tx, d, e, c, b)
}

// ownKey ends the key of a build of ours where a fork's build of the same commit was first.
const ownKey = ":own"

// storeEvent stores the event's build under its key, or gives the one that it shares. What a
// fork's pull request had built has seen no secret and judges no branch of ours, so what
// happens in the repository itself never shares that; a fork shares what is there.
func (a *App) storeEvent(ctx context.Context, tx core.Store, d core.Delivery, e core.Event, c candidate, b core.Build) (core.Build, bool, error) {
	if err := a.admitEvent(ctx, tx, e, c, b); err != nil {
		return b, false, err
	}
	stored, created, err := tx.CreateBuild(ctx, b, queuedEvent(b))
	if err != nil || created || stored.DeliveryID == d.ID {
		return stored, created, err
	}
	if forkOf(stored.PullRequest) != 0 {
		own := forkOf(e.PullRequest) == 0
		if !own {
			if own, err = tx.HasBuildOf(ctx, b.DedupeKey+ownKey); err != nil {
				return stored, false, err
			}
		}
		if own {
			b.DedupeKey += ownKey
			return a.storeEvent(ctx, tx, d, e, c, b)
		}
	}
	return a.revive(ctx, tx, d, e, c, stored)
}

// outcome sums the verdicts up in one sentence.
func outcome(verdicts []core.DeliveryVerdict) (core.DeliveryStatus, core.Reason) {
	matched := 0
	for _, v := range verdicts {
		if v.Matched {
			matched++
		}
	}
	switch {
	case len(verdicts) == 0:
		return core.DeliveryIgnored, core.Reason{Code: core.WhyNothingToRerun, Text: "No build of this commit is there to be run again."}
	case matched == 1:
		return core.DeliveryProcessed, core.Reason{Code: core.WhyBuilds, Text: "1 pipeline matched and has its build."}
	case matched > 1:
		return core.DeliveryProcessed, core.Reason{Code: core.WhyBuilds, Text: fmt.Sprintf("%d pipelines matched and have their builds.", matched)}
	case len(verdicts) == 1:
		return core.DeliveryIgnored, core.Reason{Code: verdicts[0].Code, Text: verdicts[0].Reason}
	}
	for _, v := range verdicts[1:] {
		if v.Code != verdicts[0].Code {
			return core.DeliveryIgnored, core.Reason{Code: core.WhyNoBuild, Text: fmt.Sprintf("None of %d pipelines matched.", len(verdicts))}
		}
	}
	return core.DeliveryIgnored, core.Reason{Code: verdicts[0].Code, Text: verdicts[0].Reason}
}

func unlinked(e core.Event) core.Reason {
	return core.Reason{
		Code: core.WhyRepoUnknown, Text: fmt.Sprintf("%s is not linked to a project, or its projects have no pipeline.", e.RepositoryName),
	}
}

func verdictOf(c candidate, v core.Verdict) core.DeliveryVerdict {
	return core.DeliveryVerdict{
		PipelineID: c.pipeline.ID, Pipeline: c.pipeline.Name, ProjectID: c.project.ID, Project: c.project.Name,
		Matched: v.Matched, Code: v.Code, Reason: v.Reason,
	}
}
