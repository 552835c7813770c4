package app

import (
	"context"
	"fmt"
	"slices"

	"github.com/oore-ci/oore/app/core"
)

// TestNotification sends a message at once, whether the notification is enabled or not.
// Code not_delivered: the message did not arrive, and why.
func (a *App) TestNotification(ctx context.Context, actor core.Actor, id string) (core.Notification, error) {
	n, err := a.notificationFor(ctx, actor, id)
	if err != nil {
		return n, err
	}
	p, err := a.store.FindProject(ctx, n.ProjectID)
	if err != nil {
		return n, err
	}
	page := a.publicURL + "/projects/" + p.ID
	err = a.notify(ctx, &n, core.Notice{
		Event: core.NoticePing, DeliveryID: digest(a.newID()), Project: p, SettingsURL: page + "/settings/notifications",
		Message: core.Message{Text: fmt.Sprintf("%s: a test message. What happens to its builds will be told here.", p.Name), Link: page},
	})
	if err == nil {
		return n, a.note(ctx, a.store, actor, auditNotification(core.AuditNotifyTest, n))
	}
	switch core.KindOf(err) {
	case core.KindInvalid, core.KindUnauthorized, core.KindForbidden, core.KindNotFound, core.KindConflict, core.KindGone, core.KindTooLarge:
		// What the other side says about us is not what we say about who asks us.
		return n, core.Codef(core.KindInvalid, "not_delivered", "%s", core.MessageOf(err)).Because(err)
	case core.KindInternal, core.KindLimited, core.KindUnavailable:
	}
	return n, err
}

// notify brings a notice to the notification's target, and notes how that went.
func (a *App) notify(ctx context.Context, n *core.Notification, notice core.Notice) error {
	err := a.bring(ctx, *n, notice)
	trouble := ""
	if err != nil {
		trouble = core.MessageOf(err)
	}
	if ctx.Err() != nil || core.KindOf(err) == core.KindLimited || trouble == n.LastError {
		return err // we stop, or it is not our turn: that says nothing of the target
	}
	n.LastError = trouble
	if noted := a.store.NoteNotification(ctx, n.ID, trouble); noted != nil {
		a.log.Error("note how a notification went", "notification", n.ID, "error", noted)
	}
	return err
}

func (a *App) bring(ctx context.Context, n core.Notification, notice core.Notice) error {
	if !slices.Contains(a.NotificationKinds(), n.Kind) {
		return core.Errorf(core.KindInvalid, "This notification %s", notSetUp(n.Kind))
	}
	if n.Kind == core.NotifySlack {
		_, err := a.messenger.Post(ctx, n.Target, notice.Message, "")
		return err
	}
	secret := ""
	if len(n.Sealed) > 0 {
		opened, err := a.vault.Open(n.Sealed, notificationSealedAt(n.ID))
		if err != nil {
			return err
		}
		secret = string(opened)
	}
	return a.notifiers[n.Kind].Notify(ctx, n, secret, notice)
}

// wantNotifications asks that those who want to hear how the build ended are told.
func (a *App) wantNotifications(ctx context.Context, tx core.Store, b core.Build) error {
	if !b.Status.Terminal() {
		return nil
	}
	all, err := tx.ListNotifications(ctx, b.ProjectID)
	if err != nil || len(all) == 0 {
		return err
	}
	before, err := a.endedBefore(ctx, tx, b)
	if err != nil {
		return err
	}
	for _, n := range all {
		if !n.Enabled || !n.Covers(b) || !tells(n.On, before, b.Status) {
			continue
		}
		err := tx.WantEffect(ctx, core.Effect{
			Key: core.NotifyKey(n.ID, b.ID), Kind: core.EffectNotify, BuildID: b.ID, NotificationID: n.ID, PipelineID: b.PipelineID, SHA: b.SHA,
			NotBefore: a.now(), UpdatedAt: a.now(),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// sendNotification tells one of them, once. Whoever was taken off the list meanwhile is
// told nothing.
func (a *App) sendNotification(ctx context.Context, e *core.Effect) error {
	if e.Sent != "" {
		return nil // wanted again because the build was seen again, ended as it was
	}
	n, err := a.store.FindNotification(ctx, e.NotificationID)
	if core.KindOf(err) == core.KindNotFound || err == nil && !n.Enabled {
		return nil
	}
	if err != nil {
		return err
	}
	b, err := a.store.FindBuild(ctx, e.BuildID)
	if err != nil {
		return err
	}
	m, err := a.message(ctx, b)
	if err != nil {
		return err
	}
	p, err := a.store.FindProject(ctx, b.ProjectID)
	if err != nil {
		return err
	}
	start := a.now()
	err = a.notify(ctx, &n, core.Notice{
		Event: core.NoticeFinished, DeliveryID: digest(e.Key), Project: p, Message: m,
		SettingsURL: a.publicURL + "/projects/" + p.ID + "/settings/notifications",
	})
	a.told(start, *e, err, core.BuildSpan(b), b)
	if err == nil {
		e.Sent = string(b.Status)
	}
	return err
}
