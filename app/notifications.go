package app

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"slices"

	"github.com/oore-ci/oore/app/core"
)

func notificationSealedAt(id string) string { return "notifications/" + id }

// NotificationInput describes a notification; nil fields keep what is there, or take
// the default.
type NotificationInput struct {
	Kind       *core.NotificationKind // cannot be changed later
	Target     *string                // as people write it: for Mattermost the whole URL
	Secret     *string                // signs a webhook; none: one is made
	PipelineID *string                // default all
	Branches   *[]string              // default all
	On         *core.SubscribedTo     // default broken
	Enabled    *bool                  // default true
}

// NotificationKinds lists the ways by which people here can be told.
func (a *App) NotificationKinds() []core.NotificationKind {
	return slices.DeleteFunc(core.NotificationKinds(), func(k core.NotificationKind) bool {
		if k == core.NotifySlack {
			return a.messenger == nil
		}
		return a.notifiers[k] == nil
	})
}

// CreateNotification lets somebody be told of a project's builds. A webhook's signing
// secret that was made here is returned, this once.
func (a *App) CreateNotification(ctx context.Context, actor core.Actor, projectID string, in NotificationInput) (core.Notification, string, error) {
	if _, err := a.projectFor(ctx, a.store, actor, core.ActManageProject, projectID); err != nil {
		return core.Notification{}, "", err
	}
	now := a.now()
	n := core.Notification{ID: a.newID(), ProjectID: projectID, On: core.OnBroken, Enabled: true, CreatedAt: now, UpdatedAt: now}
	set(&n.Kind, in.Kind)
	made := ""
	if in.Target == nil {
		in.Target = new(string) // which is refused by its name
	}
	if n.Kind == core.NotifyWebhook && (in.Secret == nil || *in.Secret == "") {
		made = newSigningSecret()
		in.Secret = &made
	}
	if err := a.changeNotification(ctx, &n, in); err != nil {
		return core.Notification{}, "", err
	}
	if !slices.Contains(a.NotificationKinds(), n.Kind) {
		return core.Notification{}, "", core.Errorf(core.KindInvalid, "kind %s", notSetUp(n.Kind))
	}
	entry := auditNotification(core.AuditNotifyCreate, n)
	entry.Changes = notificationChanges(core.Notification{}, n, false)
	if err := a.noting(ctx, actor, entry, func(tx core.Store) error { return tx.CreateNotification(ctx, n) }); err != nil {
		return core.Notification{}, "", err
	}
	a.log.Info("notification created", "project", projectID, "notification", n.ID, "kind", n.Kind, "actor", actor.Name)
	return n, made, nil
}

func newSigningSecret() string {
	var b [32]byte
	rand.Read(b[:])
	return "oore_" + base64.RawURLEncoding.EncodeToString(b[:])
}

func notSetUp(k core.NotificationKind) string {
	switch k {
	case core.NotifyEmail:
		return "needs a mail server: the operator names it in OORE_SMTP_URL and the sender in OORE_SMTP_FROM"
	case core.NotifySlack:
		return "needs the Slack app: the operator connects it with OORE_SLACK_SIGNING_SECRET and OORE_SLACK_BOT_TOKEN"
	case core.NotifyMattermost, core.NotifyWebhook:
	}
	return fmt.Sprintf("is %s, which this server does not send", k)
}

// changeNotification applies what a person set, and seals what is secret of it.
func (a *App) changeNotification(ctx context.Context, n *core.Notification, in NotificationInput) error {
	set(&n.PipelineID, in.PipelineID)
	set(&n.Branches, in.Branches)
	set(&n.On, in.On)
	set(&n.Enabled, in.Enabled)
	if err := n.Validate(); err != nil {
		return err
	}
	if err := a.changeTarget(n, in); err != nil {
		return err
	}
	if n.Enabled && n.Kind.HasSecret() && len(n.Sealed) == 0 {
		return core.Errorf(core.KindInvalid, "The secret of this notification was lost with the encryption key: enter it again (secret of a webhook, target of Mattermost), or leave the notification switched off")
	}
	if n.PipelineID == "" {
		return nil
	}
	p, err := a.store.FindPipeline(ctx, n.PipelineID)
	if core.KindOf(err) == core.KindNotFound || err == nil && p.ProjectID != n.ProjectID {
		return core.Errorf(core.KindInvalid, "pipeline_id must be the id of a pipeline of this project")
	}
	return err
}

