package app

import (
	"context"
	"fmt"

	"github.com/oore-ci/oore/app/core"
)

// ReceiveDelivery is a message from outside whose sender a door has verified.
type ReceiveDelivery struct {
	Provider      core.Provider
	IntegrationID string // whose secret verified it; empty for ProviderGit
	DeliveryID    string
	Event         string
	Payload       []byte
}

// ReceiveDelivery stores it durably, rings, and tells whether it was known already.
// The id is ours. The strings and the payload must not be views of a buffer that
// somebody reuses.
func (a *App) ReceiveDelivery(ctx context.Context, in ReceiveDelivery) (id string, duplicate bool, err error) {
	now := a.now()
	d, created, err := a.store.ReceiveDelivery(ctx, core.Delivery{
		ID: a.newID(), Provider: in.Provider, IntegrationID: in.IntegrationID, DeliveryID: in.DeliveryID, Event: in.Event, Payload: in.Payload,
		Status: core.DeliveryReceived, ReceivedAt: now, NotBefore: now,
	})
	if err != nil {
		return "", false, err
	}
	a.bell.ring(topicInbox)
	return d.ID, !created, nil
}

// FindDelivery returns a delivery with its payload.
func (a *App) FindDelivery(ctx context.Context, actor core.Actor, id string) (core.Delivery, error) {
	if err := core.Allow(actor, core.ActRead, nil); err != nil {
		return core.Delivery{}, err
	}
	d, err := a.store.FindDelivery(ctx, id)
	if err != nil {
		return d, err
	}
	hidden, err := a.hiddenProjects(ctx, actor)
	if err != nil {
		return d, err
	}
	redact(&d, hidden)
	if !actor.Role.AtLeast(core.RoleDeveloper) {
		d.Payload = nil
	}
	return d, nil
}

// ListDeliveries lists deliveries without payload, newest first, and their number.
func (a *App) ListDeliveries(ctx context.Context, actor core.Actor, f core.DeliveryFilter, page core.Page) ([]core.Delivery, int, error) {
	if err := core.Allow(actor, core.ActRead, nil); err != nil {
		return nil, 0, err
	}
	list, total, err := a.store.ListDeliveries(ctx, f, page)
	if err != nil {
		return nil, 0, err
	}
	hidden, err := a.hiddenProjects(ctx, actor)
	if err != nil {
		return nil, 0, err
	}
	for i := range list {
		redact(&list[i], hidden)
	}
	return list, total, nil
}

// hiddenProjects lists what the actor may not see.
func (a *App) hiddenProjects(ctx context.Context, actor core.Actor) (map[string]bool, error) {
	if actor.Role.AtLeast(core.RoleAdmin) {
		return nil, nil
	}
	all, _, err := a.store.ListProjects(ctx, core.Page{})
	hidden := map[string]bool{}
	for _, p := range all {
		if core.Allow(actor, core.ActRead, &p) != nil {
			hidden[p.ID] = true
		}
	}
	return hidden, err
}

// redact takes the verdicts of hidden projects out, and with them what the delivery
// says of their repository.
func redact(d *core.Delivery, hidden map[string]bool) {
	kept := d.Verdicts[:0:0]
	for _, v := range d.Verdicts {
		if !hidden[v.ProjectID] {
			kept = append(kept, v)
		}
	}
	if len(kept) == 0 && len(d.Verdicts) > 0 {
		d.Repository, d.Ref, d.SHA, d.Actor, d.Payload, d.Reason = "", "", "", "", nil, core.Reason{Code: d.Reason.Code}
	}
	d.Verdicts = kept
}

// RedeliverDelivery processes a stored delivery again. Builds that came of it the
// first time are not made twice.
func (a *App) RedeliverDelivery(ctx context.Context, actor core.Actor, id string) (core.Delivery, error) {
	if err := core.Allow(actor, core.ActReplay, nil); err != nil {
		return core.Delivery{}, err
	}
	seen, err := a.FindDelivery(ctx, actor, id)
	if err != nil {
		return seen, err
	}
	d, err := a.store.FindDelivery(ctx, id) // as it is, not as the actor may see it
	if err != nil {
		return d, err
	}
	if len(seen.Verdicts) < len(d.Verdicts) {
		return core.Delivery{}, core.Errorf(core.KindForbidden, "It is about a project that you do not see; ask an admin to redeliver it")
	}
	d.Status, d.NotBefore, d.Attempts, d.ProcessedAt = core.DeliveryReceived, a.now(), 0, nil
	if err := a.store.UpdateDelivery(ctx, d); err != nil {
		return d, fmt.Errorf("redeliver %s: %w", id, err)
	}
	a.log.Info("delivery to be processed again", "delivery", id, "actor", actor.Name)
	a.bell.ring(topicInbox)
	return d, nil
}
