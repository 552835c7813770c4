package app

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// question is what a forge is asked about an event.
type question int

const (
	askNothing question = iota
	askBranch
	askPullRequest
)

// askHeads asks the forge where the branches and pull requests of a group stand, once
// each, where that decides which of two builds is the newer, or whether one is wanted at
// all: events come late, and in any order. A forge that cannot say holds nothing up; then
// nothing is replaced or ended.
func (a *App) askHeads(ctx context.Context, group []understood, candidates []candidate) error {
	type about struct {
		question
		what string
	}
	asked := map[about]core.Event{}
	for i, u := range group {
		q, err := a.headMatters(ctx, u, group[:i], candidates)
		if err != nil {
			return err
		}
		if q == askNothing {
			continue
		}
		key := about{q, u.event.Branch}
		if q == askPullRequest {
			key.what = standsName(u.event)
		}
		now, known := asked[key]
		if !known {
			now = a.askHead(ctx, u.event, candidates[0].project.Repository, q)
			asked[key] = now
		}
		if now.Head != "" || now.Gone { // else what a survey saw a moment ago holds
			group[i].event.Head, group[i].event.Gone = now.Head, now.Gone
		}
	}
	return nil
}

// standsName names what an event is about, for people.
func standsName(e core.Event) string {
	if e.PullRequest != nil {
		return fmt.Sprintf("Pull request #%d", e.PullRequest.Number)
	}
	return e.Branch
}

// headMatters tells whether it makes a difference where the event's branch or pull request
// stands now, and which of them. Of a pull request from a branch of our own it is the
// branch that counts: what was pushed to it is built, too. earlier are decided before u,
// with it.
func (a *App) headMatters(ctx context.Context, u understood, earlier []understood, candidates []candidate) (question, error) {
	e := u.event
	moves := e.Ignored == nil && e.SHA != "" && (e.Kind == core.EventPush || e.Kind == core.EventPullRequest)
	if u.err != nil || len(candidates) == 0 || !moves && !ends(e) {
		return askNothing, nil
	}
	earlier = slices.DeleteFunc(slices.Clone(earlier), func(u understood) bool { return u.event.Branch != e.Branch })
	q := askBranch
	if e.PullRequest != nil && moves {
		closed, err := a.mayBeClosed(ctx, e)
		if err != nil {
			return askNothing, err
		}
		if closed || slices.ContainsFunc(earlier, func(u understood) bool { return ends(u.event) }) {
			return askPullRequest, nil
		}
	}
	if e.PullRequest != nil && (e.PullRequest.Fork || ends(e)) {
		q = askPullRequest
	}
	if slices.ContainsFunc(earlier, func(u understood) bool { return u.event.SHA != e.SHA || ends(e) }) {
		return q, nil
	}
	look := a.rivals
	if ends(e) {
		look = a.waits
	}
	for _, c := range candidates {
		if found, err := look(ctx, e, c); err != nil || found {
			return q, err
		}
	}
	return askNothing, nil
}

// ends tells whether the event says that a branch or pull request is no more.
func ends(e core.Event) bool {
	return e.Closed || e.Ignored != nil && e.Ignored.Code == core.WhyBranchDeleted && e.Branch != ""
}

// waits tells whether the event would end builds of the pipeline.
func (a *App) waits(ctx context.Context, e core.Event, c candidate) (bool, error) {
	e.Gone = true // if so
	builds, _, err := a.unwanted(ctx, a.store, e, c)
	return len(builds) > 0, err
}

// mayBeClosed tells whether something else happened to the pull request at that commit:
// its end may have been told of before its beginning.
func (a *App) mayBeClosed(ctx context.Context, e core.Event) (bool, error) {
	told, _, err := a.store.ListDeliveries(ctx, core.DeliveryFilter{Provider: e.Provider, Repository: e.RepositoryName, SHA: e.SHA}, core.Page{Limit: 200})
	return slices.ContainsFunc(told, func(d core.Delivery) bool {
		return d.Ref == e.Ref && (d.Reason.Code == core.WhyAction || d.Reason.Code == core.WhyCanceled)
	}), err
}

// rivals tells whether the pipeline has builds that the event's build could be older than:
// those that it would cancel, or a newest one that the event does not come from.
func (a *App) rivals(ctx context.Context, e core.Event, c candidate) (bool, error) {
	if !c.pipeline.Enabled || !c.pipeline.Trigger.Match(e).Matched {
		return false, nil
	}
	own := placeOf(e, c)
	older, err := a.replaced(ctx, a.store, c.pipeline, own)
	if err != nil || len(older) > 0 {
		return err == nil, err
	}
	newest, _, err := a.store.ListBuilds(ctx, core.BuildFilter{Before: &own}, core.Page{Limit: 1, Uncounted: true})
	return len(newest) > 0 && newest[0].SHA != e.SHA && newest[0].SHA != e.Before, err
}

