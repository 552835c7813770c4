package app

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/oore-ci/oore/app/core"
)

const (
	inboxBatch       = 128
	inboxParallel    = 8
	inboxTogether    = 8 // deliveries in one transaction: more would keep new ones waiting
	deliveryAttempts = 8
)

// processInbox decides about what has come. Deliveries of one repository are taken
// one after another, in the order in which they came; those of different
// repositories side by side.
func (a *App) processInbox(ctx context.Context) (more bool, err error) {
	due, err := a.store.DueDeliveries(ctx, a.now(), inboxBatch)
	if err != nil {
		return false, fmt.Errorf("read the inbox: %w", err)
	}
	var g errgroup.Group
	g.SetLimit(inboxParallel)
	for _, group := range a.byRepository(due) {
		g.Go(func() error {
			for together := range slices.Chunk(group, inboxTogether) {
				if err := a.processTogether(ctx, together); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return len(due) > 0, g.Wait() // large payloads come in smaller batches
}

type understood struct {
	delivery core.Delivery
	event    core.Event
	err      error
}

func (a *App) byRepository(due []core.Delivery) [][]understood {
	index := map[string]int{}
	var groups [][]understood
	for _, d := range due {
		u := understood{delivery: d}
		if decoder, ok := a.decoders[d.Provider]; ok {
			u.event, u.err = decode(decoder, d)
		} else {
			u.err = core.Errorf(core.KindInvalid, "%s is not set up any more", d.Provider)
		}
		key := string(d.Provider) + ":" + u.event.RepositoryID
		i, ok := index[key]
		if !ok {
			i = len(groups)
			index[key] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], u)
	}
	return groups
}

// decode keeps a payload that no decoder foresaw from ending the process.
func decode(decoder core.Decoder, d core.Delivery) (e core.Event, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in the decoder: %v", p)
		}
	}()
	return decoder.Decode(d.Event, d.Payload)
}

// processTogether spares a backlog the wait for a commit each. A fault undoes them all,
// and they are processed one by one.
func (a *App) processTogether(ctx context.Context, group []understood) error {
	if len(group) > 1 {
		_, err := a.guarded(ctx, func(ctx context.Context) (bool, error) { return false, a.process(ctx, group...) })
		if err == nil || ctx.Err() != nil {
			return nil
		}
	}
	for _, u := range group {
		if err := a.processGuarded(ctx, u); err != nil {
			return err
		}
	}
	return nil
}

// processGuarded processes one delivery; a fault puts it off, and after enough of
// them the delivery fails, to be replayed by hand.
func (a *App) processGuarded(ctx context.Context, u understood) error {
	_, err := a.guarded(ctx, func(ctx context.Context) (bool, error) { return false, a.process(ctx, u) })
	if err == nil || ctx.Err() != nil {
		return nil
	}
	d := u.delivery
	d.Attempts++
	d.Reason = core.Reason{Code: core.WhyInternal, Text: fmt.Sprintf("Something failed on our side (attempt %d of %d).", d.Attempts, deliveryAttempts)}
	pause := core.Backoff(d.Attempts)
	d.NotBefore = a.now().Add(pause/2 + rand.N(pause))
	if d.Attempts >= deliveryAttempts {
		d.Status, d.ProcessedAt = core.DeliveryFailed, new(time.Time)
		*d.ProcessedAt = a.now()
		d.Reason.Text = "Something failed on our side. It will not be tried again by itself: press Redeliver."
	}
	a.log.Error("process a delivery", "delivery", d.ID, "attempt", d.Attempts, "error", err)
	return a.store.UpdateDelivery(ctx, d)
}

// process decides about deliveries of one repository and makes their builds, in one
// transaction.
func (a *App) process(ctx context.Context, group ...understood) error {
	candidates, err := a.candidates(ctx, group[0].delivery.Provider, group[0].event)
	if err != nil {
		return err
	}
	var rings []string
	err = a.store.InTx(ctx, func(tx core.Store) error {
		rings = nil
		for _, u := range group {
			wake, err := a.decideAll(ctx, tx, u, candidates)
			if err != nil {
				return err
			}
			rings = append(rings, wake...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range rings {
		a.tails.forget(id)
		a.bell.ring(topicBuild(id), topicCancel(id))
	}
	if len(rings) > 0 {
		a.bell.ring(topicQueue, topicOutbox)
	}
	return nil
}

// decideAll decides about one delivery. It returns the ids of builds to wake.
func (a *App) decideAll(ctx context.Context, tx core.Store, u understood, candidates []candidate) (rings []string, err error) {
	d, e := u.delivery, u.event
	d.Action, d.Repository, d.Ref, d.SHA, d.Actor = e.Action, e.RepositoryName, e.Ref, e.SHA, e.Actor
	switch {
	case core.KindOf(u.err) == core.KindInvalid:
		return nil, a.settle(ctx, tx, d, core.DeliveryIgnored, core.Reason{Code: core.WhyPayload, Text: messageOf(u.err)})
	case u.err != nil:
		return nil, u.err
	case e.Ignored != nil:
		return nil, a.settle(ctx, tx, d, core.DeliveryIgnored, *e.Ignored)
	case len(candidates) == 0:
		return nil, a.settle(ctx, tx, d, core.DeliveryIgnored, core.Reason{
			Code: core.WhyRepoUnknown, Text: fmt.Sprintf("%s is not linked to a project, or its projects have no pipeline.", e.RepositoryName),
		})
	}
	d.Verdicts = nil
	for _, c := range candidates {
		v, wake, err := a.act(ctx, tx, d, e, c)
		if err != nil {
			return nil, err
		}
		d.Verdicts, rings = append(d.Verdicts, v), append(rings, wake...)
	}
	status, reason := outcome(d.Verdicts)
	return rings, a.settle(ctx, tx, d, status, reason)
}

func (a *App) settle(ctx context.Context, s core.Store, d core.Delivery, status core.DeliveryStatus, reason core.Reason) error {
	now := a.now()
	d.Status, d.Reason, d.ProcessedAt = status, reason, &now
	d.Attempts++
	return s.UpdateDelivery(ctx, d)
}

// candidate is a pipeline with what the decision about it needs.
type candidate struct {
	project  core.Project
	pipeline core.Pipeline
}

// candidates lists every pipeline, enabled or not, of every project of the repository.
func (a *App) candidates(ctx context.Context, provider core.Provider, e core.Event) ([]candidate, error) {
	repo, err := a.store.FindRepositoryByExternalID(ctx, provider, e.RepositoryID)
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

// decide is the whole decision about one pipeline.
func decide(c candidate, e core.Event) core.Verdict {
	if !c.pipeline.Enabled {
		return core.Verdict{Code: core.WhyPipelineOff, Reason: "The pipeline is disabled."}
	}
	v := c.pipeline.Trigger.Match(e)
	if !v.Matched || e.PullRequest == nil || !e.PullRequest.Fork {
		return v
	}
	switch c.project.Forks {
	case core.ForksBuild:
		return v
	case core.ForksIgnore:
		return core.Verdict{Code: core.WhyForkIgnored, Reason: "The pull request comes from a fork, and this project ignores forks."}
	case core.ForksApprove:
	}
	return core.Verdict{
		Code: core.WhyFork, Reason: fmt.Sprintf("The pull request comes from a fork, by %s, and nobody has approved commit %s.", e.Actor, e.SHA),
	}
}

// act makes what the verdict asks for. It returns the ids of builds to wake.
func (a *App) act(ctx context.Context, tx core.Store, d core.Delivery, e core.Event, c candidate) (core.DeliveryVerdict, []string, error) {
	v := decide(c, e)
	out := core.DeliveryVerdict{
		PipelineID: c.pipeline.ID, Pipeline: c.pipeline.Name, ProjectID: c.project.ID, Project: c.project.Name,
		Matched: v.Matched, Code: v.Code, Reason: v.Reason,
	}
	if !v.Matched {
		return out, nil, nil
	}
	b, created, err := a.buildOfEvent(ctx, tx, d, e, c.pipeline)
	if err != nil {
		return out, nil, err
	}
	out.BuildID = b.ID
	wake := []string{b.ID}
	if !created {
		out.Code, out.Reason = core.WhySharedBuild, fmt.Sprintf("Build #%d already builds this commit.", b.Number)
		if b.PullRequest == nil && e.PullRequest != nil {
			b.PullRequest = e.PullRequest
			if err := joinPullRequest(ctx, tx, b); err != nil {
				return out, nil, err
			}
		}
		return out, wake, a.wantReports(ctx, tx, c.project.Repository, b)
	}
	canceled, err := a.supersede(ctx, tx, c.project.Repository, c.pipeline, b)
	if err != nil {
		return out, nil, err
	}
	for _, old := range canceled {
		wake = append(wake, old.ID)
	}
	return out, wake, a.wantReports(ctx, tx, c.project.Repository, b)
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

func (a *App) buildOfEvent(ctx context.Context, tx core.Store, d core.Delivery, e core.Event, p core.Pipeline) (core.Build, bool, error) {
	b := a.newBuild(p, core.TriggerWebhook, e.Actor)
	b.TriggerEvent, b.DeliveryID, b.DedupeKey = string(e.Kind), d.ID, core.EventBuildKey(p.ID, e)
	b.Branch, b.Tag, b.SHA, b.PullRequest = e.Branch, e.Tag, e.SHA, e.PullRequest
	b.CommitMessage, b.CommitAuthor, b.TriggerRef = e.Message, e.Author, e.Ref
	return tx.CreateBuild(ctx, b, queuedEvent(b))
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
