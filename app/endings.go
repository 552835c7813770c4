package app

import (
	"context"
	"fmt"
	"slices"

	"github.com/oore-ci/oore/app/core"
)

// endAll settles a delivery that starts nothing. It may end builds: a branch that is
// deleted and a pull request that is closed end what still waits for a runner, and a
// check's Cancel button ends its build. It returns the ids of builds to wake.
func (a *App) endAll(ctx context.Context, tx core.Store, d core.Delivery, e core.Event, candidates []candidate) (rings []string, err error) {
	for _, c := range candidates {
		ended, err := a.endFor(ctx, tx, d, e, c)
		if err != nil {
			return nil, err
		}
		rings = append(rings, ended...)
	}
	status, reason := core.DeliveryIgnored, core.Reason{Code: core.WhyNothingToCancel, Text: "The build has ended, or is not of this repository."}
	if e.Ignored != nil {
		reason = *e.Ignored
	}
	if len(rings) > 0 {
		status, reason = core.DeliveryProcessed, core.Reason{Code: core.WhyCanceled, Text: fmt.Sprintf("%d builds ended by it.", len(rings))}
	}
	return rings, a.settle(ctx, tx, d, status, reason)
}

func (a *App) endFor(ctx context.Context, tx core.Store, d core.Delivery, e core.Event, c candidate) ([]string, error) {
	waiting, why, err := a.unwanted(ctx, tx, e, c)
	if err != nil {
		return nil, err
	}
	var ended []string
	for _, b := range waiting {
		if e.Cancel != nil {
			err = a.cancelFor(ctx, tx, presser(d, e), c.project.Repository, &b)
		} else {
			err = a.cancel(ctx, tx, c.project.Repository, &b, orElse(e.Actor, "oore"), core.ReasonNotNeeded, why)
		}
		if err != nil {
			return nil, err
		}
		ended = append(ended, b.ID)
	}
	return ended, nil
}

// presser is who pressed a button at a forge, which lets those do it who may write there.
func presser(d core.Delivery, e core.Event) core.Actor {
	return core.Actor{
		Kind: core.ActorForge, Name: orElse(e.Actor, "a button"), Role: core.RoleDeveloper, Door: core.ViaProvider(d.Provider), Delivery: d.ID,
	}
}

// unwanted lists the builds of one pipeline that the event makes needless, and the
// sentence that they end with.
func (a *App) unwanted(ctx context.Context, tx core.Store, e core.Event, c candidate) ([]core.Build, string, error) {
	if e.Cancel == nil && !e.Gone {
		return nil, "", nil // it has been opened or made again since, for all that is known
	}
	queued := core.BuildFilter{PipelineID: c.pipeline.ID, Statuses: []core.BuildStatus{core.BuildQueued}}
	switch {
	case e.Cancel != nil:
		b, err := tx.FindBuild(ctx, e.Cancel.BuildID)
		if core.KindOf(err) == core.KindNotFound || err == nil && (b.PipelineID != c.pipeline.ID || b.Status.Terminal()) {
			return nil, "", nil
		}
		return []core.Build{b}, "", err
	case e.Closed && e.PullRequest != nil:
		queued.PullRequest = e.PullRequest.Number
	case e.Ignored.Code == core.WhyBranchDeleted && e.Branch != "":
		queued.Branch = e.Branch
	default:
		return nil, "", nil
	}
	all, _, err := tx.ListBuilds(ctx, queued, core.Page{})
	if err != nil {
		return nil, "", err
	}
	var mine []core.Build
	for _, b := range all {
		fromPush := b.TriggerEvent == string(core.EventPush)
		if e.Closed && b.TriggerEvent != string(core.EventPullRequest) || !e.Closed && !fromPush {
			continue
		}
		// What another branch or pull request led to is still needed there.
		shared, err := ledTo(ctx, tx, b, func(ref string) bool { return ref != e.Ref })
		if err != nil {
			return nil, "", err
		}
		if !shared {
			mine = append(mine, b)
		}
	}
	if e.Closed {
		return mine, fmt.Sprintf("Pull request #%d was closed", e.PullRequest.Number), nil
	}
	return mine, "The branch " + e.Branch + " was deleted", nil
}

// ledTo tells whether a delivery about such a ref led to the build.
func ledTo(ctx context.Context, s core.Store, b core.Build, such func(ref string) bool) (bool, error) {
	if b.SHA == "" {
		return false, nil // a person asked for it, by name
	}
	told, _, err := s.ListDeliveries(ctx, core.DeliveryFilter{SHA: b.SHA}, core.Page{Limit: 200})
	return slices.ContainsFunc(told, func(d core.Delivery) bool {
		return such(d.Ref) && slices.ContainsFunc(d.Verdicts, func(v core.DeliveryVerdict) bool { return v.BuildID == b.ID })
	}), err
}
