package web

import (
	"context"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func (f *fake) NotificationKinds() []core.NotificationKind { return core.NotificationKinds() }

func (f *fake) FindNotification(_ context.Context, _ core.Actor, id string) (core.Notification, error) {
	return find(f.notifications, "Notification", func(n core.Notification) bool { return n.ID == id })
}

func (f *fake) ListNotifications(_ context.Context, _ core.Actor, projectID string) ([]core.Notification, error) {
	var out []core.Notification
	for _, n := range f.notifications {
		if n.ProjectID == projectID {
			out = append(out, n)
		}
	}
	return out, nil
}

func (f *fake) CreateNotification(_ context.Context, actor core.Actor, projectID string, in app.NotificationInput) (core.Notification, string, error) {
	f.notified = append(f.notified, in)
	made := ""
	if in.Kind != nil && *in.Kind == core.NotifyWebhook && *in.Secret == "" {
		made = "oore_once"
	}
	return core.Notification{}, made, f.change(actor, "notify "+projectID)
}

func (f *fake) DeleteNotification(_ context.Context, actor core.Actor, id string) error {
	return f.change(actor, "forget "+id)
}

func (f *fake) TestNotification(ctx context.Context, actor core.Actor, id string) (core.Notification, error) {
	n, err := f.FindNotification(ctx, actor, id)
	if err != nil {
		return n, err
	}
	return n, f.change(actor, "test "+id)
}

func (f *fake) fillNotifications() {
	f.notifications = []core.Notification{
		{ID: "n1", ProjectID: "p1", Kind: core.NotifyWebhook, Target: "https://hooks.example/ci", PipelineID: "l1", Branches: []string{"main", "release/*"}, On: core.OnAll, Enabled: true},
		{ID: "n2", ProjectID: "p1", Kind: core.NotifyMattermost, Target: "chat.example", On: core.OnFixed, LastError: "chat.example answered 500"},
		{ID: "n3", ProjectID: "p2", Kind: core.NotifyEmail, Target: hostile, Branches: []string{hostile}, On: core.OnBroken, Enabled: true, LastError: hostile},
	}
}
