package app

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/oore-ci/oore/app/core"
)

const deliveryAttempts = 8

func (a *App) understand(ctx context.Context, d core.Delivery) understood {
	u := understood{delivery: d}
	u.delivery.TakenAt = a.now()
	if u.host, u.err = a.host(ctx, d); u.err != nil {
		return u
	}
	if u.err = bodyKept(d); u.err != nil {
		return u
	}
	if d.Event == sweepEvent {
		u.err = json.Unmarshal(d.Payload, &u.event)
		if u.delivery.TakenAt.Sub(d.ReceivedAt) > surveyEvery {
			u.event.Head = "" // what the survey saw is of the past
		}
		return u
	}
	decoder, ok := a.decoders[d.Provider]
	if !ok {
		u.err = core.Errorf(core.KindInvalid, "%s is not set up any more", d.Provider)
		return u
	}
	u.event, u.err = decode(decoder, d)
	return u
}

// bodyKept refuses a delivery of which nothing is left to be read: KindGone.
func bodyKept(d core.Delivery) error {
	if d.BodySHA256 == "" {
		return nil
	}
	return core.Errorf(core.KindGone, "What it brought is kept for %d days and is gone; let the forge send it again, or start the build by hand", int(core.BodyLife.Hours()/24))
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
	if err == nil || ctx.Err() != nil || decidedElsewhere(err) {
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
	if err := a.store.UpdateDelivery(ctx, d, core.DeliveryReceived); !decidedElsewhere(err) {
		return err
	}
	return nil
}

// decidedElsewhere tells that another server decided about the delivery while this one
// did: what this one did is undone. That happens when a server was halted for a while.
func decidedElsewhere(err error) bool {
	return core.KindOf(err) == core.KindConflict && core.CodeOf(err) == core.CodeAlreadyDecided
}

// process decides about deliveries of one repository and makes their builds, in one
// transaction.
func (a *App) process(ctx context.Context, group ...understood) error {
	if u := group[0]; u.err == nil && u.event.Chat != nil {
		return a.processChat(ctx, u)
	}
	candidates, err := a.candidates(ctx, group[0])
	if err != nil {
		return err
	}
	group = slices.Clone(group)
	for i, u := range group { // before the transaction: it may ask the forge
		group[i].event = a.complete(ctx, u, candidates)
	}
	if err := a.askHeads(ctx, group, candidates); err != nil {
		return err
	}
	if group, err = a.putOff(ctx, group, candidates); err != nil || len(group) == 0 {
		return err
	}
	core.CrashPoint("delivery.understood")
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
		core.CrashPoint("delivery.written")
		return nil
	})
	if err != nil {
		return err
	}
	core.CrashPoint("delivery.decided")
	for _, id := range rings {
		a.tails.forget(id)
		a.bell.ring(topicBuild(id), topicCancel(id))
	}
	a.bell.ring(topicOutbox)
	if len(rings) > 0 {
		a.listed()
		a.bell.ring(topicQueue)
	}
	return nil
}

// decideAll decides about one delivery. It returns the ids of builds to wake.
func (a *App) decideAll(ctx context.Context, tx core.Store, u understood, candidates []candidate) (rings []string, err error) {
	d, e := u.delivery, u.event
	d.Action, d.Repository, d.Ref, d.SHA, d.Actor = e.Action, e.RepositoryName, e.Ref, e.SHA, e.Actor
	d.Verdicts = nil
	switch {
	case core.KindOf(u.err) == core.KindInvalid:
		return nil, a.settle(ctx, tx, d, core.DeliveryIgnored, core.Reason{Code: core.WhyPayload, Text: core.MessageOf(u.err)})
	case u.err != nil:
		return nil, u.err
	case e.Cancel != nil || e.Ignored != nil:
		return a.endAll(ctx, tx, d, e, candidates)
	case e.Change != nil:
		reason, err := a.applyChange(ctx, tx, u, *e.Change)
		if err != nil {
			return nil, err
		}
		return nil, a.settle(ctx, tx, d, core.DeliveryProcessed, reason)
	case len(candidates) == 0:
		return nil, a.settle(ctx, tx, d, core.DeliveryIgnored, unlinked(e))
	case e.Rerun != nil:
		if d.Verdicts, err = a.rerunCommit(ctx, tx, d, e, candidates); err != nil {
			return nil, err
		}
	default:
		if d.Verdicts, rings, err = a.actAll(ctx, tx, d, e, candidates); err != nil {
			return nil, err
		}
	}
	for _, v := range d.Verdicts {
		if v.BuildID != "" {
			rings = append(rings, v.BuildID)
		}
	}
	status, reason := outcome(d.Verdicts)
	return rings, a.settle(ctx, tx, d, status, reason)
}

func (a *App) actAll(ctx context.Context, tx core.Store, d core.Delivery, e core.Event, candidates []candidate) (verdicts []core.DeliveryVerdict, rings []string, err error) {
	repositoryID := candidates[0].project.RepositoryID
	if err := a.forgetApprovals(ctx, tx, d, e, repositoryID); err != nil {
		return nil, nil, err
	}
	approver, err := a.approver(ctx, tx, repositoryID, e)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range candidates {
		v, wake, err := a.act(ctx, tx, d, e, c, decide(c, e, approver))
		if err != nil {
			return nil, nil, err
		}
		verdicts, rings = append(verdicts, v), append(rings, wake...)
	}
	return verdicts, rings, nil
}

func (a *App) settle(ctx context.Context, s core.Store, d core.Delivery, status core.DeliveryStatus, reason core.Reason) error {
	now := a.now()
	d.Status, d.Reason, d.ProcessedAt = status, reason, &now
	d.Attempts++
	return s.UpdateDelivery(ctx, d, core.DeliveryReceived)
}