func (a *App) changeTarget(n *core.Notification, in NotificationInput) error {
	secret := ""
	if in.Target != nil {
		shown, hidden, err := n.Kind.ParseTarget(*in.Target)
		if err != nil {
			return err
		}
		n.Target, secret, n.LastError = shown, hidden, ""
	}
	if in.Secret != nil && *in.Secret != "" {
		if n.Kind != core.NotifyWebhook {
			return core.Errorf(core.KindInvalid, "secret signs webhooks; a notification by %s has none", n.Kind)
		}
		if err := core.ValidSigningSecret(*in.Secret); err != nil {
			return err
		}
		secret = *in.Secret
	}
	if secret == "" {
		return nil
	}
	sealed, err := a.vault.Seal([]byte(secret), notificationSealedAt(n.ID))
	if err != nil {
		return fmt.Errorf("seal the secret of a notification: %w", err)
	}
	n.Sealed = sealed
	return nil
}

// UpdateNotification changes a notification; its kind stays.
func (a *App) UpdateNotification(ctx context.Context, actor core.Actor, id string, in NotificationInput) (core.Notification, error) {
	n, err := a.notificationFor(ctx, actor, id)
	if err != nil {
		return n, err
	}
	if in.Kind != nil && *in.Kind != n.Kind {
		return n, core.Errorf(core.KindInvalid, "kind cannot be changed; delete this notification and make another")
	}
	was := n
	if err := a.changeNotification(ctx, &n, in); err != nil {
		return n, err
	}
	n.UpdatedAt = a.now()
	entry := auditNotification(core.AuditNotifyUpdate, n)
	entry.Changes = notificationChanges(was, n, in.Secret != nil && *in.Secret != "")
	return n, a.noting(ctx, actor, entry, func(tx core.Store) error { return tx.UpdateNotification(ctx, n) })
}

// DeleteNotification ends it; what it has not said yet is not said any more.
func (a *App) DeleteNotification(ctx context.Context, actor core.Actor, id string) error {
	n, err := a.notificationFor(ctx, actor, id)
	if err != nil {
		return err
	}
	entry := auditNotification(core.AuditNotifyDelete, n)
	if err := a.noting(ctx, actor, entry, func(tx core.Store) error { return tx.DeleteNotification(ctx, id) }); err != nil {
		return err
	}
	a.log.Info("notification deleted", "project", n.ProjectID, "notification", id, "actor", actor.Name)
	return nil
}

// FindNotification returns one. For those who manage its project.
func (a *App) FindNotification(ctx context.Context, actor core.Actor, id string) (core.Notification, error) {
	return a.notificationFor(ctx, actor, id)
}

// ListNotifications lists who is told of a project's builds, oldest first. For those
// who manage it.
func (a *App) ListNotifications(ctx context.Context, actor core.Actor, projectID string) ([]core.Notification, error) {
	if _, err := a.projectFor(ctx, a.store, actor, core.ActManageProject, projectID); err != nil {
		return nil, err
	}
	return a.store.ListNotifications(ctx, projectID)
}

func (a *App) notificationFor(ctx context.Context, actor core.Actor, id string) (core.Notification, error) {
	n, err := a.store.FindNotification(ctx, id)
	if err != nil {
		return core.Notification{}, err
	}
	_, err = a.projectFor(ctx, a.store, actor, core.ActManageProject, n.ProjectID)
	if core.KindOf(err) == core.KindNotFound {
		err = core.Errorf(core.KindNotFound, "Notification not found")
	}
	if err != nil {
		return core.Notification{}, err
	}
	return n, nil
}
