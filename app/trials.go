package app

import (
	"context"

	"github.com/oore-ci/oore/app/core"
)

// shownTrials bounds the events that a pipeline is tried with.
const shownTrials = 10

// Trial is what a pipeline would make of something that has happened.
type Trial struct {
	Delivery core.Delivery // without payload
	Branch   string
	Tag      string
	core.Verdict
}

// TryPipeline decides about the last events of a project's repository as the pipeline
// would, be it stored or not. It starts nothing.
func (a *App) TryPipeline(ctx context.Context, actor core.Actor, projectID string, p core.Pipeline) ([]Trial, error) {
	project, err := a.FindProject(ctx, actor, projectID)
	if err != nil {
		return nil, err
	}
	h, err := a.hiddenFrom(ctx, actor)
	if err != nil {
		return nil, err
	}
	list, _, err := a.store.ListDeliveries(ctx, core.DeliveryFilter{Provider: project.Repository.Provider, Repository: project.Repository.FullName}, core.Page{Limit: 2 * shownTrials})
	if err != nil {
		return nil, err
	}
	trials := []Trial{}
	for _, d := range list {
		whole, err := a.store.FindDelivery(ctx, d.ID)
		if err != nil {
			return nil, err
		}
		u := a.understand(ctx, whole)
		e := u.event
		if u.err != nil || u.host != project.Repository.Host || e.RepositoryID != project.Repository.ExternalID || e.Kind == core.EventNone || len(trials) == shownTrials {
			continue
		}
		approver, err := a.approver(ctx, a.store, project.RepositoryID, e)
		if err != nil {
			return nil, err
		}
		h.redactOf(&d, false)
		trials = append(trials, Trial{Delivery: d, Branch: e.Branch, Tag: e.Tag, Verdict: decide(candidate{project, p}, e, approver)})
	}
	return trials, nil
}