// placeOf is a build that the event's would have as its place: after all that its branch or
// pull request has.
func placeOf(e core.Event, c candidate) core.Build {
	return core.Build{
		PipelineID: c.pipeline.ID, Number: math.MaxInt32, TriggerType: core.TriggerWebhook, TriggerEvent: string(e.Kind),
		Branch: e.Branch, SHA: e.SHA, PullRequest: e.PullRequest,
	}
}

// A forge that let us wait for nothing is not asked again for a while: every push would wait
// as long.
const (
	forgeSlow  = 2 * time.Second
	forgePause = 30 * time.Second
)

// reach is how a repository's forge is reached.
type reach struct {
	provider     core.Provider
	host         string
	installation int64
}

// askHead fills in Head and Gone, as far as the forge knows.
func (a *App) askHead(ctx context.Context, e core.Event, repo core.Repository, q question) core.Event {
	forge, ok := a.forges[repo.Provider]
	if !ok {
		return e
	}
	way, began := reach{repo.Provider, repo.Host, repo.InstallationID}, a.now()
	if until, mute := a.mute.Load(way); mute && began.Before(until.(time.Time)) {
		return core.Event{}
	}
	var err error
	talker, talks := forge.(core.Talker)
	switch {
	case q == askBranch:
		var now core.Commit
		now, err = forge.ResolveRef(ctx, repo, "refs/heads/"+e.Branch)
		e.Head, e.Gone = now.SHA, core.CodeOf(err) == core.CodeInvalidRef
	case talks:
		var now core.Event
		now, err = talker.FindPullRequest(ctx, repo, e.PullRequest.Number)
		e.Head, e.Gone = now.SHA, now.Closed
	default:
		e.Head, err = forge.PullRequestHead(ctx, repo, e.PullRequest.Number)
	}
	if err != nil && !e.Gone {
		if now := a.now(); now.Sub(began) > forgeSlow {
			a.mute.Store(way, now.Add(forgePause))
		}
		a.warn(ctx, "ask where a branch stands", "repository", repo.FullName, "ref", e.Ref, "error", err)
		return core.Event{}
	}
	return e
}

// putOff leaves out of a group what seems to have come late, and lets it be looked at again
// in a moment: the forge may be behind what it has announced itself. After headTries looks
// its word is taken, unless that is what was so before the event: then nobody knows.
func (a *App) putOff(ctx context.Context, group []understood, candidates []candidate) (now []understood, err error) {
	for i, u := range group {
		again, err := a.seemsLate(ctx, u.event, group[:i], candidates)
		if err != nil {
			return nil, err
		}
		if again && u.delivery.Attempts+1 >= headTries {
			again = false
			if !u.event.Gone && u.event.Head == u.event.Before {
				u.event.Head = ""
			}
		}
		if !again {
			now = append(now, u)
			continue
		}
		d := u.delivery
		d.Attempts++
		d.NotBefore = a.now().Add(core.Backoff(d.Attempts))
		if err := a.store.UpdateDelivery(ctx, d, core.DeliveryReceived); err != nil && !decidedElsewhere(err) {
			return nil, err
		}
	}
	return now, nil
}

// seemsLate tells whether the forge shows the event's pull request closed, its branch at
// a commit that is built or decided about before it, with it, or still there what has ended.
func (a *App) seemsLate(ctx context.Context, e core.Event, earlier []understood, candidates []candidate) (bool, error) {
	if ends(e) {
		return !e.Gone && e.Head != "", nil
	}
	if e.Gone && e.Head != "" {
		return true, nil
	}
	if !isLate(e) {
		return false, nil
	}
	ahead, err := a.ahead(ctx, a.store, e, candidates[0])
	return len(ahead) > 0 || slices.ContainsFunc(earlier, func(other understood) bool { return other.event.SHA == e.Head }), err
}

// isLate tells whether the event's branch or pull request has moved on.
func isLate(e core.Event) bool { return e.Head != "" && e.Head != e.SHA && !ends(e) }

// ahead lists the builds of the commit at which a late event's branch or pull request
// stands, of all the repository's pipelines, newest first.
func (a *App) ahead(ctx context.Context, s core.Store, e core.Event, c candidate) ([]core.Build, error) {
	if !isLate(e) {
		return nil, nil
	}
	all, _, err := s.ListBuilds(ctx, core.BuildFilter{RepositoryID: c.project.RepositoryID, Branch: e.Branch, SHA: e.Head}, core.Page{Limit: 200})
	return slices.DeleteFunc(all, func(b core.Build) bool {
		return b.Tag != "" || b.TriggerEvent == string(core.EventMergeGroup) || forkOf(b.PullRequest) != forkOf(e.PullRequest)
	}), err
}

// forkOf is the number of a fork's pull request, 0 of a branch of our own.
func forkOf(p *core.PullRequest) int {
	if p == nil || !p.Fork {
		return 0
	}
	return p.Number
}
