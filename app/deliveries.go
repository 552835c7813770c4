package app

import (
	"context"
	"fmt"
	"strings"

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
// KindUnavailable: it is not stored. The id is ours. The strings and the payload must not be views of a buffer that
// somebody reuses.
func (a *App) ReceiveDelivery(ctx context.Context, in ReceiveDelivery) (id string, duplicate bool, err error) {
	if err := a.databaseDisk.room(); err != nil {
		return "", false, err
	}
	now := a.now()
	d, created, err := a.store.ReceiveDelivery(ctx, core.Delivery{
		ID: a.newID(), Provider: in.Provider, IntegrationID: in.IntegrationID, DeliveryID: in.DeliveryID, Event: in.Event, Payload: in.Payload,
		Status: core.DeliveryReceived, ReceivedAt: now, NotBefore: now,
	})
	if err != nil {
		return "", false, err
	}
	core.CrashPoint("inbox.stored")
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
	h, err := a.hiddenFrom(ctx, actor)
	if err != nil {
		return d, err
	}
	h.redact(&d)
	if err := a.mayReplay(ctx, actor, d); err != nil {
		d.Payload = nil
	}
	return d, nil
}

// mayReplay allows to read and to process again what arrived: to developers of the
// instance, and of all projects that a delivery was for.
func (a *App) mayReplay(ctx context.Context, actor core.Actor, d core.Delivery) error {
	refused := core.Allow(actor, core.ActReplay, nil)
	if refused == nil || len(d.Verdicts) == 0 {
		return refused
	}
	for _, v := range d.Verdicts {
		_, err := a.projectFor(ctx, a.store, actor, core.ActReplay, v.ProjectID)
		if k := core.KindOf(err); err != nil && (k == core.KindNotFound || k == core.KindForbidden) {
			return refused
		}
		if err != nil {
			return err
		}
	}
	return nil
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
	h, err := a.hiddenFrom(ctx, actor)
	if err != nil {
		return nil, 0, err
	}
	for i := range list {
		h.redact(&list[i])
	}
	return list, total, nil
}

// hidden is what an actor may not see; nil hides nothing.
type hidden struct {
	only         bool // nothing is seen but what was for a project that is seen
	projects     map[string]bool
	repositories map[string]bool // named as repositoryKey does: those that hidden projects alone are linked to
}

// repositoryKey is all that a stored delivery says of its repository: at another host, or
// in another folder, another may be named so.
func repositoryKey(p core.Provider, fullName string) string {
	return string(p) + ":" + strings.ToLower(fullName)
}

func (a *App) hiddenFrom(ctx context.Context, actor core.Actor) (*hidden, error) {
	if actor.SeesEverything() {
		return nil, nil
	}
	all, _, err := a.store.ListProjects(ctx, core.Page{})
	h := &hidden{only: actor.OnlyProject != "", projects: map[string]bool{}, repositories: map[string]bool{}}
	seen := map[string]bool{}
	for _, p := range all {
		if core.Allow(actor, core.ActRead, &p) == nil {
			seen[p.RepositoryID] = true
		} else {
			h.projects[p.ID] = true
		}
	}
	for _, p := range all {
		if !seen[p.RepositoryID] {
			h.repositories[repositoryKey(p.Repository.Provider, p.Repository.FullName)] = true
		}
	}
	return h, err
}

// redact takes the verdicts of hidden projects out, and with them what the delivery
// says of their repository. It tells whether it took anything.
func (h *hidden) redact(d *core.Delivery) bool {
	return h != nil && h.redactOf(d, h.repositories[repositoryKey(d.Provider, d.Repository)])
}

// redactOf is redact for whoever knows whether the repository is hidden. What was
// answered in Slack is between Slack and who asked.
func (h *hidden) redactOf(d *core.Delivery, repository bool) bool {
	if h == nil {
		return false
	}
	kept := d.Verdicts[:0:0]
	for _, v := range d.Verdicts {
		if !h.projects[v.ProjectID] {
			kept = append(kept, v)
		}
	}
	took := len(kept) < len(d.Verdicts)
	if len(kept) == 0 && (took || h.only || repository) {
		d.Repository, d.Ref, d.SHA, d.Actor, d.Payload, d.Reason, d.Reply = "", "", "", "", nil, core.Reason{Code: d.Reason.Code}, ""
		took = true
	}
	if d.Provider == core.ProviderSlack {
		d.Payload, d.Reason.Text, d.Reply = nil, "Answered in Slack.", ""
	}
	d.Verdicts = kept
	return took
}

// RedeliverDelivery processes a stored delivery again. Builds that came of it the
// first time are not made twice.
func (a *App) RedeliverDelivery(ctx context.Context, actor core.Actor, id string) (core.Delivery, error) {
	if err := core.Allow(actor, core.ActRead, nil); err != nil {
		return core.Delivery{}, err
	}
	d, err := a.store.FindDelivery(ctx, id)
	if err != nil {
		return d, err
	}
	if err := a.mayReplay(ctx, actor, d); err != nil {
		return core.Delivery{}, err
	}
	if err := bodyKept(d); err != nil {
		return core.Delivery{}, err
	}
	h, err := a.hiddenFrom(ctx, actor)
	if err != nil {
		return d, err
	}
	if seen := d; h.redact(&seen) {
		return core.Delivery{}, core.Errorf(core.KindForbidden, "It is about a project that you do not see; ask an admin to redeliver it")
	}
	d.Status, d.NotBefore, d.Attempts, d.ProcessedAt = core.DeliveryReceived, a.now(), 0, nil
	err = a.noting(ctx, actor, auditDelivery(core.AuditRedeliver, d), func(tx core.Store) error { return tx.UpdateDelivery(ctx, d, "") })
	if err != nil {
		return d, fmt.Errorf("redeliver %s: %w", id, err)
	}
	a.log.Info("delivery to be processed again", "delivery", id, "actor", actor.Name)
	a.bell.ring(topicInbox)
	return d, nil
}
